/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/conditional.h"

#define ETAG "\"abc\""

static void tags_are_compared(void **state)
{
	(void)state;
	static const struct {
		const char *list;
		bool has;
	} cases[] = {
		{ "\"abc\"", true },          { "W/\"abc\"", true },  { "\"x\", \"abc\"", true },
		{ "\"x\",W/\"abc\"", true },  { "*", true },          { " \t\"abc\" ", true },
		{ "\"a,b\", \"abc\"", true }, { "", false },          { "abc", false },
		{ "\"ab\"", false },          { "\"abcd\"", false },  { "\"abc", false },
		{ "\"x\" abc", false },       { "w/\"abc\"", false }, { "\"ABC\"", false },
		{ "\"x\", *", true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].list);
		assert_int_equal(etag_list_has(cases[i].list, strlen(cases[i].list), ETAG),
				 cases[i].has);
	}

	assert_true(etag_is(" \"abc\" ", 7, ETAG));
	assert_false(etag_is("W/\"abc\"", 7, ETAG)); /* If-Range compares strongly */
	assert_false(etag_is("\"abc\", \"x\"", 10, ETAG));
	assert_false(etag_is("", 0, ETAG));
}

static void dates_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		int64_t seconds;
	} cases[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", true, 784111777 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", true, 784111777 },
		{ "Sun Nov  6 08:49:37 1994", true, 784111777 },
		{ " Thu, 01 Jan 1970 00:00:00 GMT ", true, 0 },
		{ "Thu, 29 Feb 2024 12:00:00 GMT", true, 1709208000 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", true, 253402300799 },
		{ "Tue, 24 Nov 2026 06:25:11 GMT", true, 1795501511 },
		{ "Monday, 01-Jan-24 00:00:00 GMT", true, 1704067200 },
		{ "", false, 0 },
		{ "yesterday", false, 0 },
		{ "Sun, 06 Nov 1994 08:49:37", false, 0 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT x", false, 0 },
		{ "Sun, 06 Nov 1994 24:00:00 GMT", false, 0 },
		{ "Sun, 06 Nov 1994 -1:00:00 GMT", false, 0 },
		{ "Sun, 00 Nov 1994 08:49:37 GMT", false, 0 },
		{ "Sun, 32 Dec 1994 08:49:37 GMT", false, 0 },
		{ "Sun, 06 Nvo 1994 08:49:37 GMT", false, 0 },
		{ "Sun, 06 Nov 1969 08:49:37 GMT", false, 0 },
		{ "Sun, 06 Nov 1994 08:49:37 GMTSun, 06 Nov 1994 08:49:37 GMT", false, 0 },
		{ "\"abc\"", false, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t seconds = 0;
		print_message("%s\n", cases[i].text);
		assert_int_equal(http_date_parse(cases[i].text, strlen(cases[i].text), &seconds),
				 cases[i].ok);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void dates_go_both_ways(void **state)
{
	(void)state;
	char text[HTTP_DATE_SIZE];
	int64_t back;

	assert_true(http_date_format(784111777, text));
	assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
	for (int64_t t = 0; t < INT64_C(253402300799); t += 86399 * 53) {
		assert_true(http_date_format(t, text));
		assert_int_equal(strlen(text), HTTP_DATE_SIZE - 1);
		assert_true(http_date_parse(text, strlen(text), &back));
		assert_int_equal(back, t);
	}
	assert_false(http_date_format(-1, text));
	assert_false(http_date_format(INT64_C(253402300800), text));
	assert_false(http_date_format(INT64_MAX, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_are_compared),
		cmocka_unit_test(dates_are_read),
		cmocka_unit_test(dates_go_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
