/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"

#define BYTES(text) text, sizeof(text) - 1

/* U+10DC80 and U+10DCFF, which stand for bytes 0x80 and 0xff inside a json_t. */
#define PLANE_80 "\xf4\x8d\xb2\x80"
#define PLANE_FF "\xf4\x8d\xb3\xbf"

static void assert_bytes_return(const char *bytes, size_t size, const char *expected_text)
{
	scoped(json_scoped_decref) json_t *value = json_bytes(bytes, size);
	assert_non_null(value);
	scoped(string_free) char *text = NULL, *back = NULL;
	size_t text_size = 0;
	assert_int_equal(json_format(value, false, &text, &text_size, NULL), 0);
	assert_int_equal(strlen(text), text_size);
	if (expected_text)
		assert_string_equal(text, expected_text);

	scoped(json_scoped_decref) json_t *parsed = NULL;
	assert_int_equal(json_parse(text, text_size, &parsed, NULL), 0);
	assert_true(json_equal(parsed, value));
	assert_int_equal(json_bytes_of(parsed, &back, NULL), 0);
	assert_int_equal(strlen(back), size);
	assert_memory_equal(back, bytes, size);
}

static void bytes_go_there_and_back(void **state)
{
	(void)state;
	static const struct {
		const char *what, *bytes;
		size_t size;
		const char *text;
	} cases[] = {
		{ "nothing", BYTES(""), "\"\"" },
		{ "plain", BYTES("/usr/bin/app"), "\"/usr/bin/app\"" },
		{ "quote, backslash, line break", BYTES("\"\\\n"), "\"\\\"\\\\\\n\"" },
		{ "a backslash and what looks like an escape", BYTES("\\udc80"), "\"\\\\udc80\"" },
		{ "UTF-8", BYTES("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"),
		  "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "Latin-1", BYTES("gr\xfc\xdf"), "\"gr\\udcfc\\udcdf\"" },
		{ "first and last", BYTES("\x80\xff"), "\"\\udc80\\udcff\"" },
		{ "overlong NUL", BYTES("\xc0\x80"), "\"\\udcc0\\udc80\"" },
		{ "overlong of three and four", BYTES("\xe0\x9f\xbf\xf0\x8f\xbf\xbf"),
		  "\"\\udce0\\udc9f\\udcbf\\udcf0\\udc8f\\udcbf\\udcbf\"" },
		{ "surrogate", BYTES("\xed\xb2\x80"), "\"\\udced\\udcb2\\udc80\"" },
		{ "beside surrogates", BYTES("\xed\x9f\xbf\xee\x80\x80"),
		  "\"\xed\x9f\xbf\xee\x80\x80\"" },
		{ "last of all", BYTES("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\"" },
		{ "past it", BYTES("\xf4\x90\x80\x80\xf5"),
		  "\"\\udcf4\\udc90\\udc80\\udc80\\udcf5\"" },
		{ "cut characters", BYTES("\xe2\x82 \xf0\x9f\x98"),
		  "\"\\udce2\\udc82 \\udcf0\\udc9f\\udc98\"" },
		{ "the private plane's own", BYTES(PLANE_80 PLANE_FF),
		  "\"\\udcf4\\udc8d\\udcb2\\udc80\\udcf4\\udc8d\\udcb3\\udcbf\"" },
		{ "beside it", BYTES("\xf4\x8d\xb1\xbf\xf4\x8d\xb4\x80"),
		  "\"\xf4\x8d\xb1\xbf\xf4\x8d\xb4\x80\"" },
		{ "control characters", BYTES("\x01\x1f\x7f"), "\"\\u0001\\u001F\x7f\"" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		assert_bytes_return(cases[i].bytes, cases[i].size, cases[i].text);
	}
}

static void all_pairs_of_bytes_return(void **state)
{
	(void)state;
	for (int a = 1; a < 256; a++)
		for (int b = 1; b < 256; b++)
			assert_bytes_return((char[]){ (char)a, (char)b }, 2, NULL);
}

static void random_bytes_return(void **state)
{
	(void)state;
	/* Mostly what stands at the seams: leads, trails, and the private plane's. */
	static const uint8_t seams[] = { 0xf4, 0x8d, 0xb2, 0xb3, 0x80, 0xbf,
					 0xed, 0xe0, '\\', '"',  'u',  'd' };
	uint32_t random = 1;
	for (int round = 0; round < 20000; round++) {
		char bytes[24];
		for (size_t i = 0; i < sizeof(bytes); i++) {
			random = random * 1664525 + 1013904223;
			uint8_t byte = (uint8_t)(random >> 24);
			bytes[i] = (char)(byte < 192 ? seams[byte % ARRAY_SIZE(seams)] : byte);
		}
		assert_bytes_return(bytes, 1 + random % sizeof(bytes), NULL);
	}
}

static void text_is_read(void **state)
{
	(void)state;
	static const struct {
		const char *what, *text, *bytes;
	} cases[] = {
		{ "lone surrogates", "\"a\\udc80\\uDCFFb\"",
		  "a\x80\xff"
		  "b" },
		{ "bytes that make a character", "\"\\udcc3\\udcbc\"", "\xc3\xbc" },
		{ "a real pair", "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80" },
		{ "a real pair that ends like a byte", "\"\\ud800\\udc80\"", "\xf0\x90\x82\x80" },
		{ "a pair, then a byte", "\"\\ud83d\\ude00\\udc80\"", "\xf0\x9f\x98\x80\x80" },
		{ "escaped backslash", "\"\\\\udc80\"", "\\udc80" },
		{ "two of them, and a byte", "\"\\\\\\\\\\udc80\"", "\\\\\x80" },
		{ "escaped quote", "\"\\\"\\udc80\"", "\"\x80" },
		{ "the private plane's, raw", "\"" PLANE_80 "\"", PLANE_80 },
		{ "the private plane's, as pairs", "\"\\udbf7\\udc80\\udbf7\\udcff\"",
		  PLANE_80 PLANE_FF },
		{ "other escapes", "\"\\u00fc\\n\\/\"", "\xc3\xbc\n/" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		scoped(json_scoped_decref) json_t *value = NULL;
		scoped(string_free) char *bytes = NULL;
		struct error err = ERROR_NONE;
		if (json_parse(cases[i].text, strlen(cases[i].text), &value, &err) < 0)
			fail_msg("%s", err.message);
		assert_int_equal(json_bytes_of(value, &bytes, NULL), 0);
		assert_string_equal(bytes, cases[i].bytes);
	}
}

static void bad_text_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *what, *text;
		size_t size;
		const char *message;
	} cases[] = {
		{ "empty", BYTES(""), "line 1, column 1: unexpected token near end of file" },
		{ "open string", BYTES("\"a"), "line 1, column 3: premature end of input" },
		{ "open escape", BYTES("\"\\"), "line 1, column 3: invalid escape" },
		{ "open surrogate", BYTES("\"\\udc8"), "line 1, column 7: invalid escape" },
		{ "high surrogate alone", BYTES("\"\\ud800\""),
		  "line 1, column 9: invalid Unicode '\\x5cuD800'" },
		{ "low one that is no byte", BYTES("\"\\udc7f\""),
		  "line 1, column 9: invalid Unicode '\\x5cuDC7F'" },
		{ "high one, then a byte's escape of other kind", BYTES("\"\\ud800\\u0080\""),
		  NULL },
		{ "raw byte", BYTES("[\"\xff\"]"), "line 1, column 3: unable to decode byte 0xff" },
		{ "behind translated text", BYTES("[\"\\udc80\\udc80\",\n\n  x]"),
		  "line 3, column 4: invalid token" },
		{ "more than a value", BYTES("[] []"), "line 1, column 5: end of file expected" },
		{ "key twice", BYTES("{\"a\":1,\"a\":2}"),
		  "line 1, column 11: duplicate object key" },
		{ "key of bytes twice", BYTES("{\"\\udc80\":1,\"\\uDC80\":2}"), NULL },
		{ "NUL", BYTES("[\0]"), NULL },
		{ "NUL in a key", BYTES("{\"\\u0000\":1}"), NULL },
		{ "closed too often", BYTES("]]]]"), NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		json_t *value = NULL;
		struct error err = ERROR_NONE;
		assert_int_equal(json_parse(cases[i].text, cases[i].size, &value, &err), -EBADMSG);
		assert_null(value);
		assert_memory_equal(err.message, "bad JSON: ", 10);
		if (cases[i].message)
			assert_string_equal(err.message + 10, cases[i].message);
	}
}

static int parse_nested(int depth, const char *open, const char *close, struct error *err)
{
	char text[2048] = "";
	for (int i = 0; i < depth; i++)
		strcat(text, open);
	strcat(text, "1");
	for (int i = 0; i < depth; i++)
		strcat(text, close);
	scoped(json_scoped_decref) json_t *value = NULL;
	return json_parse(text, strlen(text), &value, err);
}

static void depth_is_limited(void **state)
{
	(void)state;
	struct error err = ERROR_NONE;
	assert_int_equal(parse_nested(JSON_DEPTH_LIMIT, "[", "]", NULL), 0);
	assert_int_equal(parse_nested(JSON_DEPTH_LIMIT + 1, "[", "]", &err), -EBADMSG);
	assert_string_equal(err.message, "bad JSON: line 1, column 65: nested too deep");
	assert_int_equal(parse_nested(JSON_DEPTH_LIMIT / 2, "[{\"k\":", "}]", NULL), 0);
	assert_int_equal(parse_nested(JSON_DEPTH_LIMIT / 2 + 1, "[{\"k\":", "}]", &err), -EBADMSG);

	/* Brackets in strings do not count; and side by side is not deep. */
	scoped(json_scoped_decref) json_t *value = NULL;
	char text[1024] = "[\"";
	for (int i = 0; i < 100; i++)
		strcat(text, "[{\\\"");
	strcat(text, "\"");
	for (int i = 0; i < 100; i++)
		strcat(text, ",[]");
	strcat(text, "]");
	assert_int_equal(json_parse(text, strlen(text), &value, &err), 0);
	assert_int_equal(json_array_size(value), 101);
}

static void nul_is_kept_in_text_and_refused_as_bytes(void **state)
{
	(void)state;
	assert_null(json_bytes("a\0b", 3));
	scoped(json_scoped_decref) json_t *value = NULL;
	scoped(string_free) char *text = NULL, *bytes = NULL;
	size_t size = 0;
	struct error err = ERROR_NONE;
	assert_int_equal(json_parse("[\"a\\u0000b\"]", 12, &value, NULL), 0);
	assert_int_equal(json_format(value, false, &text, &size, NULL), 0);
	assert_string_equal(text, "[\"a\\u0000b\"]");
	assert_int_equal(json_bytes_of(json_array_get(value, 0), &bytes, &err), -EBADMSG);
	assert_string_equal(err.message, "a string holds a NUL");
	assert_null(bytes);
}

static void members_are_read(void **state)
{
	(void)state;
	static const char text[] = "{\"path\":\"a\\udcff\",\"none\":null,\"n\":7}";
	scoped(json_scoped_decref) json_t *object = NULL;
	assert_int_equal(json_parse(text, strlen(text), &object, NULL), 0);
	scoped(string_free) char *path = NULL;
	char *none = (char *)"left", *number = (char *)"left";
	struct error err = ERROR_NONE;
	assert_int_equal(json_get_bytes(object, "path", &path, NULL), 0);
	assert_string_equal(path, "a\xff");
	assert_int_equal(json_get_bytes(object, "none", &none, NULL), 0);
	assert_null(none);
	none = (char *)"left";
	assert_int_equal(json_get_bytes(object, "absent", &none, NULL), 0);
	assert_null(none);
	assert_int_equal(json_get_bytes(object, "n", &number, &err), -EBADMSG);
	assert_string_equal(err.message, "\"n\": not a string");
	assert_string_equal(number, "left");
}

static void keys_hold_bytes_in_order(void **state)
{
	(void)state;
	static const char *const keys[] = { "z\xff", "a", PLANE_80, "m" };
	scoped(json_scoped_decref) json_t *object = json_object(), *parsed = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		scoped(json_scoped_decref) json_t *key = json_bytes_string(keys[i]);
		assert_int_equal(json_object_set_new(object, json_string_value(key),
						     json_integer((json_int_t)i)),
				 0);
	}
	scoped(string_free) char *text = NULL;
	size_t size = 0;
	assert_int_equal(json_format(object, false, &text, &size, NULL), 0);
	assert_string_equal(text,
			    "{\"z\\udcff\":0,\"a\":1,\"\\udcf4\\udc8d\\udcb2\\udc80\":2,\"m\":3}");
	assert_int_equal(json_parse(text, size, &parsed, NULL), 0);

	const char *key;
	json_t *value;
	size_t i = 0;
	json_object_foreach(parsed, key, value)
	{
		scoped(string_free) char *bytes = NULL;
		assert_int_equal(json_key_bytes(key, &bytes, NULL), 0);
		assert_string_equal(bytes, keys[i]);
		assert_int_equal(json_integer_value(value), i);
		i++;
	}
	assert_int_equal(i, ARRAY_SIZE(keys));
}

static void text_is_compact_or_indented(void **state)
{
	(void)state;
	static const char compact[] = "{\"b\":[1,-2,\"x\\udc80\"],\"a\":true,\"r\":1.5}";
	static const char pretty[] =
		"{\n  \"b\": [\n    1,\n    -2,\n    \"x\\udc80\"\n  ],\n  \"a\": true,\n"
		"  \"r\": 1.5\n}";
	scoped(json_scoped_decref) json_t *value = NULL;
	scoped(string_free) char *one = NULL, *two = NULL;
	size_t size = 0;
	assert_int_equal(json_parse(pretty, strlen(pretty), &value, NULL), 0);
	assert_int_equal(json_format(value, false, &one, &size, NULL), 0);
	assert_string_equal(one, compact);
	assert_int_equal(json_format(value, true, &two, &size, NULL), 0);
	assert_string_equal(two, pretty);
	assert_int_equal(size, strlen(pretty));
}

static void times_go_there_and_back(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ 1795499160, "2026-11-24T05:46:00Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ 4102444800, "2100-01-01T00:00:00Z" },
		{ INT64_C(253402300799), "9999-12-31T23:59:59Z" },
		{ INT64_C(-62167219200), "0000-01-01T00:00:00Z" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t seconds = 1;
		assert_string_equal(TIME_TEXT(cases[i].seconds), cases[i].text);
		assert_int_equal(time_parse(cases[i].text, &seconds, NULL), 0);
		assert_true(seconds == cases[i].seconds);
	}
	assert_string_equal(TIME_TEXT(INT64_MAX), "9999-12-31T23:59:59Z");
	assert_string_equal(TIME_TEXT(INT64_MIN), "0000-01-01T00:00:00Z");

	static const char *const bad[] = {
		"",
		"2026-11-24",
		"2026-11-24T05:46:00",
		"2026-11-24T05:46:00z",
		"2026-11-24 05:46:00Z",
		"2026-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-11-24T24:00:00Z",
		"2026-11-24T05:46:60Z",
		"+026-11-24T05:46:00Z",
		"2026- 1-24T05:46:00Z",
		"2026-11-24T05:46:00Z ",
		"2026-11-24T05:46:00+00:00",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int64_t seconds = 7;
		struct error err = ERROR_NONE;
		print_message("%s\n", bad[i]);
		assert_int_equal(time_parse(bad[i], &seconds, &err), -EBADMSG);
		assert_true(seconds == 7);
		assert_non_null(strstr(err.message, "not a time like"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_there_and_back),
		cmocka_unit_test(all_pairs_of_bytes_return),
		cmocka_unit_test(random_bytes_return),
		cmocka_unit_test(text_is_read),
		cmocka_unit_test(bad_text_is_refused),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(nul_is_kept_in_text_and_refused_as_bytes),
		cmocka_unit_test(members_are_read),
		cmocka_unit_test(keys_hold_bytes_in_order),
		cmocka_unit_test(text_is_compact_or_indented),
		cmocka_unit_test(times_go_there_and_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
