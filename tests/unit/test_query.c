/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "server/query.h"

static void queries_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		enum query_key key;
		const char *value;
		uint64_t offset, limit;
	} cases[] = {
		{ "key=glob&value=/usr/bin/*", true, QUERY_GLOB, "/usr/bin/*", 0, QUERY_LIMIT_MAX },
		{ "value=%2fa%2Bb+c&key=file", true, QUERY_FILE, "/a+b+c", 0, QUERY_LIMIT_MAX },
		{ "key=buildid&value=ab&limit=3&offset=12", true, QUERY_BUILD_ID, "ab", 12, 3 },
		{ "key=package&value=a%26b&x=y&&", true, QUERY_PACKAGE, "a&b", 0, QUERY_LIMIT_MAX },
		{ "key=%66ile&value=%ff", true, QUERY_FILE, "\xff", 0, QUERY_LIMIT_MAX },
		{ "", false, 0, "", 0, 0 },
		{ "key=file", false, 0, "", 0, 0 },
		{ "value=x", false, 0, "", 0, 0 },
		{ "key=file&value=", false, 0, "", 0, 0 },
		{ "key=name&value=x", false, 0, "", 0, 0 },
		{ "key=file&value=%0a", false, 0, "", 0, 0 },
		{ "key=file&value=a%00b", false, 0, "", 0, 0 },
		{ "key=file&value=%4", false, 0, "", 0, 0 },
		{ "key=file&value=x&limit=0", false, 0, "", 0, 0 },
		{ "key=file&value=x&limit=10001", false, 0, "", 0, 0 },
		{ "key=file&value=x&offset=-1", false, 0, "", 0, 0 },
		{ "key=file&value=x&offset=9999999999999", false, 0, "", 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct query query;
		print_message("%s\n", cases[i].text);
		const char *why = query_parse(cases[i].text, &query);
		assert_int_equal(why == NULL, cases[i].good);
		if (why)
			continue;
		assert_int_equal(query.key, cases[i].key);
		assert_string_equal(query.value, cases[i].value);
		assert_int_equal(query.offset, cases[i].offset);
		assert_int_equal(query.limit, cases[i].limit);
	}
}

static void long_values_are_refused(void **state)
{
	(void)state;
	char text[2000] = "key=glob&value=";
	struct query query;
	size_t size = strlen(text);
	memset(text + size, 'x', 1024);
	assert_null(query_parse(text, &query));
	assert_int_equal(strlen(query.value), 1024);
	text[size + 1024] = 'x';
	assert_non_null(query_parse(text, &query));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_are_read),
		cmocka_unit_test(long_values_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
