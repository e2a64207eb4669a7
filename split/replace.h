/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "base/tmpfile.h"
#include <stdbool.h>
#include <sys/stat.h>

/* How a new file takes the place of an old one: with all that belonged to the old, in one step. */

/** Something that does not follow the file to its new bytes, and why. */
typedef void (*replace_warning)(const char *text, void *context);

/**
 * Give a new file owner, mode, extended attributes and capabilities of the old, in this order (a
 * change of owner clears some). What cannot be kept is an error. security.ima and security.evm
 * speak of the old bytes: they are left behind, with a warning.
 *
 * @times  also the times of last access and modification
 * Errors: -EPERM, -ENOTSUP and the like, with what could not be kept
 */
must_check int replace_attributes(int old_fd, const struct stat *old, int new_fd, bool times,
				  replace_warning warn, void *context, struct error *err);

/**
 * Put the new file in the old one's place: synced, renamed, folder synced.
 *
 * @old  what must still be there under @name
 * Errors: -EBUSY something else has the name now; else fsync, rename
 */
must_check int replace_name(struct tmpfile *t, int dir_fd, const char *name, const struct stat *old,
			    struct error *err);

/** Let one more name of the old file (a hard link) become a name of the new one, which has @from.
 */
must_check int replace_link(int from_dir_fd, const char *from, int dir_fd, const char *name,
			    const struct stat *old, struct error *err);
