/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "split/source_guesses.h"
#include "tests/unit/scratch.h"

static void names_are_mapped(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	static const struct {
		const char *from, *name;
		const char *rest; /* below the folder; NULL: not mapped */
	} cases[] = {
		{ "/usr/src", "/usr/src/a.c", "a.c" },
		{ "/usr/src/", "/usr/src/b/a.c", "b/a.c" },
		{ "/usr/src", "/usr/src//a.c", "a.c" },
		{ "/usr/src", "/usr/src", NULL },
		{ "/usr/src", "/usr/srcs/a.c", NULL },
		{ "/usr/src", "usr/src/a.c", NULL },
		{ "/", "/a.c", "a.c" },
		{ "/", "a.c", NULL },
		{ ".", "b/a.c", "b/a.c" },
		{ ".", "/b/a.c", NULL },
		{ "b", "b/a.c", "a.c" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct source_map map = { 0 };
		struct source_guesses guesses = { 0 };
		char text[128], expected[128];
		print_message("%s: %s\n", cases[i].from, cases[i].name);
		snprintf(text, sizeof(text), "%s=%s", cases[i].from, s.path);
		assert_int_equal(source_map_add(&map, text, NULL), 0);
		assert_int_equal(source_map_guesses(&map, cases[i].name, &guesses, NULL), 0);
		assert_int_equal(guesses.n, cases[i].rest != NULL);
		if (guesses.n) {
			snprintf(expected, sizeof(expected), "%s/%s", s.path, cases[i].rest);
			assert_string_equal(guesses.items[0].path, expected);
			assert_false(guesses.items[0].doubtful);
		}
		source_guesses_free(&guesses);
		source_map_free(&map);
	}
	scratch_remove(&s);
}

static void wrong_maps_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ "/a", -EINVAL },	    { "=/tmp", -EINVAL },	 { "/a=", -EINVAL },
		{ "", -EINVAL },	    { "/a=/dev/null", -ENOTDIR }, { "/a=/nowhere/at/all", -ENOENT },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct source_map map = { 0 };
		struct error err = ERROR_NONE;
		print_message("%s\n", cases[i].text);
		assert_int_equal(source_map_add(&map, cases[i].text, &err), cases[i].r);
		assert_non_null(strstr(err.message, "source map"));
		assert_int_equal(map.n, 0);
		source_map_free(&map);
	}
}

static void what_no_file_can_be_called_is_no_guess(void **state)
{
	(void)state;
	struct source_guesses guesses = { 0 };
	assert_int_equal(source_guesses_add(&guesses, false, NULL, "/%0*d", PATH_MAX, 1), 0);
	assert_int_equal(guesses.n, 0);
	assert_int_equal(source_guesses_add(&guesses, true, NULL, "/%d", 1), 0);
	assert_int_equal(guesses.n, 1);
	assert_string_equal(guesses.items[0].path, "/1");
	assert_true(guesses.items[0].doubtful);
	source_guesses_free(&guesses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_mapped),
		cmocka_unit_test(wrong_maps_are_told),
		cmocka_unit_test(what_no_file_can_be_called_is_no_guess),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
