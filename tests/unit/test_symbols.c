/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "split/symbols.h"
#include "tests/unit/split_fixture.h"

/* A plan and what follows from it, or the result of trying. */
static int prepare(struct split_fixture *f, struct plan *plan, struct symbols *symbols,
		   struct error *err)
{
	split_fixture_build(f, NULL);
	assert_int_equal(plan_make(&f->image, NULL, plan, NULL), 0);
	int r = symbols_plan(plan, symbols, err);
	if (r < 0)
		plan_free(plan);
	return r;
}

static void done(struct split_fixture *f, struct plan *plan, struct symbols *symbols)
{
	symbols_free(symbols);
	plan_free(plan);
	split_fixture_free(f);
}

static GElf_Sym symbol_at(const struct split_fixture *f, const struct bytes *table, size_t k)
{
	GElf_Sym symbol;
	size_t size = image_type_size(&f->image, ELF_T_SYM);
	assert_true((k + 1) * size <= table->size);
	image_decode_sym(&f->image, table->bytes + k * size, &symbol);
	return symbol;
}

static void the_usual_case_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		struct split_fixture f;
		struct plan plan;
		struct symbols symbols;
		uint64_t size;
		split_fixture_init(&f, &split_fixture_kinds[i]);
		assert_int_equal(prepare(&f, &plan, &symbols, NULL), 0);
		assert_false(symbols_change(&symbols));
		for (unsigned k = 1; k < f.image.n_sections; k++)
			assert_false(symbols_rewrite(&symbols, k, &size));
		assert_int_equal(symbols_info(&symbols, f.symtab), 3);
		done(&f, &plan, &symbols);
	}
}

static void symbols_of_sections_that_leave_go_with_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		struct split_fixture f;
		struct plan plan;
		struct symbols symbols;
		uint64_t size;
		print_message("%s\n", split_fixture_kinds[i].name);
		split_fixture_start(&f, &split_fixture_kinds[i]);
		split_fixture_add_debug(&f);
		split_fixture_add_symbols(&f, (unsigned[]){ f.text, f.info, f.comment, f.str }, 4);
		assert_int_equal(prepare(&f, &plan, &symbols, NULL), 0);
		assert_true(symbols_change(&symbols));
		assert_true(symbols_rewrite(&symbols, f.symtab, &size));
		assert_int_equal(size, 6 * image_type_size(&f.image, ELF_T_SYM));
		assert_int_equal(symbols_info(&symbols, f.symtab), 4); /* it was 6 */

		struct bytes table = { 0 };
		struct sink sink = bytes_sink(&table);
		assert_int_equal(symbols_write(&symbols, f.symtab, &sink, NULL), 0);
		assert_int_equal(table.size, size);
		static const uint32_t names[] = { 0, 1, 0, 0, 8, 13 };
		const uint16_t sections[] = { 0,
					      SHN_ABS,
					      (uint16_t)f.text,
					      (uint16_t)f.comment,
					      (uint16_t)f.text,
					      (uint16_t)f.bss };
		for (size_t k = 0; k < 6; k++) {
			GElf_Sym symbol = symbol_at(&f, &table, k);
			assert_int_equal(symbol.st_name, names[k]);
			assert_int_equal(symbol.st_shndx, sections[k]);
		}
		bytes_free(&table);
		done(&f, &plan, &symbols);
	}
}

/* Debug sections before the program's own: what is behind them gets another index. */
static void start_reversed(struct split_fixture *f, const struct split_fixture_kind *kind)
{
	*f = (struct split_fixture){ 0 };
	elf_builder_init(&f->b, kind->class, kind->encoding, ET_DYN, kind->machine);
	split_fixture_add_debug(f);
	f->text = elf_builder_section(&f->b, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "x",
				      1);
	f->bss = elf_builder_section(&f->b, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL, 64);
	split_fixture_add_symbols(f, (unsigned[]){ f->info, f->text }, 2);
}

static void indexes_follow(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		struct split_fixture f;
		struct plan plan;
		struct symbols symbols;
		start_reversed(&f, &split_fixture_kinds[i]);
		assert_int_equal(prepare(&f, &plan, &symbols, NULL), 0);
		struct bytes table = { 0 };
		struct sink sink = bytes_sink(&table);
		assert_int_equal(symbols_write(&symbols, f.symtab, &sink, NULL), 0);
		assert_int_equal(symbol_at(&f, &table, 1).st_shndx, SHN_ABS);
		assert_int_equal(symbol_at(&f, &table, 2).st_shndx, f.text - 2);
		assert_int_equal(symbol_at(&f, &table, 3).st_shndx, f.text - 2);
		assert_int_equal(symbol_at(&f, &table, 4).st_shndx, f.bss - 2);
		assert_int_equal(symbol_at(&f, &table, 3).st_value, 0x1000);
		bytes_free(&table);
		done(&f, &plan, &symbols);
	}
}

static size_t put_rela(const struct split_fixture *f, uint8_t *ret, uint32_t symbol)
{
	const struct elf_builder *b = &f->b;
	if (b->class == ELFCLASS64) {
		elf_builder_put(b, ret, 0x1234, 8);
		elf_builder_put(b, ret + 8, (uint64_t)symbol << 32 | 7, 8);
		elf_builder_put(b, ret + 16, 5, 8);
		return 24;
	}
	elf_builder_put(b, ret, 0x1234, 4);
	elf_builder_put(b, ret + 4, symbol << 8 | 7, 4);
	elf_builder_put(b, ret + 8, 5, 4);
	return 12;
}

static unsigned add_rela(struct split_fixture *f, uint64_t flags, const uint32_t *targets, size_t n)
{
	uint8_t bytes[24 * 4];
	size_t size = 0;
	for (size_t i = 0; i < n; i++)
		size += put_rela(f, bytes + size, targets[i]);
	unsigned rela = elf_builder_section(&f->b, ".rela.text", SHT_RELA, flags, bytes, size);
	f->b.sections[rela].shdr.sh_link = f->symtab;
	f->b.sections[rela].shdr.sh_info = f->text;
	f->b.sections[rela].shdr.sh_entsize = f->b.class == ELFCLASS64 ? 24 : 12;
	return rela;
}

static void relocations_follow(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		struct split_fixture f;
		struct plan plan;
		struct symbols symbols;
		print_message("%s\n", split_fixture_kinds[i].name);
		split_fixture_start(&f, &split_fixture_kinds[i]);
		split_fixture_add_debug(&f);
		split_fixture_add_symbols(&f, (unsigned[]){ f.info, f.text, f.str }, 3);
		/* Symbols 2 and 4 go; 3, 5 and 6 become 2, 3 and 4. */
		unsigned rela = add_rela(&f, 0, (uint32_t[]){ 3, 0, 5, 6 }, 4);
		assert_int_equal(prepare(&f, &plan, &symbols, NULL), 0);
		struct bytes out = { 0 }, expected = { 0 };
		struct sink sink = bytes_sink(&out), expected_sink = bytes_sink(&expected);
		assert_int_equal(symbols_write(&symbols, rela, &sink, NULL), 0);
		static const uint32_t to[] = { 2, 0, 3, 4 };
		for (size_t k = 0; k < 4; k++) {
			uint8_t entry[24];
			size_t size = put_rela(&f, entry, to[k]);
			assert_int_equal(sink_take(&expected_sink, entry, size, false, NULL), 0);
		}
		assert_int_equal(out.size, expected.size);
		assert_memory_equal(out.bytes, expected.bytes, out.size);
		assert_int_equal(symbols_info(&symbols, rela), f.text);
		bytes_free(&out);
		bytes_free(&expected);
		done(&f, &plan, &symbols);
	}
}

static void what_cannot_follow_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint64_t flags;
		uint32_t target;
		int r;
		const char *message;
	} cases[] = {
		{ "needs a symbol that goes", 0, 2, -ENOTSUP,
		  ".rela.text: entry 0 needs symbol 2" },
		{ "loaded, and would change", SHF_ALLOC, 3, -ENOTSUP, "is loaded" },
		{ "loaded, of no symbol", SHF_ALLOC, 0, 0, "" },
		{ "loaded, of one before", SHF_ALLOC, 1, 0, "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct split_fixture f;
		struct plan plan;
		struct symbols symbols;
		struct error err = ERROR_NONE;
		print_message("%s\n", cases[i].what);
		split_fixture_start(&f, &split_fixture_kinds[0]);
		split_fixture_add_debug(&f);
		split_fixture_add_symbols(&f, (unsigned[]){ f.info, f.text }, 2);
		add_rela(&f, cases[i].flags, &cases[i].target, 1);
		int r = prepare(&f, &plan, &symbols, &err);
		assert_int_equal(r, cases[i].r);
		assert_non_null(strstr(err.message, cases[i].message));
		if (r == 0)
			done(&f, &plan, &symbols);
		else
			split_fixture_free(&f);
	}
}

static void malformed_tables_are_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct split_fixture f;
		struct plan plan;
		struct symbols symbols;
		split_fixture_start(&f, &split_fixture_kinds[0]);
		split_fixture_add_debug(&f);
		split_fixture_add_symbols(&f, (unsigned[]){ f.info }, 1);
		if (i == 0)
			f.b.sections[f.symtab].shdr.sh_entsize = 0;
		if (i == 1)
			f.b.sections[f.symtab].shdr.sh_size -= 1;
		if (i == 2) {
			unsigned odd = elf_builder_section(&f.b, ".addrsig", SHT_LOUSER, 0, "x", 1);
			f.b.sections[odd].shdr.sh_link = f.symtab;
		}
		assert_int_equal(prepare(&f, &plan, &symbols, NULL), i == 2 ? -ENOTSUP : -EBADMSG);
		split_fixture_free(&f);
	}
}

static void groups_lose_members_and_follow(void **state)
{
	(void)state;
	struct split_fixture f;
	struct plan plan;
	struct symbols symbols;
	uint64_t size;
	start_reversed(&f, &split_fixture_kinds[1]);
	uint8_t words[16] = { 0 };
	elf_builder_put(&f.b, words, GRP_COMDAT, 4);
	elf_builder_put(&f.b, words + 4, f.info, 4);
	elf_builder_put(&f.b, words + 8, f.text, 4);
	elf_builder_put(&f.b, words + 12, f.bss, 4);
	unsigned group = elf_builder_section(&f.b, ".group", SHT_GROUP, 0, words, sizeof(words));
	f.b.sections[group].shdr.sh_link = f.symtab;
	f.b.sections[group].shdr.sh_info = 4; /* main, which becomes 3 */
	assert_int_equal(prepare(&f, &plan, &symbols, NULL), 0);
	assert_true(symbols_rewrite(&symbols, group, &size));
	assert_int_equal(size, 12);
	assert_int_equal(symbols_info(&symbols, group), 3);
	struct bytes out = { 0 };
	struct sink sink = bytes_sink(&out);
	assert_int_equal(symbols_write(&symbols, group, &sink, NULL), 0);
	assert_int_equal(image_decode_word(&f.image, out.bytes), GRP_COMDAT);
	assert_int_equal(image_decode_word(&f.image, out.bytes + 4), f.text - 2);
	assert_int_equal(image_decode_word(&f.image, out.bytes + 8), f.bss - 2);
	bytes_free(&out);
	done(&f, &plan, &symbols);
}

static void extended_indexes_follow(void **state)
{
	(void)state;
	struct split_fixture f;
	struct plan plan;
	struct symbols symbols;
	uint64_t size;
	start_reversed(&f, &split_fixture_kinds[0]);
	/* Symbol 4, main, says its section by way of the extended table. */
	uint8_t *table = f.b.sections[f.symtab].bytes;
	elf_builder_put(&f.b, table + 4 * 24 + 6, SHN_XINDEX, 2);
	uint8_t words[6 * 4] = { 0 };
	elf_builder_put(&f.b, words + 4 * 4, f.text, 4);
	unsigned extended = elf_builder_section(&f.b, ".symtab_shndx", SHT_SYMTAB_SHNDX, 0, words,
						sizeof(words));
	f.b.sections[extended].shdr.sh_link = f.symtab;
	assert_int_equal(prepare(&f, &plan, &symbols, NULL), 0);
	assert_true(symbols_rewrite(&symbols, extended, &size));
	assert_int_equal(size, 5 * 4);
	struct bytes out = { 0 }, out_words = { 0 };
	struct sink sink = bytes_sink(&out), words_sink = bytes_sink(&out_words);
	assert_int_equal(symbols_write(&symbols, f.symtab, &sink, NULL), 0);
	assert_int_equal(symbols_write(&symbols, extended, &words_sink, NULL), 0);
	/* Its new index has room in the symbol itself. */
	assert_int_equal(symbol_at(&f, &out, 3).st_shndx, f.text - 2);
	assert_int_equal(image_decode_word(&f.image, out_words.bytes + 3 * 4), 0);
	bytes_free(&out);
	bytes_free(&out_words);
	done(&f, &plan, &symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_case_changes_nothing),
		cmocka_unit_test(symbols_of_sections_that_leave_go_with_them),
		cmocka_unit_test(indexes_follow),
		cmocka_unit_test(relocations_follow),
		cmocka_unit_test(what_cannot_follow_is_refused),
		cmocka_unit_test(malformed_tables_are_refused),
		cmocka_unit_test(groups_lose_members_and_follow),
		cmocka_unit_test(extended_indexes_follow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
