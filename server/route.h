/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/build_id.h"
#include <stdbool.h>
#include <stddef.h>

/* What a request's target asks for. Pure: bytes in, a decision out. */

enum kind {
	KIND_DEBUGINFO,
	KIND_EXECUTABLE,
	KIND_SOURCE,
	KIND_SECTION,
	KIND_METRICS,
	KIND_METADATA,
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
	const char *query; /* as it came, not decoded; "" where there is none; in the scratch */
};

/**
 * Read a raw request target: the path as it came, before any unescaping, with or without a query
 * or an absolute form's scheme and host (which is ignored). Percent escapes are
 * decoded once. Other layouts of files by build ID are understood beside the protocol's own:
 * "/.build-id/XX/REST.debug" and, without ".debug", the executable; "/XX/REST/debuginfo" and
 * "/XX/REST/executable".
 *
 * 400: a control byte, also an escaped one; a broken escape; a build ID that is none; an empty
 * name. 404: any path that is not the protocol's.
 *
 * @base     what every path begins with, as base_path_parse() gives it; "": nothing
 * @scratch  at least strlen(@target) + 1 bytes, which live as long as @ret->name
 */
void route_parse(const char *target, const char *base, char *scratch, struct route *ret);

#define BASE_PATH_LIMIT 256

/**
 * A base path as it is compared with: "/" and parts, decoded, without a slash at its end; "/" gives
 * "".
 * @ret  at least strlen(@text) + 1 bytes
 * False: it does not begin with a slash, or has a part that is empty, "." or "..", an escape, a
 * query or a byte that is no text; it is longer than BASE_PATH_LIMIT
 */
must_check bool base_path_parse(const char *text, char *ret);
