/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/debug_image.h"
#include "split/recipe.h"
#include "split/stripped.h"

/* Where the input's own bytes differ from those that both images are made of. */
struct recipe_original {
	uint64_t offset;
	uint32_t size_bytes;
	const uint8_t *bytes;
};

/* What a recipe is made from beside the debug image. All of it outlives the image. */
struct recipe_source {
	/* One without a debug link serves for one with a link, too. */
	const struct stripped *stripped;
	const struct recipe_original *originals;
	size_t n_originals;
	bool exact; /* carry streams that zlib is not proved to give again as they are */
};

/** The body, for an input whose halves lie as these two do. Errors: -ENOMEM */
must_check int recipe_make(const struct debug_image *debug, const struct recipe_source *source,
			   struct recipe_body *ret, struct error *err);
