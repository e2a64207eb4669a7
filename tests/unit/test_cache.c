/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/cache.h"

struct thing {
	struct cached cached; /* first */
	uint64_t n;
};

static atomic_int n_things;

static void free_thing(struct cached *cached)
{
	atomic_fetch_sub(&n_things, 1);
	free(cached);
}

static void put(struct cache *c, uint64_t key, uint64_t n, uint64_t bytes)
{
	struct thing *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	cached_init(&t->cached, free_thing);
	t->n = n;
	atomic_fetch_add(&n_things, 1);
	cache_put(c, &key, &t->cached, bytes);
	cached_release(&t->cached);
}

/* The number that is kept under a key, 0: none. */
static uint64_t get(struct cache *c, uint64_t key)
{
	struct thing *t = (struct thing *)cache_get(c, &key);
	uint64_t n = t ? t->n : 0;
	cached_release(t ? &t->cached : NULL);
	return n;
}

static uint64_t clock_ms;
static uint64_t read_clock(void)
{
	return clock_ms;
}

static struct cache *cache_of(size_t n_max, uint64_t bytes_max, uint64_t max_age_ms)
{
	struct cache *c;
	struct error err;
	assert_int_equal(cache_new(8, n_max, bytes_max, max_age_ms, &c, &err), 0);
	cache_set_clock(c, read_clock);
	return c;
}

static void least_recently_used_goes(void **state)
{
	(void)state;
	struct cache *c = cache_of(3, 1000, 0);

	for (uint64_t i = 1; i <= 3; i++)
		put(c, i, 10 * i, 1);
	assert_int_equal(get(c, 1), 10);
	put(c, 4, 40, 1); /* 2 was used longest ago */
	assert_int_equal(get(c, 2), 0);
	assert_int_equal(get(c, 1), 10);
	assert_int_equal(get(c, 3), 30);
	assert_int_equal(get(c, 4), 40);
	assert_int_equal(atomic_load(&n_things), 3);

	struct cache_stats stats = cache_stats(c);
	assert_int_equal(stats.n_values, 3);
	assert_int_equal(stats.n_hits, 4);
	assert_int_equal(stats.n_misses, 1);
	cache_free(c);
	assert_int_equal(atomic_load(&n_things), 0);
}

static void bytes_are_bounded(void **state)
{
	(void)state;
	struct cache *c = cache_of(100, 100, 0);

	put(c, 1, 1, 60);
	put(c, 2, 2, 30);
	put(c, 3, 3, 50); /* 1 has to go */
	assert_int_equal(get(c, 1), 0);
	assert_int_equal(get(c, 2), 2);
	assert_int_equal(get(c, 3), 3);
	assert_int_equal(cache_stats(c).bytes, 80);

	put(c, 4, 4, 101); /* never */
	assert_int_equal(get(c, 4), 0);
	assert_int_equal(cache_stats(c).n_values, 2);

	put(c, 2, 5, 10); /* in the place of the other */
	assert_int_equal(get(c, 2), 5);
	assert_int_equal(cache_stats(c).bytes, 60);
	cache_free(c);
	assert_int_equal(atomic_load(&n_things), 0);
}

static void holders_keep_what_went(void **state)
{
	(void)state;
	struct cache *c = cache_of(1, 100, 0);
	uint64_t key = 1;

	put(c, 1, 11, 1);
	struct thing *held = (struct thing *)cache_get(c, &key);
	put(c, 2, 22, 1);
	cache_drop(c, &(uint64_t){ 2 });
	assert_int_equal(get(c, 1), 0);
	assert_int_equal(get(c, 2), 0);
	assert_int_equal(atomic_load(&n_things), 1);
	assert_int_equal(held->n, 11);
	cache_free(c);
	cached_release(&held->cached);
	assert_int_equal(atomic_load(&n_things), 0);
}

static void old_is_not_found(void **state)
{
	(void)state;
	struct cache *c = cache_of(10, 100, 1000);

	clock_ms = 5000;
	put(c, 1, 1, 1);
	clock_ms = 6000;
	assert_int_equal(get(c, 1), 1);
	clock_ms = 6001; /* looking at it does not make it young */
	assert_int_equal(get(c, 1), 0);
	assert_int_equal(atomic_load(&n_things), 0);
	cache_free(c);
}

static void *use(void *context)
{
	struct cache *c = context;
	unsigned seed = (unsigned)(uintptr_t)&seed;

	for (int i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		uint64_t key = 1 + (seed >> 16) % 50;
		uint64_t n = get(c, key);
		if (n && n != key * 7)
			return "a key's value is another's";
		if (!n)
			put(c, key, key * 7, 1 + key % 5);
		if (i % 97 == 0)
			cache_drop(c, &key);
	}
	return NULL;
}

static void threads_share_it(void **state)
{
	(void)state;
	struct cache *c = cache_of(20, 60, 0);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, c), 0);
	for (int i = 0; i < 4; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_true(cache_stats(c).n_values <= 20);
	assert_true(cache_stats(c).bytes <= 60);
	assert_int_equal(cache_stats(c).n_values, atomic_load(&n_things));
	cache_free(c);
	assert_int_equal(atomic_load(&n_things), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(least_recently_used_goes), cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(holders_keep_what_went),   cmocka_unit_test(old_is_not_found),
		cmocka_unit_test(threads_share_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
