/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "store/frame_decoder.h"
#include "store/internal.h"

#define NO_FRAME SIZE_MAX

struct object_reader {
	const struct object *o;
	struct frame_decoder *decoder;
	uint8_t *bytes; /* of the frame that was decoded last */
	size_t capacity;
	size_t frame; /* its number, or NO_FRAME */
};

int object_reader_new(const struct object *o, struct object_reader **ret, struct error *err)
{
	int r;

	scoped(object_reader_freep) struct object_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return error_no_memory(err);
	reader->o = o;
	reader->frame = NO_FRAME;
	r = frame_decoder_new(&reader->decoder, err);
	if (r < 0)
		return r;
	*ret = take(reader);
	return 0;
}

void object_reader_free(struct object_reader *r)
{
	if (!r)
		return;
	frame_decoder_free(r->decoder);
	free(r->bytes);
	free(r);
}

static int decode(struct object_reader *reader, const struct object_frame *frame, void *ret,
		  struct error *err)
{
	int r = frame_decode(reader->decoder, object_fd(reader->o), frame, ret, err);
	if (r < 0)
		return error_prefix(err, r, "object %s", DIGEST_HEX(object_digest(reader->o)));
	return 0;
}

/* Have a frame's bytes in the reader's own memory. */
static int load(struct object_reader *reader, size_t i, const struct object_frame *frame,
		struct error *err)
{
	int r;

	if (reader->frame == i)
		return 0;
	reader->frame = NO_FRAME;
	if (frame->size_bytes > reader->capacity) {
		free(reader->bytes);
		reader->capacity = 0;
		reader->bytes = malloc(frame->size_bytes);
		if (!reader->bytes)
			return error_no_memory(err);
		reader->capacity = frame->size_bytes;
	}
	r = decode(reader, frame, reader->bytes, err);
	if (r < 0)
		return r;
	reader->frame = i;
	return 0;
}

int object_read(struct object_reader *reader, uint64_t offset, void *ret, size_t size,
		size_t *ret_size, struct error *err)
{
	int r;

	size_t n = 0;
	const struct object_frame *frames = object_frames(reader->o, &n);
	uint64_t content_size = object_size(reader->o);
	size = offset < content_size ? (size_t)min_u64(size, content_size - offset) : 0;
	uint8_t *to = ret;
	size_t rest = size;
	for (size_t i = rest ? object_frame_at(reader->o, offset) : 0; rest; i++) {
		const struct object_frame *frame = &frames[i];
		size_t skipped = (size_t)(offset - frame->offset);
		size_t part = (size_t)min_u64(rest, frame->size_bytes - skipped);
		/* A whole frame that is wanted goes where it is wanted. */
		if (part == frame->size_bytes && reader->frame != i) {
			r = decode(reader, frame, to, err);
			if (r < 0)
				return r;
		} else {
			r = load(reader, i, frame, err);
			if (r < 0)
				return r;
			memcpy(to, reader->bytes + skipped, part);
		}
		to += part;
		offset += part;
		rest -= part;
	}
	*ret_size = size;
	return 0;
}

int object_read_whole(struct store *st, const struct digest *digest, uint64_t limit, char **ret,
		      size_t *ret_size, struct error *err)
{
	int r;

	scoped(object_closep) struct object *o = NULL;
	r = object_open(st, digest, &o, err);
	if (r < 0)
		return r;
	uint64_t size = object_size(o);
	if (size > limit || size >= SIZE_MAX)
		return error_set(err, -EFBIG,
				 "object %s: %" PRIu64 " bytes, over the limit of %" PRIu64,
				 DIGEST_HEX(digest), size, limit);
	scoped(object_reader_freep) struct object_reader *reader = NULL;
	r = object_reader_new(o, &reader, err);
	if (r < 0)
		return r;
	scoped(string_free) char *bytes = malloc((size_t)size + 1);
	if (!bytes)
		return error_no_memory(err);
	size_t n = 0;
	r = object_read(reader, 0, bytes, (size_t)size, &n, err);
	if (r < 0)
		return r;
	bytes[n] = 0;
	*ret = take(bytes);
	*ret_size = n;
	return 0;
}

/* Every frame decoded, in order; @digester may be NULL. */
static int decode_all(const struct object *o, struct digester *digester, struct error *err)
{
	int r;

	scoped(object_reader_freep) struct object_reader *reader = NULL;
	r = object_reader_new(o, &reader, err);
	if (r < 0)
		return r;
	size_t n = 0;
	const struct object_frame *frames = object_frames(o, &n);
	for (size_t i = 0; i < n; i++) {
		r = load(reader, i, &frames[i], err);
		if (r < 0)
			return r;
		if (digester)
			digester_add(digester, reader->bytes, frames[i].size_bytes);
	}
	return 0;
}

int object_check_frames(const struct object *o, struct error *err)
{
	return decode_all(o, NULL, err);
}

int object_check(const struct object *o, struct error *err)
{
	int r;

	scoped(digester_freep) struct digester *digester = NULL;
	r = digester_new(&digester, err);
	if (r < 0)
		return r;
	r = decode_all(o, digester, err);
	if (r < 0)
		return r;
	struct digest digest = digester_finish(digester);
	if (!digest_equal(&digest, object_digest(o)))
		return error_set(err, -EBADMSG, "object %s: its content has the digest %s",
				 DIGEST_HEX(object_digest(o)), DIGEST_HEX(&digest));
	return 0;
}

int object_verify(struct store *st, const struct digest *digest, struct error *err)
{
	int r;

	scoped(object_closep) struct object *o = NULL;
	r = object_open(st, digest, &o, err);
	if (r < 0)
		return r;
	return object_check(o, err);
}
