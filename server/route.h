/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/build_id.h"
#include <stddef.h>

/* What a request's target asks for. Pure: bytes in, a decision out. */

enum kind {
	KIND_DEBUGINFO,
	KIND_EXECUTABLE,
	KIND_SOURCE,
	KIND_SECTION,
	KIND_METRICS,
	KIND_HEALTH,
	KIND_ROOT,
	KIND_OTHER, /* none of these */
};
#define N_KINDS (KIND_OTHER + 1)

/** The word for logs and metrics: "debuginfo", …, "other". */
const char *kind_name(enum kind kind);

struct route {
	enum kind kind;
	unsigned status; /* 0: to be answered; 400 or 404: nothing can be there */
	const char *why; /* of a status: a constant text */
	struct build_id id; /* where the kind has one */
	const char *name; /* source path, with its leading "/", or section name; NUL-terminated, in
			     the scratch */
	size_t name_size;
};

/**
 * Read a raw request target: the path as it came, before any unescaping, with or without a query
 * (which is ignored) or an absolute form's scheme and host (ignored too). Percent escapes are
 * decoded once.
 *
 * 400: a control byte, also an escaped one; a broken escape; a build ID that is none; an empty
 * name. 404: any path that is not the protocol's.
 *
 * @scratch  at least strlen(@target) + 1 bytes, which live as long as @ret->name
 */
void route_parse(const char *target, char *scratch, struct route *ret);
