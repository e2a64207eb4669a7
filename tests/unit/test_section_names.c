/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "split/section_names.h"
#include "tests/unit/split_fixture.h"

/* The name that a section has in a table. */
static const char *name_in(const struct split_fixture *f, const struct section_names *names,
			   unsigned i)
{
	uint64_t size;
	const char *table =
		names->bytes ? (const char *)names->bytes
			     : (const char *)image_section_bytes(
				       &f->image, &f->image.sections[f->image.names_index], &size);
	return table + names->offsets[i];
}

static void names_of_what_stays(void **state)
{
	(void)state;
	struct split_fixture f;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	split_fixture_build(&f, NULL);
	struct plan plan;
	struct section_names names;
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_int_equal(section_names_of_kept(&plan, ".gnu_debuglink", &names, NULL), 0);
	static const char expected[] =
		"\0.note.gnu.build-id\0.text\0.bss\0.comment\0.symtab\0.strtab\0.shstrtab\0.gnu_debuglink";
	assert_int_equal(names.size_bytes, sizeof(expected));
	assert_memory_equal(names.bytes, expected, sizeof(expected));
	for (unsigned i = 1; i < f.image.n_sections; i++)
		if (plan.sections[i].fate != FATE_TAKE)
			assert_string_equal(name_in(&f, &names, i), f.image.sections[i].name);
	assert_string_equal(names.bytes + names.extra, ".gnu_debuglink");
	section_names_free(&names);
	plan_free(&plan);
	split_fixture_free(&f);
}

static void a_name_inside_another_stays_so(void **state)
{
	(void)state;
	struct split_fixture f;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	unsigned rela = elf_builder_section(&f.b, ".rela.text", SHT_PROGBITS, 0, "x", 1);
	split_fixture_build(&f, NULL);
	/* .text takes its name from the end of .rela.text, as linkers write it. */
	uint32_t inside = f.image.sections[rela].shdr.sh_name + 5;
	f.b.sections[f.text].shdr.sh_name = inside;
	split_fixture_build(&f, NULL);
	assert_string_equal(f.image.sections[f.text].name, ".text");

	struct plan plan;
	struct section_names names;
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_int_equal(section_names_of_kept(&plan, NULL, &names, NULL), 0);
	assert_string_equal(name_in(&f, &names, f.text), ".text");
	assert_int_equal(names.offsets[f.text], names.offsets[rela] + 5);
	section_names_free(&names);
	plan_free(&plan);
	split_fixture_free(&f);
}

static void a_shared_table_is_kept_whole(void **state)
{
	(void)state;
	struct split_fixture f;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	f.b.sections[f.symtab].shdr.sh_link =
		(uint32_t)f.b.n_sections; /* .shstrtab, as clang does */
	split_fixture_build(&f, NULL);
	struct plan plan;
	struct section_names names;
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_int_equal(section_names_of_kept(&plan, ".gnu_debuglink", &names, NULL), 0);
	uint64_t size;
	const uint8_t *old =
		image_section_bytes(&f.image, &f.image.sections[f.image.names_index], &size);
	assert_int_equal(names.size_bytes, size + sizeof(".gnu_debuglink"));
	assert_memory_equal(names.bytes, old, size);
	assert_string_equal(names.bytes + names.extra, ".gnu_debuglink");
	assert_int_equal(names.offsets[f.text], f.image.sections[f.text].shdr.sh_name);
	section_names_free(&names);
	plan_free(&plan);
	split_fixture_free(&f);
}

static void new_names_go_behind_the_old(void **state)
{
	(void)state;
	struct split_fixture f;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	split_fixture_build(&f, NULL);
	const char **renamed = calloc(f.image.n_sections, sizeof(*renamed));
	assert_non_null(renamed);
	struct section_names names;
	/* None: the input's own table. */
	assert_int_equal(section_names_renamed(&f.image, renamed, &names, NULL), 0);
	assert_null(names.bytes);
	assert_int_equal(names.offsets[f.info], f.image.sections[f.info].shdr.sh_name);
	section_names_free(&names);

	renamed[f.info] = ".debug_types";
	assert_int_equal(section_names_renamed(&f.image, renamed, &names, NULL), 0);
	assert_string_equal(name_in(&f, &names, f.info), ".debug_types");
	assert_string_equal(name_in(&f, &names, f.str), ".debug_str");
	section_names_free(&names);
	free(renamed);
	split_fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_what_stays),
		cmocka_unit_test(a_name_inside_another_stays_so),
		cmocka_unit_test(a_shared_table_is_kept_whole),
		cmocka_unit_test(new_names_go_behind_the_old),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
