/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/build_id.h"
#include "elf/image.h"

/** What .gnu_debugaltlink says: which supplementary file, as dwz makes it, the debug information
 * refers to. */
struct alt_link {
	const char *path; /* into the image's bytes; NUL-terminated, not empty */
	struct build_id id;
};

/** Errors: -ENOENT no such section, or an empty one; -EBADMSG no path, or no build ID behind it */
must_check int image_alt_link(const struct image *image, struct alt_link *ret, struct error *err);
