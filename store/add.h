/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/mapping.h"
#include "elf/image.h"
#include "store/object.h"
#include "store/record.h"

/** The layout of an ELF file's bytes, for object_writer_new(). Sections point into the image's
 * names. object_layout_free() frees what it allocated. */
must_check int object_layout_of_image(const struct image *image, struct object_layout *ret,
				      struct error *err);
void object_layout_free(struct object_layout *layout);

/**
 * Fill what an image tells about itself: build ID, machine, type, identity, memory layout, how its
 * sections lay, the time now, and, where @origin's own are NULL, package, version and distro from
 * .note.package, and Go's toolchain and main module (module text as an object of @st, unless @st is
 * NULL). Artifacts and quality are the caller's to fill.
 *
 * @origin  may be NULL
 * @fresh   the object is noted in it; may be NULL
 * @ret     owned by the caller: contribution_free()
 * Errors: -ENOENT no build ID
 */
must_check int contribution_of_image(struct store *st, const struct image *image,
				     const struct origin *origin, struct fresh *fresh,
				     struct contribution *ret, struct error *err);

/** What debug information refers to: dwz's file. id.size 0: nothing; found by supplement_keep(). */
struct supplement {
	struct build_id id;
	struct artifact artifact; /* where it was found */
};

/**
 * What `dbgstore add` does with one mapped file: store it byte for byte and put its record. A
 *separate debug file, or what has symbols and no code, is a debug half; what has DWARF, an
 *original; else a stripped half.
 *
 * @supplement  what its debug information refers to; may be NULL
 * @mapping  that @image's bytes are of, checked before the record is put; NULL: they cannot change
 * @ret_build  the merged view after it: look at its collision
 * Errors: -ENOENT no build ID; -ENOTSUP a core file; -EBUSY the file changed meanwhile; -EEXIST the
 *build was removed for good
 */
must_check int store_add_image(struct store *st, const struct image *image,
			       const struct mapping *mapping, const struct origin *origin,
			       const struct supplement *supplement,
			       struct object_result *ret_object, struct build *ret_build,
			       struct error *err);
