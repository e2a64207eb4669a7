/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "split/addrsig.h"

/* As if symbols 3 to 5 had left. */
static bool renumber(uint32_t *number, const void *context)
{
	(void)context;
	if (*number >= 3 && *number <= 5)
		return false;
	*number -= *number > 5 ? 3 : 0;
	return true;
}

static void numbers_move_up(void **state)
{
	(void)state;
	/* 130 takes two bytes and becomes 127, which takes one. */
	static const uint8_t in[] = { 1, 4, 6, 0x82, 0x01, 5, 0xff, 0x7f };
	static const uint8_t expected[] = { 1, 3, 127, 0xfc, 0x7f };
	uint8_t out[sizeof(in)];
	uint64_t size = 0;
	assert_int_equal(addrsig_renumber(in, sizeof(in), renumber, NULL, NULL, &size, NULL), 0);
	assert_int_equal(size, sizeof(expected));
	assert_int_equal(addrsig_renumber(in, sizeof(in), renumber, NULL, out, &size, NULL), 0);
	assert_int_equal(size, sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
}

static void damage_is_found(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint8_t bytes[8];
		uint64_t size;
		int r;
	} cases[] = {
		{ "nothing", { 0 }, 0, 0 },
		{ "cut", { 1, 0x80 }, 2, -EBADMSG },
		{ "the largest", { 0xff, 0xff, 0xff, 0xff, 0x0f }, 5, 0 },
		{ "over 32 bits", { 0xff, 0xff, 0xff, 0xff, 0x1f }, 5, -EBADMSG },
		{ "does not end", { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 }, 7, -EBADMSG },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t size = 77;
		print_message("%s\n", cases[i].what);
		assert_int_equal(addrsig_renumber(cases[i].bytes, cases[i].size, renumber, NULL,
						  NULL, &size, NULL),
				 cases[i].r);
		if (cases[i].r < 0)
			assert_int_equal(size, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_move_up),
		cmocka_unit_test(damage_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
