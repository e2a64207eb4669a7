/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "split/options.h"

#define ARGUMENTS_LIMIT 12

static int read_options(struct split_options *options, const char *const *arguments)
{
	char *argv[ARGUMENTS_LIMIT + 1] = { 0 };
	int argc = 0;
	while (argc < ARGUMENTS_LIMIT && arguments[argc]) {
		argv[argc] = (char *)arguments[argc];
		argc++;
	}
	return split_options_read(options, argc, argv);
}

static void wrong_uses_are_told(void **state)
{
	(void)state;
	static const char *const cases[][ARGUMENTS_LIMIT] = {
		{ "dbgsplit" },
		{ "dbgsplit", "--no-such", "f" },
		{ "dbgsplit", "--jobs=0", "f" },
		{ "dbgsplit", "--jobs=x", "f" },
		{ "dbgsplit", "--level=23", "f" },
		{ "dbgsplit", "--min-free=", "f" },
		{ "dbgsplit", "--min-free=1X", "f" },
		{ "dbgsplit", "--min-free=99999999999T", "f" },
		{ "dbgsplit", "--sources=yes", "f" },
		{ "dbgsplit", "--executable=auto", "f" },
		{ "dbgsplit", "--build-id=yes", "f" },
		{ "dbgsplit", "-o", "out", "f", "g" },
		{ "dbgsplit", "--debug-file=x", "f", "g" },
		{ "dbgsplit", "--debug-file=x", "--debug-dir=y", "f" },
		{ "dbgsplit", "--store=https://example.com/", "f" },
		{ "dbgsplit", "--strip-all", "f" },
		{ "dbgsplit", "-s", "f" },
		{ "dbgsplit", "--strip-unneeded", "f" },
		{ "dbgsplit", "-x", "f" },
		{ "dbgsplit", "-X", "f" },
		{ "dbgsplit", "-N", "name", "f" },
		{ "dbgsplit", "--only-keep-debug", "f" },
		{ "strip", "--only-keep-debug", "f" },
		{ "strip", "-O", "binary", "f" },
		{ "strip", "-Ibinary", "f" },
		{ "strip", "-g", "--target=srec", "f" },
		{ "strip", "-g" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct split_options options;
		print_message("%s\n", cases[i][1] ? cases[i][1] : "(none)");
		assert_int_equal(read_options(&options, cases[i]), STATUS_USAGE);
		split_options_free(&options);
	}
}

static void values_arrive(void **state)
{
	(void)state;
	struct split_options options;
	static const char *const arguments[] = { "dbgsplit",  "--store=s", "--min-free=2G",
						 "a",         "--jobs=3",  "-p",
						 "-R",        ".comment",  "--tag=one",
						 "--tag=two", "b",         NULL };
	assert_int_equal(read_options(&options, arguments), STATUS_GO_ON);
	assert_string_equal(options.store, "s");
	assert_int_equal(options.min_free, 2ull << 30);
	assert_int_equal(options.jobs, 3);
	assert_true(options.keep_times);
	assert_int_equal(options.removed.n, 1);
	assert_string_equal(options.removed.values[0], ".comment");
	assert_int_equal(options.origin.n_tags, 2);
	assert_string_equal(options.origin.tags[1], "two");
	assert_int_equal(options.n_inputs, 2);
	assert_string_equal(options.inputs[0], "a");
	assert_string_equal(options.inputs[1], "b");
	assert_false(options.as_strip);
	split_options_free(&options);
}

static void the_environment_comes_first(void **state)
{
	(void)state;
	struct split_options options;
	setenv("DBGVAULT_SPLIT_FLAGS", "  --store=one --level=7\t--executable=no ", 1);
	setenv("DBGVAULT_PACKAGE", "hello", 1);
	setenv("DBGVAULT_PKG_VERSION", "1.0", 1);
	assert_int_equal(read_options(&options, (const char *[]){ "dbgsplit", "--store=two",
								  "--pkg-version=2.0", "f", NULL }),
			 STATUS_GO_ON);
	assert_string_equal(options.store, "two");
	assert_int_equal(options.level, 7);
	assert_true(options.no_executable);
	assert_string_equal(options.origin.package, "hello");
	assert_string_equal(options.origin.version, "2.0");
	split_options_free(&options);
	unsetenv("DBGVAULT_SPLIT_FLAGS");
	unsetenv("DBGVAULT_PACKAGE");
	unsetenv("DBGVAULT_PKG_VERSION");
}

static void it_stands_in_for_strip(void **state)
{
	(void)state;
	static const char *const cases[][ARGUMENTS_LIMIT] = {
		{ "strip", "f" },
		{ "/usr/bin/strip", "-g", "f" },
		{ "tools/aarch64-linux-gnu-strip", "-S", "f" },
		{ "strip", "-d", "-o", "out", "f" },
		{ "strip", "--strip-all", "f" },
		{ "strip", "-s", "-p", "f" },
		{ "strip", "--strip-unneeded", "-R", ".comment", "-R", ".note", "f" },
		{ "strip", "--strip-debug", "-D", "f" },
		{ "strip", "--strip-u", "-R.comment", "f" },
		{ "strip", "-xXgpDvw", "-Kmain", "--keep-symbol", "x", "f" },
		{ "strip", "-F", "elf64-x86-64", "--discard-l", "-N", "x", "f" },
		{ "strip", "--keep-file-symbols", "-M", "--no-merge-notes", "f" },
		{ "dbgsplit-strip", "-Sd", "f" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct split_options options;
		assert_int_equal(read_options(&options, cases[i]), STATUS_GO_ON);
		assert_true(options.as_strip);
		assert_int_equal(options.n_inputs, 1);
		split_options_free(&options);
	}
	struct split_options options;
	assert_int_equal(read_options(&options, (const char *[]){ "outstrip", "f", NULL }),
			 STATUS_GO_ON);
	assert_false(options.as_strip);
	split_options_free(&options);
}

/* Packaging that wants to be told. */
static void strict_refuses_what_is_not_done(void **state)
{
	(void)state;
	static const struct {
		const char *arguments[ARGUMENTS_LIMIT];
		const char *strict;
		int status;
	} cases[] = {
		{ { "strip", "f" }, "1", STATUS_USAGE },
		{ { "strip", "-s", "f" }, "yes", STATUS_USAGE },
		{ { "strip", "--strip-unneeded", "f" }, "1", STATUS_USAGE },
		{ { "strip", "-g", "-x", "f" }, "1", STATUS_USAGE },
		{ { "strip", "-g", "f" }, "1", STATUS_GO_ON },
		{ { "dbgsplit", "f" }, "1", STATUS_GO_ON },
		{ { "strip", "f" }, "0", STATUS_GO_ON },
		{ { "strip", "f" }, "", STATUS_GO_ON },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct split_options options;
		print_message("%zu\n", i);
		setenv("DBGVAULT_STRICT", cases[i].strict, 1);
		assert_int_equal(read_options(&options, cases[i].arguments), cases[i].status);
		split_options_free(&options);
	}
	unsetenv("DBGVAULT_STRICT");
}

static void the_environment_is_quoted_as_in_files(void **state)
{
	(void)state;
	struct split_options options;
	setenv("DBGVAULT_SPLIT_FLAGS", "--store='a b' --tag=x\\ y", 1);
	assert_int_equal(read_options(&options, (const char *[]){ "strip", "-g", "f", NULL }),
			 STATUS_GO_ON);
	assert_string_equal(options.store, "a b");
	assert_int_equal(options.origin.n_tags, 1);
	assert_string_equal(options.origin.tags[0], "x y");
	split_options_free(&options);
	unsetenv("DBGVAULT_SPLIT_FLAGS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_uses_are_told),
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(the_environment_comes_first),
		cmocka_unit_test(it_stands_in_for_strip),
		cmocka_unit_test(strict_refuses_what_is_not_done),
		cmocka_unit_test(the_environment_is_quoted_as_in_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
