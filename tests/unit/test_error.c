/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void messages_are_set_and_prefixed(void **state)
{
	(void)state;
	struct error err = ERROR_NONE;
	assert_int_equal(error_set(&err, -EBADMSG, "%s: ends at 0x%x", ".debug_info", 0x9f10),
			 -EBADMSG);
	assert_string_equal(err.message, ".debug_info: ends at 0x9f10");
	assert_int_equal(error_prefix(&err, -EBADMSG, "reading %s", "app"), -EBADMSG);
	assert_string_equal(err.message, "reading app: .debug_info: ends at 0x9f10");
	assert_int_equal(error_errno(&err, -ENOENT, "objects/ab"), -ENOENT);
	assert_string_equal(err.message, "objects/ab: No such file or directory");
	assert_int_equal(error_no_memory(&err), -ENOMEM);
	assert_string_equal(err.message, "out of memory");
}

static void prefix_of_nothing_has_no_colon(void **state)
{
	(void)state;
	struct error err = ERROR_NONE;
	error_prefix(&err, -EIO, "writing");
	assert_string_equal(err.message, "writing");
}

static void no_message_wanted(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, -EIO, "%d", 1), -EIO);
	assert_int_equal(error_errno(NULL, -EIO, "%d", 1), -EIO);
	assert_int_equal(error_prefix(NULL, -EIO, "%d", 1), -EIO);
	assert_int_equal(error_no_memory(NULL), -ENOMEM);
}

static void long_messages_are_cut(void **state)
{
	(void)state;
	char lengthy[2 * ERROR_MESSAGE_SIZE];
	memset(lengthy, 'x', sizeof(lengthy));
	lengthy[sizeof(lengthy) - 1] = 0;
	struct error err = ERROR_NONE;
	error_set(&err, -EIO, "%s", lengthy);
	assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
	error_prefix(&err, -EIO, "start");
	assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
	assert_memory_equal(err.message, "start: xxx", 10);
	error_errno(&err, -EIO, "%s", lengthy);
	assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
}

static void bytes_are_escaped(void **state)
{
	(void)state;
#define BYTES(text) text, sizeof(text) - 1
	static const struct {
		const char *what, *bytes;
		size_t size;
		const char *escaped;
	} cases[] = {
		{ "nothing", BYTES(""), "" },
		{ "plain", BYTES("/usr/bin/app ~!"), "/usr/bin/app ~!" },
		{ "line break", BYTES("a\nb\r\t"), "a\\x0ab\\x0d\\x09" },
		{ "terminal escape", BYTES("\x1b[2J\x7f"), "\\x1b[2J\\x7f" },
		{ "quote and backslash", BYTES("\"\\"), "\\x22\\x5c" },
		{ "NUL", BYTES("a\0b"), "a\\x00b" },
		{ "UTF-8", BYTES("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
		  "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "Latin-1", BYTES("gr\xfc"), "gr\\xfc" },
		{ "C1 control", BYTES("\xc2\x9b"), "\\xc2\\x9b" },
		{ "overlong slash", BYTES("\xc0\xaf"), "\\xc0\\xaf" },
		{ "overlong of three", BYTES("\xe0\x80\xaf"), "\\xe0\\x80\\xaf" },
		{ "surrogate", BYTES("\xed\xb2\x80"), "\\xed\\xb2\\x80" },
		{ "past U+10FFFF", BYTES("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80" },
		{ "cut character", BYTES("\xe2\x82"), "\\xe2\\x82" },
		{ "right-to-left override", BYTES("\xe2\x80\xae"), "\\xe2\\x80\\xae" },
		{ "isolate", BYTES("\xe2\x81\xa6"), "\\xe2\\x81\\xa6" },
		{ "Arabic letter mark", BYTES("\xd8\x9c"), "\\xd8\\x9c" },
		{ "line separator", BYTES("\xe2\x80\xa8"), "\\xe2\\x80\\xa8" },
		{ "dash beside them", BYTES("\xe2\x80\x94"), "\xe2\x80\x94" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char escaped[128];
		print_message("%s\n", cases[i].what);
		const char *ret =
			escape_bytes(cases[i].bytes, cases[i].size, escaped, sizeof(escaped));
		assert_ptr_equal(ret, escaped);
		assert_string_equal(escaped, cases[i].escaped);
	}
}

static void escapes_are_not_cut_in_two(void **state)
{
	(void)state;
	char escaped[16];
	static const char *const expected[] = {
		[5] = "ab",      [6] = "ab",      [7] = "ab\\x0a",
		[8] = "ab\\x0a", [9] = "ab\\x0a", [10] = "ab\\x0a\xe2\x82\xac"
	};
	for (size_t size = 5; size < ARRAY_SIZE(expected); size++) {
		memset(escaped, '#', sizeof(escaped));
		escape_string("ab\n\xe2\x82\xac", escaped, size);
		assert_string_equal(escaped, expected[size]);
		assert_int_equal(escaped[size], '#'); /* nothing is written behind */
	}
	assert_string_equal(ESCAPED("a\nb"), "a\\x0ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_set_and_prefixed),
		cmocka_unit_test(prefix_of_nothing_has_no_colon),
		cmocka_unit_test(no_message_wanted),
		cmocka_unit_test(long_messages_are_cut),
		cmocka_unit_test(bytes_are_escaped),
		cmocka_unit_test(escapes_are_not_cut_in_two),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
