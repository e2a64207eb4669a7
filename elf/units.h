/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/dwarf_data.h"

/*
 * The units of a DWARF section, one after the other, as its content comes decoded in pieces. Of
 * each, only the start is looked at, and only a start that is cut by a piece's end is copied. For
 * this folder alone.
 */

/** Where a unit begins. */
struct unit_start {
	const uint8_t *bytes; /* from its length field on */
	size_t size; /* of what is handed out */
	uint64_t offset; /* in the section */
	uint64_t unit_size; /* all of it, length field included */
	bool big_endian;
};

/** How much of a unit is wanted: told from its first bytes. 0: it is malformed. */
typedef uint64_t (*unit_measure)(const struct unit_start *start);
/** A result < 0 ends the walk with it. */
typedef int (*unit_visit)(const struct unit_start *start, void *context, struct error *err);

#define UNIT_MEASURE_SIZE 24 /* bytes that @measure is given, or the whole unit if that is less */

/**
 * Walk the units of @section.
 *
 * @ret_n_damaged  counts up: a unit that is malformed, and a section that holds something else
 *		   than units from some point on
 * Errors: -EBADMSG the section cannot be decoded; -ENOMEM; what @visit gives
 */
must_check int units_walk(const struct image *image, const struct section *section,
			  unit_measure measure, unit_visit visit, void *context,
			  uint64_t *ret_n_damaged, struct error *err);

/** What is of interest in a unit of .debug_info: its line table, the folder that its names are
 * relative to, and where the rest of it lies. */
struct unit {
	bool has_lines;
	uint64_t lines_offset; /* DW_AT_stmt_list */
	const uint8_t *lines_at; /* the bytes that say so, in the unit, */
	unsigned lines_width; /* and how many; 0: no offset by its form */
	const char *compilation_dir; /* NULL: not said, or where we cannot look */
	bool has_dwo_id;
	uint64_t dwo_id; /* by which the two parts of a split unit know each other */
	const char *dwo_name; /* of the file that has the rest of it; NULL: none, or the same */
};

/* Bytes of a unit in which its first entry must lie. */
#define UNIT_START_LIMIT (32u << 10)
/** A unit_measure, for unit_read(). */
uint64_t unit_measure_start(const struct unit_start *start);
/* Abbreviations and attributes that are read in all of a file: many units may share a long one. */
#define UNIT_ABBREV_LIMIT 100000000u

/** Keeps the last abbreviation that was looked up: many units share one. */
struct unit_reader {
	struct dwarf_data *data;
	const struct dwarf_relocations *relocations;
	uint64_t n_read; /* abbreviations and attributes */
	bool has_last;
	uint64_t last_table, last_code, last_at;
};

/**
 * Read header and first entry of a unit: DWARF 2 to 5, full, partial, skeleton and type units.
 * @ret_fatal  true: not a matter of this unit alone; the code is what loading a section gave
 * Errors: -EBADMSG malformed
 */
must_check int unit_read(struct unit_reader *reader, const struct unit_start *start,
			 struct unit *ret, bool *ret_fatal, struct error *err);
