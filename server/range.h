/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* A Range header of one range of bytes: RFC 9110, 14.1.2 and 14.2. Pure. */

enum range_verdict {
	RANGE_IGNORED, /* not one valid range of bytes: the whole is sent */
	RANGE_GIVEN, /* 206 */
	RANGE_UNSATISFIABLE, /* 416 */
};

struct range {
	uint64_t offset;
	uint64_t size_bytes;
};

/** @value as it came, of @size; @total is the size of the whole. @ret is filled where RANGE_GIVEN.
 */
enum range_verdict range_parse(const char *value, size_t size, uint64_t total, struct range *ret);
