/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/build_id.h"
#include "elf/image.h"

/*
 * The build ID that a file is given where it has none, or one that says nothing. It depends on what
 * stays the same when a file is split and when a build ID is added, so that both files have one.
 */

#define GIVEN_ID_SIZE 20 /* bytes */

/**
 * For Go programs whose own build ID has its four parts, what Go's linker makes of it (cmd/link, -B
 * gobuildid, since Go 1.25). Else a hash of the identity, see image_identity().
 *
 * @ret_is_go  it comes from Go's own build ID; may be NULL
 * Errors: those of image_identity()
 */
must_check int image_derive_build_id(const struct image *image, struct build_id *ret,
				     bool *ret_is_go, struct error *err);

/** Is this ID the same for different programs? Go's linker makes it so of -buildid=TEXT. */
bool image_build_id_says_nothing(const struct image *image, const struct build_id *id);

/** Was it made by Go's toolchain? By its notes and sections. */
bool image_is_go(const struct image *image);

/**
 * The build ID by which the store knows the file: its own, but for a Go program that has none, or
 * one that says nothing, the derived one.
 *
 * Errors: -ENOENT there is none
 */
must_check int image_known_build_id(const struct image *image, struct build_id *ret,
				    struct error *err);
