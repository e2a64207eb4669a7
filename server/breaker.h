/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * Whether an upstream is to be asked. Each failure in a row closes it for twice as long; when that
 * is over, one request tries it, and the others go on without. Pure; times are of one monotonic
 * clock.
 */

#define BREAKER_FIRST_MS 10000u
#define BREAKER_LONGEST_MS 300000u

struct breaker {
	unsigned n_failures; /* in a row */
	bool trying; /* by one request, after a pause */
	uint64_t until_ms;
};

/** May it be asked now? Who is told so reports one of the three below. */
bool breaker_allows(struct breaker *b, uint64_t now_ms);
void breaker_succeeded(struct breaker *b);
void breaker_failed(struct breaker *b, uint64_t now_ms);
/** Nothing was learnt: it was not waited for. */
void breaker_left(struct breaker *b);

/** For metrics: not to be asked now. */
bool breaker_is_open(const struct breaker *b, uint64_t now_ms);
