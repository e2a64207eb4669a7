/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/cache.h"

struct node {
	struct node *next; /* of its bucket */
	struct node *newer, *older;
	struct cached *value;
	uint64_t hash;
	uint64_t bytes;
	uint64_t put_at_ms;
	uint64_t key[];
};

struct cache {
	pthread_mutex_t mutex;
	size_t key_words;
	size_t n_max;
	uint64_t bytes_max;
	uint64_t max_age_ms;
	uint64_t (*now_ms)(void);
	struct cache_stats stats;
	struct node *newest, *oldest;
	size_t n_buckets; /* a power of two */
	struct node *buckets[];
};

uint64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void cached_hold(struct cached *c)
{
	atomic_fetch_add_explicit(&c->n_holders, 1, memory_order_relaxed);
}

void cached_release(struct cached *c)
{
	if (c && atomic_fetch_sub_explicit(&c->n_holders, 1, memory_order_acq_rel) == 1)
		c->free(c);
}

/* Keys are made of digests and sizes; this only spreads them (the multiplier is 2^64 / golden
 * ratio). */
static uint64_t hash_key(const uint64_t *key, size_t n_words)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < n_words; i++) {
		hash = (hash ^ key[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return hash;
}

int cache_new(size_t key_size, size_t n_max, uint64_t bytes_max, uint64_t max_age_ms,
	      struct cache **ret, struct error *err)
{
	assert(key_size && key_size % 8 == 0 && key_size <= CACHE_KEY_LIMIT);

	size_t n_buckets = 16;
	while (n_buckets < n_max)
		n_buckets *= 2;

	struct cache *c = calloc(1, sizeof(*c) + n_buckets * sizeof(c->buckets[0]));
	if (!c)
		return error_no_memory(err);
	pthread_mutex_init(&c->mutex, NULL);
	c->key_words = key_size / 8;
	c->n_max = n_max;
	c->bytes_max = bytes_max;
	c->max_age_ms = max_age_ms;
	c->now_ms = monotonic_ms;
	c->n_buckets = n_buckets;
	*ret = c;
	return 0;
}

void cache_set_clock(struct cache *c, uint64_t (*now_ms)(void))
{
	c->now_ms = now_ms;
}

static void list_remove(struct cache *c, struct node *n)
{
	*(n->newer ? &n->newer->older : &c->newest) = n->older;
	*(n->older ? &n->older->newer : &c->oldest) = n->newer;
}

static void list_put_newest(struct cache *c, struct node *n)
{
	n->newer = NULL;
	n->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = n;
	c->newest = n;
}

static struct node **find(struct cache *c, const uint64_t *key, uint64_t hash)
{
	struct node **at = &c->buckets[hash & (c->n_buckets - 1)];
	while (*at && ((*at)->hash != hash || memcmp((*at)->key, key, c->key_words * 8) != 0))
		at = &(*at)->next;
	return at;
}

/* Take a node out; its value is released by the caller, without the lock. */
static struct cached *take_out(struct cache *c, struct node **at)
{
	struct node *n = *at;
	struct cached *value = n->value;

	*at = n->next;
	list_remove(c, n);
	c->stats.n_values--;
	c->stats.bytes -= n->bytes;
	free(n);
	return value;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	while (c->oldest)
		cached_release(take_out(c, find(c, c->oldest->key, c->oldest->hash)));
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

struct cached *cache_get(struct cache *c, const void *key)
{
	uint64_t words[CACHE_KEY_LIMIT / 8];
	memcpy(words, key, c->key_words * 8);
	uint64_t hash = hash_key(words, c->key_words);
	uint64_t now = c->max_age_ms ? c->now_ms() : 0;
	struct cached *value = NULL, *stale = NULL;

	pthread_mutex_lock(&c->mutex);
	struct node **at = find(c, words, hash);
	if (*at && c->max_age_ms && now - (*at)->put_at_ms > c->max_age_ms)
		stale = take_out(c, at);
	else if (*at) {
		value = (*at)->value;
		cached_hold(value);
		if (c->newest != *at) {
			struct node *n = *at;
			list_remove(c, n);
			list_put_newest(c, n);
		}
	}
	*(value ? &c->stats.n_hits : &c->stats.n_misses) += 1;
	pthread_mutex_unlock(&c->mutex);

	cached_release(stale);
	return value;
}

void cache_put(struct cache *c, const void *key, struct cached *value, uint64_t bytes)
{
	if (bytes > c->bytes_max || !c->n_max)
		return;
	struct node *n = malloc(sizeof(*n) + c->key_words * 8);
	if (!n)
		return;
	memcpy(n->key, key, c->key_words * 8);
	n->hash = hash_key(n->key, c->key_words);
	n->value = value;
	n->bytes = bytes;
	n->put_at_ms = c->max_age_ms ? c->now_ms() : 0;
	cached_hold(value);

	/* What has to go is released without the lock: it may close files. One at a time is enough.
	 */
	struct cached *old = NULL;
	pthread_mutex_lock(&c->mutex);
	struct node **at = find(c, n->key, n->hash);
	if (*at)
		old = take_out(c, at);
	at = &c->buckets[n->hash & (c->n_buckets - 1)];
	n->next = *at;
	*at = n;
	list_put_newest(c, n);
	c->stats.n_values++;
	c->stats.bytes += bytes;
	bool over = c->stats.n_values > c->n_max || c->stats.bytes > c->bytes_max;
	pthread_mutex_unlock(&c->mutex);
	cached_release(old);

	while (over) {
		pthread_mutex_lock(&c->mutex);
		over = c->stats.n_values > c->n_max || c->stats.bytes > c->bytes_max;
		old = over ? take_out(c, find(c, c->oldest->key, c->oldest->hash)) : NULL;
		pthread_mutex_unlock(&c->mutex);
		cached_release(old);
	}
}

void cache_drop(struct cache *c, const void *key)
{
	uint64_t words[CACHE_KEY_LIMIT / 8];
	memcpy(words, key, c->key_words * 8);
	struct cached *value = NULL;

	pthread_mutex_lock(&c->mutex);
	struct node **at = find(c, words, hash_key(words, c->key_words));
	if (*at)
		value = take_out(c, at);
	pthread_mutex_unlock(&c->mutex);
	cached_release(value);
}

struct cache_stats cache_stats(struct cache *c)
{
	pthread_mutex_lock(&c->mutex);
	struct cache_stats stats = c->stats;
	pthread_mutex_unlock(&c->mutex);
	return stats;
}
