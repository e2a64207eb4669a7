/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/dwo_units.h"
#include "elf/split_units.h"
#include "tests/fuzz/fuzz.h"

/* The first byte tells how much of the input is abbreviations; the rest is units: of a .dwo, of types, of a program. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	uint64_t abbrev = data[0] < size - 1 ? data[0] : size - 1;
	static const char *const names[][2] = {
		{ ".debug_info.dwo", ".debug_abbrev.dwo" },
		{ ".debug_types.dwo", ".debug_abbrev.dwo" },
		{ ".debug_info", ".debug_abbrev" },
	};
	for (size_t i = 0; i < 3; i++) {
		struct section sections[] = {
			{ .name = "" },
			{ .name = names[i][1],
			  .shdr = { .sh_type = SHT_PROGBITS, .sh_offset = 1, .sh_size = abbrev } },
			{ .name = names[i][0],
			  .shdr = { .sh_type = SHT_PROGBITS,
				    .sh_offset = 1 + abbrev,
				    .sh_size = size - 1 - abbrev } },
		};
		const struct image image = { .bytes = data,
					     .size_bytes = size,
					     .class = ELFCLASS64,
					     .encoding = size % 2 ? ELFDATA2LSB : ELFDATA2MSB,
					     .sections = sections,
					     .n_sections = 3 };
		struct error err = ERROR_NONE;
		struct dwo_units units = { 0 };
		struct split_units split = { 0 };
		if (dwo_units_read(&image, &units, &err) < 0)
			FUZZ_CHECK(err.message[0]);
		for (size_t k = 0; k < units.n; k++)
			FUZZ_CHECK(units.units[k].offset + units.units[k].size_bytes <= size);
		dwo_units_free(&units);
		if (split_units_find(&image, &split, &err) == 0)
			FUZZ_CHECK(split.n_units <= split.n_all && !split.n_units == !split.first_path);
		split_units_free(&split);
	}
	return 0;
}

void fuzz_seeds(fuzz_add add)
{
	static const char unit5[] = "\x08\1\x11\0\x76\x08\0\0\0"
				    "\x11\0\0\0\5\0\5\x08\0\0\0\0\1\2\3\4\5\6\7\x08\1";
	static const char unit4[] = "\x0e\1\x11\0\xb1\x42\x07\xb0\x42\x08\0\0\0\0\0"
				    "\x14\0\0\0\4\0\0\0\0\0\x08\1\1\2\3\4\5\6\7\x09"
				    "a.d\0";
	add((const uint8_t *)unit5, sizeof(unit5) - 1);
	add((const uint8_t *)unit5, sizeof(unit5));
	add((const uint8_t *)unit4, sizeof(unit4) - 1);
	add((const uint8_t *)unit4, sizeof(unit4));
}
