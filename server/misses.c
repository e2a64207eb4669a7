/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/cache.h"
#include "server/misses.h"

struct miss {
	struct cached cached; /* first; the rest never changes */
	uint64_t until_ms, pause_ms;
};

struct misses {
	struct cache *cache; /* digest -> miss */
};

int misses_new(size_t n_max, struct misses **ret, struct error *err)
{
	struct misses *m = calloc(1, sizeof(*m));
	if (!m)
		return error_no_memory(err);
	int r = cache_new(sizeof(struct digest), n_max, UINT64_MAX, 0, &m->cache, err);
	if (r < 0) {
		free(m);
		return r;
	}
	*ret = m;
	return 0;
}

void misses_free(struct misses *m)
{
	if (!m)
		return;
	cache_free(m->cache);
	free(m);
}

bool misses_has(struct misses *m, const struct digest *key, uint64_t now_ms)
{
	struct miss *miss = (struct miss *)cache_get(m->cache, key);
	if (!miss)
		return false;
	bool still = now_ms < miss->until_ms;
	cached_release(&miss->cached);
	return still;
}

static void free_miss(struct cached *cached)
{
	free(cached);
}

void misses_add(struct misses *m, const struct digest *key, uint64_t now_ms)
{
	struct miss *miss = malloc(sizeof(*miss));
	if (!miss)
		return;
	struct miss *before = (struct miss *)cache_get(m->cache, key);
	miss->pause_ms = before ? min_u64(2 * before->pause_ms, MISS_LONGEST_MS) : MISS_FIRST_MS;
	miss->until_ms = now_ms + miss->pause_ms;
	cached_release(before ? &before->cached : NULL);

	cached_init(&miss->cached, free_miss);
	cache_put(m->cache, key, &miss->cached, sizeof(*miss));
	cached_release(&miss->cached);
}

void misses_forget(struct misses *m, const struct digest *key)
{
	cache_drop(m->cache, key);
}

uint64_t misses_count(struct misses *m)
{
	return cache_stats(m->cache).n_values;
}
