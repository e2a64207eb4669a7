/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "split/recipe.h"

#define RECIPE_VERSION 1
static const char magic[8] = "dbgvjoin";

static void encode(uint8_t *ret, uint64_t number, size_t size)
{
	for (size_t i = 0; i < size; i++)
		ret[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t decode(const uint8_t *from, size_t size)
{
	uint64_t number = 0;
	for (size_t i = 0; i < size; i++)
		number |= (uint64_t)from[i] << (8 * i);
	return number;
}

bool recipe_stream_is_sane(uint64_t stream_size, uint64_t content_size)
{
	return stream_size <= content_size || stream_size - content_size <= content_size / 64 + 1024;
}

/* ---- writing ---- */

void recipe_buffer_free(struct recipe_buffer *buffer)
{
	free(buffer->bytes);
}

static void put_bytes(struct recipe_buffer *buffer, const uint8_t *bytes, size_t size)
{
	if (buffer->failed)
		return;
	if (buffer->allocated - buffer->size < size) {
		size_t more = 2 * (buffer->size + size) + 256;
		uint8_t *larger = realloc(buffer->bytes, more);
		if (!larger) {
			buffer->failed = true;
			return;
		}
		buffer->bytes = larger;
		buffer->allocated = more;
	}
	if (size)
		memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
}

/* LEB128, as DWARF has it. */
static void put_number(struct recipe_buffer *buffer, uint64_t number)
{
	do {
		uint8_t byte = (uint8_t)(number & 0x7f);
		number >>= 7;
		if (number)
			byte |= 0x80;
		put_bytes(buffer, &byte, 1);
	} while (number);
}

void recipe_put_head(struct recipe_buffer *out, uint64_t input_size)
{
	put_number(out, input_size);
}

void recipe_put_step(struct recipe_buffer *out, const struct recipe_step *step)
{
	uint8_t crc[4];
	put_number(out, step->kind);
	put_number(out, step->size_bytes);
	if (step->kind != RECIPE_ZEROS && step->kind != RECIPE_BYTES)
		put_number(out, step->from);
	if (step->kind == RECIPE_BYTES || step->kind == RECIPE_PATCH)
		put_bytes(out, step->bytes, step->size_bytes);
	if (step->kind != RECIPE_STREAM)
		return;
	put_number(out, step->compression);
	put_number(out, (uint64_t)step->level);
	put_number(out, step->content_size);
	encode(crc, step->crc, sizeof(crc));
	put_bytes(out, crc, sizeof(crc));
}

/* Of what does not come out of the debug image, which has one for all. */
static uint32_t input_crc(struct recipe recipe, const uint8_t *input)
{
	uint32_t crc = 0;
	uint64_t at = 0;
	struct recipe_step step;
	while (recipe_next(&recipe, &step, NULL) == 0) {
		if (step.kind == RECIPE_PATCH)
			continue;
		if (step.kind != RECIPE_STREAM && step.kind != RECIPE_DEBUG)
			crc = libdeflate_crc32(crc, input + at, step.size_bytes);
		at += step.size_bytes;
	}
	return crc;
}

/* ---- reading ---- */

static bool get_number(struct recipe *recipe, uint64_t *ret)
{
	uint64_t number = 0;
	for (unsigned shift = 0; shift < 64 && recipe->at < recipe->end; shift += 7) {
		uint8_t byte = *recipe->at++;
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = number;
			return shift < 63 || byte < 2;
		}
	}
	return false;
}

static bool get_bytes(struct recipe *recipe, uint64_t size, const uint8_t **ret)
{
	if (size > (uint64_t)(recipe->end - recipe->at))
		return false;
	*ret = recipe->at;
	recipe->at += size;
	return true;
}

int recipe_open(const uint8_t *bytes, uint64_t size, struct recipe *ret, struct error *err)
{
	if (size < RECIPE_TRAILER_SIZE ||
	    memcmp(bytes + size - sizeof(magic), magic, sizeof(magic)) != 0)
		return error_set(
			err, -ENOENT,
			"does not say how the input lay (another tool made or changed it): eu-unstrip joins such a pair, in another order");
	const uint8_t *trailer = bytes + size - RECIPE_TRAILER_SIZE;
	uint32_t version = (uint32_t)decode(trailer + 20, 4);
	if (version != RECIPE_VERSION)
		return error_set(err, -ENOTSUP, "recipe of version %" PRIu32 ", this one knows %d",
				 version, RECIPE_VERSION);
	uint64_t body_size = decode(trailer, 8);
	if (body_size > size - RECIPE_TRAILER_SIZE)
		return error_set(err, -EBADMSG,
				 "recipe of %" PRIu64 " bytes in a file of %" PRIu64, body_size,
				 size);
	const uint8_t *body = trailer - body_size;
	if (libdeflate_crc32(0, body, body_size) != decode(trailer + 8, 4))
		return error_set(err, -EBADMSG, "the recipe's checksum is wrong: damaged");
	struct recipe recipe = { .image_size = (uint64_t)(body - bytes),
				 .image_crc = (uint32_t)decode(trailer + 12, 4),
				 .input_crc = (uint32_t)decode(trailer + 16, 4),
				 .at = body,
				 .end = trailer };
	if (!get_number(&recipe, &recipe.input_size))
		return error_set(err, -EBADMSG, "the recipe ends early");
	*ret = recipe;
	return 0;
}

static bool get_stream(struct recipe *recipe, struct recipe_step *step)
{
	uint64_t compression, level;
	const uint8_t *crc;
	if (!get_number(recipe, &compression) || !get_number(recipe, &level) ||
	    !get_number(recipe, &step->content_size) || !get_bytes(recipe, 4, &crc) ||
	    compression == COMPRESSION_NONE || compression > COMPRESSION_ZLIB_GNU || level > 9 ||
	    !recipe_stream_is_sane(step->size_bytes, step->content_size))
		return false;
	step->compression = (enum compression)compression;
	step->level = (int)level;
	step->crc = (uint32_t)decode(crc, 4);
	return true;
}

static bool get_step(struct recipe *recipe, struct recipe_step *step)
{
	uint64_t kind;
	if (!get_number(recipe, &kind) || kind > RECIPE_PATCH ||
	    !get_number(recipe, &step->size_bytes))
		return false;
	step->kind = (enum recipe_step_kind)kind;
	if (kind != RECIPE_ZEROS && kind != RECIPE_BYTES && !get_number(recipe, &step->from))
		return false;
	if (kind == RECIPE_BYTES || kind == RECIPE_PATCH)
		return get_bytes(recipe, step->size_bytes, &step->bytes);
	return kind != RECIPE_STREAM || get_stream(recipe, step);
}

int recipe_next(struct recipe *recipe, struct recipe_step *ret, struct error *err)
{
	struct recipe_step step = { 0 };
	if (recipe->at == recipe->end)
		return -ENOENT;
	if (!get_step(recipe, &step))
		return error_set(err, -EBADMSG, "the recipe has a step that is none");
	*ret = step;
	return 0;
}

/* Size of the body, CRCs of body, image and input, version, magic: 32 bytes. */
void recipe_put_trailer(const struct recipe_body *body, uint32_t image_crc, const uint8_t *input,
			uint8_t ret[static RECIPE_TRAILER_SIZE])
{
	const struct recipe own = { .at = body->bytes + body->steps_at,
				    .end = body->bytes + body->size_bytes };
	encode(ret, body->size_bytes, 8);
	encode(ret + 8, libdeflate_crc32(0, body->bytes, body->size_bytes), 4);
	encode(ret + 12, image_crc, 4);
	encode(ret + 16, input_crc(own, input), 4);
	encode(ret + 20, RECIPE_VERSION, 4);
	memcpy(ret + 24, magic, sizeof(magic));
}
