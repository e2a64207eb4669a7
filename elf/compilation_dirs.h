/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/** Where units' compilation folders lie as strings of their own (DW_FORM_string) in .debug_info. */
struct compilation_dirs {
	uint64_t section; /* index of .debug_info */
	uint64_t *offsets; /* in its decoded content, rising: of the string's first byte */
	size_t n;
};

/**
 * Those that are exactly @dir, in the image's first .debug_info. Elsewhere, in strings that others
 * may share, nothing is found. Damaged units are passed over.
 * Errors: -EBADMSG a section cannot be decoded; -ENOMEM
 */
must_check int compilation_dirs_find(const struct image *image, const char *dir,
				     struct compilation_dirs *ret, struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(compilation_dirs_free). */
void compilation_dirs_free(struct compilation_dirs *dirs);
