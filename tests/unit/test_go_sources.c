/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "split/go_sources.h"

static void upper_letters_are_escaped(void **state)
{
	(void)state;
	static const struct {
		const char *plain, *escaped;
	} cases[] = {
		{ "github.com/Azure/azure-sdk", "github.com/!azure/azure-sdk" },
		{ "golang.org/x/net", "golang.org/x/net" },
		{ "AZ", "!a!z" },
		{ "v1.0.0-RC1", "v1.0.0-!r!c1" },
		{ "", "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		scoped(string_free) char *escaped = NULL;
		print_message("%s\n", cases[i].plain);
		assert_int_equal(
			go_escape(cases[i].plain, strlen(cases[i].plain), &escaped, NULL), 0);
		assert_string_equal(escaped, cases[i].escaped);
	}
}

static void arguments_of_go_files(void **state)
{
	(void)state;
	static const struct {
		const char *what, *text, *verb;
		size_t i;
		const char *argument; /* NULL: none */
	} cases[] = {
		{ "plain", "module example.com/a\n", "module", 0, "example.com/a" },
		{ "no newline", "module example.com/a", "module", 0, "example.com/a" },
		{ "comments", "// module x\n\n  module\texample.com/a // y\r\n", "module", 0,
		  "example.com/a" },
		{ "quoted", "module \"example.com/a b\"\n", "module", 0, "example.com/a b" },
		{ "raw", "module `example.com/a`", "module", 0, "example.com/a" },
		{ "quote not ended", "module \"exa\nuse b", "module", 0, "exa" },
		{ "other verb", "modules a\nmodule b\n", "module", 0, "b" },
		{ "block", "use (\n\t./a\n\t// ./c\n\t./b // x\n)\n", "use", 1, "./b" },
		{ "behind a block", "use (\n\t./a\n)\nuse ./d\n", "use", 1, "./d" },
		{ "another's block", "replace (\n\tuse b\n)\n", "use", 0, NULL },
		{ "too few", "use ./a\n", "use", 1, NULL },
		{ "no argument", "module\nmodule \n", "module", 0, NULL },
		{ "empty", "", "use", 0, NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		print_message("%s\n", cases[i].what);
		size_t size = 0;
		const char *at = go_mod_argument(cases[i].text, cases[i].verb, cases[i].i, &size);
		if (!cases[i].argument) {
			assert_null(at);
			continue;
		}
		assert_non_null(at);
		assert_int_equal(size, strlen(cases[i].argument));
		assert_memory_equal(at, cases[i].argument, size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(upper_letters_are_escaped),
		cmocka_unit_test(arguments_of_go_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
