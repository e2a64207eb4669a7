/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include "split/restream.h"

#define TEXT_SIZE 70000

static uint8_t text[TEXT_SIZE];

static int make_text(void **state)
{
	(void)state;
	uint32_t noise = 12345;
	for (size_t i = 0; i < TEXT_SIZE; i++) {
		noise = noise * 1103515245 + 12345;
		text[i] = noise >> 27 ? (uint8_t) "DW_AT_decl_line "[i % 16] : (uint8_t)(noise >> 16);
	}
	return 0;
}

struct kept {
	uint8_t bytes[2 * TEXT_SIZE];
	size_t size;
	unsigned n_starts;
};

static int keep(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	(void)err;
	struct kept *kept = context;
	assert_true(size <= sizeof(kept->bytes) - kept->size);
	memcpy(kept->bytes + kept->size, bytes, size);
	kept->size += size;
	return 0;
}

static int start(void *context, struct error *err)
{
	(void)err;
	struct kept *kept = context;
	kept->size = 0;
	kept->n_starts++;
	return 0;
}

static int collect(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	return keep(bytes, size, context, err);
}

/* By the codec's own decoder, by libdeflate, and by ours. */
static void assert_decodes(const struct kept *stream, enum compression compression, size_t size)
{
	static uint8_t decoded[TEXT_SIZE + 1];
	if (compression == COMPRESSION_ZSTD) {
		assert_int_equal(ZSTD_decompress(decoded, sizeof(decoded), stream->bytes,
						 stream->size),
				 size);
	} else {
		uLongf n = sizeof(decoded);
		assert_int_equal(uncompress(decoded, &n, stream->bytes, stream->size), Z_OK);
		assert_int_equal(n, size);
		size_t in, out;
		struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
		assert_int_equal(libdeflate_zlib_decompress_ex(d, stream->bytes, stream->size,
							       decoded, sizeof(decoded), &in,
							       &out),
				 LIBDEFLATE_SUCCESS);
		libdeflate_free_decompressor(d);
		assert_int_equal(in, stream->size); /* and nothing behind it */
		assert_int_equal(out, size);
	}
	assert_memory_equal(decoded, text, size);
	struct content content = { .compression = compression,
				   .stored = stream->bytes,
				   .stored_size = stream->size,
				   .size_bytes = size };
	struct kept *ours = calloc(1, sizeof(*ours));
	struct error err = ERROR_NONE;
	if (content_decode(&content, collect, ours, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(ours->size, size);
	assert_memory_equal(ours->bytes, text, size);
	free(ours);
}

static const enum compression codecs[] = { COMPRESSION_ZLIB, COMPRESSION_ZLIB_GNU,
					   COMPRESSION_ZSTD };

static void streams_of_every_size_are_filled_up(void **state)
{
	(void)state;
	static const size_t sizes[] = { 1, 200, 5000, TEXT_SIZE };
	struct kept *plain = calloc(1, sizeof(*plain)), *filled = calloc(1, sizeof(*filled));
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			unsigned n_filled = 0;
			start(plain, NULL);
			assert_int_equal(restream_write(text, sizes[s], codecs[c],
							codecs[c] == COMPRESSION_ZSTD ? 5 : 6, keep,
							plain, NULL),
					 0);
			assert_decodes(plain, codecs[c], sizes[s]);
			for (size_t more = 0; more < 60; more++) {
				size_t size = plain->size + more * (more < 40 ? 1 : 97);
				int r = restream_fill(text, sizes[s], codecs[c], size, keep, start,
						      filled, NULL);
				if (r == -ENOSPC && more < 16)
					continue; /* no room for what fills it up */
				assert_int_equal(r, 0);
				assert_int_equal(filled->size, size);
				assert_decodes(filled, codecs[c], sizes[s]);
				n_filled++;
			}
			print_message("codec %d, %zu bytes: %u filled\n", codecs[c], sizes[s],
				      n_filled);
			assert_true(n_filled >= 44);
		}
	}
	free(plain);
	free(filled);
}

static void what_has_no_room_is_refused(void **state)
{
	(void)state;
	struct kept *kept = calloc(1, sizeof(*kept));
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++)
		for (size_t size = 0; size < 10; size++) {
			kept->n_starts = 0;
			assert_int_equal(restream_fill(text, TEXT_SIZE, codecs[c], size, keep, start,
						       kept, NULL),
					 -ENOSPC);
			assert_int_equal(kept->n_starts, 2); /* both levels were tried */
			assert_true(kept->size <= size);
		}
	free(kept);
}

static void levels_are_proved(void **state)
{
	(void)state;
	static uint8_t stream[2 * TEXT_SIZE];
	static const struct {
		const char *what;
		int level; /* zlib's */
		int proved;
	} cases[] = { { "fastest", 1, 1 }, { "default", 6, 6 }, { "best", 9, 9 },
		      { "another level of the same mark", 8, 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uLongf size = sizeof(stream);
		int level;
		print_message("%s\n", cases[i].what);
		assert_int_equal(compress2(stream, &size, text, TEXT_SIZE, cases[i].level), Z_OK);
		struct content content = { .compression = COMPRESSION_ZLIB,
					   .stored = stream,
					   .stored_size = size,
					   .size_bytes = TEXT_SIZE };
		assert_int_equal(restream_prove(&content, &level, NULL), 0);
		assert_int_equal(level, cases[i].proved);
		stream[size - 1] ^= 1;
		assert_int_equal(restream_prove(&content, &level, NULL), 0);
		assert_int_equal(level, 0);
	}
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
	struct content content = { .compression = COMPRESSION_ZLIB,
				   .stored = stream,
				   .size_bytes = TEXT_SIZE };
	int level;
	content.stored_size =
		libdeflate_zlib_compress(c, text, TEXT_SIZE, stream, sizeof(stream));
	libdeflate_free_compressor(c);
	assert_int_equal(restream_guess(&content), 6);
	assert_int_equal(restream_prove(&content, &level, NULL), 0);
	assert_int_equal(level, 0);
	stream[0] = 0x58; /* a window that nobody asks for */
	assert_int_equal(restream_guess(&content), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_of_every_size_are_filled_up),
		cmocka_unit_test(what_has_no_room_is_refused),
		cmocka_unit_test(levels_are_proved),
	};
	return cmocka_run_group_tests(tests, make_text, NULL);
}
