/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/digest.h"
#include "base/tmpfile.h"
#include "elf/build_id.h"
#include "elf/image.h"

/*
 * A plain debug file beside, or instead of, the store: FILE, or DIR/.build-id/xx/yyy.debug, or
 * DIR/PATH.debug where there is no build ID.
 */
struct debug_file {
	char *path; /* as the user would write it; owned */
	char *name; /* its last component, which .gnu_debuglink gets; owned */
	int dir_fd; /* the folder it is to lie in; -1 while it was not made */
	struct tmpfile file;
};

#define DEBUG_FILE_NONE ((struct debug_file){ .dir_fd = -1, .file = { .fd = -1, .dir_fd = -1 } })

/** Where it would be; nothing is touched. @file or @dir is set. @relative of the binary. */
must_check int debug_file_choose(const char *file, const char *dir, const struct build_id *id,
				 const char *relative, struct debug_file *ret, struct error *err);
/** Removes what was not published. Also accepts DEBUG_FILE_NONE. */
void debug_file_close(struct debug_file *d);

/* What is there under that name. */
struct debug_file_found {
	bool is_there; /* a debug file */
	bool has_dwarf;
	bool has_memory_layout;
	struct build_id id; /* size 0: none */
	struct digest memory_layout; /* of the program it is for */
	uint32_t crc; /* of its bytes, where it was asked for */
};

/** Errors: -EEXIST there is something that is no debug file; else open */
must_check int debug_file_look(const struct debug_file *d, bool wants_crc,
			       struct debug_file_found *ret, struct error *err);

/** Make the folders that are missing, and an unnamed file in the last one. */
must_check int debug_file_create(struct debug_file *d, struct error *err);

/** Give it its name and @mode, synced; an old file of that name is replaced in one step. */
must_check int debug_file_publish(struct debug_file *d, mode_t mode, struct error *err);
