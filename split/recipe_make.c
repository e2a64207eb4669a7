/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "split/recipe_make.h"

#define SMALL_STREAM 128 /* bytes: such a stream is carried along; another might not fit its place */

struct piece {
	uint64_t offset; /* in the input */
	struct recipe_step step;
};

static void free_pieces(struct piece **pieces)
{
	free(*pieces);
}

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (int)x->step.kind - (int)y->step.kind;
}

/* Where in the input do these bytes lie? */
static bool is_input(const struct image *image, const uint8_t *bytes, uint64_t *ret)
{
	uintptr_t at = (uintptr_t)bytes, start = (uintptr_t)image->bytes;
	if (!bytes || at < start || at - start >= image->size_bytes)
		return false;
	*ret = at - start;
	return true;
}

static size_t find_stripped(const struct image *image, const struct stripped *stripped,
			    struct piece *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < stripped->n_parts; i++) {
		const struct stripped_part *part = &stripped->parts[i];
		struct piece *piece = &ret[n];
		*piece = (struct piece){ .step = { .kind = RECIPE_STRIPPED,
						   .size_bytes = part->size_bytes,
						   .from = part->offset } };
		if (!is_input(image, part->bytes, &piece->offset))
			continue;
		/* A debug link moves what lies behind it. */
		if (piece->offset >= image->end) {
			piece->step.kind = RECIPE_TAIL;
			piece->step.from = stripped->size_bytes - part->offset;
		}
		n++;
	}
	return n;
}

/* A name table of our own begins with the input's. */
static bool find_names(const struct debug_image *debug, uint32_t index, struct piece *ret)
{
	const struct image *image = debug->plan->image;
	const struct content *content = &debug->sections[index].content;
	uint64_t size;
	const uint8_t *old = image_section_bytes(image, &image->sections[index], &size);
	if (!size || size > content->stored_size || memcmp(old, content->stored, size) != 0)
		return false;
	ret->step.size_bytes = size;
	return is_input(image, old, &ret->offset);
}

static void set_stream(const struct debug_image *debug, uint32_t index, struct recipe_step *step)
{
	const struct debug_section *section = &debug->sections[index];
	step->kind = RECIPE_STREAM;
	step->level = debug->streams[index].level;
	step->compression = section->content.compression;
	step->content_size = section->shdr.sh_size;
}

static size_t find_debug(const struct debug_image *debug, struct piece *ret)
{
	const struct image *image = debug->plan->image;
	size_t n = 0;
	for (size_t k = 0; k < debug->n_order; k++) {
		uint32_t index = debug->order[k];
		const struct debug_section *section = &debug->sections[index];
		struct piece *piece = &ret[n];
		uint64_t size = section->content.stored_size;
		*piece = (struct piece){ .step = { .kind = RECIPE_DEBUG,
						   .size_bytes = size,
						   .from = section->shdr.sh_offset } };
		if (section->decoded)
			set_stream(debug, index, &piece->step);
		if (section->decoded &&
		    (size <= SMALL_STREAM || !recipe_stream_is_sane(size, section->shdr.sh_size)))
			continue; /* a gap, then */
		if (is_input(image, section->content.stored, &piece->offset) ||
		    find_names(debug, index, piece))
			n++;
	}
	return n;
}

static void put_run(struct recipe_buffer *out, enum recipe_step_kind kind, const uint8_t *bytes,
		    uint64_t size)
{
	if (size)
		recipe_put_step(out, &(struct recipe_step){ .kind = kind,
							    .size_bytes = size,
							    .bytes = bytes });
}

/* What no piece covers. Long runs of zeros in it are told by their length. */
static void put_gap(struct recipe_buffer *out, const struct image *image, uint64_t from,
		    uint64_t to)
{
	const uint8_t *bytes = image->bytes;
	while (from < to) {
		uint64_t zeros = from;
		while (zeros < to && bytes[zeros] == 0)
			zeros++;
		if (zeros - from > 64 || zeros == to) {
			put_run(out, RECIPE_ZEROS, NULL, zeros - from);
			from = zeros;
			continue;
		}
		uint64_t end = from, n_zeros = 0;
		while (end < to && n_zeros <= 64) {
			n_zeros = bytes[end] ? 0 : n_zeros + 1;
			end++;
		}
		end -= n_zeros;
		put_run(out, RECIPE_BYTES, bytes + from, end - from);
		from = end;
	}
}

static void put_pieces(const struct image *image, const struct piece *pieces, size_t n,
		       struct recipe_buffer *out)
{
	uint64_t at = 0;
	for (size_t i = 0; i < n; i++) {
		struct recipe_step step = pieces[i].step;
		uint64_t offset = pieces[i].offset, end = offset + step.size_bytes;
		/* Sections may overlap. Of a stream, no part can be had. */
		if (end <= at || (offset < at && step.kind == RECIPE_STREAM))
			continue;
		uint64_t over = at > offset ? at - offset : 0;
		put_gap(out, image, at, offset + over);
		step.size_bytes -= over;
		step.from = step.kind == RECIPE_TAIL ? step.from - over : step.from + over;
		if (step.kind == RECIPE_STREAM)
			step.crc = libdeflate_crc32(0, image->bytes + offset, step.size_bytes);
		recipe_put_step(out, &step);
		at = end;
	}
	put_gap(out, image, at, image->size_bytes);
}

int recipe_make(const struct debug_image *debug, const struct recipe_source *source,
		struct recipe_body *ret, struct error *err)
{
	const struct image *image = debug->plan->image;
	scoped(free_pieces) struct piece *pieces =
		calloc(source->stripped->n_parts + debug->n_order + 1, sizeof(*pieces));
	if (!pieces)
		return error_no_memory(err);
	size_t n = find_stripped(image, source->stripped, pieces);
	n += find_debug(debug, pieces + n);
	qsort(pieces, n, sizeof(*pieces), compare_pieces);

	scoped(recipe_buffer_free) struct recipe_buffer out = { 0 };
	recipe_put_head(&out, image->size_bytes);
	size_t steps_at = out.size;
	put_pieces(image, pieces, n, &out);
	for (size_t i = 0; i < source->n_originals; i++)
		recipe_put_step(&out, &(struct recipe_step){
					      .kind = RECIPE_PATCH,
					      .size_bytes = source->originals[i].size_bytes,
					      .from = source->originals[i].offset,
					      .bytes = source->originals[i].bytes });
	if (out.failed)
		return error_no_memory(err);
	*ret = (struct recipe_body){ out.bytes, out.size, steps_at };
	out.bytes = NULL;
	return 0;
}
