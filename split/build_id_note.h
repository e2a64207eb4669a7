/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/mapping.h"
#include "elf/build_id.h"
#include "elf/image.h"

/*
 * What is done about a build ID that is missing, that no PT_NOTE shows, or that says nothing: a few
 * bytes, planned first, then patched into the input as both images see it. No byte moves.
 */

enum build_id_mode {
	BUILD_ID_ADD, /* one that is missing is added, one that is hidden or says nothing mended */
	BUILD_ID_MEND, /* none is added */
	BUILD_ID_KEEP,
};

#define BUILD_ID_SECTION ".note.gnu.build-id"

#define BYTE_PATCH_LIMIT 64
#define BUILD_ID_PATCHES 2 /* at most */

struct byte_patch {
	uint64_t offset; /* in the file */
	uint32_t size;
	uint8_t bytes[BYTE_PATCH_LIMIT];
};

struct build_id_note {
	struct build_id id; /* by which the file is known from then on; size 0: none */
	bool added; /* a note in zero bytes, */
	bool with_section; /* and a section header for it */
	bool replaced; /* its bytes, where it is */
	bool widened; /* PT_NOTE covers it now */
	bool stays_hidden; /* PT_NOTE could not be widened */
	bool no_room; /* it is known by the ID, and does not have it */
	GElf_Shdr shdr; /* of the note that was added */
	uint64_t segment; /* the PT_NOTE that was widened, */
	GElf_Phdr phdr; /* to this */
	struct byte_patch patches[BUILD_ID_PATCHES]; /* in no order; they do not overlap */
	size_t n_patches;
};

/** Nothing is touched. Errors: -ENOMEM; those of image_derive_build_id() */
must_check int build_id_note_plan(const struct image *image, enum build_id_mode mode,
				  struct build_id_note *ret, struct error *err);

/** Patch our own view of the file (the file stays as it is), and @image with it: its segments, and
 * one more section at the end. Errors: -ENOMEM; what mapping_patch() gives */
must_check int build_id_note_apply(const struct build_id_note *note, struct mapping *mapping,
				   struct image *image, struct error *err);

/** The part of build_id_note_apply() that is about @image's tables alone. */
must_check int build_id_note_show(const struct build_id_note *note, struct image *image,
				  struct error *err);
