/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/plan.h"

/* The section name tables of the two images. */

struct section_names {
	uint8_t *bytes; /* owned; NULL: the input's own table, as it is */
	uint64_t size_bytes;
	uint32_t *offsets; /* sh_name of each section of the input; 0 for one that left */
	uint32_t extra; /* sh_name of the name that was added */
};

/** Also accepts a zeroed struct. A guard: scoped(section_names_free). */
void section_names_free(struct section_names *names);

/**
 * The names of the sections that stay, in the order and with the sharing (".text" in ".rela.text")
 * of the old table. The old one is kept whole, with what is added behind it, where other sections
 * have their strings there too, and untouched where it is loaded.
 *
 * @extra  one more name; NULL: none
 * Errors: -ENOTSUP a name is to be added to a table that is loaded
 */
must_check int section_names_of_kept(const struct plan *plan, const char *extra,
				     struct section_names *ret, struct error *err);

/** The input's table with new names behind it. @renamed: for each section its new name, or NULL. */
must_check int section_names_renamed(const struct image *image, const char *const *renamed,
				     struct section_names *ret, struct error *err);
