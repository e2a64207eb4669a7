/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "elf/content.h"
#include "tests/unit/elf_builder.h"

/* ---- sections of compressed content ---- */

struct bytes {
	uint8_t *at;
	size_t size;
};

static struct bytes concat(struct bytes a, const void *b, size_t b_size)
{
	a.at = realloc(a.at, a.size + b_size + 1);
	assert_non_null(a.at);
	if (b_size)
		memcpy(a.at + a.size, b, b_size);
	a.size += b_size;
	return a;
}

/* Text that compresses as debug information does: some repetition, some noise. */
static struct bytes make_text(size_t size)
{
	struct bytes text = { malloc(size + 1), size };
	uint32_t noise = 12345;
	for (size_t i = 0; i < size; i++) {
		noise = noise * 1103515245 + 12345;
		text.at[i] =
			noise >> 26 ? (uint8_t) "DW_TAG_variable "[i % 16] : (uint8_t)(noise >> 16);
	}
	return text;
}

static struct bytes zlib_stream(const uint8_t *text, size_t size)
{
	uLongf n = compressBound(size);
	struct bytes stream = { malloc(n), 0 };
	assert_int_equal(compress2(stream.at, &n, text, size, 1), Z_OK);
	stream.size = n;
	return stream;
}

static struct bytes zstd_stream(const uint8_t *text, size_t size)
{
	struct bytes stream = { malloc(ZSTD_compressBound(size)), 0 };
	stream.size = ZSTD_compress(stream.at, ZSTD_compressBound(size), text, size, 1);
	assert_false(ZSTD_isError(stream.size));
	return stream;
}

/* A compression header of the builder's class and byte order before the stream. */
static struct bytes with_chdr(const struct elf_builder *b, uint32_t type, uint64_t size,
			      struct bytes stream)
{
	uint8_t header[24] = { 0 };
	bool is32 = b->class == ELFCLASS32;
	elf_builder_put(b, header, type, 4);
	elf_builder_put(b, header + (is32 ? 4 : 8), size, is32 ? 4 : 8);
	elf_builder_put(b, header + (is32 ? 8 : 16), 4, is32 ? 4 : 8);
	struct bytes whole = concat((struct bytes){ 0 }, header, is32 ? 12 : 24);
	whole = concat(whole, stream.at, stream.size);
	free(stream.at);
	return whole;
}

static struct bytes with_gnu_header(uint64_t size, struct bytes stream)
{
	uint8_t header[12] = "ZLIB";
	for (unsigned i = 0; i < 8; i++)
		header[4 + i] = (uint8_t)(size >> (56 - 8 * i));
	struct bytes whole = concat((struct bytes){ 0 }, header, sizeof(header));
	whole = concat(whole, stream.at, stream.size);
	free(stream.at);
	return whole;
}

/* One section in a file, opened. */
struct fixture {
	struct elf_builder b;
	uint8_t *file;
	struct image image;
};

static const struct section *fixture_open(struct fixture *f, const char *name, uint32_t type,
					  uint64_t flags, struct bytes section)
{
	elf_builder_section(&f->b, name, type, flags, section.at, section.size);
	free(section.at);
	size_t size;
	f->file = elf_builder_build(&f->b, &size);
	struct error err = ERROR_NONE;
	if (image_open(f->file, size, &f->image, &err) < 0)
		fail_msg("%s", err.message);
	return &f->image.sections[1];
}

static void fixture_close(struct fixture *f)
{
	image_close(&f->image);
	free(f->file);
	elf_builder_free(&f->b);
}

/* ---- a sink that compares ---- */

struct comparer {
	const uint8_t *expected;
	uint64_t at, size;
	unsigned n_calls;
	size_t largest;
};

static int compare(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	struct comparer *c = context;
	(void)err;
	assert_true(size > 0);
	assert_true(size <= c->size - c->at);
	assert_memory_equal(bytes, c->expected + c->at, size);
	c->at += size;
	c->n_calls++;
	if (size > c->largest)
		c->largest = size;
	return 0;
}

static const struct {
	unsigned class, encoding;
} kinds[] = { { ELFCLASS32, ELFDATA2LSB },
	      { ELFCLASS32, ELFDATA2MSB },
	      { ELFCLASS64, ELFDATA2LSB },
	      { ELFCLASS64, ELFDATA2MSB } };

/* Small, at the limits of decoding in one go, and above. */
static const size_t sizes[] = { 0,
				1,
				100000,
				CONTENT_CHUNK_SIZE,
				CONTENT_CHUNK_SIZE + 1,
				CONTENT_WHOLE_LIMIT,
				CONTENT_WHOLE_LIMIT + 1 };

static void every_form_is_decoded(void **state)
{
	(void)state;
	struct bytes text = make_text(CONTENT_WHOLE_LIMIT + 1);
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (enum compression how = COMPRESSION_NONE; how <= COMPRESSION_ZLIB_GNU; how++) {
			/* Classes and byte orders concern the header alone. */
			size_t n_kinds = sizes[s] <= 100000 ? ARRAY_SIZE(kinds) : 1;
			struct bytes stream = { 0 };
			if (how == COMPRESSION_ZSTD)
				stream = zstd_stream(text.at, sizes[s]);
			else if (how != COMPRESSION_NONE)
				stream = zlib_stream(text.at, sizes[s]);
			for (size_t k = 0; k < n_kinds; k++) {
				struct fixture f;
				elf_builder_init(&f.b, kinds[k].class, kinds[k].encoding, ET_DYN,
						 EM_X86_64);
				struct bytes copy =
					how == COMPRESSION_NONE
						? concat((struct bytes){ 0 }, text.at, sizes[s])
						: concat((struct bytes){ 0 }, stream.at,
							 stream.size);
				if (how == COMPRESSION_ZLIB_GNU)
					copy = with_gnu_header(sizes[s], copy);
				else if (how != COMPRESSION_NONE)
					copy = with_chdr(&f.b,
							 how == COMPRESSION_ZLIB ? ELFCOMPRESS_ZLIB
										 : 2,
							 sizes[s], copy);
				bool flag = how == COMPRESSION_ZLIB || how == COMPRESSION_ZSTD;
				const struct section *section =
					fixture_open(&f,
						     how == COMPRESSION_ZLIB_GNU ? ".zdebug_info"
										 : ".debug_info",
						     SHT_PROGBITS, flag ? SHF_COMPRESSED : 0, copy);

				struct content content = { 0 };
				struct error err = ERROR_NONE;
				assert_int_equal(content_open(&f.image, section, &content, &err),
						 0);
				assert_int_equal(content.compression, how);
				assert_int_equal(content.size_bytes, sizes[s]);
				assert_int_equal(content.align, flag ? 4 : 8);
				assert_string_equal(content.name, ".debug_info");

				struct comparer c = { .expected = text.at, .size = sizes[s] };
				assert_int_equal(content_decode(&content, compare, &c, &err), 0);
				assert_int_equal(c.at, sizes[s]);
				if (how == COMPRESSION_NONE)
					assert_int_equal(c.n_calls, sizes[s] ? 1 : 0);
				else if (how == COMPRESSION_ZSTD || sizes[s] > CONTENT_WHOLE_LIMIT)
					assert_true(c.largest <= CONTENT_CHUNK_SIZE);

				/* Into a buffer of exactly that size; and parts from the start. */
				size_t parts[] = { sizes[s], sizes[s] / 2,
						   sizes[s] ? sizes[s] - 1 : 0, 0 };
				for (size_t p = 0;
				     p < (sizes[s] < CONTENT_WHOLE_LIMIT ? ARRAY_SIZE(parts) : 1);
				     p++) {
					uint8_t *to = malloc(parts[p]);
					assert_int_equal(
						content_decode_into(&content, to, parts[p], &err),
						0);
					if (parts[p])
						assert_memory_equal(to, text.at, parts[p]);
					free(to);
				}
				fixture_close(&f);
			}
			free(stream.at);
		}
	}
	free(text.at);
}

/* ---- what is wrong ---- */

static int drop(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	(void)bytes, (void)err;
	*(uint64_t *)context += size;
	return 0;
}

/* Both ways of decoding must say the same. */
static void assert_decodes(const struct content *content, int r, const char *message)
{
	struct error err = ERROR_NONE;
	uint64_t n = 0;
	assert_int_equal(content_decode(content, drop, &n, &err), r);
	if (message && !strstr(err.message, message))
		fail_msg("\"%s\" is not in \"%s\"", message, err.message);
	assert_true(n <= content->size_bytes);
	if (content->size_bytes > 64 << 20)
		return;
	uint8_t *to = malloc(content->size_bytes);
	err = ERROR_NONE;
	assert_int_equal(content_decode_into(content, to, content->size_bytes, &err), r);
	if (message && !strstr(err.message, message))
		fail_msg("\"%s\" is not in \"%s\"", message, err.message);
	free(to);
}

enum damage {
	WHOLE,
	CUT,
	FLIPPED,
	PADDED,
	GARBAGE,
	STATES_MORE,
	STATES_LESS,
	TWO_STREAMS,
	TWO_TOO_MANY
};

static void damaged_streams_are_told(void **state)
{
	(void)state;
	static const struct {
		enum damage damage;
		int r;
		const char *message;
	} cases[] = {
		{ WHOLE, 0, NULL },
		{ CUT, -EBADMSG, "its compressed stream " },
		{ FLIPPED, -EBADMSG, "its compressed stream is damaged" },
		{ PADDED, 0, NULL },
		{ GARBAGE, -EBADMSG, "3 bytes of something else follow its compressed stream" },
		{ STATES_MORE, -EBADMSG, "its compressed stream " },
		{ STATES_LESS, -EBADMSG, "its compressed stream holds more than the " },
		{ TWO_STREAMS, 0, NULL },
		{ TWO_TOO_MANY, -EBADMSG, "something else follow" },
	};
	/* Small enough to be decoded in one go, and too large for it. */
	static const size_t text_sizes[] = { 200000, CONTENT_WHOLE_LIMIT + 200000 };
	for (size_t t = 0; t < ARRAY_SIZE(text_sizes); t++) {
		struct bytes text = make_text(text_sizes[t]);
		for (int zstd = 0; zstd < 2; zstd++) {
			struct bytes stream = zstd ? zstd_stream(text.at, text.size)
						   : zlib_stream(text.at, text.size);
			for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
				print_message("%s, %zu bytes, case %zu\n", zstd ? "zstd" : "zlib",
					      text.size, i);
				struct fixture f;
				elf_builder_init(&f.b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
				struct bytes copy =
					concat((struct bytes){ 0 }, stream.at, stream.size);
				uint64_t size = text.size;
				switch (cases[i].damage) {
				case WHOLE:
					break;
				case CUT:
					copy.size -= 5;
					break;
				case FLIPPED: /* zstd's frames of ZSTD_compress() have no checksum
					       */
					copy.at[zstd ? 2 : copy.size - 1] ^= 0x40;
					break;
				case PADDED:
					copy = concat(copy, "\0\0\0\0\0\0", 7);
					break;
				case GARBAGE:
					copy = concat(copy, "\0\0xyz",
						      5); /* zeros, and 3 of them not */
					break;
				case STATES_MORE:
					size++;
					break;
				case STATES_LESS:
					size--;
					break;
				case TWO_STREAMS:
					copy = concat(copy, stream.at, stream.size);
					size *= 2;
					break;
				case TWO_TOO_MANY:
					copy = concat(copy, stream.at, stream.size);
					break;
				}
				const struct section *section = fixture_open(
					&f, ".debug_line", SHT_PROGBITS, SHF_COMPRESSED,
					with_chdr(&f.b, zstd ? 2 : ELFCOMPRESS_ZLIB, size, copy));
				struct content content;
				assert_int_equal(content_open(&f.image, section, &content, NULL),
						 0);
				assert_decodes(&content, cases[i].r, cases[i].message);
				fixture_close(&f);
			}
			free(stream.at);
		}
		free(text.at);
	}
}

/* Behind the stream: RFC 8878, 3.1.2. */
static void skippable_frames_are_passed_over(void **state)
{
	(void)state;
	static const struct {
		const char *what, *behind;
		size_t size;
		int r;
	} cases[] = {
#define BEHIND(what, text, r) { what, text, sizeof(text) - 1, r }
		BEHIND("an empty one", "\x50\x2a\x4d\x18\0\0\0\0", 0),
		BEHIND("one of the other kinds", "\x5f\x2a\x4d\x18\3\0\0\0abc", 0),
		BEHIND("two, and padding",
		       "\x50\x2a\x4d\x18\1\0\0\0a\x51\x2a\x4d\x18\0\0\0\0\0\0\0", 0),
		BEHIND("one that is cut", "\x50\x2a\x4d\x18\4\0\0\0abc", -EBADMSG),
		BEHIND("half a header", "\x50\x2a\x4d\x18\0\0", -EBADMSG),
		BEHIND("something else behind it", "\x50\x2a\x4d\x18\0\0\0\0x", -EBADMSG),
	};
	struct bytes text = make_text(3000);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		elf_builder_init(&f.b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
		print_message("%s\n", cases[i].what);
		struct bytes stream =
			concat(zstd_stream(text.at, text.size), cases[i].behind, cases[i].size);
		const struct section *section =
			fixture_open(&f, ".debug_info", SHT_PROGBITS, SHF_COMPRESSED,
				     with_chdr(&f.b, 2, text.size, stream));
		struct content content;
		assert_int_equal(content_open(&f.image, section, &content, NULL), 0);
		assert_decodes(&content, cases[i].r, NULL);
		fixture_close(&f);
	}
	free(text.at);
}

static void headers_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *what, *name;
		uint64_t flags;
		size_t n_bytes;
		char bytes[40];
		int r;
		const char *message;
	} cases[] = {
		{ "cut", ".debug_info", SHF_COMPRESSED, 23, "\1", -EBADMSG,
		  "too few for a compression header" },
		{ "unknown type", ".debug_info", SHF_COMPRESSED, 24, "\7", -ENOTSUP,
		  "compression type 7" },
		{ "no ZLIB", ".zdebug_info", 0, 20, "ZSTD", -EBADMSG, "no ZLIB header" },
		{ "cut ZLIB", ".zdebug_info", 0, 11, "ZLIB", -EBADMSG, "no ZLIB header" },
		{ "2^63 bytes of nothing", ".zdebug_info", 0, 20, "ZLIB\x80\0\0\0\0\0\0\0xxxxxxxx",
		  -EBADMSG, "over 4096 times its stream of 8" },
		{ "as much as may be", ".zdebug_info", 0, 20, "ZLIB\0\0\0\0\0\0\x80\0xxxxxxxx", 0,
		  NULL },
		{ "one too many", ".zdebug_info", 0, 20, "ZLIB\0\0\0\0\0\0\x80\1xxxxxxxx", -EBADMSG,
		  "states 32769 bytes of content, over 4096 times its stream of 8" },
		{ "2^62 bytes", ".debug_info", SHF_COMPRESSED, 32,
		  "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\1\0\0\0\0\0\0\0xxxxxxxx", -EBADMSG,
		  "states 4611686018427387904 bytes of content" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		struct fixture f;
		elf_builder_init(&f.b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
		struct bytes section_bytes =
			concat((struct bytes){ 0 }, cases[i].bytes, cases[i].n_bytes);
		const struct section *section = fixture_open(&f, cases[i].name, SHT_PROGBITS,
							     cases[i].flags, section_bytes);
		struct content content = { .size_bytes = 77 };
		struct error err = ERROR_NONE;
		assert_int_equal(content_open(&f.image, section, &content, &err), cases[i].r);
		if (cases[i].r < 0) {
			assert_int_equal(content.size_bytes, 77); /* untouched */
			assert_non_null(strstr(err.message, cases[i].message));
		}
		fixture_close(&f);
	}
}

/* A stream of far more than it states must not be decoded to its end: gimli-rs/object issue 950. */
static void bombs_are_refused_early(void **state)
{
	(void)state;
	struct bytes zeros = { calloc(1, 64 << 20), 64 << 20 };
	struct bytes stream = zstd_stream(zeros.at, zeros.size);
	free(zeros.at);
	struct bytes many = { 0 };
	for (int i = 0; i < 200; i++) /* 12 GiB of zeros in some hundred KiB */
		many = concat(many, stream.at, stream.size);
	free(stream.at);
	struct fixture f;
	elf_builder_init(&f.b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
	const struct section *section = fixture_open(&f, ".debug_info", SHT_PROGBITS,
						     SHF_COMPRESSED, with_chdr(&f.b, 2, 64, many));
	struct content content;
	assert_int_equal(content_open(&f.image, section, &content, NULL), 0);
	assert_decodes(&content, -EBADMSG, "holds more than the 64 bytes it states");
	fixture_close(&f);

	/* A window of 2 GiB. Frame header: RFC 8878, 3.1.1.1; descriptor 0, window exponent 21. */
	static const uint8_t window[] = { 0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0 };
	elf_builder_init(&f.b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
	section = fixture_open(
		&f, ".debug_info", SHT_PROGBITS, SHF_COMPRESSED,
		with_chdr(&f.b, 2, 64, concat((struct bytes){ 0 }, window, sizeof(window))));
	assert_int_equal(content_open(&f.image, section, &content, NULL), 0);
	assert_decodes(&content, -EBADMSG, "too much memory");
	fixture_close(&f);
}

static int stop(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	(void)bytes, (void)size;
	++*(unsigned *)context;
	return error_set(err, -ENOSPC, "full");
}

static void what_the_sink_says_ends_it(void **state)
{
	(void)state;
	struct bytes text = make_text(3 * CONTENT_CHUNK_SIZE);
	for (int zstd = 0; zstd < 2; zstd++) {
		struct fixture f;
		elf_builder_init(&f.b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
		struct bytes stream =
			zstd ? zstd_stream(text.at, text.size) : zlib_stream(text.at, text.size);
		const struct section *section = fixture_open(
			&f, ".debug_info", SHT_PROGBITS, SHF_COMPRESSED,
			with_chdr(&f.b, zstd ? 2 : ELFCOMPRESS_ZLIB, text.size, stream));
		struct content content;
		assert_int_equal(content_open(&f.image, section, &content, NULL), 0);
		unsigned n_calls = 0;
		struct error err = ERROR_NONE;
		assert_int_equal(content_decode(&content, stop, &n_calls, &err), -ENOSPC);
		assert_string_equal(err.message, "full");
		assert_int_equal(n_calls, 1);
		fixture_close(&f);
	}
	free(text.at);
}

static void what_is_no_compressed_section_is_plain(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint32_t type;
		uint64_t flags;
		uint64_t size;
	} cases[] = {
		{ ".debug_info", SHT_NOBITS, SHF_COMPRESSED, 0 },
		{ ".zdebug_info", SHT_NOBITS, 0, 0 },
		{ ".text", SHT_PROGBITS, SHF_ALLOC | SHF_COMPRESSED, 40 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		elf_builder_init(&f.b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
		const struct section *section =
			fixture_open(&f, cases[i].name, cases[i].type, cases[i].flags,
				     (struct bytes){ calloc(1, 40), 40 });
		struct content content;
		assert_int_equal(content_open(&f.image, section, &content, NULL), 0);
		assert_int_equal(content.compression, COMPRESSION_NONE);
		assert_int_equal(content.size_bytes, cases[i].size);
		assert_decodes(&content, 0, NULL);
		fixture_close(&f);
	}
}

/* The older names are read as the newer ones, and a long name is cut, not written past. */
static void names_are_plain(void **state)
{
	(void)state;
	static const char *const names[][2] = {
		{ ".zdebug_str", ".debug_str" },
		{ ".debug_str", ".debug_str" },
		{ ".zdebug", ".debug" },
		{ ".text", ".text" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct image image = { .class = ELFCLASS64, .encoding = ELFDATA2LSB };
		struct section section = { .name = names[i][0], .shdr = { .sh_type = SHT_NOBITS } };
		struct content content;
		assert_int_equal(content_open(&image, &section, &content, NULL), 0);
		assert_string_equal(content.name, names[i][1]);
	}
	char name[200];
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = 0;
	struct image image = { .class = ELFCLASS64, .encoding = ELFDATA2LSB };
	struct section section = { .name = name, .shdr = { .sh_type = SHT_NOBITS } };
	struct content content;
	assert_int_equal(content_open(&image, &section, &content, NULL), 0);
	assert_int_equal(strlen(content.name), sizeof(content.name) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_decoded),
		cmocka_unit_test(damaged_streams_are_told),
		cmocka_unit_test(skippable_frames_are_passed_over),
		cmocka_unit_test(headers_are_checked),
		cmocka_unit_test(bombs_are_refused_early),
		cmocka_unit_test(what_the_sink_says_ends_it),
		cmocka_unit_test(what_is_no_compressed_section_is_plain),
		cmocka_unit_test(names_are_plain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
