/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "split/restream.h"

#define OUT_SIZE (64u << 10)
#define IN_LIMIT (1u << 30) /* zlib counts in 32 bits */
#define PREFIX_SIZE (256u << 10) /* enough for zlib to give out a block */
#define ZSTD_SKIPPABLE 0x184d2a50u /* RFC 8878, 3.1.2 */

static void deflate_end(z_stream **z)
{
	deflateEnd(*z);
}

static void free_bytes(uint8_t **bytes)
{
	free(*bytes);
}

/* Feed a piece, and hand out what comes. */
static int deflate_piece(z_stream *z, const uint8_t *bytes, uint64_t size, int last_flush,
			 restream_put put, void *context, struct error *err)
{
	uint8_t out[OUT_SIZE];
	do {
		uint64_t n = min_u64(size, IN_LIMIT);
		z->next_in = (Bytef *)(uintptr_t)bytes;
		z->avail_in = (uInt)n;
		int flush = n == size ? last_flush : Z_NO_FLUSH;
		do {
			z->next_out = out;
			z->avail_out = sizeof(out);
			if (deflate(z, flush) == Z_STREAM_ERROR)
				return error_set(err, -EIO, "zlib refuses to compress");
			int r = put(out, sizeof(out) - z->avail_out, context, err);
			if (r < 0)
				return r;
		} while (z->avail_out == 0);
		bytes += n;
		size -= n;
	} while (size);
	return 0;
}

static int write_zlib(const uint8_t *bytes, uint64_t size, int level, restream_put put,
		      void *context, struct error *err)
{
	z_stream z = { 0 };
	if (deflateInit(&z, level) != Z_OK)
		return error_no_memory(err);
	scoped(deflate_end) z_stream *guard = &z;
	return deflate_piece(guard, bytes, size, Z_FINISH, put, context, err);
}

static void cctx_free(ZSTD_CCtx **cctx)
{
	ZSTD_freeCCtx(*cctx);
}

static int write_zstd(const uint8_t *bytes, uint64_t size, int level, restream_put put,
		      void *context, struct error *err)
{
	scoped(cctx_free) ZSTD_CCtx *cctx = ZSTD_createCCtx();
	uint8_t out[OUT_SIZE];
	if (!cctx || ZSTD_isError(ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(cctx, size)))
		return error_no_memory(err);
	ZSTD_inBuffer in = { bytes, size, 0 };
	size_t left;
	do {
		ZSTD_outBuffer to = { out, sizeof(out), 0 };
		left = ZSTD_compressStream2(cctx, &to, &in, ZSTD_e_end);
		if (ZSTD_isError(left))
			return error_set(err, -EIO, "zstd: %s", ZSTD_getErrorName(left));
		int r = put(out, to.pos, context, err);
		if (r < 0)
			return r;
	} while (left);
	return 0;
}

int restream_write(const uint8_t *bytes, uint64_t size, enum compression compression, int level,
		   restream_put put, void *context, struct error *err)
{
	return compression == COMPRESSION_ZSTD
		       ? write_zstd(bytes, size, level, put, context, err)
		       : write_zlib(bytes, size, level, put, context, err);
}

/* ---- of a given size ---- */

/* Counts what goes through, and refuses what is more than there is room for. */
struct filling {
	uint64_t room;
	restream_put put;
	void *context;
};

static int fill_put(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	struct filling *filling = context;
	if (size > filling->room)
		return -ENOSPC;
	filling->room -= size;
	return size ? filling->put(bytes, size, filling->context, err) : 0;
}

static int fill_repeated(struct filling *filling, const uint8_t *unit, size_t size, uint64_t n,
			 struct error *err)
{
	uint8_t many[4000];
	size_t n_many = sizeof(many) / size;
	for (size_t i = 0; i < n_many; i++)
		memcpy(many + i * size, unit, size);
	while (n) {
		uint64_t now = min_u64(n, n_many);
		int r = fill_put(many, now * size, filling, err);
		if (r < 0)
			return r;
		n -= now;
	}
	return 0;
}

/* How a stream whose blocks end at a byte goes on to its end in 2 to 6 bytes: RFC 1951, 3.2.3 to
 * 3.2.6. */
static const uint8_t deflate_ends[][6] = {
	{ 0x03, 0x00 }, /* a last block with fixed codes: 3 bits, and 7 of end-of-block */
	{ 0x02, 0x0c, 0x00 }, /* one that is not the last before it */
	{ 0x02, 0x08, 0x30, 0x00 }, /* and two */
	{ 0x01, 0x00, 0x00, 0xff, 0xff }, /* a last stored block of no bytes */
	{ 0x02, 0x04, 0x00, 0x00, 0xff, 0xff }, /* one with fixed codes before it */
};

static int fill_zlib(const uint8_t *bytes, uint64_t size, int level, struct filling *filling,
		     struct error *err)
{
	static const uint8_t empty[] = { 0x00, 0x00, 0x00, 0xff, 0xff }; /* a stored block */
	int r;

	z_stream z = { 0 };
	if (deflateInit(&z, level) != Z_OK)
		return error_no_memory(err);
	scoped(deflate_end) z_stream *guard = &z;
	r = deflate_piece(guard, bytes, size, Z_SYNC_FLUSH, fill_put, filling, err);
	if (r < 0)
		return r;
	if (filling->room < 4 + 2)
		return -ENOSPC;
	uint64_t n = (filling->room - 4 - 2) / sizeof(empty);
	r = fill_repeated(filling, empty, sizeof(empty), n, err);
	size_t end = (size_t)filling->room - 4;
	if (r == 0)
		r = fill_put(deflate_ends[end - 2], end, filling, err);
	const uint8_t sum[] = { (uint8_t)(z.adler >> 24), (uint8_t)(z.adler >> 16),
				(uint8_t)(z.adler >> 8), (uint8_t)z.adler };
	return r == 0 ? fill_put(sum, sizeof(sum), filling, err) : r;
}

static int fill_zstd(const uint8_t *bytes, uint64_t size, int level, struct filling *filling,
		     struct error *err)
{
	int r;

	static const uint8_t zeros[8];
	r = write_zstd(bytes, size, level, fill_put, filling, err);
	if (r < 0 || filling->room == 0)
		return r;
	uint64_t left = filling->room - min_u64(filling->room, 8);
	if (filling->room < 8 || left > UINT32_MAX)
		return -ENOSPC;
	uint8_t header[8];
	for (int i = 0; i < 4; i++) {
		header[i] = (uint8_t)(ZSTD_SKIPPABLE >> (8 * i));
		header[4 + i] = (uint8_t)(left >> (8 * i));
	}
	r = fill_put(header, sizeof(header), filling, err);
	if (r == 0)
		r = fill_repeated(filling, zeros, 8, left / 8, err);
	return r == 0 ? fill_put(zeros, left % 8, filling, err) : r;
}

int restream_fill(const uint8_t *bytes, uint64_t size, enum compression compression,
		  uint64_t stream_size, restream_put put,
		  int (*restart)(void *context, struct error *err), void *context,
		  struct error *err)
{
	static const int zlib_levels[] = { 6, 9 }, zstd_levels[] = { 5, 9 };
	bool is_zstd = compression == COMPRESSION_ZSTD;
	int r = -ENOSPC;
	for (size_t i = 0; i < 2 && r == -ENOSPC; i++) {
		struct filling filling = { stream_size, put, context };
		r = restart(context, err);
		if (r == 0)
			r = is_zstd ? fill_zstd(bytes, size, zstd_levels[i], &filling, err)
				    : fill_zlib(bytes, size, zlib_levels[i], &filling, err);
	}
	return r;
}

/* ---- the proof ---- */

struct proof {
	z_stream z;
	const struct content *content;
	uint64_t at; /* in the stored stream, up to where it is the same */
	uint64_t n_in;
};

static int compare(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	struct proof *proof = context;
	(void)err;
	const struct content *content = proof->content;
	if (size > content->stored_size - proof->at ||
	    (size && memcmp(content->stored + proof->at, bytes, size) != 0))
		return -ECANCELED;
	proof->at += size;
	return 0;
}

static int prove_piece(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	struct proof *proof = context;
	proof->n_in += size;
	return deflate_piece(&proof->z, bytes, size,
			     proof->n_in == proof->content->size_bytes ? Z_FINISH : Z_NO_FLUSH,
			     compare, proof, err);
}

int restream_guess(const struct content *content)
{
	/* The second byte says the level, roughly: RFC 1950, FLEVEL. */
	static const int zlib_levels[] = { 1, 5, 6, 9 };
	switch (content->compression) {
	case COMPRESSION_ZLIB:
	case COMPRESSION_ZLIB_GNU:
		if (content->stored_size < 6 || content->stored[0] != 0x78)
			return 0;
		return zlib_levels[content->stored[1] >> 6];
	case COMPRESSION_ZSTD:
		return ZSTD_CLEVEL_DEFAULT; /* as binutils and LLVM have it */
	case COMPRESSION_NONE:
		break;
	}
	return 0;
}

/* Another encoder, or another level, shows within the first block. */
static int try_prefix(const struct content *content, int level, bool *ret, struct error *err)
{
	*ret = true;
	if (content->size_bytes <= PREFIX_SIZE)
		return 0;
	scoped(free_bytes) uint8_t *prefix = malloc(PREFIX_SIZE);
	struct proof proof = { .content = content };
	if (!prefix || deflateInit(&proof.z, level) != Z_OK)
		return error_no_memory(err);
	scoped(deflate_end) z_stream *guard = &proof.z;
	int r = content_decode_into(content, prefix, PREFIX_SIZE, NULL);
	if (r == 0)
		r = deflate_piece(guard, prefix, PREFIX_SIZE, Z_NO_FLUSH, compare, &proof, NULL);
	*ret = r == 0;
	return r == -ENOMEM ? error_no_memory(err) : 0;
}

int restream_prove(const struct content *content, int *ret_level, struct error *err)
{
	int r;

	*ret_level = 0;
	int level = restream_guess(content);
	if (level == 0 || content->size_bytes == 0 || content->compression == COMPRESSION_ZSTD)
		return 0;
	bool worthwhile;
	r = try_prefix(content, level, &worthwhile, err);
	if (r < 0 || !worthwhile)
		return r;
	struct proof proof = { .content = content };
	if (deflateInit(&proof.z, level) != Z_OK)
		return error_no_memory(err);
	scoped(deflate_end) z_stream *guard = &proof.z;
	(void)guard;
	r = content_decode(content, prove_piece, &proof, NULL);
	if (r == -ENOMEM)
		return error_no_memory(err);
	if (r == 0 && proof.at == content->stored_size)
		*ret_level = level;
	return 0;
}
