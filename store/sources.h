/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/lookup.h"
#include "store/object.h"

/*
 * Source files: a manifest object for each build, which maps paths to digests, and packs, which are tar
 * archives in objects whose member names are the digests. Formats: docs/FORMAT.md.
 */

#define SOURCE_SIZE_LIMIT (64u << 20) /* of one source file */

struct source_writer;

struct source_result {
	struct artifact manifest;
	uint64_t n_files;      /* in the manifest */
	uint64_t bytes;	       /* of these files */
	uint64_t n_new_files;  /* that the store lacked */
	uint64_t stored_bytes; /* that pack and manifest add to the store */
};

/** @fresh  pack and manifest are noted in it (fresh.h); may be NULL */
struct fresh;

must_check int source_writer_new(struct store *st, struct fresh *fresh, struct source_writer **ret,
				 struct error *err);
void source_writer_free(struct source_writer *w);
define_scoped(struct source_writer *, source_writer_free)

/**
 * Add one file under the path that DWARF gives it (folded by source_path_fold()). The bytes are copied into
 * the pack now if the store lacks them. The same path again: the first that is not doubtful wins.
 *
 * @doubtful  its MD5 differs from DWARF's, or it is newer than the binary
 * Errors: -EPERM its digest was removed for good (a tombstone), -EFBIG over SOURCE_SIZE_LIMIT, or one
 *	   file more than a manifest holds: the caller goes on without it
 */
must_check int source_writer_add(struct source_writer *w, const char *path, const void *bytes,
				 size_t size, bool doubtful, struct error *err);

/** Make pack and manifest durable. Nothing added: ret->manifest.present is false. */
must_check int source_writer_finish(struct source_writer *w, struct source_result *ret,
				    struct error *err);

/** A manifest in memory. Any number of threads may use one at once. */
struct manifest;

must_check int manifest_open(struct store *st, const struct digest *digest, struct manifest **ret,
			     struct error *err);
void manifest_close(struct manifest *m);
define_scoped(struct manifest *, manifest_close)

struct manifest_entry {
	const char *path;
	struct digest digest;
	bool doubtful;
};
uint64_t manifest_n_entries(const struct manifest *m);
struct manifest_entry manifest_entry_at(const struct manifest *m, uint64_t i); /* in order of path */

/** @path as a client sent it, decoded: looked for as it is and folded. False: not there. */
bool manifest_find(const struct manifest *m, const char *path, struct manifest_entry *ret);

/** The bytes of a source file. Errors: -ENOENT, -EFBIG over @limit, -EBADMSG digest differs.
 * @ret freed by the caller; NUL-terminated */
must_check int source_read(struct store *st, struct lookup *l, const struct digest *source,
			   uint64_t limit, char **ret, size_t *ret_size, struct error *err);
