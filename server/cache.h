/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * A bounded map that threads share: who was used least recently goes first, and what is older than
 * the cache's limit is not found any more, so that a store that changes is seen again.
 *
 * Threads: any
 */
struct cache;

/** What a cache holds begins with one of these, and lives until its last holder lets it go. */
struct cached {
	atomic_uint n_holders;
	void (*free)(struct cached *);
};

static inline void cached_init(struct cached *c, void (*free_it)(struct cached *))
{
	atomic_init(&c->n_holders, 1);
	c->free = free_it;
}

void cached_hold(struct cached *c);
void cached_release(struct cached *c); /* also accepts NULL */

/**
 * @key_size     of every key: a multiple of 8, at most CACHE_KEY_LIMIT; padding in a key must be
 * zero
 * @n_max        values that are kept at most
 * @bytes_max    sum of their costs that is kept at most
 * @max_age_ms   0: any age
 */
#define CACHE_KEY_LIMIT 168
must_check int cache_new(size_t key_size, size_t n_max, uint64_t bytes_max, uint64_t max_age_ms,
			 struct cache **ret, struct error *err);
/** Holders of values keep them. */
void cache_free(struct cache *c);
define_scoped(struct cache *, cache_free)

	/** @ret  held for the caller, cached_release(); NULL: not there */
	struct cached *cache_get(struct cache *c, const void *key);

/** Keep a value, in place of an older one of that key. The caller's own hold stays theirs. A value
 * whose @bytes are over the cache's limit, or for which there is no memory, is not kept. */
void cache_put(struct cache *c, const void *key, struct cached *value, uint64_t bytes);

void cache_drop(struct cache *c, const void *key);

struct cache_stats {
	uint64_t n_values, bytes, n_hits, n_misses;
};
struct cache_stats cache_stats(struct cache *c);

/** Milliseconds of a clock that only goes forward; a test sets it by cache_set_clock(). */
uint64_t monotonic_ms(void);
void cache_set_clock(struct cache *c, uint64_t (*now_ms)(void));
