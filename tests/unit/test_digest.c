/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"

/* FIPS 180-4's own examples. */
#define EMPTY_HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MILLION_A_HEX "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void known_digests(void **state)
{
	(void)state;
	struct digest empty = digest_of("", 0), abc = digest_of("abc", 3);
	assert_string_equal(DIGEST_HEX(&empty), EMPTY_HEX);
	assert_string_equal(DIGEST_HEX(&abc), ABC_HEX);
	assert_false(digest_equal(&empty, &abc));
	assert_true(digest_equal(&abc, &abc));
	assert_false(digest_is_zero(&abc));
	assert_true(digest_is_zero(&(struct digest){ 0 }));
	assert_false(digest_is_zero(&(struct digest){ .bytes[31] = 1 }));
}

static void pieces_make_the_same_digest(void **state)
{
	(void)state;
	char thousand[1000];
	memset(thousand, 'a', sizeof(thousand));
	struct digester *d = NULL;
	assert_int_equal(digester_new(&d, NULL), 0);
	digester_add(d, NULL, 0);
	for (int i = 0; i < 1000; i++)
		digester_add(d, thousand, sizeof(thousand));
	struct digest digest = digester_finish(d);
	digester_free(d);
	digester_free(NULL);
	assert_string_equal(DIGEST_HEX(&digest), MILLION_A_HEX);
}

static void digests_are_parsed(void **state)
{
	(void)state;
	static const struct {
		const char *what, *hex;
		size_t size;
		int r;
	} cases[] = {
		{ "lower case", ABC_HEX, 64, 0 },
		{ "upper case", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
		  64, 0 },
		{ "a digit short", ABC_HEX, 63, -EBADMSG },
		{ "two digits long", ABC_HEX "00", 66, -EBADMSG },
		{ "empty", "", 0, -EBADMSG },
		{ "no digit at the end",
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ag", 64,
		  -EBADMSG },
	};
	struct digest abc = digest_of("abc", 3);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct digest digest = { 0 };
		print_message("%s\n", cases[i].what);
		assert_int_equal(digest_parse(cases[i].hex, cases[i].size, &digest, NULL),
				 cases[i].r);
		if (cases[i].r == 0)
			assert_true(digest_equal(&digest, &abc));
		else
			assert_true(digest_is_zero(&digest)); /* untouched */
	}
}

static void hex_there_and_back(void **state)
{
	(void)state;
	uint8_t all[256], back[256];
	char hex[513];
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	hex_encode(all, sizeof(all), hex);
	assert_int_equal(strlen(hex), 512);
	assert_memory_equal(hex, "000102", 6);
	assert_memory_equal(hex + 506, "fdfeff", 6);
	assert_true(hex_decode(hex, 512, back));
	assert_memory_equal(all, back, sizeof(all));

	for (int c = 0; c < 256; c++) {
		char two[2] = { '0', (char)c };
		uint8_t byte = 0;
		bool is_digit = c && strchr("0123456789abcdefABCDEF", c) != NULL;
		assert_int_equal(hex_decode(two, 2, &byte), is_digit);
	}
	assert_false(hex_decode("abc", 3, back));
	assert_true(hex_decode("", 0, back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_digests),
		cmocka_unit_test(pieces_make_the_same_digest),
		cmocka_unit_test(digests_are_parsed),
		cmocka_unit_test(hex_there_and_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
