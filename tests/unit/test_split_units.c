/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/split_units.h"
#include "tests/unit/elf_builder.h"

#define TEXT(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct {
	const char *what;
	const uint8_t *abbrev;
	size_t abbrev_size;
	const uint8_t *info;
	size_t info_size;
	uint64_t n_units, n_all;
	const char *first;
} cases[] = {
	/* Abbreviation 1: DW_TAG_skeleton_unit or DW_TAG_compile_unit without children. */
	{ "DWARF 5, a skeleton unit", TEXT("\1\x4a\0\x1b\x08\x76\x0e\0\0\0"),
	  TEXT("\x1d\0\0\0\5\0\4\x08\0\0\0\0"
	       "dwo_id_8"
	       "\1/b\0\3\0\0\0"
	       "\0\0\0\0\0"),
	  1, 1, "/b/x.dwo" },
	{ "DWARF 4, GNU's names; the second unit is whole", TEXT("\1\x11\0\xb0\x42\x08\x1b\x08\0\0\2\x11\0\x1b\x08\0\0\0"),
	  TEXT("\x11\0\0\0\4\0\0\0\0\0\x08\1a.dwo\0/c\0"
	       "\x0b\0\0\0\4\0\0\0\0\0\x08\2/c\0"),
	  1, 2, "/c/a.dwo" },
	{ "an absolute name, no folder", TEXT("\1\x11\0\xb0\x42\x08\0\0\0"),
	  TEXT("\x10\0\0\0\4\0\0\0\0\0\x08\1/d.dwo\0\0"), 1, 1, "/d.dwo" },
	{ "two, one of them damaged", TEXT("\1\x11\0\xb0\x42\x08\0\0\0"),
	  TEXT("\x0d\0\0\0\4\0\0\0\0\0\x08\7d.dwo"
	       "\x0e\0\0\0\4\0\0\0\0\0\x08\1d.dwo\0"),
	  1, 2, "d.dwo" },
	{ "no such attribute: units are not looked at", TEXT("\1\x11\0\x1b\x08\0\0\0"),
	  TEXT("\x0b\0\0\0\4\0\0\0\0\0\x08\1/c\0"), 0, 0, NULL },
	{ "an empty name", TEXT("\1\x11\0\xb0\x42\x08\0\0\0"),
	  TEXT("\x0a\0\0\0\4\0\0\0\0\0\x08\1\0\0"), 0, 1, NULL },
	{ "abbreviations cut in the middle", TEXT("\1\x11\0\x1b\x08\xff\xff"),
	  TEXT("\x0b\0\0\0\4\0\0\0\0\0\x08\1/c\0"), 0, 0, NULL },
	{ "zeros between tables, then one that speaks of it", TEXT("\0\0\0\0\1\x11\0\x76\x08\0\0\0"),
	  TEXT("\x0f\0\0\0\5\0\1\x08\4\0\0\0\1a.dwo\0"), 1, 1, "a.dwo" },
	{ "nothing", TEXT(""), TEXT(""), 0, 0, NULL },
};

static void units_of_other_files_are_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct elf_builder b;
		struct image image;
		struct error err = ERROR_NONE;
		print_message("%s\n", cases[i].what);
		elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
		elf_builder_section(&b, ".debug_abbrev", SHT_PROGBITS, 0, cases[i].abbrev,
				    cases[i].abbrev_size);
		elf_builder_section(&b, ".debug_info", SHT_PROGBITS, 0, cases[i].info,
				    cases[i].info_size);
		elf_builder_section(&b, ".debug_str", SHT_PROGBITS, 0, "ab\0x.dwo", 9);
		size_t size;
		uint8_t *file = elf_builder_build(&b, &size);
		if (image_open(file, size, &image, &err) < 0)
			fail_msg("%s", err.message);
		struct split_units units = { 0 };
		if (split_units_find(&image, &units, &err) < 0)
			fail_msg("%s", err.message);
		assert_int_equal(units.n_units, cases[i].n_units);
		assert_int_equal(units.n_all, cases[i].n_all);
		if (cases[i].first)
			assert_string_equal(units.first_path, cases[i].first);
		else
			assert_null(units.first_path);
		split_units_free(&units);
		image_close(&image);
		free(file);
		elf_builder_free(&b);
	}
}

static void a_section_that_cannot_be_decoded_is_told(void **state)
{
	(void)state;
	struct elf_builder b;
	struct image image;
	struct split_units units = { 0 };
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
	elf_builder_section(&b, ".debug_abbrev", SHT_PROGBITS, SHF_COMPRESSED, "short", 5);
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	assert_int_equal(image_open(file, size, &image, NULL), 0);
	assert_int_equal(split_units_find(&image, &units, NULL), -EBADMSG);
	image_close(&image);
	free(file);
	elf_builder_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_of_other_files_are_counted),
		cmocka_unit_test(a_section_that_cannot_be_decoded_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
