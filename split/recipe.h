/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/content.h"

/*
 * How the input is made again of its two halves: ranges of the stripped file, ranges of the debug
 * image, streams to be compressed again, and the few bytes that neither has. It lies behind the
 * debug image's section header table, where no tool looks. docs/FORMAT.md describes the bytes.
 */

#define RECIPE_TRAILER_SIZE 32

enum recipe_step_kind {
	RECIPE_ZEROS, /* size */
	RECIPE_BYTES, /* size, and that many bytes */
	RECIPE_STRIPPED, /* size, offset */
	RECIPE_TAIL, /* size, distance from the stripped file's end */
	RECIPE_DEBUG, /* size, offset */
	RECIPE_STREAM, /* size of the stream, offset, codec, level, size of the content, CRC of the stream */
	RECIPE_PATCH, /* size, offset in what was made so far, bytes; makes nothing new */
};

struct recipe_step {
	enum recipe_step_kind kind;
	uint64_t size_bytes; /* that it makes */
	uint64_t from;
	const uint8_t *bytes;
	enum compression compression;
	int level; /* 0: none is known to give the stream again */
	uint64_t content_size;
	uint32_t crc;
};

struct recipe {
	uint64_t image_size; /* of the debug image without the recipe */
	uint32_t image_crc; /* of that, before names were changed in the store's copy */
	uint64_t input_size;
	uint32_t input_crc; /* of what is not made of the debug image, before patches */
	const uint8_t *at, *end; /* the steps */
};

/**
 * Find the recipe at the end of a debug file. @ret points into the bytes.
 * Errors: -ENOENT none; -ENOTSUP of another version; -EBADMSG damaged
 */
must_check int recipe_open(const uint8_t *bytes, uint64_t size, struct recipe *ret,
			   struct error *err);

/** The next step; its ranges are checked against nothing yet. Errors: -ENOENT no more; -EBADMSG */
must_check int recipe_next(struct recipe *recipe, struct recipe_step *ret, struct error *err);

/** No stream is so much larger than its content. */
bool recipe_stream_is_sane(uint64_t stream_size, uint64_t content_size);

/* ---- its bytes, for recipe_make() ---- */

struct recipe_body {
	uint8_t *bytes; /* owned: free() */
	uint64_t size_bytes;
	uint64_t steps_at;
};

struct recipe_buffer {
	uint8_t *bytes;
	size_t size, allocated;
	bool failed; /* out of memory: looked at once, at the end */
};

void recipe_buffer_free(struct recipe_buffer *buffer); /* a guard */
void recipe_put_head(struct recipe_buffer *out, uint64_t input_size);
void recipe_put_step(struct recipe_buffer *out, const struct recipe_step *step);
/** The trailer that ends the file. @input is what the steps make. */
void recipe_put_trailer(const struct recipe_body *body, uint32_t image_crc, const uint8_t *input,
			uint8_t ret[static RECIPE_TRAILER_SIZE]);
