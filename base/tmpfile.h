/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include "base/attributes.h"
#include "base/error.h"

/**
 * A file that has no name, or a temporary one, until it is whole. Unnamed (O_TMPFILE) where the
 * file system can, so that a crash leaves no litter.
 */
struct tmpfile {
	int fd;	     /* for reading and writing; -1: none */
	int dir_fd;  /* where the temporary name is; the caller's */
	char name[64]; /* "" while unnamed */
};

#define TMPFILE_NONE ((struct tmpfile){ .fd = -1, .dir_fd = -1 })

/** Mode 0600 until published. @dir_fd outlives the tmpfile. */
must_check int tmpfile_create(int dir_fd, struct tmpfile *ret, struct error *err);
/** As tmpfile_create(), with a name from the start: for file systems that have no unnamed files. */
must_check int tmpfile_create_named(int dir_fd, struct tmpfile *ret, struct error *err);
/** Is it a name of the kind that a tmpfile has? A crash may have left such a file behind. */
bool tmpfile_is_name(const char *name);

/**
 * Sync the data, give the file its name in @dir_fd (which may be another folder of the same file
 * system), and sync that folder. The caller has set mode, owner and the like before.
 *
 * Errors: -EEXIST there is such a name (nothing is changed); else fsync, linkat
 */
must_check int tmpfile_publish(struct tmpfile *t, int dir_fd, const char *name, struct error *err);

/** As tmpfile_publish(), but the name's old file, if any, is replaced in one step. */
must_check int tmpfile_replace(struct tmpfile *t, int dir_fd, const char *name, struct error *err);

/** The same two without the folder's sync, for a caller that publishes many and syncs once. */
must_check int tmpfile_publish_unsynced(struct tmpfile *t, int dir_fd, const char *name,
					struct error *err);

/** Close, and remove what has not been published. A guard: scoped(tmpfile_discard). */
void tmpfile_discard(struct tmpfile *t);
