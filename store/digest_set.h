/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attributes.h"
#include "base/digest.h"
#include "base/error.h"

/**
 * A set of digests with a few flags each, for marking what is needed and what was seen. About 50 bytes
 * a digest. Digests may come from a hostile file: where they lie is salted.
 *
 * Threads: one at a time
 */
struct digest_set {
	struct digest *digests;
	uint8_t *flags; /* of each place: 0 free, else DIGEST_HELD and what the caller set */
	size_t n, n_places;
	uint64_t salt[4];
};

#define DIGEST_SET_NONE ((struct digest_set){ 0 })
#define DIGEST_HELD 0x80

/** Add the digest, if it is new, and set @flags (below DIGEST_HELD) beside those it has.
 * @ret_flags  what it had before: 0 when it is new; may be NULL */
must_check int digest_set_add(struct digest_set *set, const struct digest *digest, uint8_t flags,
			      uint8_t *ret_flags, struct error *err);
/** The flags with DIGEST_HELD; 0: not in the set. */
uint8_t digest_set_flags(const struct digest_set *set, const struct digest *digest);
static inline bool digest_set_has(const struct digest_set *set, const struct digest *digest)
{
	return digest_set_flags(set, digest) != 0;
}
void digest_set_clear(struct digest_set *set, const struct digest *digest, uint8_t flags);
/** Frees what it holds. A guard: scoped(digest_set_free). */
void digest_set_free(struct digest_set *set);

/** The next held digest at or behind place *@at, which is moved behind it. False: no more. */
bool digest_set_next(const struct digest_set *set, size_t *at, struct digest *ret, uint8_t *ret_flags);
