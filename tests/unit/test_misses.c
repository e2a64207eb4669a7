/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/misses.h"

static struct digest key(uint32_t n)
{
	return digest_of(&n, sizeof(n));
}

static void a_miss_is_remembered_longer_each_time(void **state)
{
	(void)state;
	struct misses *m;
	assert_int_equal(misses_new(100, &m, NULL), 0);
	struct digest a = key(1), b = key(2);
	uint64_t now = 1000, pause = MISS_FIRST_MS;

	assert_false(misses_has(m, &a, now));
	for (int i = 0; i < 12; i++) {
		misses_add(m, &a, now);
		assert_true(misses_has(m, &a, now + pause - 1));
		assert_false(misses_has(m, &a, now + pause));
		assert_false(misses_has(m, &b, now));
		now += pause;
		pause = 2 * pause < MISS_LONGEST_MS ? 2 * pause : MISS_LONGEST_MS;
	}
	assert_int_equal(misses_count(m), 1);
	misses_forget(m, &a);
	assert_int_equal(misses_count(m), 0);
	misses_add(m, &a, now);
	assert_false(misses_has(m, &a, now + MISS_FIRST_MS)); /* from the beginning */
	misses_free(m);
}

static void so_many_are_remembered_and_no_more(void **state)
{
	(void)state;
	struct misses *m;
	assert_int_equal(misses_new(10, &m, NULL), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		struct digest k = key(i);
		misses_add(m, &k, 1000);
		assert_true(misses_has(m, &k, 1000));
	}
	assert_int_equal(misses_count(m), 10);
	struct digest first = key(0), last = key(999);
	assert_false(misses_has(m, &first, 1000));
	assert_true(misses_has(m, &last, 1000));
	misses_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_miss_is_remembered_longer_each_time),
		cmocka_unit_test(so_many_are_remembered_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
