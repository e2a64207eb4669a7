/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/go_info.h"
#include "elf/image.h"

struct store;

/**
 * A file under judgement: its image, and facts that are read when they are first asked for. What a
 * function returns lives as long as the subject.
 */
struct subject {
	const char *path; /* as the user would write it */
	const struct image *image;
	struct store *store; /* to look debug information up in; NULL: none was named */

	/* Private: what was read. */
	bool has_go;
	int go_result;
	struct go_info go;
	struct error go_error;
};

/** All three are kept, and must outlive it. */
void subject_open(const char *path, const struct image *image, struct store *st,
		  struct subject *ret);
void subject_close(struct subject *s); /* a guard */

/** A program or library: not an object file, a kernel module or a separate debug file. */
bool subject_runs(const struct subject *s);

/** What Go's linker wrote about the build; NULL: not a Go program, or one that we cannot read (its
 * message in @err). */
const struct go_info *subject_go(struct subject *s, struct error *err);
