/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/**
 * Units whose debug information lies in another file (split DWARF): DWARF 5's skeleton units, and GNU's of
 * DWARF 4, as -gsplit-dwarf makes them.
 */
struct split_units {
	uint64_t n_units; /* with a file of theirs named */
	uint64_t n_all; /* and in all */
	char *first_path; /* of the first, as a debugger builds it: comp_dir "/" name. Bytes; owned; NULL: none */
};

/**
 * Costs no more than the abbreviations where there are none. Damaged units are passed over.
 * Errors: -EBADMSG a section cannot be decoded; -ENOMEM
 */
must_check int split_units_find(const struct image *image, struct split_units *ret,
				struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(split_units_free). */
void split_units_free(struct split_units *units);
