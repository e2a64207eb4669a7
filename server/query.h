/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What is asked of /metadata. Pure. */

#define QUERY_VALUE_SIZE 1025 /* with NUL */
#define QUERY_LIMIT_MAX 10000u

enum query_key { QUERY_FILE, QUERY_GLOB, QUERY_BUILD_ID, QUERY_PACKAGE };

struct query {
	enum query_key key;
	char value[QUERY_VALUE_SIZE];
	uint64_t offset; /* results to pass over */
	uint64_t limit; /* results to give */
};

/** Read what stands behind the "?" of a target, not decoded. NULL, or why it is refused: a text. */
const char *query_parse(const char *text, struct query *ret);
