/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/dwo_units.h"
#include "tests/unit/elf_builder.h"

#define TEXT(text) (const uint8_t *)(text), sizeof(text) - 1
#define UNIT5(type) "\x11\0\0\0\5\0" type "\x08\0\0\0\0\1\2\3\4\5\6\7\x08\1"
#define UNIT4 "\x10\0\0\0\4\0\0\0\0\0\x08\1\1\2\3\4\5\6\7\x09"
#define TYPE4 "\x14\0\0\0\4\0\0\0\0\0\x08\1\2\3\4\5\6\7\x0a\0\0\0\0\1"

static const struct {
	const char *what;
	const uint8_t *info;
	size_t info_size;
	const uint8_t *types;
	size_t types_size;
	int r;
	unsigned version;
	size_t n;
	struct dwo_unit last;
} cases[] = {
	{ "DWARF 5", TEXT(UNIT5("\5")), TEXT(""), 0, 5, 1,
	  { .id = 0x0807060504030201, .size_bytes = 21 } },
	{ "DWARF 5, a type unit behind it", TEXT(UNIT5("\5") UNIT5("\6")), TEXT(""), 0, 5, 2,
	  { .id = 0x0807060504030201, .is_type = true, .offset = 21, .size_bytes = 21 } },
	{ "DWARF 4: the ID is an attribute", TEXT(UNIT4), TEXT(""), 0, 4, 1,
	  { .id = 0x0907060504030201, .size_bytes = 20 } },
	{ "DWARF 4, types of their own section", TEXT(UNIT4), TEXT(TYPE4), 0, 4, 2,
	  { .id = 0x0a07060504030201, .is_type = true, .size_bytes = 24 } },
	{ "two versions", TEXT(UNIT4 UNIT5("\5")), TEXT(""), -ENOTSUP, 0, 0, { 0 } },
	{ "a unit that is not split", TEXT(UNIT5("\1")), TEXT(""), -EBADMSG, 0, 0, { 0 } },
	{ "DWARF 3", TEXT("\x0a\0\0\0\3\0\0\0\0\0\x08\1\0\0"), TEXT(""), -ENOTSUP, 0, 0, { 0 } },
	{ "cut", TEXT("\x11\0\0\0\5\0\5\x08\0\0"), TEXT(""), -EBADMSG, 0, 0, { 0 } },
	{ "cut in its ID", TEXT("\x09\0\0\0\5\0\5\x08\0\0\0\0\1"), TEXT(""), -ENOTSUP, 0, 0, { 0 } },
	{ "no abbreviation", TEXT("\x08\0\0\0\4\0\0\0\0\0\x08\7"), TEXT(""), -EBADMSG, 0, 0, { 0 } },
	{ "no ID", TEXT("\x08\0\0\0\4\0\0\0\0\0\x08\2"), TEXT(""), -EBADMSG, 0, 0, { 0 } },
	{ "nothing", TEXT(""), TEXT(""), -EBADMSG, 0, 0, { 0 } },
};

static void units_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct elf_builder b;
		struct image image;
		struct error err = ERROR_NONE;
		struct dwo_units units = { 0 };
		print_message("%s\n", cases[i].what);
		elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_REL, EM_X86_64);
		/* 1: DW_TAG_compile_unit with DW_AT_GNU_dwo_id, data8; 2: with nothing */
		elf_builder_section(&b, ".debug_abbrev.dwo", SHT_PROGBITS, 0,
				    "\1\x11\0\xb1\x42\x07\0\0\2\x11\0\0\0\0", 14);
		elf_builder_section(&b, ".debug_info.dwo", SHT_PROGBITS, 0, cases[i].info,
				    cases[i].info_size);
		elf_builder_section(&b, ".debug_types.dwo", SHT_PROGBITS, 0, cases[i].types,
				    cases[i].types_size);
		size_t size;
		uint8_t *file = elf_builder_build(&b, &size);
		assert_int_equal(image_open(file, size, &image, NULL), 0);
		assert_int_equal(dwo_units_read(&image, &units, &err), cases[i].r);
		assert_int_equal(units.n, cases[i].n);
		assert_int_equal(units.version, cases[i].version);
		if (cases[i].r)
			assert_true(err.message[0]);
		if (units.n) {
			const struct dwo_unit *last = &units.units[units.n - 1];
			assert_true(last->id == cases[i].last.id);
			assert_int_equal(last->is_type, cases[i].last.is_type);
			assert_int_equal(last->offset, cases[i].last.offset);
			assert_int_equal(last->size_bytes, cases[i].last.size_bytes);
		}
		dwo_units_free(&units);
		image_close(&image);
		free(file);
		elf_builder_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(units_are_read) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
