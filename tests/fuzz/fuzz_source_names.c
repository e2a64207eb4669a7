/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/source_names.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/elf_builder.h"

/*
 * The input is one byte of how, sizes of sections (2 bytes each, little-endian), and their bytes.
 * The file around them is made here, so that a fuzzer spends its time on the DWARF.
 */

enum { HOW_64 = 1, HOW_BIG = 2, HOW_OBJECT = 4 };

static const char *const names[] = { ".debug_line",      ".debug_info",      ".debug_abbrev",
				     ".debug_str",       ".debug_line_str",  ".debug_str_offsets",
				     ".rela.debug_line", ".rela.debug_info", ".symtab" };
#define N_SECTIONS (sizeof(names) / sizeof(names[0]))
#define HEADER_SIZE (1 + 2 * N_SECTIONS)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEADER_SIZE)
		return 0;
	struct section sections[N_SECTIONS + 1] = { { .name = "" } };
	uint8_t how = data[0];
	uint64_t at = HEADER_SIZE;
	for (size_t i = 0; i < N_SECTIONS; i++) {
		uint64_t n = min_u64(data[1 + 2 * i] | (uint64_t)data[2 + 2 * i] << 8, size - at);
		sections[i + 1] = (struct section){
			.name = names[i],
			.shdr = { .sh_type = SHT_PROGBITS, .sh_offset = at, .sh_size = n }
		};
		at += n;
	}
	sections[7].shdr.sh_type = sections[8].shdr.sh_type = how & 8 ? SHT_REL : SHT_RELA;
	sections[7].shdr.sh_info = 1;
	sections[8].shdr.sh_info = 2;
	sections[7].shdr.sh_link = sections[8].shdr.sh_link = 9;
	struct image image = { .bytes = data,
			       .size_bytes = size,
			       .class = how & HOW_64 ? ELFCLASS64 : ELFCLASS32,
			       .encoding = how & HOW_BIG ? ELFDATA2MSB : ELFDATA2LSB,
			       .sections = sections,
			       .n_sections = N_SECTIONS + 1 };
	image.ehdr.e_type = how & HOW_OBJECT ? ET_REL : ET_DYN;
	struct source_names read;
	struct error err = ERROR_NONE;
	int r = source_names_read(&image, &read, &err);
	if (r < 0) {
		FUZZ_CHECK(r == -ENOENT || r == -EBADMSG || r == -EFBIG);
		return 0;
	}
	for (uint64_t i = 0; i < read.n_names; i++) {
		const char *path = read.names[i].path;
		size_t n = strlen(path);
		FUZZ_CHECK(n > 0 && n < SOURCE_PATH_LIMIT);
		FUZZ_CHECK(read.names[i].absolute == (*path == '/'));
		FUZZ_CHECK(i == 0 || strcmp(read.names[i - 1].path, path) < 0);
		char folded[SOURCE_PATH_LIMIT];
		source_path_fold(path, folded);
		FUZZ_CHECK(strlen(folded) <= n);
		FUZZ_CHECK((*folded == '/') == (*path == '/'));
		FUZZ_CHECK(!strstr(folded, "//") && !strstr(folded, "/../") &&
			   !strstr(folded, "/./"));
	}
	source_names_free(&read);
	return 0;
}

/* ---- seeds: one unit of each version with its line table ---- */

struct bytes {
	const struct elf_builder *b;
	uint8_t at[512];
	size_t n;
};

static void put(struct bytes *to, uint64_t value, unsigned width)
{
	elf_builder_put(to->b, to->at + to->n, value, width);
	to->n += width;
}

static void put_string(struct bytes *to, const char *string)
{
	memcpy(to->at + to->n, string, strlen(string) + 1);
	to->n += strlen(string) + 1;
}

static void put_many(struct bytes *to, const char *values, size_t n)
{
	memcpy(to->at + to->n, values, n);
	to->n += n;
}

/* A length before what was put since @start. */
static void put_length(struct bytes *to, size_t start, unsigned offset_size)
{
	unsigned field = offset_size == 4 ? 4 : 12;
	size_t n = to->n - start;
	memmove(to->at + start + field, to->at + start, n);
	if (offset_size == 8)
		elf_builder_put(to->b, to->at + start, 0xffffffff, 4);
	elf_builder_put(to->b, to->at + start + field - offset_size, n, offset_size);
	to->n += field;
}

static void put_line(struct bytes *to, unsigned version, unsigned offset_size)
{
	size_t start = to->n;
	struct bytes header = { .b = to->b };
	put(&header, 1, 1);
	if (version >= 4)
		put(&header, 1, 1);
	put_many(&header, "\1\xfb\x0e\2\0", 5);
	if (version < 5) {
		put_string(&header, "/abs");
		put_string(&header, "rel");
		put(&header, 0, 1);
		put_string(&header, "a.c");
		put_many(&header, "\1\0\0", 3);
		put_string(&header, "b.c");
		put_many(&header, "\2\0\0", 3);
		put(&header, 0, 1);
	} else {
		put_many(&header, "\1\1\x1f\2", 4); /* folders: path by line_strp */
		put(&header, 0, offset_size);
		put(&header, 5, offset_size);
		put_many(&header, "\3\1\x1f\2\x0b\5\x1e\1", 8); /* files: path, folder, MD5 */
		put(&header, 8, offset_size);
		put(&header, 1, 1);
		put_many(&header, "0123456789abcdef", 16);
	}
	put(to, version, 2);
	if (version == 5)
		put_many(to, "\x08\0", 2);
	put(to, header.n, offset_size);
	put_many(to, (const char *)header.at, header.n);
	put_length(to, start, offset_size);
}

static void put_unit(struct bytes *to, unsigned version, unsigned offset_size)
{
	size_t start = to->n;
	put(to, version, 2);
	if (version == 5)
		put_many(to, "\1\x08", 2);
	put(to, 0, offset_size);
	if (version < 5)
		put(to, 8, 1);
	put(to, version, 1); /* abbreviation */
	if (version < 5) {
		put_string(to, "/home");
		put(to, 0, version < 4 ? 4 : offset_size);
	} else {
		put(to, 0, offset_size);
		put_many(to, "\0", 1); /* strx1 */
		put(to, 8, offset_size);
	}
	put_length(to, start, offset_size);
}

static void add_file(fuzz_add add, uint8_t how, const struct bytes *sections)
{
	uint8_t file[4096];
	size_t at = HEADER_SIZE;
	file[0] = how;
	for (size_t i = 0; i < N_SECTIONS; i++) {
		file[1 + 2 * i] = (uint8_t)sections[i].n;
		file[2 + 2 * i] = (uint8_t)(sections[i].n >> 8);
		memcpy(file + at, sections[i].at, sections[i].n);
		at += sections[i].n;
	}
	add(file, at);
}

void fuzz_seeds(fuzz_add add)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned version = 2 + i % 4, offset_size = i & 4 ? 8 : 4;
		uint8_t how = (uint8_t)(i ^ i >> 1);
		struct elf_builder b = { .encoding = how & HOW_BIG ? ELFDATA2MSB : ELFDATA2LSB };
		struct bytes sections[N_SECTIONS] = { { .b = &b }, { .b = &b }, { .b = &b },
						      { .b = &b }, { .b = &b }, { .b = &b },
						      { .b = &b }, { .b = &b }, { .b = &b } };
		put_line(&sections[0], version, offset_size);
		put_unit(&sections[1], version, offset_size);
		/* comp_dir by string, stmt_list by data4; by sec_offset; by strx1 with its base. */
		put_many(&sections[2],
			 "\2\x11\0\x1b\x08\x10\x06\0\0\3\x11\0\x1b\x08\x10\x06\0\0"
			 "\4\x11\0\x1b\x08\x10\x17\0\0"
			 "\5\x11\0\x10\x17\x1b\x25\x72\x17\0\0\0",
			 18 + 9 + 12);
		put_string(&sections[3], "/home");
		put_string(&sections[4], "/abs");
		put_string(&sections[4], "re");
		put_string(&sections[4], "a.c");
		put(&sections[5], 0, 8);
		put(&sections[5], 0, 8);
		if (how & HOW_OBJECT) {
			put(&sections[6], 20, 8);
			put(&sections[6], 1, 8);
			put(&sections[6], 5, 8);
			put_many(&sections[7], (const char *)sections[6].at, 24);
			put(&sections[8], 0, 8);
			put(&sections[8], 0, 8);
			put(&sections[8], 0, 8);
			put(&sections[8], 1, 8);
			put(&sections[8], 0, 8);
			put(&sections[8], 0, 8);
		}
		add_file(add, how, sections);
	}
}
