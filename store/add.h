/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"
#include "store/object.h"
#include "store/record.h"

/** The layout of an ELF file's bytes, for object_writer_new(). Sections point into the image's names.
 * object_layout_free() frees what it allocated. */
must_check int object_layout_of_image(const struct image *image, struct object_layout *ret,
				      struct error *err);
void object_layout_free(struct object_layout *layout);

/** Fill what an image tells about itself: build ID, machine, type, identity, memory layout, how its
 * sections lay, and, where @origin's own are NULL, package, version and distro from .note.package, and Go's
 * toolchain and main module (module text as an object of @st, unless @st is NULL).
 * Errors: -ENOENT no build ID */
must_check int contribution_of_image(struct store *st, const struct image *image,
				     const struct origin *origin, struct contribution *ret,
				     struct error *err);

/** What `dbgstore add` does with one mapped file: store it byte for byte and put its record. */
must_check int store_add_image(struct store *st, const struct image *image, const struct origin *origin,
			       struct object_result *ret_object, struct build *ret_build,
			       struct error *err);
