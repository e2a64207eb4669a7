/* SPDX-License-Identifier: Apache-2.0 */
#include "server/breaker.h"
#include "base/attributes.h"

bool breaker_is_open(const struct breaker *b, uint64_t now_ms)
{
	return b->n_failures && now_ms < b->until_ms;
}

bool breaker_allows(struct breaker *b, uint64_t now_ms)
{
	if (!b->n_failures)
		return true;
	if (now_ms < b->until_ms || b->trying)
		return false;
	b->trying = true;
	return true;
}

void breaker_succeeded(struct breaker *b)
{
	*b = (struct breaker){ 0 };
}

void breaker_failed(struct breaker *b, uint64_t now_ms)
{
	/* Requests that were under way together are one failure. */
	if (breaker_is_open(b, now_ms))
		return;
	uint64_t pause = (uint64_t)BREAKER_FIRST_MS << min_u64(b->n_failures, 16);
	b->n_failures++;
	b->trying = false;
	b->until_ms = now_ms + min_u64(pause, BREAKER_LONGEST_MS);
}

void breaker_left(struct breaker *b)
{
	b->trying = false;
}
