/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "elf/source_names.h"

static void paths_are_folded_as_the_protocol_does(void **state)
{
	(void)state;
	static const struct {
		const char *path, *folded;
	} cases[] = {
		{ "", "" },
		{ "/", "/" },
		{ "//", "/" },
		{ ".", "" },
		{ "..", "" },
		{ "/..", "/" },
		{ "/../..", "/" },
		{ "/a", "/a" },
		{ "a", "a" },
		{ "/zoo//../bar/foo.c", "/bar/foo.c" },
		{ "/tmp/./x/..//dt/a+b.c", "/tmp/dt/a+b.c" },
		{ "/a/b/../../../../c", "/c" },
		{ "./a.c", "a.c" },
		{ "../a.c", "a.c" },
		{ "../../x/./y/../a.c", "x/a.c" },
		{ "././fmt/print.go", "fmt/print.go" },
		{ "a/../b", "b" },
		{ "a/../../b", "b" },
		{ "///a///b", "/a/b" },
		{ "/a/b/", "/a/b/" },
		{ "/a/b//", "/a/b/" },
		{ "/a/b/.", "/a/b" },
		{ "/a/b/..", "/a" },
		{ "/.a/..b/c..", "/.a/..b/c.." },
		{ "/...", "/..." },
		{ "/\xff\xfe/../\x80", "/\x80" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char apart[64], in_place[64];
		print_message("%s\n", cases[i].path);
		memset(apart, '#', sizeof(apart));
		source_path_fold(cases[i].path, apart);
		assert_string_equal(apart, cases[i].folded);
		/* No byte past the input's size is touched. */
		for (size_t k = strlen(cases[i].path) + 1; k < sizeof(apart); k++)
			assert_int_equal(apart[k], '#');
		snprintf(in_place, sizeof(in_place), "%s", cases[i].path);
		source_path_fold(in_place, in_place);
		assert_string_equal(in_place, cases[i].folded);
		source_path_fold(in_place, in_place); /* folded once is folded for good */
		assert_string_equal(in_place, cases[i].folded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_folded_as_the_protocol_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
