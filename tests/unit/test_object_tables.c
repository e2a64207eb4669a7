/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <zstd.h>

#include "store/frame_format.h"
#include "store/section_directory.h"
#include "store/seek_table.h"

/* The tables of hostile objects. Damage by single bytes is found in test_object.c; here, what is
 * consistent. */

#define DIRECTORY(stored)                           \
	{                                           \
		stored, 0, SEEK_CHECKSUM_OF_NOTHING \
	}

static void seek_tables_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct seek_entry entries[4];
		size_t n;
		uint64_t before; /* bytes of the file before the table */
		int r;
		size_t n_frames;
		uint64_t size, directory_offset;
	} cases[] = {
		{ .what = "nothing", .n = 0, .before = 0 },
		{ .what = "one frame",
		  .entries = { { 20, 5, 7 } },
		  .n = 1,
		  .before = 20,
		  .n_frames = 1,
		  .size = 5 },
		{ .what = "frames and a directory",
		  .entries = { { 20, 5, 7 }, { 30, 6, 8 }, DIRECTORY(100) },
		  .n = 3,
		  .before = 150,
		  .n_frames = 2,
		  .size = 11,
		  .directory_offset = 50 },
		{ .what = "a directory alone",
		  .entries = { DIRECTORY(100) },
		  .n = 1,
		  .before = 100 },
		{ .what = "a directory that is not last",
		  .entries = { DIRECTORY(100), { 20, 5, 7 } },
		  .n = 2,
		  .before = 120,
		  .r = -EBADMSG },
		{ .what = "two directories",
		  .entries = { DIRECTORY(100), DIRECTORY(100) },
		  .n = 2,
		  .before = 200,
		  .r = -EBADMSG },
		{ .what = "a directory with a wrong checksum",
		  .entries = { { 100, 0, 1 } },
		  .n = 1,
		  .before = 100,
		  .r = -EBADMSG },
		{ .what = "a directory without a header",
		  .entries = { DIRECTORY(8) },
		  .n = 1,
		  .before = 8,
		  .r = -EBADMSG },
		{ .what = "a gap before the table",
		  .entries = { { 20, 5, 7 } },
		  .n = 1,
		  .before = 21,
		  .r = -EBADMSG },
		{ .what = "frames past the table",
		  .entries = { { 20, 5, 7 } },
		  .n = 1,
		  .before = 19,
		  .r = -EBADMSG },
		{ .what = "a directory past the table",
		  .entries = { DIRECTORY(UINT32_MAX) },
		  .n = 1,
		  .before = 100,
		  .r = -EBADMSG },
		{ .what = "a frame of 8 MiB",
		  .entries = { { 1000, 8u << 20, 7 } },
		  .n = 1,
		  .before = 1000,
		  .n_frames = 1,
		  .size = 8u << 20 },
		{ .what = "a frame over 8 MiB",
		  .entries = { { 1000, (8u << 20) + 1, 7 } },
		  .n = 1,
		  .before = 1000,
		  .r = -EBADMSG },
		{ .what = "an empty frame",
		  .entries = { { 20, 0, SEEK_CHECKSUM_OF_NOTHING }, { 20, 5, 7 } },
		  .n = 2,
		  .before = 40,
		  .r = -EBADMSG },
		{ .what = "a frame that takes too few bytes",
		  .entries = { { 11, 5, 7 } },
		  .n = 1,
		  .before = 11,
		  .r = -EBADMSG },
		{ .what = "sums that would wrap in 32 bits",
		  .entries = { { UINT32_MAX, 5, 7 }, { 21, 5, 7 } },
		  .n = 2,
		  .before = 20,
		  .r = -EBADMSG },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		uint8_t bytes[256];
		size_t size = seek_table_size(cases[i].n), measured = 0;
		uint64_t file_size = cases[i].before + size;
		seek_table_encode(cases[i].entries, cases[i].n, bytes);
		assert_int_equal(seek_table_measure(bytes + size - SEEK_FOOTER_SIZE, file_size,
						    &measured, NULL),
				 0);
		assert_int_equal(measured, size);
		struct seek_table table = { 0 };
		assert_int_equal(seek_table_parse(bytes, size, file_size, &table, NULL),
				 cases[i].r);
		assert_int_equal(table.n_frames, cases[i].n_frames);
		assert_int_equal(table.size_bytes, cases[i].size);
		assert_int_equal(table.directory_offset, cases[i].directory_offset);
		uint64_t offset = 0, stored = 0;
		for (size_t j = 0; j < table.n_frames; j++) {
			assert_int_equal(table.frames[j].offset, offset);
			assert_int_equal(table.frames[j].stored_offset, stored);
			assert_int_equal(table.frames[j].checksum, cases[i].entries[j].checksum);
			offset += table.frames[j].size_bytes;
			stored += table.frames[j].stored_bytes;
		}
		free(table.frames);
	}
}

static void counts_of_frames_are_bounded(void **state)
{
	(void)state;
	uint8_t footer[SEEK_FOOTER_SIZE] = { 0, 0, 0, 0, 0x80, 0xb1, 0xea, 0x92, 0x8f };
	size_t size = 0;
	static const struct {
		uint32_t n;
		uint64_t file_size;
		int r;
	} cases[] = {
		{ 0, 17, 0 },
		{ 0, 16, -EBADMSG },
		{ 10, 137, 0 },
		{ 10, 136, -EBADMSG },
		{ SEEK_FRAMES_LIMIT + 1, UINT64_MAX, 0 },
		{ SEEK_FRAMES_LIMIT + 2, UINT64_MAX, -EBADMSG },
		{ UINT32_MAX, UINT64_MAX, -EBADMSG },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_u32(footer, cases[i].n);
		assert_int_equal(seek_table_measure(footer, cases[i].file_size, &size, NULL),
				 cases[i].r);
	}
	put_u32(footer, 0);
	footer[4] = 0x84; /* a reserved bit */
	assert_int_equal(seek_table_measure(footer, 17, &size, NULL), -EBADMSG);
	footer[4] = 0; /* without checksums */
	assert_int_equal(seek_table_measure(footer, 17, &size, NULL), -EBADMSG);
}

static void directories_come_back(void **state)
{
	(void)state;
	static const struct object_section sections[] = {
		{ ".text", SHT_NOBITS, 6, UINT64_MAX, UINT64_MAX },
		{ "", SHT_PROGBITS, 0, 0, 1000 },
		{ ".past", SHT_PROGBITS, 0, 1000, 1 },
		{ "\xff\xfe", SHT_STRTAB, UINT64_MAX, 1000, 0 },
	};
	struct object_layout layout = { .sections = sections, .n_sections = 4, .size_bytes = 1000 };
	uint8_t *frame = NULL;
	size_t size = 0, n = 0;
	struct object_section *read = NULL;
	assert_int_equal(section_directory_encode(&layout, &frame, &size, NULL), 0);
	assert_int_equal(section_directory_parse(frame, size, 1000, &read, &n, NULL), 0);
	assert_int_equal(n, 3); /* what lies past the content is left out */
	assert_string_equal(read[0].name, ".text");
	assert_int_equal(read[0].offset, UINT64_MAX);
	assert_string_equal(read[1].name, "");
	assert_int_equal(read[1].size_bytes, 1000);
	assert_string_equal(read[2].name, "\xff\xfe");
	assert_int_equal(read[2].flags, UINT64_MAX);
	free(read);
	read = NULL;
	/* The same, of a shorter content: now a section lies past it. */
	assert_int_equal(section_directory_parse(frame, size, 999, &read, &n, NULL), -EBADMSG);
	assert_null(read);
	free(frame);

	layout.n_sections = 0;
	assert_int_equal(section_directory_encode(&layout, &frame, &size, NULL), 0);
	assert_null(frame);
	assert_int_equal(size, 0);
}

/* Many sections whose names share the bytes of one long name. */
static void names_are_bounded(void **state)
{
	(void)state;
	size_t n = 1000, name_size = 100000;
	char *name = malloc(name_size + 1);
	memset(name, 'x', name_size);
	name[name_size] = 0;
	struct object_section *sections = calloc(n, sizeof(*sections));
	for (size_t i = 0; i < n; i++)
		sections[i] = (struct object_section){ .name = name + i, .type = SHT_NOBITS };
	struct object_layout layout = { .sections = sections, .n_sections = n };
	uint8_t *frame = NULL;
	size_t size = 0;
	struct error err = ERROR_NONE;
	assert_int_equal(section_directory_encode(&layout, &frame, &size, &err), -EFBIG);
	assert_null(frame);
	assert_non_null(strstr(err.message, "1000 sections"));
	layout.n_sections = 150;
	assert_int_equal(section_directory_encode(&layout, &frame, &size, &err), 0);
	free(frame);
	free(sections);
	free(name);
}

/* zstd's own frames, of many kinds of block, are what we expect; without checksum or size they are
 * not. */
static void frames_of_zstd_are_known(void **state)
{
	(void)state;
	static const size_t sizes[] = { 1,     2,     20,    255,    256,    257,   1000,
					65535, 65792, 70000, 131072, 131073, 300000 };
	uint8_t *content = malloc(300000), *frame = malloc(ZSTD_compressBound(300000));
	ZSTD_CCtx *c = ZSTD_createCCtx();
	for (size_t i = 0; i < ARRAY_SIZE(sizes) * 5 * 4; i++) {
		size_t size = sizes[i / 20];
		uint32_t x = 1;
		for (size_t j = 0; j < size; j++) {
			x = x * 1664525 + 1013904223;
			uint8_t noise = (uint8_t)(x >> 24);
			content[j] = i % 5 == 0   ? 7
				     : i % 5 == 1 ? noise
				     : i % 5 == 2 ? noise % 7
				     : i % 5 == 3 ? (uint8_t)(j / 100 + noise % 2)
						  : (uint8_t)(j % 300 < 200 ? j % 50 : noise);
		}
		static const int levels[] = { 1, 3, 9, 16 };
		ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, levels[i % 4]);
		ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
		size_t stored = ZSTD_compress2(c, frame, ZSTD_compressBound(size), content, size);
		assert_false(ZSTD_isError(stored));
		struct error err = ERROR_NONE;
		if (frame_format_check(frame, stored, (uint32_t)size, &err) < 0)
			fail_msg("%zu bytes of kind %zu: %s", size, i % 5, err.message);
		assert_int_equal(frame_format_check(frame, stored, (uint32_t)size + 1, NULL),
				 -EBADMSG);
		assert_int_equal(frame_format_check(frame, stored - 1, (uint32_t)size, NULL),
				 -EBADMSG);

		ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 0);
		stored = ZSTD_compress2(c, frame, ZSTD_compressBound(size), content, size);
		assert_int_equal(frame_format_check(frame, stored, (uint32_t)size, NULL), -EBADMSG);
	}
	for (size_t end = 0; end < 40; end++)
		assert_int_equal(frame_format_check(frame, end, 300000, NULL), -EBADMSG);
	ZSTD_freeCCtx(c);
	free(content);
	free(frame);
}

static void windows_are_bounded(void **state)
{
	(void)state;
	/* magic, descriptor (4-byte size, checksum), window, size 16, an RLE block of 16, checksum
	 */
	uint8_t frame[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x84, 0x68, 16, 0, 0,
			    0,    0x83, 0,    0,    'x',  1,    2,  3, 4 };
	assert_int_equal(frame_format_check(frame, sizeof(frame), 16, NULL), 0); /* 2^23 */
	frame[5] = 0x69; /* and an eighth */
	assert_int_equal(frame_format_check(frame, sizeof(frame), 16, NULL), -EBADMSG);
	frame[5] = 0xff;
	assert_int_equal(frame_format_check(frame, sizeof(frame), 16, NULL), -EBADMSG);
	frame[5] = 0;
	assert_int_equal(frame_format_check(frame, sizeof(frame), 16, NULL), 0);
	frame[10] = 0x87; /* block type 3 */
	assert_int_equal(frame_format_check(frame, sizeof(frame), 16, NULL), -EBADMSG);
	frame[10] = 0x82; /* no last block */
	assert_int_equal(frame_format_check(frame, sizeof(frame), 16, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seek_tables_are_checked),
		cmocka_unit_test(counts_of_frames_are_bounded),
		cmocka_unit_test(directories_come_back),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(frames_of_zstd_are_known),
		cmocka_unit_test(windows_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
