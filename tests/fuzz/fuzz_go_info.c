/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/go_info.h"
#include "tests/fuzz/fuzz.h"

/* The input is the content of .go.buildinfo; then, once more, of a writable segment. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct section sections[] = { { .name = "" },
				      { .name = ".go.buildinfo",
					.shdr = { .sh_type = SHT_PROGBITS, .sh_size = size } } };
	GElf_Phdr segment = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_filesz = size };
	struct image images[] = {
		{ .bytes = data, .size_bytes = size, .sections = sections, .n_sections = 2 },
		{ .bytes = data, .size_bytes = size, .segments = &segment, .n_segments = 1 },
	};
	for (size_t i = 0; i < 2; i++) {
		struct go_info info;
		struct error err = ERROR_NONE;
		if (go_info_read(&images[i], &info, &err) < 0) {
			FUZZ_CHECK(err.message[0]);
			continue;
		}
		FUZZ_CHECK(strlen(info.version) + strlen(info.module_text) <= size);
		FUZZ_CHECK(strstr(info.module_text, info.main_path));
		FUZZ_CHECK(strstr(info.module_text, info.main_module));
		FUZZ_CHECK(strstr(info.module_text, info.main_version));
		go_info_free(&info);
	}
	return 0;
}

#define HEADER "\xff Go buildinf:\x08\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define MARK "0123456789abcdef"

void fuzz_seeds(fuzz_add add)
{
	static const char modules[] =
		HEADER "\x08go1.26.8\x46" MARK "path\tx\nmod\tx\tv1.2.3\th1:=\n"
		       "dep\ty\tv1\n" MARK;
	static const char none[] = HEADER "\x06go1.20\0";
	static const char shifted[] = MARK HEADER "\x06go1.20\0";
	static const char pointers[] = "\xff Go buildinf:\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	add((const uint8_t *)modules, sizeof(modules) - 1);
	add((const uint8_t *)none, sizeof(none) - 1);
	add((const uint8_t *)shifted, sizeof(shifted) - 1);
	add((const uint8_t *)pointers, sizeof(pointers) - 1);
}
