/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/add.h"

/**
 * Keep the supplementary file that an image's debug information refers to (.gnu_debugaltlink, by
 * dwz): what the store has under its build ID, or else the file itself, which is added as a build
 * of its own. It is looked for where gdb looks: by the path in the section, from the folder of
 * @path where it is relative; by build ID in .build-id folders and by its name in .dwz folders, of
 * /usr/lib/debug and of the folders above @path, so that a tree that was unpacked somewhere is
 * complete in itself. Nothing but a file of that very build ID is taken.
 *
 * @path  of the file that refers to it
 * @ret   its artifact is present only where it was found
 * Errors: what adding gives, but for the file's own faults: those are as if it were not there. No
 * link: 0
 */
must_check int supplement_keep(struct store *st, const struct image *image, const char *path,
			       struct supplement *ret, struct error *err);

/** A warning where the store does not have what the image refers to, else NULL. @ret freed by the
 * caller. */
must_check int supplement_missing(struct store *st, const struct image *image, char **ret,
				  struct error *err);
