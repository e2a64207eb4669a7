/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/** Where the names of units' compilation folders lie as bytes. */
struct compilation_dir {
	uint64_t section; /* index */
	uint64_t offset; /* of the name's first byte in the section's decoded content */
};
struct compilation_dirs {
	struct compilation_dir *items; /* each once */
	size_t n;
};

/* Units from the start on that decide: a program whose first ones have other folders has none. */
#define COMPILATION_DIRS_LOOK 64u

/**
 * Those that are exactly @dir: strings of their own (DW_FORM_string) in the image's first .debug_info, and whole
 * strings of .debug_str and .debug_line_str, which units and line tables share, and where every one means this
 * folder. One that is the end of a longer string is not found. Damaged units are passed over.
 * Errors: -EBADMSG a section cannot be decoded; -ENOMEM
 */
must_check int compilation_dirs_find(const struct image *image, const char *dir,
				     struct compilation_dirs *ret, struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(compilation_dirs_free). */
void compilation_dirs_free(struct compilation_dirs *dirs);
