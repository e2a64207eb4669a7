/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "split/words.h"
#include "tests/unit/scratch.h"

#define MAX_WORDS 6

static void assert_words(const struct words *words, const char *const *expected)
{
	size_t n = 0;
	for (; n < MAX_WORDS && expected[n]; n++) {
		assert_true(n < words->n);
		assert_string_equal(words->items[n], expected[n]);
	}
	assert_int_equal(words->n, n);
	assert_true(n == 0 || !words->items[n]);
}

static void texts_are_divided(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *words[MAX_WORDS];
	} cases[] = {
		{ "", { NULL } },
		{ " \t\r\n", { NULL } },
		{ "a", { "a" } },
		{ "  a\tb\nc ", { "a", "b", "c" } },
		{ "'a b' c", { "a b", "c" } },
		{ "\"a 'b\" c", { "a 'b", "c" } },
		{ "a'b c'd", { "ab cd" } },
		{ "'' x", { "", "x" } },
		{ "a\\ b", { "a b" } },
		{ "\"a\\\"b\"", { "a\"b" } },
		{ "a\\", { "a\\" } },
		{ "'a b", { "a b" } },
		{ "@a", { "@a" } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct words words = { 0 };
		print_message("%s\n", cases[i].text);
		assert_int_equal(words_add_text(&words, cases[i].text, NULL), 0);
		assert_words(&words, cases[i].words);
		words_free(&words);
	}
}

static void files_give_their_words(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	char outer[96], text[128], missing[96];
	snprintf(outer, sizeof(outer), "@%s/outer", s.path);
	snprintf(missing, sizeof(missing), "@%s/missing", s.path);
	snprintf(text, sizeof(text), "-g\n@%s/inner 'x y'", s.path);
	scratch_put(&s, "outer", text);
	scratch_put(&s, "inner", "-p\t-v\n");

	struct words words = { 0 };
	assert_int_equal(words_add_argument(&words, "-D", NULL), 0);
	assert_int_equal(words_add_argument(&words, outer, NULL), 0);
	assert_int_equal(words_add_argument(&words, missing, NULL), 0);
	assert_words(&words, (const char *[]){ "-D", "-g", "-p", "-v", "x y", missing });
	words_free(&words);
	scratch_remove(&s);
}

static void a_file_that_names_itself_ends(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	char name[96], text[256];
	snprintf(name, sizeof(name), "@%s/self", s.path);
	snprintf(text, sizeof(text), "a %s %s", name, name);
	scratch_put(&s, "self", text);
	struct words words = { 0 };
	struct error err = ERROR_NONE;
	assert_int_equal(words_add_argument(&words, name, &err), -ELOOP);
	assert_non_null(strstr(err.message, "self"));
	words_free(&words);
	scratch_remove(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_divided),
		cmocka_unit_test(files_give_their_words),
		cmocka_unit_test(a_file_that_names_itself_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
