/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/units.h"

/* Line program headers: their file tables, DWARF 2 to 5. For this folder alone. */

#define LINES_HEADER_LIMIT (4u << 20) /* bytes of a header */

/** A unit_measure for .debug_line: its header, all of it. */
uint64_t lines_measure(const struct unit_start *start);

struct lines_file {
	const char *name;
	const char *dir; /* NULL: the compilation's, which is not in the table (DWARF 2 to 4) */
	const uint8_t *md5; /* 16 bytes, or NULL */
};

typedef int (*lines_visit)(const struct lines_file *file, void *context, struct error *err);

/** Keeps the memory of one table's folders for the next. */
struct lines_reader {
	struct dwarf_data *data;
	const struct dwarf_relocations *relocations;
	const char **dirs;
	size_t n_dirs, dirs_size;
};
void lines_reader_free(struct lines_reader *reader); /* a guard */

/**
 * Hand each file of the table to @visit. One whose name or folder cannot be found is passed over.
 *
 * @ret_whole  false: the table is malformed; the files before that were handed out
 * Errors: what loading a section gives; -ENOMEM; what @visit gives
 */
must_check int lines_read(struct lines_reader *reader, const struct unit_start *start,
			  lines_visit visit, void *context, bool *ret_whole, struct error *err);
