/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "server/glob.h"

static void it_is_what_fnmatch_says(void **state)
{
	(void)state;
	static const char *const patterns[] = {
		"",
		"*",
		"**",
		"?",
		"/",
		"/*",
		"/*/*",
		"/usr/bin/*",
		"/usr/*/ls",
		"*/ls",
		"/usr/bin/l?",
		"/usr/bin/[a-m]*",
		"/usr/bin/[!a-m]*",
		"/usr/bin/[^l]s",
		"/usr/bin/l[]s]",
		"/usr/bin/l[s",
		"/usr/bin/\\ls",
		"/usr/bin/\\*",
		"/usr/bin/l\\[",
		"/usr?bin/ls",
		"/usr*ls",
		"/usr/bin/*s",
		"/usr/bin/**s",
		"/usr/bin/*l*s*",
		"/*/*/*",
		"/*/*/*/",
		"/usr/bin/",
		"/.*",
		"/*hidden",
		"[[:alpha:]]*",
		"/usr/bin/[[:alpha:]][[:lower:]]",
		"/usr/bin/[[:digit:]]s",
		"/a*b*c*d",
		"/usr/bin/l[r-t]",
		"/usr/bin/l[-s]",
		"/usr/bin/l[s-]",
		"*a*a*a*b",
		"/a/*b?c*",
	};
	static const char *const paths[] = {
		"",
		"/",
		"ls",
		"/ls",
		"/usr/bin/ls",
		"/usr/bin/l",
		"/usr/bin/",
		"/usr/bin",
		"/usr/bin/lls",
		"/usr/bin/*",
		"/usr/bin/l[",
		"/usr/bin/l]",
		"/usr/bin/l-",
		"/usr/bin/a",
		"/.hidden",
		"/a/.b",
		"/abcd",
		"/axbxcxd",
		"/abcabcd",
		"/a/b/c",
		"/a/b/c/",
		"/usr/bin/l[s",
		"aaaaaaaab",
		"/a/bb2c",
		"/usr/lib/bin/ls",
		"/usr/bin/7s",
	};
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(paths); k++) {
			bool wanted = fnmatch(patterns[i], paths[k], FNM_PATHNAME) == 0;
			if (glob_match(patterns[i], paths[k]) != wanted)
				fail_msg("\"%s\" and \"%s\": fnmatch(3) says %d", patterns[i],
					 paths[k], wanted);
			char suffix[64];
			glob_suffix(patterns[i], suffix);
			size_t size = strlen(paths[k]), end = strlen(suffix);
			if (wanted && (end > size || strcmp(paths[k] + size - end, suffix) != 0))
				fail_msg("\"%s\": \"%s\" does not end in \"%s\"", patterns[i],
					 paths[k], suffix);
		}
	}
}

static void a_hostile_pattern_takes_no_time(void **state)
{
	(void)state;
	char pattern[1025], path[4097];
	for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "*a", 2);
	memcpy(pattern + sizeof(pattern) - 3, "*b", 3);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;

	clock_t began = clock();
	for (int i = 0; i < 100; i++)
		assert_false(glob_match(pattern, path));
	assert_true((double)(clock() - began) / CLOCKS_PER_SEC < 10);
}

static void the_suffix_has_no_wildcard(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *suffix;
	} cases[] = {
		{ "/usr/bin/ls", "/usr/bin/ls" },
		{ "/usr/*/ls", "/ls" },
		{ "/usr/bin/*", "" },
		{ "/usr/[ab]c", "c" },
		{ "\\*x", "x" },
		{ "", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char suffix[64];
		glob_suffix(cases[i].pattern, suffix);
		assert_string_equal(suffix, cases[i].suffix);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_what_fnmatch_says),
		cmocka_unit_test(a_hostile_pattern_takes_no_time),
		cmocka_unit_test(the_suffix_has_no_wildcard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
