/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * ELF files for tests, made in memory, of either class and byte order. Written by itself, without
 * the code under test. What fails here ends the test program.
 *
 *	struct elf_builder b;
 *	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
 *	unsigned text = elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC, "\xc3", 1);
 *	elf_builder_segment_over(&b, PT_LOAD, PF_R | PF_X, text, text);
 *	uint8_t *file = elf_builder_build(&b, &size);
 *
 * Sections lie one behind the other, in the order they were added, behind the header and a program
 * header table with room for ELF_BUILDER_SEGMENTS; then section names, then the section header
 * table. Offsets are known as soon as a section is added, and addresses are offset +
 * ELF_BUILDER_BASE where it is SHF_ALLOC. Everything in the struct may be changed before it is
 * built, to make files that are wrong.
 */

#define ELF_BUILDER_SEGMENTS 16
#define ELF_BUILDER_BASE 0x400000

struct elf_builder_section {
	char name[64];
	GElf_Shdr shdr; /* sh_name is filled in by elf_builder_build() unless it is not 0 */
	uint8_t *bytes; /* sh_size of them, but for SHT_NOBITS; owned */
	uint64_t n_bytes;
};

struct elf_builder {
	unsigned class, encoding;
	GElf_Ehdr ehdr; /* e_shoff, e_shnum and e_shstrndx are filled in where they are 0 */
	struct elf_builder_section *sections; /* [0] is the null section */
	size_t n_sections;
	GElf_Phdr segments[ELF_BUILDER_SEGMENTS];
	size_t n_segments;
	uint64_t end; /* where the next section goes */
	bool no_section_headers;
	bool close_notes; /* one right behind the other, as linkers have them; else at multiples of 8 */
};

void elf_builder_init(struct elf_builder *b, unsigned class, unsigned encoding, unsigned type,
		      unsigned machine);
void elf_builder_free(struct elf_builder *b);

/** Append a section of a copy of @bytes (NULL: zeros; SHT_NOBITS: only the size counts). @ret its
 * index. */
unsigned elf_builder_section(struct elf_builder *b, const char *name, uint32_t type, uint64_t flags,
			     const void *bytes, uint64_t size);

/** Append a program header as it is. @ret its index. */
unsigned elf_builder_segment(struct elf_builder *b, const GElf_Phdr *phdr);
/** Append one that covers the sections from @first to @last; 0 as @first: from the file's start. */
unsigned elf_builder_segment_over(struct elf_builder *b, uint32_t type, uint32_t flags,
				  unsigned first, unsigned last);

/** A SHT_NOTE, SHF_ALLOC section of one note; @name's bytes with NUL, padded to 4. @ret its index.
 */
unsigned elf_builder_note(struct elf_builder *b, const char *section, const char *name,
			  uint32_t type, const void *desc, uint32_t desc_size);

/** The file. @ret is freed by the caller. The builder may be changed and used again. */
uint8_t *elf_builder_build(struct elf_builder *b, size_t *ret_size);

/** Write @value in @width bytes (1, 2, 4, 8) of the file's byte order. */
void elf_builder_put(const struct elf_builder *b, uint8_t *at, uint64_t value, unsigned width);

/** Where the fields of headers are in a file of class @class, for tests that change them one by
 * one. */
struct elf_field {
	const char *name;
	unsigned offset, width;
};
/** Each ends with a NULL name. */
const struct elf_field *elf_fields_ehdr(unsigned class);
const struct elf_field *elf_fields_phdr(unsigned class);
const struct elf_field *elf_fields_shdr(unsigned class);
