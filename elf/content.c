/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "elf/content.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2 /* gABI; newer than some elf.h */
#endif

#define ZSTD_WINDOW_LOG_LIMIT 27 /* what zstd's own tool takes without being asked: 128 MiB */
#define CHDR32_SIZE 12
#define CHDR64_SIZE 24
#define GNU_HEADER_SIZE 12 /* "ZLIB" and 8 bytes of size, big-endian whatever the file is */

/* ---- headers ---- */

static void set_plain_name(struct content *content, const char *name)
{
	bool old = !strncmp(name, ".zdebug", 7);
	snprintf(content->name, sizeof(content->name), "%s%s", old ? "." : "",
		 old ? name + 2 : name);
}

static int read_chdr(const struct image *image, struct content *content, struct error *err)
{
	const uint8_t *header = content->stored;
	uint64_t header_size = image->class == ELFCLASS32 ? CHDR32_SIZE : CHDR64_SIZE;
	if (content->stored_size < header_size)
		return error_set(err, -EBADMSG,
				 "%s: 0x%" PRIx64
				 " bytes, too few for a compression header of %" PRIu64,
				 ESCAPED(content->name), content->stored_size, header_size);
	uint32_t type = image_decode_word(image, header);
	if (image->class == ELFCLASS32) {
		content->size_bytes = image_decode_word(image, header + 4);
		content->align = image_decode_word(image, header + 8);
	} else { /* 4 bytes are reserved behind the type */
		content->size_bytes = image_decode_xword(image, header + 8);
		content->align = image_decode_xword(image, header + 16);
	}
	if (type == ELFCOMPRESS_ZLIB)
		content->compression = COMPRESSION_ZLIB;
	else if (type == ELFCOMPRESS_ZSTD)
		content->compression = COMPRESSION_ZSTD;
	else
		return error_set(err, -ENOTSUP,
				 "%s: compression type %u, known are 1 (zlib) and 2 (zstd)",
				 ESCAPED(content->name), type);
	content->stored += header_size;
	content->stored_size -= header_size;
	return 0;
}

static int read_gnu_header(struct content *content, struct error *err)
{
	if (content->stored_size < GNU_HEADER_SIZE || memcmp(content->stored, "ZLIB", 4) != 0)
		return error_set(err, -EBADMSG, "%s: begins with no ZLIB header",
				 ESCAPED(content->name));
	content->size_bytes = 0;
	for (unsigned i = 4; i < GNU_HEADER_SIZE; i++)
		content->size_bytes = content->size_bytes << 8 | content->stored[i];
	content->compression = COMPRESSION_ZLIB_GNU;
	content->stored += GNU_HEADER_SIZE;
	content->stored_size -= GNU_HEADER_SIZE;
	return 0;
}

int content_open(const struct image *image, const struct section *section, struct content *ret,
		 struct error *err)
{
	int r = 0;

	struct content content = { .align = section->shdr.sh_addralign };
	set_plain_name(&content, section->name);
	content.stored = image_section_bytes(image, section, &content.stored_size);
	content.size_bytes = content.stored_size;
	/* The flag and SHF_ALLOC exclude each other (gABI): what is loaded is what it is. */
	bool flagged =
		section->shdr.sh_flags & SHF_COMPRESSED && !(section->shdr.sh_flags & SHF_ALLOC);
	if (content.stored && flagged)
		r = read_chdr(image, &content, err);
	else if (content.stored && !strncmp(section->name, ".zdebug", 7) &&
		 !(section->shdr.sh_flags & SHF_ALLOC))
		r = read_gnu_header(&content, err);
	if (r < 0)
		return r;
	if (content.compression != COMPRESSION_NONE &&
	    content.size_bytes >
		    content.stored_size * CONTENT_RATIO_LIMIT) /* of a file: far from 2^64 */
		return error_set(err, -EBADMSG,
				 "%s: states %" PRIu64
				 " bytes of content, over %u times its stream of %" PRIu64,
				 ESCAPED(content.name), content.size_bytes, CONTENT_RATIO_LIMIT,
				 content.stored_size);
	*ret = content;
	return 0;
}

/* ---- decoding ---- */

/*
 * Where a decoder's output goes: into one buffer that is as large as what is wanted, or a piece of
 * it at a time into @sink.
 */
struct output {
	const struct content *content;
	uint8_t *buffer;
	size_t buffer_size;
	uint64_t wanted; /* bytes of the content, from its start */
	uint64_t done; /* bytes decoded */
	content_sink sink; /* NULL: all goes into the buffer */
	void *context;
};

static int damaged(const struct content *content, const char *why, struct error *err)
{
	return error_set(err, -EBADMSG, "%s: its compressed stream is damaged: %s",
			 ESCAPED(content->name), why);
}

static int ends_early(const struct output *out, struct error *err)
{
	return error_set(err, -EBADMSG,
			 "%s: its compressed stream ends after %" PRIu64 " of %" PRIu64 " bytes",
			 ESCAPED(out->content->name), out->done, out->content->size_bytes);
}

static int holds_more(const struct content *content, struct error *err)
{
	return error_set(err, -EBADMSG,
			 "%s: its compressed stream holds more than the %" PRIu64
			 " bytes it states",
			 ESCAPED(content->name), content->size_bytes);
}

/* Behind the stream may be padding, and nothing else. */
static int check_padding(const struct content *content, uint64_t at, struct error *err)
{
	for (; at < content->stored_size; at++)
		if (content->stored[at])
			return error_set(err, -EBADMSG,
					 "%s: 0x%" PRIx64
					 " bytes of something else follow its compressed stream",
					 ESCAPED(content->name), content->stored_size - at);
	return 0;
}

/* Room for the next bytes: never more than what is still wanted. */
static size_t output_room(const struct output *out, uint8_t **ret)
{
	uint64_t left = out->wanted - out->done;
	if (!out->sink) {
		*ret = out->buffer + out->done;
		return (size_t)left;
	}
	*ret = out->buffer;
	return (size_t)min_u64(left, out->buffer_size);
}

static int output_take(struct output *out, size_t n, struct error *err)
{
	out->done += n;
	if (!out->sink || !n)
		return 0;
	int r = out->sink(out->buffer, n, out->context, err);
	return r < 0 ? r : 0;
}

/*
 * All in one go. A linker (ld -r of .zdebug_*) may have put several streams one behind the other,
 * each with a part of the content; readers go on where one ends.
 */
static int inflate_whole(const struct content *content, uint8_t *ret, struct error *err)
{
	struct libdeflate_decompressor *decoder = libdeflate_alloc_decompressor();
	if (!decoder)
		return error_no_memory(err);
	uint64_t in_at = 0, done = 0;
	int r = 0;
	do {
		size_t in_used = 0, out_used = 0;
		enum libdeflate_result result = libdeflate_zlib_decompress_ex(
			decoder, content->stored + in_at, (size_t)(content->stored_size - in_at),
			ret + done, (size_t)(content->size_bytes - done), &in_used, &out_used);
		if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
			r = holds_more(content, err);
		else if (result != LIBDEFLATE_SUCCESS)
			r = damaged(content, "not a whole zlib stream", err);
		in_at += in_used;
		done += out_used;
	} while (r == 0 && done < content->size_bytes);
	libdeflate_free_decompressor(decoder);
	return r < 0 ? r : check_padding(content, in_at, err);
}

static void inflate_end(z_stream *z)
{
	inflateEnd(z);
}

/* The end of the stream when all that is wanted is there: nothing more may come out of it. */
static int inflate_finish(z_stream *z, struct output *out, int state, uint64_t *in_left,
			  struct error *err)
{
	while (state != Z_STREAM_END) {
		uint8_t spare;
		z->next_out = &spare;
		z->avail_out = 1;
		if (!z->avail_in) {
			z->avail_in = (uInt)min_u64(*in_left, CONTENT_CHUNK_SIZE);
			*in_left -= z->avail_in;
		}
		state = inflate(z, Z_NO_FLUSH);
		if (!z->avail_out)
			return holds_more(out->content, err);
		if (state == Z_BUF_ERROR && !*in_left)
			return ends_early(out, err);
		if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
			return damaged(out->content, z->msg ? z->msg : "zlib", err);
	}
	return check_padding(out->content, out->content->stored_size - *in_left - z->avail_in, err);
}

static int inflate_stream(struct output *out, struct error *err)
{
	const struct content *content = out->content;
	scoped(inflate_end) z_stream z = { .next_in = (Bytef *)content->stored };
	if (inflateInit(&z) != Z_OK)
		return error_no_memory(err);

	uint64_t in_left = content->stored_size;
	int state = Z_OK;
	while (out->done < out->wanted) {
		if (state == Z_STREAM_END && inflateReset(&z) != Z_OK)
			return damaged(content, "zlib", err);
		if (!z.avail_in) {
			z.avail_in = (uInt)min_u64(in_left, CONTENT_CHUNK_SIZE);
			in_left -= z.avail_in;
		}
		size_t room = output_room(out, &z.next_out);
		uInt piece = (uInt)min_u64(room, CONTENT_CHUNK_SIZE);
		z.avail_out = piece;
		uInt in_before = z.avail_in;
		state = inflate(&z, Z_NO_FLUSH);
		if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
			return damaged(content, z.msg ? z.msg : "zlib", err);
		if (z.avail_out == piece && z.avail_in == in_before && !in_left)
			return ends_early(out, err);
		int r = output_take(out, piece - z.avail_out, err);
		if (r < 0)
			return r;
	}
	if (out->wanted < content->size_bytes)
		return 0;
	return inflate_finish(&z, out, state, &in_left, err);
}

/* Frames that decoders pass over: RFC 8878, 3.1.2. */
static uint64_t skip_frames(const struct content *content, uint64_t at)
{
	while (content->stored_size - at >= 8) {
		const uint8_t *frame = content->stored + at;
		uint32_t magic = frame[0] | (uint32_t)frame[1] << 8 | (uint32_t)frame[2] << 16 |
				 (uint32_t)frame[3] << 24;
		uint32_t size = frame[4] | (uint32_t)frame[5] << 8 | (uint32_t)frame[6] << 16 |
				(uint32_t)frame[7] << 24;
		if ((magic & ~0xfu) != ZSTD_MAGIC_SKIPPABLE_START ||
		    size > content->stored_size - at - 8)
			break;
		at += 8 + (uint64_t)size;
	}
	return at;
}

define_scoped(ZSTD_DCtx *, ZSTD_freeDCtx)

	static int unzstd_stream(struct output *out, struct error *err)
{
	const struct content *content = out->content;
	scoped(ZSTD_freeDCtxp) ZSTD_DCtx *decoder = ZSTD_createDCtx();
	if (!decoder)
		return error_no_memory(err);
	size_t n = ZSTD_DCtx_setParameter(decoder, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_LIMIT);
	if (ZSTD_isError(n))
		return error_set(err, -ENOTSUP, "libzstd: %s", ZSTD_getErrorName(n));

	/* Several frames one behind the other are one content. At a frame's end @n is 0. */
	ZSTD_inBuffer in = { .src = content->stored, .size = (size_t)content->stored_size };
	n = 1;
	while (out->done < out->wanted) {
		ZSTD_outBuffer to = { 0 };
		uint8_t *room;
		to.size = output_room(out, &room);
		to.dst = room;
		size_t in_before = in.pos;
		n = ZSTD_decompressStream(decoder, &to, &in);
		if (ZSTD_isError(n))
			return damaged(content, ZSTD_getErrorName(n), err);
		if (in.pos == in_before && !to.pos)
			return ends_early(out, err);
		int r = output_take(out, to.pos, err);
		if (r < 0)
			return r;
	}
	if (out->wanted < content->size_bytes)
		return 0;

	/* The last frame's end (an empty block, a checksum), and nothing more out of it. */
	while (n != 0 || in.pos == 0) {
		uint8_t spare;
		ZSTD_outBuffer to = { .dst = &spare, .size = 1 };
		size_t in_before = in.pos;
		n = ZSTD_decompressStream(decoder, &to, &in);
		if (ZSTD_isError(n))
			return damaged(content, ZSTD_getErrorName(n), err);
		if (to.pos)
			return holds_more(content, err);
		if (in.pos == in_before && n != 0)
			return ends_early(out, err);
	}
	return check_padding(content, skip_frames(content, in.pos), err);
}

static int decode_stream(struct output *out, struct error *err)
{
	return out->content->compression == COMPRESSION_ZSTD ? unzstd_stream(out, err)
							     : inflate_stream(out, err);
}

static void buffer_free(uint8_t **buffer)
{
	free(*buffer);
}

int content_decode(const struct content *content, content_sink sink, void *context,
		   struct error *err)
{
	if (content->compression == COMPRESSION_NONE) {
		if (!content->stored_size)
			return 0;
		int r = sink(content->stored, (size_t)content->stored_size, context, err);
		return r < 0 ? r : 0;
	}

	bool whole = content->compression != COMPRESSION_ZSTD &&
		     content->size_bytes <= CONTENT_WHOLE_LIMIT;
	size_t buffer_size = (size_t)(whole ? content->size_bytes
					    : min_u64(content->size_bytes, CONTENT_CHUNK_SIZE));
	scoped(buffer_free) uint8_t *buffer = malloc(buffer_size + 1); /* never NULL for nothing */
	if (!buffer)
		return error_no_memory(err);
	if (!whole) {
		struct output out = {
			.content = content,
			.buffer = buffer,
			.buffer_size = buffer_size,
			.wanted = content->size_bytes,
			.sink = sink,
			.context = context,
		};
		return decode_stream(&out, err);
	}
	int r = inflate_whole(content, buffer, err);
	if (r < 0 || !buffer_size)
		return r;
	r = sink(buffer, buffer_size, context, err);
	return r < 0 ? r : 0;
}

int content_decode_into(const struct content *content, uint8_t *ret, uint64_t size,
			struct error *err)
{
	assert(size <= content->size_bytes);
	if (content->compression == COMPRESSION_NONE) {
		if (size)
			memcpy(ret, content->stored, (size_t)size);
		return 0;
	}
	if (content->compression != COMPRESSION_ZSTD && size == content->size_bytes &&
	    size <= CONTENT_WHOLE_LIMIT) {
		/* libdeflate wants a place, even for nothing. */
		uint8_t nothing;
		return inflate_whole(content, size ? ret : &nothing, err);
	}
	struct output out = { .content = content, .buffer = ret, .wanted = size };
	return decode_stream(&out, err);
}
