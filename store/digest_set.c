/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "store/digest_set.h"

#define FIRST_N_PLACES 64 /* a power of two, as every later number is */

/* The place of a digest, or the free one where it would go. There is always a free one. */
static size_t find(const struct digest_set *set, const struct digest *digest)
{
	uint64_t mixed = 0;
	for (size_t i = 0; i < 4; i++) {
		uint64_t word;
		memcpy(&word, digest->bytes + 8 * i, sizeof(word));
		mixed = (mixed ^ word ^ set->salt[i]) * 0x9e3779b97f4a7c15u;
		mixed ^= mixed >> 32;
	}
	for (size_t at = mixed & (set->n_places - 1);; at = (at + 1) & (set->n_places - 1))
		if (!set->flags[at] || digest_equal(&set->digests[at], digest))
			return at;
}

static int grow(struct digest_set *set, struct error *err)
{
	struct digest_set larger = { .n = set->n,
				     .n_places = set->n_places ? 2 * set->n_places : FIRST_N_PLACES };
	if (getrandom(larger.salt, sizeof(larger.salt), 0) != sizeof(larger.salt))
		return error_errno(err, -EIO, "getrandom");
	larger.digests = calloc(larger.n_places, sizeof(*larger.digests));
	larger.flags = calloc(larger.n_places, 1);
	if (!larger.digests || !larger.flags) {
		digest_set_free(&larger);
		return error_no_memory(err);
	}
	for (size_t i = 0; i < set->n_places; i++) {
		if (!set->flags[i])
			continue;
		size_t at = find(&larger, &set->digests[i]);
		larger.digests[at] = set->digests[i];
		larger.flags[at] = set->flags[i];
	}
	digest_set_free(set);
	*set = larger;
	return 0;
}

int digest_set_add(struct digest_set *set, const struct digest *digest, uint8_t flags,
		   uint8_t *ret_flags, struct error *err)
{
	int r;

	if (4 * (set->n + 1) > 3 * set->n_places) {
		r = grow(set, err);
		if (r < 0)
			return r;
	}
	size_t at = find(set, digest);
	uint8_t before = set->flags[at];
	if (!before) {
		set->digests[at] = *digest;
		set->n++;
	}
	set->flags[at] = before | flags | DIGEST_HELD;
	if (ret_flags)
		*ret_flags = before;
	return 0;
}

uint8_t digest_set_flags(const struct digest_set *set, const struct digest *digest)
{
	return set->n ? set->flags[find(set, digest)] : 0;
}

void digest_set_clear(struct digest_set *set, const struct digest *digest, uint8_t flags)
{
	if (digest_set_has(set, digest))
		set->flags[find(set, digest)] &= (uint8_t)~(flags & ~DIGEST_HELD);
}

bool digest_set_next(const struct digest_set *set, size_t *at, struct digest *ret, uint8_t *ret_flags)
{
	for (; *at < set->n_places; ++*at) {
		if (!set->flags[*at])
			continue;
		*ret = set->digests[*at];
		if (ret_flags)
			*ret_flags = set->flags[*at];
		++*at;
		return true;
	}
	return false;
}

void digest_set_free(struct digest_set *set)
{
	free(set->digests);
	free(set->flags);
	*set = DIGEST_SET_NONE;
}
