/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* What a client can decode: Accept-Encoding, RFC 9110, 12.5.3. Pure. */

/** Weights in thousandths, -1 where not named. Several header lines add up. */
struct accept_encoding {
	int zstd;
	int identity;
	int any; /* "*" */
};

#define ACCEPT_ENCODING_NONE ((struct accept_encoding){ -1, -1, -1 })

/** Take in one header line. What is malformed is passed over, element by element. */
void accept_encoding_add(struct accept_encoding *accept, const char *value, size_t size);

/**
 * Is zstd to be sent? Only to who names it, at no lower a weight than identity's; or who refuses
 * identity and takes anything else. Nothing acceptable at all: identity, which is better than no
 * answer.
 */
bool accept_encoding_wants_zstd(const struct accept_encoding *accept);
