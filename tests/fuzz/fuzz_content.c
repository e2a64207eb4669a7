/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "elf/content.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/elf_builder.h"

/* The input is one byte of how, and a section. All ways of decoding must say the same of it. */

struct collected {
	uint8_t *bytes;
	uint64_t at, size;
};

static int collect(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	struct collected *c = context;
	(void)err;
	FUZZ_CHECK(size <= c->size - c->at);
	memcpy(c->bytes + c->at, bytes, size);
	c->at += size;
	return 0;
}

static const struct {
	const char *name;
	uint64_t flags;
	unsigned class, encoding;
} ways[] = {
	{ ".debug_info", SHF_COMPRESSED, ELFCLASS64, ELFDATA2LSB },
	{ ".debug_info", SHF_COMPRESSED, ELFCLASS64, ELFDATA2MSB },
	{ ".debug_info", SHF_COMPRESSED, ELFCLASS32, ELFDATA2LSB },
	{ ".zdebug_info", 0, ELFCLASS64, ELFDATA2LSB },
};

#define SIZE_LIMIT (4u << 20) /* of content, so that a fuzzer gets on */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t way = data[0] % (sizeof(ways) / sizeof(ways[0]));
	struct image image = { .bytes = data + 1,
			       .size_bytes = size - 1,
			       .class = ways[way].class,
			       .encoding = ways[way].encoding };
	struct section section = { .name = ways[way].name,
				   .shdr = { .sh_type = SHT_PROGBITS,
					     .sh_flags = ways[way].flags,
					     .sh_size = size - 1 } };
	struct content content;
	struct error err = ERROR_NONE;
	if (content_open(&image, &section, &content, &err) < 0) {
		FUZZ_CHECK(err.message[0]);
		return 0;
	}
	if (content.size_bytes > SIZE_LIMIT)
		return 0;
	struct collected c = { malloc(content.size_bytes + 1), 0, content.size_bytes };
	uint8_t *whole = malloc(content.size_bytes), *part = malloc(content.size_bytes / 2);
	int r = content_decode(&content, collect, &c, &err);
	FUZZ_CHECK(r == 0 || r == -EBADMSG);
	FUZZ_CHECK(r < 0 || c.at == c.size);
	int r_whole = content_decode_into(&content, whole, content.size_bytes, &err);
	FUZZ_CHECK(r == r_whole);
	int r_part = content_decode_into(&content, part, content.size_bytes / 2, &err);
	FUZZ_CHECK(r < 0 || r_part == 0);
	if (r == 0) {
		FUZZ_CHECK(!c.size || !memcmp(c.bytes, whole, c.size));
		FUZZ_CHECK(c.size < 2 || !memcmp(part, whole, c.size / 2));
	}
	free(c.bytes);
	free(whole);
	free(part);
	return 0;
}

static void add_stream(fuzz_add add, size_t way, uint64_t content_size, const uint8_t *stream,
		       size_t size)
{
	static uint8_t input[1 << 16];
	struct elf_builder b = { .class = ways[way].class, .encoding = ways[way].encoding };
	uint8_t *at = input;
	*at++ = (uint8_t)way;
	memset(at, 0, 24);
	if (way == 3) {
		memcpy(at, "ZLIB", 4);
		b.encoding = ELFDATA2MSB;
		elf_builder_put(&b, at + 4, content_size, 8);
		at += 12;
	} else {
		bool zstd = size > 3 && stream[0] == 0x28;
		unsigned width = b.class == ELFCLASS32 ? 4 : 8;
		elf_builder_put(&b, at, zstd ? 2 : 1, 4);
		elf_builder_put(&b, at + width, content_size, width);
		elf_builder_put(&b, at + 2 * width, 1, width);
		at += 3 * width;
	}
	memcpy(at, stream, size);
	add(input, (size_t)(at - input) + size);
}

void fuzz_seeds(fuzz_add add)
{
	static uint8_t text[5000], stream[1 << 15];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)("DW_AT_name"[i % 10] + (i / 100) % 3);
	static const size_t sizes[] = { 0, 1, 5000 };
	for (size_t way = 0; way < 4; way++) {
		for (size_t s = 0; s < 3; s++) {
			uLongf n = sizeof(stream);
			if (compress(stream, &n, text, sizes[s]) != Z_OK)
				abort();
			add_stream(add, way, sizes[s], stream, n);
			if (way == 3)
				continue;
			size_t m = ZSTD_compress(stream, sizeof(stream), text, sizes[s], 3);
			add_stream(add, way, sizes[s], stream, m);
			/* Two frames, one content. */
			memcpy(stream + m, stream, m);
			add_stream(add, way, 2 * sizes[s], stream, 2 * m);
		}
	}
}
