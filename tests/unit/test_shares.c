/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/shares.h"

static struct address address(const char *text)
{
	struct address parsed;
	assert_true(address_parse(text, strlen(text), &parsed));
	return parsed;
}

static void each_address_has_its_own(void **state)
{
	(void)state;
	struct shares *s;
	assert_int_equal(shares_new(2, &s, NULL), 0);
	struct address one = address("192.0.2.1"), other = address("192.0.2.2");

	assert_true(shares_take(s, &one));
	assert_true(shares_take(s, &one));
	assert_false(shares_take(s, &one));
	assert_true(shares_take(s, &other));
	shares_give_back(s, &one);
	assert_true(shares_take(s, &one));
	assert_false(shares_take(s, &one));
	shares_give_back(s, &one);
	shares_give_back(s, &one);
	shares_give_back(s, &other);
	assert_true(shares_take(s, &one));
	shares_free(s);
}

static void a_network_of_64_bits_is_one(void **state)
{
	(void)state;
	static const struct {
		const char *first, *second;
		bool same;
	} cases[] = {
		{ "2001:db8::1", "2001:db8::ffff:1", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "10.0.0.1", "::ffff:10.0.0.1", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct shares *s;
		print_message("%s and %s\n", cases[i].first, cases[i].second);
		assert_int_equal(shares_new(1, &s, NULL), 0);
		struct address first = address(cases[i].first), second = address(cases[i].second);
		assert_true(shares_take(s, &first));
		assert_int_equal(shares_take(s, &second), !cases[i].same);
		shares_free(s);
	}
}

static void many_addresses_are_held_and_let_go(void **state)
{
	(void)state;
	struct shares *s;
	assert_int_equal(shares_new(1, &s, NULL), 0);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 20000; i++) {
			struct address a = address("10.0.0.0");
			memcpy(a.bytes + 13,
			       &(uint8_t[3]){ (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i },
			       3);
			assert_true(shares_take(s, &a));
			assert_false(shares_take(s, &a));
		}
		for (uint32_t i = 0; i < 20000; i++) {
			struct address a = address("10.0.0.0");
			memcpy(a.bytes + 13,
			       &(uint8_t[3]){ (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i },
			       3);
			shares_give_back(s, &a);
		}
	}
	shares_free(s);
}

static void no_limit_is_none(void **state)
{
	(void)state;
	struct shares *s;
	assert_int_equal(shares_new(0, &s, NULL), 0);
	struct address one = address("192.0.2.1");
	for (int i = 0; i < 100; i++)
		assert_true(shares_take(s, &one));
	shares_give_back(s, &one);
	shares_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_has_its_own),
		cmocka_unit_test(a_network_of_64_bits_is_one),
		cmocka_unit_test(many_addresses_are_held_and_let_go),
		cmocka_unit_test(no_limit_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
