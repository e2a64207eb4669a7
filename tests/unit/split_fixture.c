/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/split_fixture.h"

const struct split_fixture_kind split_fixture_kinds[4] = {
	{ "64-bit little-endian", ELFCLASS64, ELFDATA2LSB, EM_X86_64 },
	{ "64-bit big-endian", ELFCLASS64, ELFDATA2MSB, EM_S390 },
	{ "32-bit little-endian", ELFCLASS32, ELFDATA2LSB, EM_386 },
	{ "32-bit big-endian", ELFCLASS32, ELFDATA2MSB, EM_PPC },
};

static const char names[] = "\0prog.c\0main\0counter";
enum { NAME_FILE = 1, NAME_MAIN = 8, NAME_COUNTER = 13 };

void split_fixture_start(struct split_fixture *f, const struct split_fixture_kind *kind)
{
	*f = (struct split_fixture){ 0 };
	elf_builder_init(&f->b, kind->class, kind->encoding, ET_DYN, kind->machine);
	f->note = elf_builder_note(&f->b, ".note.gnu.build-id", "GNU", NT_GNU_BUILD_ID,
				   "\xab\xcd\xef\x01\x02\x03\x04\x05", 8);
	f->text = elf_builder_section(&f->b, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
				      "instructions of a program", 25);
	f->bss = elf_builder_section(&f->b, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL, 64);
	elf_builder_segment_over(&f->b, PT_LOAD, PF_R | PF_X, 0, f->text);
	elf_builder_segment_over(&f->b, PT_NOTE, PF_R, f->note, f->note);
}

void split_fixture_add_debug(struct split_fixture *f)
{
	f->comment = elf_builder_section(&f->b, ".comment", SHT_PROGBITS, 0, "a compiler", 11);
	f->info = elf_builder_section(&f->b, ".debug_info", SHT_PROGBITS, 0, NULL, 300);
	for (unsigned i = 0; i < 300; i++)
		f->b.sections[f->info].bytes[i] = (uint8_t)(i * 7);
	f->str =
		elf_builder_section(&f->b, ".debug_str", SHT_PROGBITS, 0, "names of variables", 19);
}

size_t split_fixture_symbol(const struct split_fixture *f, uint8_t *ret, uint32_t name,
			    uint8_t info, uint16_t section, uint64_t value)
{
	const struct elf_builder *b = &f->b;
	elf_builder_put(b, ret, name, 4);
	if (b->class == ELFCLASS64) {
		ret[4] = info, ret[5] = 0;
		elf_builder_put(b, ret + 6, section, 2);
		elf_builder_put(b, ret + 8, value, 8);
		elf_builder_put(b, ret + 16, 8, 8);
		return 24;
	}
	elf_builder_put(b, ret + 4, value, 4);
	elf_builder_put(b, ret + 8, 8, 4);
	ret[12] = info, ret[13] = 0;
	elf_builder_put(b, ret + 14, section, 2);
	return 16;
}

void split_fixture_add_symbols(struct split_fixture *f, const unsigned *sections, size_t n_sections)
{
	uint8_t table[24 * 32] = { 0 };
	size_t entry_size = f->b.class == ELFCLASS64 ? 24 : 16, at = entry_size;
	at += split_fixture_symbol(f, table + at, NAME_FILE, GELF_ST_INFO(STB_LOCAL, STT_FILE),
				   SHN_ABS, 0);
	for (size_t i = 0; i < n_sections; i++)
		at += split_fixture_symbol(f, table + at, 0, GELF_ST_INFO(STB_LOCAL, STT_SECTION),
					   (uint16_t)sections[i], 0);
	size_t n_locals = at / entry_size;
	at += split_fixture_symbol(f, table + at, NAME_MAIN, GELF_ST_INFO(STB_GLOBAL, STT_FUNC),
				   (uint16_t)f->text, 0x1000);
	at += split_fixture_symbol(f, table + at, NAME_COUNTER,
				   GELF_ST_INFO(STB_GLOBAL, STT_OBJECT), (uint16_t)f->bss, 0x2000);
	f->symtab = elf_builder_section(&f->b, ".symtab", SHT_SYMTAB, 0, table, at);
	f->strtab = elf_builder_section(&f->b, ".strtab", SHT_STRTAB, 0, names, sizeof(names));
	f->b.sections[f->symtab].shdr.sh_link = f->strtab;
	f->b.sections[f->symtab].shdr.sh_info = (uint32_t)n_locals;
	f->b.sections[f->symtab].shdr.sh_entsize = entry_size;
}

void split_fixture_init(struct split_fixture *f, const struct split_fixture_kind *kind)
{
	split_fixture_start(f, kind);
	split_fixture_add_debug(f);
	split_fixture_add_symbols(f, (unsigned[]){ f->text }, 1);
}

void split_fixture_build(struct split_fixture *f, const char *tail)
{
	if (f->bytes) {
		image_close(&f->image);
		free(f->bytes);
	}
	size_t tail_size = tail ? strlen(tail) : 0;
	uint8_t *file = elf_builder_build(&f->b, &f->size);
	f->bytes = realloc(file, f->size + tail_size + 1);
	if (!f->bytes)
		abort();
	if (tail)
		memcpy(f->bytes + f->size, tail, tail_size);
	f->size += tail_size;
	struct error err = ERROR_NONE;
	if (image_open(f->bytes, f->size, &f->image, &err) < 0) {
		fprintf(stderr, "the fixture: %s\n", err.message);
		abort();
	}
}

void split_fixture_free(struct split_fixture *f)
{
	image_close(&f->image);
	free(f->bytes);
	elf_builder_free(&f->b);
}

static int put(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	(void)lent, (void)err;
	struct bytes *to = context;
	to->bytes = realloc(to->bytes, to->size + size);
	if (!to->bytes)
		abort();
	memcpy(to->bytes + to->size, bytes, size);
	to->size += size;
	return 0;
}

struct sink bytes_sink(struct bytes *bytes)
{
	return (struct sink){ .put = put, .context = bytes };
}

void bytes_free(struct bytes *bytes)
{
	free(bytes->bytes);
	*bytes = (struct bytes){ 0 };
}
