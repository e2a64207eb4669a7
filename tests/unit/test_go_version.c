/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "elf/go_version.h"

/* Every pair of a sorted list: each entry is equal to the others of its line, before those below.
 */
struct rung {
	const char *names[7]; /* ends with NULL */
};

static void rungs_are_in_order(const struct rung *rungs, size_t n,
			       int (*compare)(const char *, const char *))
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			for (const char *const *a = rungs[i].names; *a; a++)
				for (const char *const *b = rungs[k].names; *b; b++) {
					int expected = (i > k) - (i < k);
					int r = compare(*a, *b);
					if ((r > 0) - (r < 0) != expected)
						fail_msg("%s ? %s: %d, not %d", *a, *b, r,
							 expected);
				}
}

static void module_versions_are_ordered(void **state)
{
	(void)state;
	static const struct rung rungs[] = {
		{ { "", "(devel)", "1.2.3", "v", "v1.2.3.4", "v01.2.3" } },
		{ { "v0.0.0-20191109021931-daa7c04131f5" } },
		{ { "v0.0.0-20220722155217-630584e8d5aa" } },
		{ { "v0.0.0", "v0", "v0.0" } },
		{ { "v0.33.0" } },
		{ { "v1.0.0-alpha" } },
		{ { "v1.0.0-alpha.1" } },
		{ { "v1.0.0-alpha.beta" } },
		{ { "v1.0.0-beta", "v1.0.0-beta+exp.sha.5114f85" } },
		{ { "v1.0.0-beta.2" } },
		{ { "v1.0.0-beta.11" } },
		{ { "v1.0.0-rc.1" } },
		{ { "v1.0.0", "v1", "v1.0.0+build" } },
		{ { "v1.2.3-0.20240102150405-abcdef123456" } }, /* behind v1.2.2 */
		{ { "v1.2.3-9" } },
		{ { "v1.2.3-10" } },
		{ { "v1.2.3--" } },
		{ { "v1.2.3-a" } },
		{ { "v1.2.3-a-b" } },
		{ { "v1.2.3-pre" } },
		{ { "v1.2.3-pre.0.20240102150405-abcdef123456" } }, /* behind v1.2.3-pre */
		{ { "v1.2.3", "v1.2.3+dirty", "v1.2.3+00" } },
		{ { "v1.10.0", "v1.10" } },
		{ { "v2.0.0+incompatible", "v2" } },
		{ { "v24.0.7+incompatible" } },
		{ { "v99999999999999999999999.0.0" } },
		{ { "v100000000000000000000000.0.0" } },
	};
	rungs_are_in_order(rungs, ARRAY_SIZE(rungs), go_version_compare);
	for (size_t i = 0; i < ARRAY_SIZE(rungs); i++)
		for (const char *const *name = rungs[i].names; *name; name++)
			assert_int_equal(go_version_is_valid(*name), i > 0);
}

static void what_is_no_version_is_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",           "v",           "V1.2.3",
		"v1.",        "v1.2.",       "v1.2.3.",
		"v1.2.3-",    "v1.2.3-a.",   "v1.2.3-.a",
		"v1.2.3-01",  "v1.2.3-1.00", "v1.2.3+",
		"v1.2.3+a.",  "v1.2-pre",    "v1-pre",
		"v1.2.3-a_b", "v1.2.3 ",     "v1.2.3-\xc3\xa9",
		"v-1.2.3",    "v1.02.3",     "v1.2.03",
		"v1+build",   "v1.2+build",  " v1.2.3",
		"go1.2.3",    "v1.2.x",      "v1..2",
		"v1.2.3+a+b",
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i]);
		assert_false(go_version_is_valid(cases[i]));
		assert_true(go_version_compare(cases[i], "v0.0.0-0") < 0);
		assert_true(go_version_compare("v0.0.0-0", cases[i]) > 0);
		assert_int_equal(go_version_compare(cases[i], "none"), 0);
	}
	assert_true(go_version_is_valid("v1.2.3-0a")); /* letters: no number */
	assert_true(go_version_is_valid("v1.2.3+01"));
	assert_true(go_version_is_valid("v1.2.3-x.7.z.92"));
}

static void bare_versions_are_ordered(void **state)
{
	(void)state;
	static const struct rung rungs[] = {
		{ { "(devel)", "", "v", "go" } },
		{ { "0", "v0", "0.0.0" } },
		{ { "1.2.3-0", "go1.2.3-0" } },
		{ { "1.2.3", "v1.2.3", "go1.2.3", "vgo1.2.3" } },
		{ { "1.25.0-rc.1", "v1.25.0-rc.1" } },
		{ { "1.25.0" } },
	};
	rungs_are_in_order(rungs, ARRAY_SIZE(rungs), go_version_bare_compare);
	assert_true(go_version_bare_is_valid("1.2.3"));
	assert_false(go_version_bare_is_valid("1.2.3."));
}

static void pseudo_versions_are_known(void **state)
{
	(void)state;
	static const struct {
		const char *version;
		bool pseudo;
	} cases[] = {
		{ "v0.0.0-20191109021931-daa7c04131f5", true },
		{ "v4.0.0-20191109021931-daa7c04131f5", true },
		{ "v4.0.0-20191109021931-daa7c04131f5+incompatible", true },
		{ "v1.2.3-0.20191109021931-daa7c04131f5", true },
		{ "v1.2.3-pre.0.20191109021931-daa7c04131f5", true },
		{ "v1.2.3-pre-2.0.20191109021931-daa7c04131f5", true },
		{ "v1.2.3-20191109021931-daa7c04131f5", false }, /* only vX.0.0 has no "0." */
		{ "v1.2.0-20191109021931-daa7c04131f5", false },
		{ "v0.1.0-20191109021931-daa7c04131f5", false },
		{ "v1.2.3-pre.1.20191109021931-daa7c04131f5", false },
		{ "v1.2.3-10.20191109021931-daa7c04131f5", false },
		{ "v1.2.3-pre20191109021931-daa7c04131f5", false },
		{ "v0.0.0-2019110902193-daa7c04131f5", false },
		{ "v0.0.0-201911090219311-daa7c04131f5", false },
		{ "v0.0.0-20191109021931", false },
		{ "v0.0.0-20191109021931-daa7.c04131f5", false },
		{ "v0.0.0-20191109021931-", false },
		{ "v0.0.0-2019110902193a-daa7c04131f5", false },
		{ "v1.2.3", false },
		{ "v1.2.3-a", false },
		{ "v1.2.3--a", false },
		{ "(devel)", false },
		{ "", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].version);
		assert_int_equal(go_version_is_pseudo(cases[i].version), cases[i].pseudo);
	}
}

static void toolchains_are_ordered(void **state)
{
	(void)state;
	static const struct rung rungs[] = {
		{ { "", "devel go1.25-c8bd2cc", "1.24", "go", "go1.24.3rc1", "go01.2" } },
		{ { "go1", "go1.0", "go1.0.0" } },
		{ { "go1.9beta2" } },
		{ { "go1.9rc1" } },
		{ { "go1.9rc2" } },
		{ { "go1.9", "go1.9.0" } },
		{ { "go1.19.8" } },
		{ { "go1.20", "go1.20.0" } },
		{ { "go1.20.1" } },
		{ { "go1.21" } },
		{ { "go1.21rc2" } },
		{ { "go1.21rc10" } },
		{ { "go1.21.0" } },
		{ { "go1.24.2" } },
		{ { "go1.24.3", "go1.24.3 X:boringcrypto", "go1.24.3-bigcorp",
		    "go1.24.3-X:nocoverageredesign" } },
		{ { "go1.24.10" } },
		{ { "go1.25", "go1.25-devel_c8bd2cc" } },
		{ { "go1.25rc1" } },
		{ { "go1.25.0" } },
		{ { "go2.0" } },
		{ { "go99999999999999999999.1" } },
	};
	rungs_are_in_order(rungs, ARRAY_SIZE(rungs), go_toolchain_compare);
	for (size_t i = 0; i < ARRAY_SIZE(rungs); i++)
		for (const char *const *name = rungs[i].names; *name; name++)
			assert_int_equal(go_toolchain_is_valid(*name), i > 0);

	static const char *const none[] = { "go1.",     "go1.2.",    "go1.2.3.4",  "go1.2.03",
					    "go1.2RC1", "go1.2rc01", "go1.2rc1.1", "gogo1.2",
					    "Go1.2",    "go 1.2",    "go1.x" };
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		print_message("%s\n", none[i]);
		assert_false(go_toolchain_is_valid(none[i]));
	}
}

static void a_toolchain_has_a_library_version(void **state)
{
	(void)state;
	static const struct {
		const char *toolchain, *version; /* NULL: none */
	} cases[] = {
		{ "go1", "v1.0.0" },
		{ "go1.0", NULL },
		{ "go1.0.1", "v1.0.1" },
		{ "go2", NULL },
		{ "go1.9", "v1.9.0" },
		{ "go1.24.3", "v1.24.3" },
		{ "go1.24.3 X:boringcrypto", "v1.24.3" },
		{ "go1.24.3-bigcorp", NULL },
		{ "go1.25rc1", "v1.25.0-rc.1" },
		{ "go1.9beta12", "v1.9.0-beta.12" },
		{ "go1.9beta", NULL },
		{ "go1.9r1", NULL },
		{ "go1.9alpha1", NULL },
		{ "devel go1.25-c8bd2cc", NULL },
		{ "", NULL },
		{ "go1.11111111111111111111111111111111111111111", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char version[GO_TOOLCHAIN_VERSION_SIZE] = "untouched";
		print_message("%s\n", cases[i].toolchain);
		assert_int_equal(go_toolchain_version(cases[i].toolchain, version),
				 cases[i].version != NULL);
		assert_string_equal(version, cases[i].version ? cases[i].version : "untouched");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(module_versions_are_ordered),
		cmocka_unit_test(what_is_no_version_is_refused),
		cmocka_unit_test(bare_versions_are_ordered),
		cmocka_unit_test(pseudo_versions_are_known),
		cmocka_unit_test(toolchains_are_ordered),
		cmocka_unit_test(a_toolchain_has_a_library_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
