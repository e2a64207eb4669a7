/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "split/recipe.h"
#include "tests/fuzz/fuzz.h"

#define IMAGE_SIZE 64

/* The input is a recipe's body; image and trailer are put around it, with checksums that are right. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole_size = IMAGE_SIZE + size + RECIPE_TRAILER_SIZE;
	uint8_t *whole = calloc(1, whole_size);
	FUZZ_CHECK(whole);
	if (size)
		memcpy(whole + IMAGE_SIZE, data, size);
	const struct recipe_body body = { whole + IMAGE_SIZE, size, size };
	recipe_put_trailer(&body, 0, NULL, whole + IMAGE_SIZE + size);

	struct error err = ERROR_NONE;
	struct recipe recipe = { 0 };
	struct recipe_step step;
	int r = recipe_open(whole, whole_size, &recipe, &err);
	FUZZ_CHECK(r < 0 || recipe.image_size == IMAGE_SIZE);
	while (r == 0) {
		const uint8_t *at = recipe.at;
		r = recipe_next(&recipe, &step, &err);
		FUZZ_CHECK(r < 0 || recipe.at > at);
		if (r == 0 && step.bytes)
			FUZZ_CHECK(step.bytes >= at && step.bytes + step.size_bytes == recipe.at);
	}
	FUZZ_CHECK(r == -ENOENT || err.message[0]);
	free(whole);
	return 0;
}

void fuzz_seeds(fuzz_add add)
{
	for (unsigned kind = RECIPE_ZEROS; kind <= RECIPE_PATCH; kind++) {
		struct recipe_buffer out = { 0 };
		recipe_put_head(&out, 100000);
		for (uint64_t n = 0; n < 4; n++)
			recipe_put_step(&out, &(struct recipe_step){
						      .kind = kind,
						      .size_bytes = 1 + n,
						      .from = n << (16 * n),
						      .bytes = (const uint8_t *)"abcd",
						      .compression = COMPRESSION_ZLIB + n % 3,
						      .level = (int)n,
						      .content_size = 10 + n });
		add(out.bytes, out.size);
		recipe_buffer_free(&out);
	}
}
