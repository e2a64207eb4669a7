/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check/text_map.h"

static void values_are_kept(void **state)
{
	(void)state;
	struct text_map map = { 0 };
	assert_null(text_map_find(&map, "a", 1));
	static int numbers[1000];
	char key[16];
	for (int i = 0; i < 1000; i++) {
		void **value = NULL;
		snprintf(key, sizeof(key), "key %d", i);
		assert_int_equal(text_map_add(&map, key, strlen(key), &value, NULL), 0);
		assert_null(*value);
		*value = &numbers[i];
		assert_int_equal(text_map_add(&map, key, strlen(key), &value, NULL), 0);
		assert_ptr_equal(*value, &numbers[i]);
	}
	assert_int_equal(map.n, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		assert_ptr_equal(*text_map_find(&map, key, strlen(key)), &numbers[i]);
	}
	assert_null(text_map_find(&map, "key 1000", 8));
	assert_ptr_equal(*text_map_find(&map, "key 1000", 7), &numbers[100]); /* not terminated */
	void **value;
	assert_int_equal(text_map_add(&map, "a\0b", 3, &value, NULL), 0);
	assert_null(text_map_find(&map, "a\0c", 3)); /* any bytes */
	text_map_free(&map);
	text_map_free(&map); /* twice does no harm */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(values_are_kept) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
