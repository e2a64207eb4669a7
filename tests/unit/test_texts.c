/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "check/compilations.h"
#include "check/leaks.h"
#include "check/text_facts.h"
#include "tests/unit/elf_builder.h"

struct seen {
	char text[512];
	size_t n, longest, total;
};

static void note(const struct text *text, void *context)
{
	struct seen *seen = context;
	size_t used = strlen(seen->text);
	snprintf(seen->text + used, sizeof(seen->text) - used, "%.*s%s", (int)text->size,
		 text->bytes, text->whole ? ";" : "|");
	seen->n++;
	seen->total += text->size;
	if (text->size > seen->longest)
		seen->longest = text->size;
}

static void runs_of_printable_bytes(void **state)
{
	(void)state;
	static const char bytes[] = "abc\0abcd\1efgh ij\0\xc3\xa4\xc3\xb6\0\0klmn";
	struct seen seen = { 0 };
	texts_visit_bytes((const uint8_t *)bytes, sizeof(bytes) - 1, note, &seen);
	assert_string_equal(seen.text, "abcd|efgh ij;\xc3\xa4\xc3\xb6;klmn|");
	seen = (struct seen){ 0 };
	texts_visit_bytes((const uint8_t *)bytes, 0, note, &seen);
	assert_int_equal(seen.n, 0);
}

/* Decoding hands a section out in pieces: a text is one all the same, up to the limit. */
static void texts_over_pieces_are_joined(void **state)
{
	(void)state;
	enum { SIZE = (40 << 20) + 11 }; /* above what is decoded in one go */
	uint8_t *plain = malloc(SIZE);
	assert_non_null(plain);
	memset(plain, 0, SIZE);
	for (size_t at = 0; at + 1003 < SIZE; at += 1003) /* prime to the pieces' sizes */
		memset(plain + at, 'x', 1002);
	uLongf packed_size = compressBound(SIZE);
	uint8_t *packed = malloc(24 + packed_size);
	assert_non_null(packed);
	assert_int_equal(compress2(packed + 24, &packed_size, plain, SIZE, 1), Z_OK);
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
	memset(packed, 0, 24);
	elf_builder_put(&b, packed, ELFCOMPRESS_ZLIB, 4);
	elf_builder_put(&b, packed + 8, SIZE, 8);
	elf_builder_put(&b, packed + 16, 1, 8);
	elf_builder_section(&b, ".debug_str", SHT_PROGBITS, SHF_COMPRESSED, packed,
			    24 + packed_size);
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	struct image image;
	assert_int_equal(image_open(file, size, &image, NULL), 0);
	struct seen seen = { 0 };
	texts_visit(&image, &image.sections[1], note, &seen);
	assert_int_equal(seen.longest, 1002);
	assert_int_equal(seen.n, SIZE / 1003);
	assert_int_equal(seen.total, (SIZE / 1003) * 1002);
	image_close(&image);
	elf_builder_free(&b);
	free(file);
	free(packed);
	free(plain);
}

static void long_texts_come_in_parts(void **state)
{
	(void)state;
	static uint8_t bytes[3 * TEXT_LIMIT + 5];
	memset(bytes, 'y', sizeof(bytes));
	struct seen seen = { 0 };
	texts_visit_bytes(bytes, sizeof(bytes), note, &seen);
	assert_int_equal(seen.n, 4);
	assert_int_equal(seen.longest, TEXT_LIMIT);
	assert_int_equal(seen.total, sizeof(bytes));
}

static void paths_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum leak_place place;
		enum leak_kind kind; /* N_LEAK_KINDS: none */
		bool home;
	} cases[] = {
		{ "/home/ann/src/x.c", LEAK_STRINGS, LEAK_HOME, true },
		{ "/root/x.c", LEAK_STRINGS, LEAK_HOME, true },
		{ "/Users/ann/x.c", LEAK_DEBUG, LEAK_HOME, false },
		{ "/home/user/hello.c", LEAK_STRINGS, LEAK_BUILD, false }, /* as in manuals */
		{ "/home/index", LEAK_STRINGS, N_LEAK_KINDS, false }, /* a route */
		{ "/home/ann/go/pkg/mod/x.y/z@v1/a.go", LEAK_FUNCTIONS, LEAK_MODULES, true },
		{ "/go/pkg/mod/x.y/z@v1/a.go", LEAK_FUNCTIONS, LEAK_MODULES, false },
		{ "/pkg/mod/", LEAK_STRINGS, N_LEAK_KINDS, false },
		{ "/usr/local/cargo/registry/src/a/b.rs", LEAK_STRINGS, LEAK_MODULES, false },
		{ "/usr/local/go/src/fmt/print.go", LEAK_FUNCTIONS, LEAK_GO_ROOT, false },
		{ "/usr/local/gopher/x.go", LEAK_FUNCTIONS, LEAK_BUILD, false },
		{ "/srv/ci/x/main.go", LEAK_FUNCTIONS, LEAK_BUILD, false },
		{ "/build/x-1.0/x.c: failed", LEAK_STRINGS, LEAK_BUILD, false },
		{ "/srv/ci/x", LEAK_STRINGS, N_LEAK_KINDS,
		  false }, /* no source: a setting, perhaps */
		{ "/srv/ci/x", LEAK_DEBUG, LEAK_BUILD,
		  false }, /* there, folders are of the build */
		{ "/usr/include/stdio.h", LEAK_DEBUG, N_LEAK_KINDS, false },
		{ "/rustc/0123abc/library/core/src/x.rs", LEAK_STRINGS, N_LEAK_KINDS, false },
		{ "/_/GOROOT/src/x.go", LEAK_STRINGS, N_LEAK_KINDS, false },
		{ "fmt/print.go", LEAK_FUNCTIONS, N_LEAK_KINDS, false },
		{ "https://example.com/home/ann/x.c", LEAK_STRINGS, N_LEAK_KINDS, false },
		{ "-I=/home/ann/x/include", LEAK_STRINGS, LEAK_HOME, true },
		{ "in \"/home/ann/x.c\"", LEAK_STRINGS, LEAK_HOME, true },
		{ "a:/home/ann/x.c", LEAK_STRINGS, LEAK_HOME, true },
		{ "-O2 -I/home/ann/x/include", LEAK_STRINGS, LEAK_HOME, true },
		{ "-x/home/ann/x/include", LEAK_STRINGS, N_LEAK_KINDS, false },
		{ "//home/ann/x.c", LEAK_STRINGS, N_LEAK_KINDS, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct leaks leaks = { .go_root = "/usr/local/go" };
		print_message("%s\n", cases[i].text);
		leaks_add(&leaks, cases[i].place,
			  &(struct text){ cases[i].text, strlen(cases[i].text), true });
		for (int kind = 0; kind < N_LEAK_KINDS; kind++)
			assert_int_equal(leaks.counts[cases[i].place][kind].n,
					 kind == (int)cases[i].kind);
		assert_int_equal(leaks.home_is_loaded, cases[i].home);
		assert_int_equal(leaks.example[0] != 0, cases[i].kind != N_LEAK_KINDS);
	}
}

static void the_go_root_is_found(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t size;
		const char *root;
	} cases[] = {
#define TABLE(bytes, root) { bytes, sizeof(bytes), root }
		TABLE("x\0/opt/go/src/runtime/proc.go", "/opt/go"),
		TABLE("/opt/go/src/runtime/proc.go", "/opt/go"),
		TABLE("x\0runtime/proc.go", ""),
		TABLE("x\0a/src/runtime/proc.go", ""),
		TABLE("/src/runtime/proc.go", ""),
		TABLE("", ""),
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct leaks leaks = { 0 };
		leaks_find_go_root(&leaks, (const uint8_t *)cases[i].bytes, cases[i].size);
		assert_string_equal(leaks.go_root, cases[i].root);
	}
}

static void flags_of_compilations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int n, protector, clash, branch;
	} cases[] = {
		{ "GNU C17 12.2.0 -O2 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full",
		  1, 1, 1, 1 },
		{ "\x01GNU C++14 12.2.0 -g", 1, 0, 0, 0 },
		{ "GNU GIMPLE 12.2.0 -fstack-protector", 1, 1, 0, 0 },
		{ "GNU C17 12 -fstack-protector -fno-stack-protector", 1, 0, 0, 0 },
		{ "GNU C17 12 -fstack-protector-explicit -fcf-protection=none", 1, 0, 0, 0 },
		{ "GNU C17 12 -mbranch-protection=standard", 1, 0, 0, 1 },
		{ "GNU C17 12.2.0", 0, 0, 0, 0 }, /* -gno-record-gcc-switches */
		{ "GNU AS 2.40", 0, 0, 0, 0 },
		{ "clang version 14 -fstack-protector", 0, 0, 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct compilations c = { 0 };
		print_message("%s\n", cases[i].text);
		compilations_add(&c, &(struct text){ cases[i].text, strlen(cases[i].text), true });
		assert_int_equal(c.n, cases[i].n);
		assert_int_equal(c.n_stack_protector, cases[i].protector);
		assert_int_equal(c.n_stack_clash, cases[i].clash);
		assert_int_equal(c.n_branch, cases[i].branch);
		compilations_add(&c, &(struct text){ cases[i].text, strlen(cases[i].text), false });
		assert_int_equal(c.n, cases[i].n); /* cut: not all flags are seen */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_of_printable_bytes),
		cmocka_unit_test(texts_over_pieces_are_joined),
		cmocka_unit_test(long_texts_come_in_parts),
		cmocka_unit_test(paths_are_told_apart),
		cmocka_unit_test(the_go_root_is_found),
		cmocka_unit_test(flags_of_compilations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
