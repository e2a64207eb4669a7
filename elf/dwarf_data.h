/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/content.h"

/*
 * DWARF's bytes: a bounded cursor, sections that others point into, and the relocations of object
 * files. Source: DWARF 5, chapter 7. For this folder alone.
 */

/** Reads values in order. The first that does not fit makes it failed, and it and all others 0. */
struct dwarf_cursor {
	const uint8_t *at, *end;
	const uint8_t *start; /* where it began, */
	uint64_t offset; /* and the section offset of that */
	bool big_endian;
	bool failed;
	const struct dwarf_relocations *relocations; /* NULL: none */
};

uint64_t dwarf_uint(struct dwarf_cursor *c, unsigned width); /* 1, 2, 3, 4 or 8 bytes */
uint64_t dwarf_uleb(struct dwarf_cursor *c); /* what is over 64 bits is cut */
void dwarf_skip(struct dwarf_cursor *c, uint64_t size);
/** A string that ends inside; "" when failed. */
const char *dwarf_cstring(struct dwarf_cursor *c);
/** A unit's length, with the width of its offsets (4 or 8). A reserved length fails. */
uint64_t dwarf_unit_length(struct dwarf_cursor *c, unsigned *ret_offset_size);
/** An offset into a section, relocated. */
uint64_t dwarf_offset(struct dwarf_cursor *c, unsigned width);

/** Relocations of one section of an object file; in a linked file there are none. */
struct dwarf_relocations {
	const struct image *image;
	const uint8_t *bytes;
	uint64_t n, entry_size;
	bool addends; /* SHT_RELA */
	const uint8_t *symbols;
	uint64_t n_symbols;
};
/** @ret->n is 0 where it has none, or none that can be read. */
void dwarf_relocations_find(const struct image *image, const struct section *section,
			    struct dwarf_relocations *ret);

/** A section that others point into, decoded when it is first asked for. */
struct dwarf_section {
	const char *name;
	const uint8_t *bytes;
	uint64_t size;
	uint8_t *map; /* NULL: the bytes are the file's own */
	bool loaded;
};

struct dwarf_data {
	const struct image *image;
	struct dwarf_section abbrev, str, line_str, str_offsets;
};

/* Up to this size a decoded section is held in memory, above in an unlinked file that is mapped:
 * its pages are the file's, and go when memory is short. */
#define DWARF_MEMORY_LIMIT (8u << 20)

void dwarf_data_open(const struct image *image, struct dwarf_data *ret);
void dwarf_data_close(struct dwarf_data *d); /* a guard */

/** Decode it, once. Absent: size 0, no error. Errors: -EBADMSG, -ENOTSUP, -ENOMEM, or of the
 * unlinked file */
must_check int dwarf_section_load(struct dwarf_data *d, struct dwarf_section *section,
				  struct error *err);

/** A string of a loaded section, or NULL where it does not end in it (or within @limit bytes). */
const char *dwarf_section_string(const struct dwarf_section *section, uint64_t offset,
				 uint64_t limit);

/** The first section of that plain name with bytes in the file (.debug_x or .zdebug_x), or NULL. */
const struct section *dwarf_find_section(const struct image *image, const char *name);
