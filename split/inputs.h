/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/*
 * What is to be split: files that were named, and what a walk of named folders finds. A file with
 * several names (hard links, or named twice) is one input.
 */

/** One name of an input. Folders are entered again, from a named one down, without following a
 * link. */
struct input_name {
	char *path; /* as the user would write it; owned */
	char *relative; /* below the named folder; a named file's last component; owned */
	const char *root; /* the named folder; NULL: the file itself was named */
	char *name; /* in the folder it lies in, all links resolved; owned */
	dev_t folder_dev; /* that folder */
	ino_t folder_ino;
};

struct input {
	struct input_name *names; /* of one inode, different ones; owned */
	size_t n_names;
	dev_t dev;
	ino_t ino;
	uint64_t n_links; /* that the file has, also where we do not know them */
	uint64_t size_bytes;
};

/** Something in a folder, or named, that is not to be split, or cannot be. */
struct passed_over {
	char *path; /* owned */
	char *why; /* owned */
	bool failed; /* else passed over by rule */
};

struct inputs {
	struct input *items;
	size_t n;
	struct passed_over *passed;
	size_t n_passed;
	uint64_t size_bytes;
};

struct inputs_options {
	/* Folders that are not entered: a store, a folder of debug files. */
	const struct stat *skipped;
	size_t n_skipped;
	bool packed_modules; /* are taken in folders, too */
	bool no_folders; /* a named folder is listed as failed, as strip(1) has it */
};

/**
 * Named files are taken as they are. In folders: ELF executables, shared objects and kernel modules
 * (*.ko); other ELF files, archives and compressed modules are passed over and listed, all else
 * silently; folders of debug files are not entered. Errors: -ENOMEM. Trouble with one file or folder is listed, and does not end it
 */
must_check int inputs_find(const char *const *paths, size_t n_paths,
			   const struct inputs_options *options, struct inputs *ret,
			   struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(inputs_free). */
void inputs_free(struct inputs *inputs);

/**
 * Open the folder of a name, and check that the file there is still the input.
 *
 * @ret_folder  a file descriptor of the caller's
 * @ret_name    in the folder; freed by the caller
 * Errors: -EBUSY another file is there now; else open
 */
must_check int input_open_folder(const struct input *input, size_t name, int *ret_folder,
				 char **ret_name, struct error *err);
