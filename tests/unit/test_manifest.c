/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "elf/source_names.h"
#include "store/internal.h"

#define FIRST "dbgvault-sources 1\n"
#define HEX8(c) c c c c c c c c
#define HEX64(c) HEX8(HEX8(c))
#define A HEX64("a")
#define B HEX64("b")

/* As manifest_parse() wants it: its own memory, a NUL behind. */
static char *copy(const char *text, size_t size)
{
	char *ret = malloc(size + 1);
	assert_non_null(ret);
	memcpy(ret, text, size);
	ret[size] = 0;
	return ret;
}

static struct digest digest_filled(uint8_t byte)
{
	struct digest ret;
	memset(ret.bytes, byte, sizeof(ret.bytes));
	return ret;
}

static void any_bytes_go_round(void **state)
{
	(void)state;
	/* In order of bytes: what is escaped sorts as what it stands for. */
	static const char *const paths[] = {
		"/\x01",       "/\n",    "/\n/\\n", "/ ",        "/  ?x",       "/?",
		"/a",          "/a b.c", "/a\\",    "/a\\\\n\n", "/a\\n",       "/b/\xc3\xa4.c",
		"/b/\xff\xfe", "?",      "\\",      "a",         "relative/\n",
	};
	struct manifest_entry entries[ARRAY_SIZE(paths)];
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		entries[i] = (struct manifest_entry){ paths[i], digest_filled((uint8_t)(i * 15)),
						      i % 3 == 1 };

	char *text;
	size_t size;
	assert_int_equal(manifest_format(entries, ARRAY_SIZE(paths), &text, &size, NULL), 0);
	assert_int_equal(size, strlen(text));
	scoped(string_free) char *again = copy(text, size);

	scoped(manifest_closep) struct manifest *m = NULL;
	struct error err = ERROR_NONE;
	assert_int_equal(manifest_parse(text, size, &m, &err), 0);
	assert_int_equal(manifest_n_entries(m), ARRAY_SIZE(paths));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct manifest_entry e = manifest_entry_at(m, i);
		assert_string_equal(e.path, paths[i]);
		assert_memory_equal(e.digest.bytes, entries[i].digest.bytes, DIGEST_SIZE);
		assert_int_equal(e.doubtful, entries[i].doubtful);
		struct manifest_entry found = { 0 };
		assert_true(manifest_find(m, paths[i], &found));
		assert_string_equal(found.path, paths[i]);
		assert_memory_equal(found.digest.bytes, entries[i].digest.bytes, DIGEST_SIZE);
	}

	/* What came back gives the same text. */
	struct manifest_entry back[ARRAY_SIZE(paths)];
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		back[i] = manifest_entry_at(m, i);
	scoped(string_free) char *text_back = NULL;
	assert_int_equal(manifest_format(back, ARRAY_SIZE(back), &text_back, &size, NULL), 0);
	assert_string_equal(text_back, again);
}

static void the_text_is_as_documented(void **state)
{
	(void)state;
	const struct manifest_entry entries[] = {
		{ "/p/a\\b\nc.c", digest_filled(0xaa), false },
		{ "/p/d.c", digest_filled(0xbb), true },
	};
	scoped(string_free) char *text = NULL;
	size_t size;
	assert_int_equal(manifest_format(entries, 2, &text, &size, NULL), 0);
	assert_string_equal(text, FIRST A "  /p/a\\\\b\\nc.c\n" B " ?/p/d.c\n");
}

static void damage_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *what, *text;
		size_t size; /* 0: strlen */
		int r;
		const char *message;
	} cases[] = {
		{ "whole", FIRST A "  /a\n" B "  /b\n", 0, 0, "" },
		{ "no files", FIRST, 0, 0, "" },
		{ "capital digits", FIRST HEX64("A") "  /a\n", 0, 0, "" },
		{ "empty", "", 0, -EBADMSG, "does not begin" },
		{ "something else", "dbgvault-store 1\n", 0, -EBADMSG, "does not begin" },
		{ "cut in the first line", "dbgvault-sources 1", 0, -ENOTSUP, "version" },
		{ "a newer version", "dbgvault-sources 2\n", 0, -ENOTSUP, "version" },
		{ "version 10", "dbgvault-sources 10\n", 0, -ENOTSUP, "version" },
		{ "no newline at the end", FIRST A "  /a", 0, -EBADMSG, "line 2 has no newline" },
		{ "an empty line", FIRST "\n", 0, -EBADMSG, "line 2: shorter" },
		{ "no path", FIRST A "  \n", 0, -EBADMSG, "line 2: shorter" },
		{ "63 digits", FIRST HEX8(HEX8("a")) "", 0, -EBADMSG, "newline" },
		{ "not hex", FIRST "g" A "  /a\n", 0, -EBADMSG, "line 2: does not begin with 64" },
		{ "65 digits", FIRST "a" A "  /a\n", 0, -EBADMSG, "line 2: no" },
		{ "one blank", FIRST A " /a/b\n", 0, -EBADMSG, "line 2: no" },
		{ "an unknown flag", FIRST A " !/a\n", 0, -EBADMSG, "line 2: no" },
		{ "a flag too early", FIRST A "? /a\n", 0, -EBADMSG, "line 2: no" },
		{ "a lone backslash", FIRST A "  /a\\b\n", 0, -EBADMSG, "line 2: a backslash" },
		{ "a backslash at the end", FIRST A "  /a\\\n", 0, -EBADMSG,
		  "line 2: a backslash" },
		{ "twice the same", FIRST A "  /a\n" B "  /a\n", 0, -EBADMSG,
		  "line 3: path not behind" },
		{ "out of order", FIRST A "  /b\n" B "  /a\n", 0, -EBADMSG,
		  "line 3: path not behind" },
		{ "sorted as escaped", FIRST A "  /]\n" B "  /\\n\n", 0, -EBADMSG, "line 3: path" },
		{ "a NUL", FIRST A "  /a\0b\n", sizeof(FIRST A "  /a\0b\n") - 1, -EBADMSG, "NUL" },
		{ "NUL for the newline", FIRST A "  /a\0", sizeof(FIRST A "  /a\0") - 1, -EBADMSG,
		  "NUL" },
		{ "over the limit", FIRST, MANIFEST_SIZE_LIMIT + 1u, -EFBIG, "over the limit" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		size_t size = cases[i].size ? cases[i].size : strlen(cases[i].text);
		char *text = copy(cases[i].text,
				  size > MANIFEST_SIZE_LIMIT ? strlen(cases[i].text) : size);
		scoped(manifest_closep) struct manifest *m = NULL;
		struct error err = ERROR_NONE;
		assert_int_equal(manifest_parse(text, size, &m, &err), cases[i].r);
		assert_non_null(strstr(err.message, cases[i].message));
		assert_int_equal(!m, cases[i].r < 0); /* untouched on failure */
	}
}

static void every_cut_is_told(void **state)
{
	(void)state;
	static const char text[] = FIRST A "  /a\\n\n" B " ?/b\\\\\n";
	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		scoped(manifest_closep) struct manifest *m = NULL;
		int r = manifest_parse(copy(text, size), size, &m, NULL);
		/* Behind a whole line nothing can be missed: the manifest's own digest is for that.
		 */
		if (size == sizeof(FIRST) - 1 || size == sizeof(FIRST A "  /a\\n\n") - 1)
			assert_int_equal(r, 0);
		else
			assert_true(r == -EBADMSG || r == -ENOTSUP);
	}
}

static void paths_over_the_limit_are_refused(void **state)
{
	(void)state;
	for (size_t n = SOURCE_PATH_LIMIT; n <= SOURCE_PATH_LIMIT + 1; n++) {
		scoped(string_free) char *path = malloc(n + 1);
		assert_non_null(path);
		memset(path, 'p', n);
		path[n] = 0;
		const struct manifest_entry entry = { path, digest_filled(1), false };
		char *text;
		size_t size;
		assert_int_equal(manifest_format(&entry, 1, &text, &size, NULL), 0);
		scoped(manifest_closep) struct manifest *m = NULL;
		assert_int_equal(manifest_parse(text, size, &m, NULL),
				 n > SOURCE_PATH_LIMIT ? -EBADMSG : 0);
		/* And asked for: not there, no harm. */
		struct manifest_entry found;
		if (m)
			assert_true(manifest_find(m, path, &found));
	}
}

static void paths_are_found_as_they_are_and_folded(void **state)
{
	(void)state;
	static const char text[] =
		FIRST A "  /p/../odd.c\n" A "  /p/a.c\n" B "  /p/b.c\n" B "  rel/x.c\n";
	scoped(manifest_closep) struct manifest *m = NULL;
	assert_int_equal(manifest_parse(copy(text, sizeof(text) - 1), sizeof(text) - 1, &m, NULL),
			 0);
	static const struct {
		const char *asked, *found;
	} cases[] = {
		{ "/p/a.c", "/p/a.c" },
		{ "//p/a.c", "/p/a.c" },
		{ "/p/./a.c", "/p/a.c" },
		{ "/q/../p//b.c", "/p/b.c" },
		{ "/../p/b.c", "/p/b.c" },
		{ "/p/../odd.c", "/p/../odd.c" }, /* as it is, first */
		{ "./rel/x.c", "rel/x.c" },
		{ "/rel/x.c", NULL },
		{ "/odd.c", NULL },
		{ "/p/c.c", NULL },
		{ "/p/a.", NULL },
		{ "/p/a.cc", NULL },
		{ "p/a.c", NULL },
		{ "/", NULL },
		{ "", NULL },
		{ "/p/A.c", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].asked);
		struct manifest_entry e = { 0 };
		assert_int_equal(manifest_find(m, cases[i].asked, &e), cases[i].found != NULL);
		if (cases[i].found)
			assert_string_equal(e.path, cases[i].found);
		else
			assert_null(e.path); /* untouched */
	}

	/* A name far beyond any limit. */
	scoped(string_free) char *slashes = malloc(1 << 20);
	assert_non_null(slashes);
	memset(slashes, '/', 1 << 20);
	memcpy(slashes + (1 << 20) - 7, "/p/a.c", 7);
	struct manifest_entry e;
	assert_false(manifest_find(m, slashes, &e));
}

static void each_of_many_is_found(void **state)
{
	(void)state;
	for (size_t n = 0; n < 70; n++) {
		char paths[70][16];
		struct manifest_entry entries[70];
		for (size_t i = 0; i < n; i++) {
			snprintf(paths[i], sizeof(paths[i]), "/%03zu", 2 * i + 1);
			entries[i] = (struct manifest_entry){ paths[i], digest_filled((uint8_t)i),
							      false };
		}
		char *text;
		size_t size;
		assert_int_equal(manifest_format(entries, n, &text, &size, NULL), 0);
		scoped(manifest_closep) struct manifest *m = NULL;
		assert_int_equal(manifest_parse(text, size, &m, NULL), 0);
		for (size_t i = 0; i <= 2 * n; i++) {
			char path[32];
			snprintf(path, sizeof(path), "/%03zu", i);
			struct manifest_entry e;
			assert_int_equal(manifest_find(m, path, &e), i % 2);
			if (i % 2)
				assert_int_equal(e.digest.bytes[0], i / 2);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_bytes_go_round),
		cmocka_unit_test(the_text_is_as_documented),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(every_cut_is_told),
		cmocka_unit_test(paths_over_the_limit_are_refused),
		cmocka_unit_test(paths_are_found_as_they_are_and_folded),
		cmocka_unit_test(each_of_many_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
