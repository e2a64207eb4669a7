/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/** A unit whose debug information lies in another file. */
struct split_unit {
	uint64_t id; /* which the unit there has too */
	char *path; /* of the file, as a debugger builds it: comp_dir "/" name. Bytes */
};

/**
 * Units whose debug information lies in another file (split DWARF): DWARF 5's skeleton units, and GNU's of
 * DWARF 4, as -gsplit-dwarf makes them.
 */
struct split_units {
	uint64_t n_units; /* with a file of theirs named */
	uint64_t n_all; /* and in all */
	char *first_path; /* of the first; NULL: none */
	struct split_unit *units; /* n_units, in order; NULL: more than are listed, or none */
};

/* More than these, or 64 MiB of paths, are counted alone. */
#define SPLIT_UNITS_LIMIT 200000u

/**
 * Costs no more than the abbreviations where there are none. Damaged units are passed over.
 * Errors: -EBADMSG a section cannot be decoded; -ENOMEM
 */
must_check int split_units_find(const struct image *image, struct split_units *ret,
				struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(split_units_free). */
void split_units_free(struct split_units *units);
