/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/digest.h"
#include "base/edits.h"
#include "elf/compilation_dirs.h"
#include "elf/line_dirs.h"
#include "split/debug_image.h"

/*
 * Names in the stored debug image that debuggers can ask for. `go build -trimpath` leaves names that
 * are relative to nothing, and gdb and Delve ask for none that is not absolute: in the image, the
 * folders of line tables get a "/" before them. What lies behind moves, and what says where it is
 * follows. Where a table cannot be rewritten, and in what other compilers were told to write
 * (-ffile-prefix-map=DIR=.), units' compilation folders become "/" where they were ".", a byte for a
 * byte: gdb goes by them. The image carries what undoes it; base/edits.h.
 */
struct debug_names {
	struct line_dirs lines; /* to be made absolute, or else */
	struct compilation_dirs dirs; /* units' own folders */
	struct edits edits; /* of the image as it lies */
	uint64_t behind, shift; /* what lies from there on moves by so much */
	/* After writing: */
	struct digest original; /* of the image without the change */
	uint64_t original_bytes;
	bool written;
};

#define DEBUG_NAMES_OLD '.'
#define DEBUG_NAMES_NEW '/'

/** What is to change: nothing in object files, and in Go programs not built with -trimpath. Errors: -ENOMEM */
must_check int debug_names_find(const struct image *image, struct debug_names *ret,
				struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(debug_names_free). */
void debug_names_free(struct debug_names *names);

/** Plan the change of the image as it is laid out: without edits after it, there is none.
 * Errors: -ENOMEM */
must_check int debug_names_place(struct debug_names *names, const struct debug_image *debug,
				 struct error *err);
/** How the changed image lies. @layout and @sections: those of debug_image_layout(). */
void debug_names_move(const struct debug_names *names, struct object_layout *layout,
		      struct object_section *sections);

/** Between a debug image and where it goes: takes the untouched bytes, hands on the changed ones. */
struct names_sink {
	struct debug_names *names;
	struct digester *digester; /* of the untouched bytes */
	struct edits_pass pass;
};

/** After debug_names_place(). @ret_sink  keeps a pointer to @ret. Errors: -ENOMEM */
must_check int names_sink_open(struct debug_names *names, const struct sink *to,
			       struct names_sink *ret, struct sink *ret_sink, struct error *err);
/** All bytes were taken: hands on what undoes the change, and fills in names->original. Errors: those
 * of edits_pass_finish() */
must_check int names_sink_finish(struct names_sink *s, struct error *err);
void names_sink_close(struct names_sink *s); /* a guard; also accepts a zeroed one */
