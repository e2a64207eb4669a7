/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/symbols.h"
#include "tests/unit/subject_fixture.h"

static const struct dynamic_entry entries[] = { { DT_NEEDED, 0, "liba.so" },
						{ DT_SONAME, 0, "self.so" },
						{ DT_NEEDED, 0, "libb.so" },
						{ DT_BIND_NOW, 0, NULL },
						{ DT_FLAGS_1, DF_1_PIE, NULL },
						{ DT_RPATH, 1 << 20,
						  NULL }, /* outside the strings */
						{ 0 } };
static const struct fixture_symbol symbols[] = {
	{ "puts", true }, { "f", false }, { "exit", true }, { 0 }
};

struct names {
	char text[128];
	unsigned n;
};

static int add_name(const struct symbol *symbol, void *context)
{
	struct names *names = context;
	strcat(strcat(names->text, symbol->name), symbol->dynamic ? "*" : ".");
	return ++names->n == 100;
}

static int stop(const struct symbol *symbol, void *context)
{
	(void)symbol;
	++*(int *)context;
	return 7;
}

static void both_classes_and_byte_orders_with_and_without_sections(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		const struct fixture fixture = { .class = i & 1 ? ELFCLASS32 : ELFCLASS64,
						 .encoding = i & 2 ? ELFDATA2MSB : ELFDATA2LSB,
						 .machine = EM_PPC,
						 .dynamic = entries,
						 .symbols = symbols,
						 .no_section_headers = i & 4 };
		size_t size;
		uint8_t *bytes = fixture_build(&fixture, &size);
		struct image image;
		struct dynamic dynamic;
		assert_int_equal(image_open(bytes, size, &image, NULL), 0);
		assert_int_equal(dynamic_read(&image, &dynamic, NULL), 0);
		assert_string_equal(dynamic_needed(&dynamic, 0), "liba.so");
		assert_string_equal(dynamic_needed(&dynamic, 1), "libb.so");
		assert_null(dynamic_needed(&dynamic, 2));
		assert_true(dynamic.flags & DF_BIND_NOW);
		assert_int_equal(dynamic.flags_1, DF_1_PIE);
		assert_null(dynamic.rpath);
		assert_null(dynamic.runpath);
		struct names names = { 0 };
		assert_int_equal(dynamic_symbols_visit(&dynamic, add_name, &names), 0);
		assert_string_equal(names.text, "puts*exit*");
		names = (struct names){ 0 };
		assert_int_equal(symbols_visit(&image, add_name, &names), 0);
		assert_string_equal(names.text, i & 4 ? "" : "f.");
		int n = 0;
		assert_int_equal(dynamic_symbols_visit(&dynamic, stop, &n), 7);
		assert_int_equal(n, 1);
		image_close(&image);
		free(bytes);
	}
}

/* DT_GNU_HASH: 1 bucket, hashed from symbol 2 on, 1 word of filter; the chain ends at symbol 4. */
static uint8_t *gnu_hash_file(const uint32_t *words, size_t n_words, size_t *ret_size)
{
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
	uint8_t hash[64] = { 0 }, table[16 * 6] = { 0 };
	for (size_t i = 0; i < n_words; i++)
		elf_builder_put(&b, hash + 4 * i, words[i], 4);
	unsigned at =
		elf_builder_section(&b, ".gnu.hash", SHT_GNU_HASH, SHF_ALLOC, hash, 4 * n_words);
	unsigned symtab = elf_builder_section(&b, ".dynsym", SHT_PROGBITS, SHF_ALLOC, NULL, 24 * 9);
	const uint64_t pairs[] = { DT_GNU_HASH, b.sections[at].shdr.sh_addr, DT_SYMTAB,
				   b.sections[symtab].shdr.sh_addr };
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		elf_builder_put(&b, table + 8 * i, pairs[i], 8);
	unsigned dynamic =
		elf_builder_section(&b, ".dynamic", SHT_DYNAMIC, SHF_ALLOC, table, sizeof(table));
	elf_builder_segment_over(&b, PT_LOAD, PF_R, at, dynamic);
	elf_builder_segment_over(&b, PT_DYNAMIC, PF_R, dynamic, dynamic);
	uint8_t *file = elf_builder_build(&b, ret_size);
	elf_builder_free(&b);
	return file;
}

static void symbols_are_counted_by_the_hash(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint32_t words[9];
		uint64_t n;
	} cases[] = {
		/* buckets, first, filter words, shift, filter (2), bucket, chain … */
		{ "a chain of three", { 1, 2, 1, 0, 0, 0, 2, 8, 8 }, 0 },
		{ "a chain of two", { 1, 2, 1, 0, 0, 0, 2, 8, 9 }, 4 },
		{ "none hashed", { 1, 5, 1, 0, 0, 0, 0, 0, 0 }, 5 },
		{ "more buckets than bytes", { 0xffffffff, 2, 1, 0, 0, 0, 2, 9, 9 }, 0 },
		{ "a filter that is too long", { 1, 2, 0xffffffff, 0, 0, 0, 2, 9, 9 }, 0 },
		{ "a bucket beyond all", { 1, 2, 1, 0, 0, 0, 0xfffffff0, 9, 9 }, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size;
		uint8_t *bytes = gnu_hash_file(cases[i].words, 9, &size);
		struct image image;
		struct dynamic dynamic;
		print_message("%s\n", cases[i].what);
		assert_int_equal(image_open(bytes, size, &image, NULL), 0);
		assert_int_equal(dynamic_read(&image, &dynamic, NULL), 0);
		if (cases[i].n)
			assert_int_equal(dynamic.n_symbols, cases[i].n);
		else /* what follows the hash in the segment may end a chain, but never outside */
			assert_true(dynamic.n_symbols <= 9 + 4);
		image_close(&image);
		free(bytes);
	}
}

static void what_is_damaged_is_refused(void **state)
{
	(void)state;
	size_t size;
	uint8_t *bytes = fixture_build(&(struct fixture){ .dynamic = entries }, &size);
	struct image image;
	struct dynamic dynamic;
	struct error err = ERROR_NONE;
	assert_int_equal(image_open(bytes, size, &image, NULL), 0);
	for (uint64_t i = 0; i < image.n_segments; i++)
		if (image.segments[i].p_type == PT_DYNAMIC)
			image.segments[i].p_filesz = 16;
	assert_int_equal(dynamic_read(&image, &dynamic, &err), -EBADMSG);
	assert_string_equal(err.message, "PT_DYNAMIC: no DT_NULL ends it");
	image.separate_debug = true;
	assert_int_equal(dynamic_read(&image, &dynamic, NULL), -ENOENT);
	image_close(&image);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_classes_and_byte_orders_with_and_without_sections),
		cmocka_unit_test(symbols_are_counted_by_the_hash),
		cmocka_unit_test(what_is_damaged_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
