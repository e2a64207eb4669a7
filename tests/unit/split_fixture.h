/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"
#include "split/sink.h"
#include "tests/unit/elf_builder.h"

/* A small linked program with debug information, in memory, for the tests of split/. */

struct split_fixture {
	struct elf_builder b;
	unsigned note, text, bss, comment, info, str, symtab, strtab; /* section indexes */
	uint8_t *bytes;
	size_t size;
	struct image image;
};

/** The kinds of ELF file that every test goes through. */
extern const struct split_fixture_kind {
	const char *name;
	unsigned class, encoding, machine;
} split_fixture_kinds[4];

/** Start one: note and .text in a segment, .bss; the rest is for the test to add, before or after.
 */
void split_fixture_start(struct split_fixture *f, const struct split_fixture_kind *kind);
/** .comment, .debug_info, .debug_str. */
void split_fixture_add_debug(struct split_fixture *f);
/** .symtab and .strtab: a file, a section symbol of each of @n_sections, a function, an object. */
void split_fixture_add_symbols(struct split_fixture *f, const unsigned *sections,
			       size_t n_sections);
/** All of it, in the order in which a linker has it. */
void split_fixture_init(struct split_fixture *f, const struct split_fixture_kind *kind);
/** Make the file, with @tail (may be NULL) behind it, and open it. What fails ends the test. */
void split_fixture_build(struct split_fixture *f, const char *tail);
void split_fixture_free(struct split_fixture *f);

/** One symbol in the file's own form; the size of a symbol. */
size_t split_fixture_symbol(const struct split_fixture *f, uint8_t *ret, uint32_t name,
			    uint8_t info, uint16_t section, uint64_t value);

/** A sink that keeps everything. */
struct bytes {
	uint8_t *bytes;
	size_t size;
};
struct sink bytes_sink(struct bytes *bytes);
void bytes_free(struct bytes *bytes);
