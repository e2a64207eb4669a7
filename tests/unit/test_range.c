/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/range.h"

static void ranges_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		uint64_t total;
		enum range_verdict verdict;
		struct range range;
	} cases[] = {
		{ "bytes=0-0", 10, RANGE_GIVEN, { 0, 1 } },
		{ "bytes=0-9", 10, RANGE_GIVEN, { 0, 10 } },
		{ "bytes=0-10", 10, RANGE_GIVEN, { 0, 10 } },
		{ "bytes=3-5", 10, RANGE_GIVEN, { 3, 3 } },
		{ "bytes=9-", 10, RANGE_GIVEN, { 9, 1 } },
		{ "bytes=0-", 10, RANGE_GIVEN, { 0, 10 } },
		{ "bytes=-1", 10, RANGE_GIVEN, { 9, 1 } },
		{ "bytes=-10", 10, RANGE_GIVEN, { 0, 10 } },
		{ "bytes=-11", 10, RANGE_GIVEN, { 0, 10 } },
		{ " bytes=1-2 ", 10, RANGE_GIVEN, { 1, 2 } },
		{ "BYTES=1-2", 10, RANGE_GIVEN, { 1, 2 } },
		{ "bytes= 1-2", 10, RANGE_GIVEN, { 1, 2 } },
		{ "bytes=1-99999999999999999999999999", 10, RANGE_GIVEN, { 1, 9 } },
		{ "bytes=1-18446744073709551615", 10, RANGE_GIVEN, { 1, 9 } },
		{ "bytes=0-18446744073709551614", UINT64_MAX, RANGE_GIVEN, { 0, UINT64_MAX } },

		{ "bytes=10-", 10, RANGE_UNSATISFIABLE, { 0, 0 } },
		{ "bytes=10-12", 10, RANGE_UNSATISFIABLE, { 0, 0 } },
		{ "bytes=-0", 10, RANGE_UNSATISFIABLE, { 0, 0 } },
		{ "bytes=0-", 0, RANGE_UNSATISFIABLE, { 0, 0 } },
		{ "bytes=-5", 0, RANGE_UNSATISFIABLE, { 0, 0 } },
		{ "bytes=99999999999999999999999999-", 10, RANGE_UNSATISFIABLE, { 0, 0 } },

		{ "", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=-", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=5-3", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=1", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=1-2x", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=a-2", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=+1-2", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=--2", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=0x1-2", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=1-2,4-5", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes=1-2,", 10, RANGE_IGNORED, { 0, 0 } },
		{ "items=1-2", 10, RANGE_IGNORED, { 0, 0 } },
		{ "bytes:1-2", 10, RANGE_IGNORED, { 0, 0 } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct range range = { 0, 0 };
		print_message("\"%s\"\n", cases[i].value);
		assert_int_equal(
			range_parse(cases[i].value, strlen(cases[i].value), cases[i].total, &range),
			cases[i].verdict);
		assert_int_equal(range.offset, cases[i].range.offset);
		assert_int_equal(range.size_bytes, cases[i].range.size_bytes);
	}
}

/* The value is not a string: what lies behind its size is not looked at. */
static void size_ends_the_value(void **state)
{
	(void)state;
	struct range range;
	assert_int_equal(range_parse("bytes=1-25", 9, 100, &range), RANGE_GIVEN);
	assert_int_equal(range.size_bytes, 2);
	assert_int_equal(range_parse("bytes=1-25", 8, 100, &range), RANGE_GIVEN);
	assert_int_equal(range.size_bytes, 99);
	assert_int_equal(range_parse("bytes=1-25", 7, 100, &range), RANGE_IGNORED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_read),
		cmocka_unit_test(size_ends_the_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
