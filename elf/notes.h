/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/build_id.h"
#include "elf/image.h"

struct note {
	uint32_t type;
	const char *name; /* NUL-terminated where the note's name is; else not */
	uint32_t name_size; /* with its NUL */
	const uint8_t *desc;
	uint32_t desc_size;
	uint64_t desc_offset; /* in the file */
};

/**
 * The next note of note data in the file, in [*at, end). Layout: gABI, "Note Section"; 8-byte
 * alignment as in the x86-64 psABI.
 *
 * @at     file offset; moved behind the note that was found
 * @align  the segment's or section's, 4 or 8 (0 and 1 count as 4)
 * Errors: -ENOENT no more; -EBADMSG a note ends past @end
 */
must_check int note_next(const struct image *image, uint64_t *at, uint64_t end, uint64_t align,
			 struct note *ret, struct error *err);

/** Where the build ID note was seen. */
struct build_id_place {
	bool in_segment; /* a PT_NOTE covers it: core files, perf and dl_iterate_phdr see it */
	bool in_section; /* a SHT_NOTE section holds it */
	uint64_t desc_offset;
};

/**
 * The file's GNU build ID: PT_NOTE first, then SHT_NOTE sections (Go's own linker leaves it outside
 * PT_NOTE). A note that is malformed ends the look into its segment or section, not the whole.
 *
 * @ret_place  may be NULL
 * Errors: -ENOENT "no GNU build ID"
 */
must_check int image_build_id(const struct image *image, struct build_id *ret,
			      struct build_id_place *ret_place, struct error *err);

/** The text of Go's own build ID note (name "Go", type 4). @ret points into the bytes, not
 * terminated. */
must_check int image_go_build_id(const struct image *image, const char **ret, uint64_t *ret_size,
				 struct error *err);

/** The JSON text of the FDO packaging note (.note.package, name "FDO", type 0xcafe1a7e), as above. */
must_check int image_package_note(const struct image *image, const char **ret, uint64_t *ret_size,
				  struct error *err);
