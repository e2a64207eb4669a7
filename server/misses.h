/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/digest.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * What no upstream has, for a while: twice as long each time that it is asked for again and still
 * not there. Bounded: who was asked for least recently is forgotten first.
 *
 * Threads: any
 */
struct misses;

#define MISS_FIRST_MS 15000u
#define MISS_LONGEST_MS 3600000u

must_check int misses_new(size_t n_max, struct misses **ret, struct error *err);
void misses_free(struct misses *m);
define_scoped(struct misses *, misses_free)

	/** Is it known not to be there? */
	bool misses_has(struct misses *m, const struct digest *key, uint64_t now_ms);
void misses_add(struct misses *m, const struct digest *key, uint64_t now_ms);
/** It is there after all. */
void misses_forget(struct misses *m, const struct digest *key);
uint64_t misses_count(struct misses *m);
