/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "split/debug_image.h"
#include "split/judge.h"
#include "split/stripped.h"
#include "tests/fuzz/collected.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/split_fixture.h"

/* The input is an ELF file: it is split in memory, as a job does it. What is written has the size
 * that was planned and is what the judge wants, or is refused by it. */

static const struct debuglink link = { "fuzzed.debug", 0x12345678 };

static bool seeding;

static bool can_be_split(const struct image *image)
{
	bool linked = image->ehdr.e_type == ET_EXEC || image->ehdr.e_type == ET_DYN;
	return (linked || image_is_relocatable(image)) && !image_is_separate_debug(image) &&
	       image->n_sections > 0;
}

static void write_stripped(const struct image *image, const struct stripped *stripped)
{
	struct error err;
	scoped(collected_free) struct collected written = { 0 };
	struct sink sink = collected_sink(&written);
	int r = stripped_write(stripped, &sink, &err);
	if (r == -EFBIG)
		return;
	FUZZ_CHECK(r == 0);
	FUZZ_CHECK(written.size == stripped->size_bytes);
	const struct judge_options options = { .link = &link };
	r = judge_stripped(image, written.bytes, written.size, &options, &err);
	FUZZ_CHECK(r == 0 || r == -EIO); /* a malformed file may be refused; a seed may not */
	FUZZ_CHECK(r == 0 || !seeding);
}

static void write_debug(const struct plan *plan)
{
	struct error err;
	scoped(debug_image_free) struct debug_image debug = { 0 };
	scoped(collected_free) struct collected written = { 0 };
	struct sink sink = collected_sink(&written);
	int r = debug_image_plan(plan, &debug, &err);
	if (r < 0)
		return;
	bool damaged = false;
	r = debug_image_write(&debug, &sink, &damaged, &err);
	if (r < 0 && damaged) {
		r = debug_image_give_in(&debug, &err);
		if (r < 0)
			return;
		written.size = 0;
		r = debug_image_write(&debug, &sink, &damaged, &err);
		FUZZ_CHECK(r == 0 || !damaged);
	}
	if (r == -EFBIG)
		return;
	FUZZ_CHECK(r == 0);
	FUZZ_CHECK(written.size == debug.size_bytes);
	struct image image;
	r = image_open(written.bytes, written.size, &image, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.message);
	FUZZ_CHECK(r == 0);
	FUZZ_CHECK(image.n_sections == plan->image->n_sections);
	image_close(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	scoped(image_close) struct image image = { 0 };
	scoped(plan_free) struct plan plan = { 0 };
	scoped(symbols_free) struct symbols symbols = { 0 };
	scoped(stripped_free) struct stripped stripped = { 0 };
	if (image_open(data, size, &image, &err) < 0)
		return 0;
	if (!can_be_split(&image) || plan_make(&image, NULL, &plan, &err) < 0 ||
	    !plan_has_work(&plan) || symbols_plan(&plan, &symbols, &err) < 0)
		return 0;
	if (stripped_plan(&plan, &symbols, &link, &stripped, &err) == 0)
		write_stripped(&image, &stripped);
	write_debug(&plan);
	return 0;
}

/* ---- seeds ---- */

static void add_kinds(const char *tail, fuzz_add add)
{
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		struct split_fixture f;
		split_fixture_init(&f, &split_fixture_kinds[i]);
		split_fixture_build(&f, tail);
		add(f.bytes, f.size);
		split_fixture_free(&f);
	}
}

/* Sections that name others, in an object file; .zdebug_* and a group. */
static void add_object(unsigned class, unsigned encoding, fuzz_add add)
{
	struct elf_builder b;
	elf_builder_init(&b, class, encoding, ET_REL, EM_X86_64);
	static const char group[16] = { 1 };
	elf_builder_section(&b, ".group", SHT_GROUP, 0, group, sizeof(group));
	unsigned text = elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC, "\xc3", 1);
	unsigned info = elf_builder_section(&b, ".debug_info", SHT_PROGBITS, 0, NULL, 80);
	elf_builder_section(&b, ".zdebug_line", SHT_PROGBITS, 0, "ZLIB\0\0\0\0\0\0\0\x08xxxxxxxx",
			    20);
	size_t symbol = class == ELFCLASS64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	unsigned strtab = elf_builder_section(&b, ".strtab", SHT_STRTAB, 0, "\0one\0two", 9);
	unsigned symtab = elf_builder_section(&b, ".symtab", SHT_SYMTAB, 0, NULL, 4 * symbol);
	b.sections[symtab].shdr.sh_link = strtab;
	b.sections[symtab].shdr.sh_info = 2;
	b.sections[symtab].shdr.sh_entsize = symbol;
	for (unsigned i = 0; i < 2; i++) {
		size_t size = class == ELFCLASS64 ? sizeof(Elf64_Rela) : sizeof(Elf32_Rela);
		unsigned rela = elf_builder_section(&b, i ? ".rela.debug_info" : ".rela.text",
						    SHT_RELA, SHF_INFO_LINK, NULL, 2 * size);
		b.sections[rela].shdr.sh_link = symtab;
		b.sections[rela].shdr.sh_info = i ? info : text;
		b.sections[rela].shdr.sh_entsize = size;
	}
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	add(file, size);
	if (class == ELFCLASS64) { /* section 0 is there as any other, at the file's end */
		Elf64_Shdr *first = (Elf64_Shdr *)(file + ((Elf64_Ehdr *)file)->e_shoff);
		first->sh_type = SHT_PROGBITS;
		first->sh_offset = size - 16;
		first->sh_size = 16;
		add(file, size);
	}
	free(file);
	elf_builder_free(&b);
}

static void add_split(const uint8_t *data, size_t size)
{
	seeding = true;
	LLVMFuzzerTestOneInput(data, size);
	seeding = false;
}

void fuzz_seeds(fuzz_add add)
{
	add_kinds(NULL, add_split);
	add_kinds(NULL, add);
	add_kinds("what is behind the file", add);
	add_object(ELFCLASS64, ELFDATA2LSB, add);
	add_object(ELFCLASS32, ELFDATA2MSB, add);
}
