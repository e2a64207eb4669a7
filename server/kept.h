/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/shelf.h"
#include <stdint.h>

/**
 * What upstreams gave: a store of its own, so that nothing of it is ever taken for what was built
 * here; bounded: builds that were asked for least recently go first.
 *
 * Threads: any
 */
struct kept;

/**
 * Open the store at @path, or make it.
 * @bytes_max  of stored objects
 * Errors: as store_init() and store_open()
 */
must_check int kept_open(const char *path, uint64_t bytes_max, struct kept **ret,
			 struct error *err);
void kept_close(struct kept *k);
define_scoped(struct kept *, kept_close)

	struct shelf *kept_shelf(struct kept *k);

/** A build of it is served. */
void kept_touch(struct kept *k, const struct build_id *id);

/**
 * Take in an ELF file, and let go of others where there is no room.
 *
 * @id      what its build ID must be
 * @origin  the upstream's URL, which becomes a tag; @path what the upstream calls it, or NULL
 * Errors: -ENOEXEC, -EBADMSG no ELF file that can be read; -EINVAL it has another build ID, or
 *none; what writing gives
 */
must_check int kept_add(struct kept *k, int fd, const struct build_id *id, const char *origin,
			const char *path, struct error *err);

struct kept_stats {
	uint64_t n_builds, bytes, n_let_go;
};
struct kept_stats kept_stats(struct kept *k);
