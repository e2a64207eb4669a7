/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "base/attributes.h"
#include "base/error.h"

/**
 * One regular file that a walk met. @path is how the user would write it: the named folder and what
 * lies below; @relative is the part below the named folder (for a named file: its last component).
 * @dir_fd and @name reach it without following a link, and are valid during the call only.
 */
struct walk_file {
	const char *path;
	const char *relative;
	int dir_fd;
	const char *name;
	const struct stat *st;
	bool named; /* it was named itself, not found in a folder */
};

struct walk_options {
	/* Is this folder, found in a folder, left out with all below it? NULL: none is. */
	bool (*skip_folder)(const char *path, const struct stat *st, void *context);
	/* What to do with each file; a result != 0 ends the walk with it. */
	int (*file)(const struct walk_file *file, void *context, struct error *err);
	/* Something could not be read; the walk goes on. NULL: ignored. */
	void (*trouble)(const char *path, const struct error *err, void *context);
	void *context;
};

/**
 * Visit a named file, or every regular file below a named folder, in byte order of their names.
 * Stays on one file system; a symlink is never followed in a folder, FIFOs, sockets and devices are
 * passed over, and so are temporary files of ours (tmpfile_is_name()); a named symlink is followed.
 * What is made in a folder while it is walked is not met. Depth is limited to 256 folders.
 *
 * Errors: -ENOENT no such path; -EPERM @path is "/", or the user's home folder; -EINVAL neither a
 *	   regular file nor a folder; what file() returned
 * Threads: one walk is for one thread
 */
must_check int walk(const char *path, const struct walk_options *options, struct error *err);
