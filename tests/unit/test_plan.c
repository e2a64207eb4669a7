/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "split/plan.h"
#include "tests/unit/split_fixture.h"

static void each_section_has_its_fate(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint32_t type;
		uint64_t flags;
		enum fate fate;
	} cases[] = {
		{ ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, FATE_KEEP },
		{ ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, FATE_KEEP },
		{ ".note.ABI-tag", SHT_NOTE, SHF_ALLOC, FATE_BOTH },
		{ ".note.stapsdt", SHT_NOTE, 0, FATE_BOTH },
		{ ".comment", SHT_PROGBITS, SHF_MERGE | SHF_STRINGS, FATE_BOTH },
		{ ".BTF", SHT_PROGBITS, 0, FATE_BOTH },
		{ ".gnu_debugdata", SHT_PROGBITS, 0, FATE_BOTH },
		{ ".mymeta", SHT_PROGBITS, 0, FATE_BOTH },
		{ ".debug_info", SHT_PROGBITS, 0, FATE_TAKE },
		{ ".debug_info", SHT_PROGBITS, SHF_COMPRESSED, FATE_TAKE },
		{ ".zdebug_line", SHT_PROGBITS, 0, FATE_TAKE },
		{ ".gdb_index", SHT_PROGBITS, 0, FATE_TAKE },
		{ ".gnu_debugaltlink", SHT_PROGBITS, 0, FATE_TAKE },
		{ ".stab", SHT_PROGBITS, 0, FATE_TAKE },
		/* Rust loads this one. */
		{ ".debug_gdb_scripts", SHT_PROGBITS, SHF_ALLOC, FATE_KEEP },
		/* A name does not make symbols debug information. */
		{ ".debug_symbols", SHT_SYMTAB, 0, FATE_BOTH },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct split_fixture f;
		split_fixture_start(&f, &split_fixture_kinds[0]);
		split_fixture_add_debug(&f);
		unsigned index = elf_builder_section(&f.b, cases[i].name, cases[i].type,
						     cases[i].flags, NULL, 48);
		split_fixture_build(&f, NULL);
		struct plan plan = { 0 };
		print_message("%s\n", cases[i].name);
		assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
		assert_int_equal(plan.sections[index].fate, cases[i].fate);
		assert_int_equal(plan.sections[index].stripped_index == 0,
				 cases[i].fate == FATE_TAKE);
		plan_free(&plan);
		split_fixture_free(&f);
	}
}

static void indexes_close_up(void **state)
{
	(void)state;
	struct split_fixture f;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	split_fixture_build(&f, NULL);
	struct plan plan;
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_true(plan_has_work(&plan));
	assert_true(plan.moves_indexes);
	assert_int_equal(plan.n_taken, 2);
	assert_int_equal(plan.taken_bytes, 300 + 19);
	assert_int_equal(plan.n_kept, f.image.n_sections - 2);
	assert_int_equal(plan_map_index(&plan, f.text), f.text);
	assert_int_equal(plan_map_index(&plan, f.info), 0);
	assert_int_equal(plan_map_index(&plan, f.symtab), f.symtab - 2);
	assert_int_equal(plan_map_index(&plan, SHN_ABS), SHN_ABS);
	assert_int_equal(plan_map_index(&plan, 0), 0);
	plan_free(&plan);
	split_fixture_free(&f);
}

static void nothing_to_take_is_no_work(void **state)
{
	(void)state;
	struct split_fixture f;
	split_fixture_start(&f, &split_fixture_kinds[0]);
	unsigned link =
		elf_builder_section(&f.b, ".gnu_debuglink", SHT_PROGBITS, 0, "x.debug\0crc", 12);
	split_fixture_build(&f, NULL);
	struct plan plan;
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_false(plan_has_work(&plan));
	/* The link of an earlier split is good as it is. */
	assert_int_equal(plan.sections[link].fate, FATE_BOTH);
	assert_int_equal(plan.stale_link, 0);
	plan_free(&plan);
	split_fixture_free(&f);
}

/* What distributions ship: strip(1) leaves the link to dwz's file. The debug link is good, and
 * stays. */
static void a_link_to_dwz_alone_is_no_work(void **state)
{
	(void)state;
	struct split_fixture f;
	split_fixture_start(&f, &split_fixture_kinds[0]);
	elf_builder_section(&f.b, ".gnu_debugaltlink", SHT_PROGBITS, 0, "x.dwz\0abcdefgh", 14);
	elf_builder_section(&f.b, ".gnu_debuglink", SHT_PROGBITS, 0, "x.debug\0crc", 12);
	split_fixture_build(&f, NULL);
	struct plan plan;
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_false(plan_has_work(&plan));
	assert_int_equal(plan.stale_link, 0);
	plan_free(&plan);
	split_fixture_free(&f);
}

static void a_link_beside_debug_information_is_stale(void **state)
{
	(void)state;
	struct split_fixture f;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	unsigned link =
		elf_builder_section(&f.b, ".gnu_debuglink", SHT_PROGBITS, 0, "x.debug\0crc", 12);
	split_fixture_build(&f, NULL);
	struct plan plan;
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_int_equal(plan.sections[link].fate, FATE_TAKE);
	assert_int_equal(plan.stale_link, link);
	plan_free(&plan);
	split_fixture_free(&f);
}

static void removed_sections_go_unless_they_are_loaded(void **state)
{
	(void)state;
	static const char *const removed[] = { ".comment", ".text", ".symtab", ".shstrtab",
					       ".none" };
	struct split_fixture f;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	split_fixture_build(&f, NULL);
	struct plan plan;
	const struct plan_options options = { removed, ARRAY_SIZE(removed) };
	assert_int_equal(plan_make(&f.image, &options, &plan, NULL), 0);
	assert_int_equal(plan.sections[f.comment].fate, FATE_TAKE);
	assert_int_equal(plan.sections[f.text].fate, FATE_KEEP);
	assert_int_equal(plan.sections[f.symtab].fate, FATE_BOTH);
	assert_int_equal(plan.sections[f.image.names_index].fate, FATE_BOTH);
	assert_int_equal(plan.taken_bytes, 300 + 19); /* of debug information alone */
	plan_free(&plan);
	split_fixture_free(&f);
}

static void what_belongs_together_goes_together(void **state)
{
	(void)state;
	struct split_fixture f;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	struct elf_builder *b = &f.b;
	unsigned rela = elf_builder_section(b, ".rela.debug_info", SHT_RELA, 0, NULL, 24);
	b->sections[rela].shdr.sh_link = f.symtab;
	b->sections[rela].shdr.sh_info = f.info;
	unsigned text_rela = elf_builder_section(b, ".rela.text", SHT_RELA, 0, NULL, 24);
	b->sections[text_rela].shdr.sh_link = f.symtab;
	b->sections[text_rela].shdr.sh_info = f.text;
	uint8_t words[12] = { 0 };
	elf_builder_put(b, words + 4, f.info, 4);
	elf_builder_put(b, words + 8, rela, 4);
	unsigned empty = elf_builder_section(b, ".group", SHT_GROUP, 0, words, sizeof(words));
	elf_builder_put(b, words + 8, f.text, 4);
	unsigned group = elf_builder_section(b, ".group", SHT_GROUP, 0, words, sizeof(words));
	/* A string table that is called as if it were debug information, with a user that stays. */
	unsigned strings = elf_builder_section(b, ".debug_strings", SHT_STRTAB, 0, "", 1);
	unsigned user = elf_builder_section(b, ".user", SHT_PROGBITS, 0, "x", 1);
	b->sections[user].shdr.sh_link = strings;
	split_fixture_build(&f, NULL);

	struct plan plan;
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_int_equal(plan.sections[rela].fate, FATE_TAKE);
	assert_int_equal(plan.sections[text_rela].fate, FATE_BOTH);
	assert_int_equal(plan.sections[empty].fate, FATE_TAKE);
	assert_int_equal(plan.sections[group].fate, FATE_BOTH);
	assert_int_equal(plan.sections[strings].fate, FATE_BOTH);
	plan_free(&plan);
	split_fixture_free(&f);
}

static void symbols_may_be_left_to_the_binary(void **state)
{
	(void)state;
	struct split_fixture f;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	unsigned stab = elf_builder_section(&f.b, ".stab", SHT_PROGBITS, 0, "x", 1);
	split_fixture_build(&f, NULL);
	struct plan plan;
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_int_equal(plan.sections[f.symtab].fate, FATE_BOTH);
	plan_leave_symbols(&plan);
	assert_int_equal(plan.sections[f.symtab].fate, FATE_KEEP);
	assert_int_equal(plan.sections[f.strtab].fate, FATE_KEEP);
	assert_int_equal(plan.sections[f.image.names_index].fate, FATE_BOTH);
	plan_free(&plan);

	/* Something that is taken has its names there too. */
	f.b.sections[stab].shdr.sh_link = f.strtab;
	split_fixture_build(&f, NULL);
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	plan_leave_symbols(&plan);
	assert_int_equal(plan.sections[f.symtab].fate, FATE_KEEP);
	assert_int_equal(plan.sections[f.strtab].fate, FATE_BOTH);
	plan_free(&plan);

	/* Delve asks the debug file of a Go program for a symbol. */
	elf_builder_section(&f.b, ".go.buildinfo", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, "x", 1);
	split_fixture_build(&f, NULL);
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	plan_leave_symbols(&plan);
	assert_int_equal(plan.sections[f.symtab].fate, FATE_BOTH);
	assert_int_equal(plan.sections[f.strtab].fate, FATE_BOTH);
	plan_free(&plan);
	split_fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_section_has_its_fate),
		cmocka_unit_test(indexes_close_up),
		cmocka_unit_test(nothing_to_take_is_no_work),
		cmocka_unit_test(a_link_to_dwz_alone_is_no_work),
		cmocka_unit_test(a_link_beside_debug_information_is_stale),
		cmocka_unit_test(removed_sections_go_unless_they_are_loaded),
		cmocka_unit_test(what_belongs_together_goes_together),
		cmocka_unit_test(symbols_may_be_left_to_the_binary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
