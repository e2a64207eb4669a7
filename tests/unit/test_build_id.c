/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "elf/build_id.h"

static void sizes_are_limited(void **state)
{
	(void)state;
	static const struct {
		size_t size;
		int r;
	} cases[] = { { 0, -EBADMSG }, { 1, 0 },         { 20, 0 },
		      { 64, 0 },       { 65, -EBADMSG }, { 1000, -EBADMSG } };
	uint8_t bytes[1000];
	memset(bytes, 0xa5, sizeof(bytes));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct build_id id = { .size = 99 };
		struct error err = ERROR_NONE;
		assert_int_equal(build_id_set(&id, bytes, cases[i].size, &err), cases[i].r);
		if (cases[i].r < 0) {
			assert_int_equal(id.size, 99); /* untouched */
			assert_string_not_equal(err.message, "");
			continue;
		}
		assert_int_equal(id.size, cases[i].size);
		assert_memory_equal(id.bytes, bytes, id.size);
		for (size_t k = id.size; k < BUILD_ID_MAX_SIZE; k++)
			assert_int_equal(id.bytes[k], 0);
	}
}

static void hex_is_read_strictly(void **state)
{
	(void)state;
	static const char digits[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		"01";
	static const struct {
		const char *hex;
		size_t size;
		int r;
		const char *message;
	} cases[] = {
		{ "ab", 2, 0, NULL },
		{ "ABcdEF01", 8, 0, NULL },
		{ digits, 128, 0, NULL },
		{ digits, 130, -EINVAL, "130 characters, a build ID has at most 128 hex digits" },
		{ "", 0, -EINVAL, "a build ID has at least 2 hex digits" },
		{ "a", 1, -EINVAL, "1 hex digits, a build ID has an even number" },
		{ "abc", 3, -EINVAL, "3 hex digits, a build ID has an even number" },
		{ "0x12", 4, -EINVAL, "a build ID has hex digits (0-9, a-f) alone" },
		{ "..", 2, -EINVAL, "a build ID has hex digits (0-9, a-f) alone" },
		{ "ab\0d", 4, -EINVAL, "a build ID has hex digits (0-9, a-f) alone" },
		{ " ab1", 4, -EINVAL, "a build ID has hex digits (0-9, a-f) alone" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct build_id id = { 0 };
		struct error err = ERROR_NONE;
		assert_int_equal(build_id_parse(cases[i].hex, cases[i].size, &id, &err),
				 cases[i].r);
		assert_int_equal(id.size, cases[i].r == 0 ? cases[i].size / 2 : 0);
		if (cases[i].message)
			assert_string_equal(err.message, cases[i].message);
		else
			assert_int_equal(
				strncasecmp(BUILD_ID_HEX(&id), cases[i].hex, cases[i].size), 0);
	}
}

static void equality_takes_size_and_bytes(void **state)
{
	(void)state;
	struct build_id a = { 0 }, b = { 0 };
	assert_true(build_id_equal(&a, &b));
	assert_int_equal(build_id_parse("ab00", 4, &a, NULL), 0);
	assert_int_equal(build_id_parse("ab", 2, &b, NULL), 0);
	assert_false(build_id_equal(&a, &b));
	assert_int_equal(build_id_parse("AB00", 4, &b, NULL), 0);
	assert_true(build_id_equal(&a, &b));
	assert_string_equal(BUILD_ID_HEX(&b), "ab00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(hex_is_read_strictly),
		cmocka_unit_test(equality_takes_size_and_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
