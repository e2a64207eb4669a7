/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "server/route.h"
#include <stdbool.h>
#include <stdint.h>

/**
 * One line for each request, collected in memory and written by a thread of its own within a tenth
 * of a second, so that a slow reader of the log does not hold up answers. Where it does not keep up
 * at all, lines are left out, and a line says how many.
 *
 * Threads: any
 */
struct access_log;

enum access_log_format { ACCESS_LOG_TEXT, ACCESS_LOG_JSON };

/** @fd  the caller's; written to until access_log_close() */
must_check int access_log_open(int fd, enum access_log_format format, struct access_log **ret,
			       struct error *err);
/** Writes what is left. */
void access_log_close(struct access_log *log);
define_scoped(struct access_log *, access_log_close)

	struct access {
	enum kind kind;
	const struct build_id *id; /* NULL: none */
	const char *name; /* source path or section name, any bytes; NULL: none */
	size_t name_size;
	unsigned status; /* 0: none, the connection was dropped */
	uint64_t bytes; /* of the body */
	uint64_t duration_us;
	const char *encoding; /* "zstd" or NULL */
	const char *peer;
	bool cut; /* the connection ended before all was sent */
	const char *why; /* of what is no answer of the store's; NULL: nothing to say */
};

void access_log_write(struct access_log *log, const struct access *access);

/** The line for an access, with its newline. @ret freed by the caller. Longer names are cut. */
must_check int access_format(const struct access *access, enum access_log_format format,
			     int64_t time, char **ret, size_t *ret_size, struct error *err);
