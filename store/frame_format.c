/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include "store/frame_format.h"
#include "store/seek_table.h"

#define FRAME_MAGIC 0xFD2FB528u
#define CHECKSUM_SIZE 4
#define BLOCK_SIZE_LIMIT (128u << 10)

enum { BLOCK_RAW, BLOCK_RLE, BLOCK_COMPRESSED };
enum { LITERALS_RAW, LITERALS_RLE };

static uint64_t get_le(const uint8_t *from, size_t size)
{
	uint64_t value = 0;
	for (size_t i = size; i--;)
		value = value << 8 | from[i];
	return value;
}

/* RFC 8878, 3.1.1.1. */
static int check_header(const uint8_t *bytes, size_t size, uint32_t content_size, size_t *ret_size,
			struct error *err)
{
	if (size < 5 || get_u32(bytes) != FRAME_MAGIC)
		return error_set(err, -EBADMSG, "no zstd frame there");
	uint8_t descriptor = bytes[4];
	if ((descriptor & 0x1f) != 0x04) /* unused and reserved bit, checksum, dictionary */
		return error_set(err, -EBADMSG, "frame header descriptor 0x%02x", descriptor);
	bool is_single_segment = descriptor & 0x20; /* its window is the content */
	size_t window_size = is_single_segment ? 0 : 1;
	size_t n = descriptor >> 6 ? (size_t)1 << (descriptor >> 6) : is_single_segment;
	if (!n || 5 + window_size + n > size)
		return error_set(err, -EBADMSG, "frame header without the content's size");

	if (!is_single_segment) {
		uint64_t base = UINT64_C(1) << (10 + (bytes[5] >> 3));
		if (base + base / 8 * (bytes[5] & 7) > SEEK_FRAME_SIZE_LIMIT)
			return error_set(err, -EBADMSG, "a window of more than %u bytes",
					 SEEK_FRAME_SIZE_LIMIT);
	}
	uint64_t stated = get_le(bytes + 5 + window_size, n) + (n == 2 ? 256 : 0);
	if (stated != content_size)
		return error_set(err, -EBADMSG,
				 "its header states %" PRIu64 " bytes, the seek table %" PRIu32,
				 stated, content_size);
	*ret_size = 5 + window_size + n;
	return 0;
}

/* Where a compressed block's literals end: RFC 8878, 3.1.1.3.1. 0: they do not end in the block. */
static size_t literals_size(const uint8_t *block, size_t size)
{
	unsigned type = block[0] & 3, format = block[0] >> 2 & 3;
	size_t header, bytes;
	if (type == LITERALS_RAW || type == LITERALS_RLE) {
		header = format == 3 ? 3 : format == 1 ? 2 : 1;
		if (header > size)
			return 0;
		bytes = (size_t)(get_le(block, header) >> (header == 1 ? 3 : 4));
		if (type == LITERALS_RLE)
			bytes = 1;
	} else {
		header = format == 3 ? 5 : format == 2 ? 4 : 3;
		if (header > size)
			return 0;
		unsigned bits = format == 3 ? 18 : format == 2 ? 14 : 10;
		bytes = (size_t)(get_le(block, header) >> (4 + bits)) & ((1u << bits) - 1);
	}
	return bytes <= size - header ? header + bytes : 0;
}

/* The byte of compression modes behind the number of sequences: RFC 8878, 3.1.1.3.2.1. */
static bool block_is_clean(const uint8_t *block, size_t size)
{
	size_t at = size ? literals_size(block, size) : 0;
	if (!at || at == size)
		return false;
	uint8_t first = block[at];
	if (!first)
		return at + 1 == size;
	at += first == 255 ? 3 : first >= 128 ? 2 : 1;
	return at < size && !(block[at] & 3);
}

int frame_format_check(const uint8_t *bytes, size_t size, uint32_t content_size, struct error *err)
{
	int r;

	size_t at = 0;
	r = check_header(bytes, size, content_size, &at, err);
	if (r < 0)
		return r;
	for (bool is_last = false; !is_last;) {
		if (size - at < 3)
			return error_set(err, -EBADMSG, "no block at 0x%zx, where the frame ends",
					 at);
		uint32_t header = (uint32_t)get_le(bytes + at, 3);
		at += 3;
		is_last = header & 1;
		unsigned type = header >> 1 & 3;
		size_t block_size = type == BLOCK_RLE ? 1 : header >> 3;
		if (type > BLOCK_COMPRESSED || header >> 3 > BLOCK_SIZE_LIMIT ||
		    block_size > size - at)
			return error_set(err, -EBADMSG,
					 "block at 0x%zx: type %u, 0x%" PRIx32 " bytes", at - 3,
					 type, header >> 3);
		if (type == BLOCK_COMPRESSED && !block_is_clean(bytes + at, block_size))
			return error_set(err, -EBADMSG,
					 "block at 0x%zx: its sections' headers are damaged",
					 at - 3);
		at += block_size;
	}
	if (size - at != CHECKSUM_SIZE)
		return error_set(err, -EBADMSG, "its blocks end at 0x%zx, 0x%zx expected", at,
				 size - CHECKSUM_SIZE);
	return 0;
}
