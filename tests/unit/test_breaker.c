/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/breaker.h"

static void it_pauses_longer_each_time(void **state)
{
	(void)state;
	struct breaker b = { 0 };
	uint64_t now = 1000, pause = BREAKER_FIRST_MS;

	assert_true(breaker_allows(&b, now));
	for (int i = 0; i < 12; i++) {
		breaker_failed(&b, now);
		assert_true(breaker_is_open(&b, now));
		assert_false(breaker_allows(&b, now));
		assert_false(breaker_allows(&b, now + pause - 1));
		now += pause;
		assert_false(breaker_is_open(&b, now));
		assert_true(breaker_allows(&b, now)); /* one tries */
		assert_false(breaker_allows(&b, now)); /* and the others go on without */
		pause = pause * 2 < BREAKER_LONGEST_MS ? pause * 2 : BREAKER_LONGEST_MS;
	}
	breaker_succeeded(&b);
	assert_true(breaker_allows(&b, now));
	assert_true(breaker_allows(&b, now));
	breaker_failed(&b, now);
	assert_true(breaker_allows(&b, now + BREAKER_FIRST_MS)); /* from the beginning */
}

static void failures_that_were_under_way_together_are_one(void **state)
{
	(void)state;
	struct breaker b = { 0 };
	for (int i = 0; i < 10; i++)
		breaker_failed(&b, 1000 + i);
	assert_false(breaker_allows(&b, 1000 + BREAKER_FIRST_MS - 1));
	assert_true(breaker_allows(&b, 1000 + BREAKER_FIRST_MS));
}

static void a_try_that_was_given_up_lets_another_try(void **state)
{
	(void)state;
	struct breaker b = { 0 };
	breaker_failed(&b, 1000);
	assert_true(breaker_allows(&b, 100000));
	assert_false(breaker_allows(&b, 100000));
	breaker_left(&b);
	assert_true(breaker_allows(&b, 100000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_pauses_longer_each_time),
		cmocka_unit_test(failures_that_were_under_way_together_are_one),
		cmocka_unit_test(a_try_that_was_given_up_lets_another_try),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
