/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"
#include "store/object.h"

/**
 * A stored ELF file as an image of which only some sections are decoded: as much memory is used as
 * these have; what was not read is zeros. Headers and names are always there.
 */
struct stored_image {
	struct image image;
	struct object *object;
	uint8_t *bytes; /* mapped */
	uint64_t size_bytes;
	bool is_whole;
};

/** The sections that elf/go_info.h and elf/go_functions.h read, in nearly every Go program. */
extern const char *const stored_image_go_sections[];

/**
 * @names   of sections to decode, the last one NULL
 * Errors:  -ENOENT no such object; -EBADMSG damaged, or not a well-formed ELF file; -ENOEXEC none
 */
must_check int stored_image_open(struct store *st, const struct digest *digest,
				 const char *const *names, struct stored_image *ret,
				 struct error *err);
/** Decode what is left of it. @si->image stays as it is. */
must_check int stored_image_complete(struct stored_image *si, struct error *err);
/** Also accepts a zeroed one. A guard. */
void stored_image_close(struct stored_image *si);
