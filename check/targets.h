/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* The files to be checked: those that were named, and what a walk of named folders finds. */

struct target {
	char *path; /* as the user would write it; owned */
	dev_t dev;
	ino_t ino;
	uint64_t size_bytes;
	bool named; /* it was named itself */
	char *trouble; /* why it, or the folder, cannot be read; owned. NULL: it can */
	const char *skipped; /* why it is passed over; NULL: it is not */
};

struct targets {
	struct target *items;
	size_t n;
	uint64_t size_bytes;
};

/**
 * Named files are taken as they are. In folders: executables, shared objects and kernel modules;
 * other ELF files and archives are listed as passed over, all else is not. Neither folders of debug
 * files nor stores are entered. A file with several names is met once, by the first.
 * Errors: -ENOMEM. Trouble with one file or folder is listed, and does not end it
 */
must_check int targets_find(const char *const *paths, size_t n_paths, struct targets *ret,
			    struct error *err);
/** Also accepts a zeroed struct. A guard. */
void targets_free(struct targets *targets);

/** Open a target for reading. Errors: -EBUSY another file is there now; else open */
must_check int target_open(const struct target *target, int *ret_fd, struct error *err);
