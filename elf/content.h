/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/*
 * A section's content with compression undone: SHF_COMPRESSED zlib and zstd (gABI, "Section
 * Compression"), and the older .zdebug_* ("ZLIB", 8 bytes big-endian size, zlib stream).
 */

enum compression { COMPRESSION_NONE, COMPRESSION_ZLIB, COMPRESSION_ZSTD, COMPRESSION_ZLIB_GNU };

struct content {
	enum compression compression;
	const uint8_t *stored; /* in the file: the compressed stream, or the content itself */
	uint64_t stored_size;
	uint64_t size_bytes; /* of the content, as the header states it */
	uint64_t align;	     /* of the content */
	char name[80];	     /* the plain name: .zdebug_info reads .debug_info. Cut if longer */
};

/* Limits on what a header may promise: a bomb is refused before a byte is decoded. A deflate stream
 * cannot expand more than 1032:1; zstd's is bounded by what real DWARF reaches with room to spare. */
#define CONTENT_RATIO_LIMIT 4096

/**
 * Read a section's compression header. One that is loaded (SHF_ALLOC) is taken as it is, and one
 * without bytes in the file (SHT_NOBITS) as plain content of no bytes.
 * Errors: -EBADMSG header cut, or a size beyond CONTENT_RATIO_LIMIT times the stream;
 *	   -ENOTSUP unknown compression type
 */
must_check int content_open(const struct image *image, const struct section *section,
			    struct content *ret, struct error *err);

/** Takes the next @size bytes of a content, in order. A result < 0 ends the decoding with it. */
typedef int (*content_sink)(const uint8_t *bytes, size_t size, void *context, struct error *err);

#define CONTENT_WHOLE_LIMIT (32u << 20) /* zlib up to this size is decoded in one go (libdeflate) */
#define CONTENT_CHUNK_SIZE (1u << 20)	/* above, and for zstd, pieces of at most this size */

/**
 * Decode a content into @sink: exactly content->size_bytes bytes on success. Plain content is
 * handed over in place, in one call, and empty content in none. Memory: at most
 * CONTENT_WHOLE_LIMIT, or a piece and the decoder's window: zlib's 32 KiB, zstd's 8 MiB as tools
 * write it and 128 MiB as the limit. Zeros behind the stream are padding. Several streams or
 * frames one behind the other are one content.
 * Errors: -EBADMSG the stream is damaged, ends early, or holds more than it states; what sink()
 *         gave
 */
must_check int content_decode(const struct content *content, content_sink sink, void *context,
			      struct error *err);

/** The same into one buffer of content->size_bytes, which the caller has; or a part from the start
 * when @size is less (the stream's end is then not looked at). */
must_check int content_decode_into(const struct content *content, uint8_t *ret, uint64_t size,
				   struct error *err);
