/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/content.h"

/*
 * Compressed again: a section's content as zlib or zstd stream. What one zlib makes of the same bytes
 * at the same level is the same stream: as linkers use zlib, theirs can be made again.
 */

/** Takes the next bytes of a stream. A result < 0 ends it with that. */
typedef int (*restream_put)(const uint8_t *bytes, size_t size, void *context, struct error *err);

/** The level that the stored stream was probably made at; 0: not a stream that we would write. */
int restream_guess(const struct content *content);

/** Compress @size_bytes at @bytes; @compression is zlib, zlib-gnu or zstd, @level that codec's. */
must_check int restream_write(const uint8_t *bytes, uint64_t size_bytes,
			      enum compression compression, int level, restream_put put,
			      void *context, struct error *err);

/**
 * Compress into exactly @stream_size bytes: the stream is filled up with what decoders pass over,
 * empty blocks (RFC 1951) or a skippable frame (RFC 8878). What put() takes begins anew with each
 * level that is tried, which its context is told by @restart.
 *
 * Errors: -ENOSPC no level makes it small enough
 */
must_check int restream_fill(const uint8_t *bytes, uint64_t size_bytes,
			     enum compression compression, uint64_t stream_size, restream_put put,
			     int (*restart)(void *context, struct error *err), void *context,
			     struct error *err);

/**
 * Find out whether zlib gives the stored stream again, byte for byte, at the level that is guessed:
 * compresses all of it, or as much as it takes to see that it is not so.
 *
 * @ret_level  0: not so, or not a zlib stream
 * Errors: -ENOMEM
 */
must_check int restream_prove(const struct content *content, int *ret_level, struct error *err);
