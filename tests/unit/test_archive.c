/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "split/archive.h"
#include "tests/unit/split_fixture.h"

struct file {
	uint8_t bytes[8192];
	size_t size;
};

static size_t add(struct file *f, const char *name, const void *bytes, size_t size)
{
	size_t at = f->size;
	assert_true(at + 60 + size + 1 <= sizeof(f->bytes));
	char header[61];
	snprintf(header, sizeof(header), "%-16s%-12d%-6d%-6d%-8s%-10zu`\n", name, 12345, 7, 8,
		 "100755", size);
	memcpy(f->bytes + at, header, 60);
	memcpy(f->bytes + at + 60, bytes, size);
	f->size += 60 + size;
	if (f->size % 2)
		f->bytes[f->size++] = '\n';
	return at;
}

static struct file start(void)
{
	struct file f = { .size = 8 };
	memcpy(f.bytes, "!<arch>\n", 8);
	return f;
}

/* An object file with debug information. */
static uint8_t *make_object(size_t *ret_size)
{
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_REL, EM_X86_64);
	elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "\xc3", 1);
	elf_builder_section(&b, ".debug_info", SHT_PROGBITS, 0, NULL, 300);
	elf_builder_section(&b, ".eh_frame", SHT_PROGBITS, SHF_ALLOC, "abcdefgh", 8);
	uint8_t *bytes = elf_builder_build(&b, ret_size);
	elf_builder_free(&b);
	return bytes;
}

static void index_follows(void **state)
{
	(void)state;
	size_t size;
	uint8_t *object = make_object(&size);
	struct file f = start();
	uint8_t index[] = { 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 'a', 0, 'b', 0 };
	size_t index_at = add(&f, "/", index, sizeof(index));
	size_t first = add(&f, "one.o/", object, size);
	size_t second = add(&f, "two.txt/", "odd", 3);
	f.bytes[index_at + 60 + 6] = (uint8_t)(second >> 8);
	f.bytes[index_at + 60 + 7] = (uint8_t)second;
	f.bytes[index_at + 60 + 11] = (uint8_t)first;
	const struct archive_options options = { 0 };
	struct archive archive;
	assert_int_equal(archive_open(f.bytes, f.size, &options, &archive, NULL), 0);
	assert_int_equal(archive.n_members, 3);
	assert_int_equal(archive.n_stripped, 1);
	assert_int_equal(archive.taken_bytes, 300);
	struct bytes out = { 0 };
	const struct sink sink = bytes_sink(&out);
	assert_int_equal(archive_write(&archive, &sink, NULL), 0);
	assert_int_equal(out.size, archive.new_size_bytes);
	assert_true(out.size < f.size - 250);
	const struct judge_options judge = { 0 };
	assert_int_equal(archive_judge(&archive, out.bytes, out.size, &judge, NULL), 0);

	size_t moved = (size_t)out.bytes[index_at + 66] << 8 | out.bytes[index_at + 67];
	assert_true(moved < second);
	assert_memory_equal(out.bytes + moved, "two.txt/        0           0     0     644     3 ",
			    50);
	assert_memory_equal(out.bytes + moved + 60, "odd\n", 4);

	/* Whatever is wrong is found: each byte of index, headers and members counts. */
	for (size_t at = index_at + 60; at < out.size; at++) {
		bool field = (at - first < 60 && at - first >= 16 && at - first < 48) ||
			     (at - moved < 60 && at - moved >= 16 && at - moved < 48);
		if (field || at == out.size - 1) /* times, owners and padding are not judged */
			continue;
		out.bytes[at] ^= 1;
		if (at >= moved || at < first) {
			if (archive_judge(&archive, out.bytes, out.size, &judge, NULL) != -EIO)
				fail_msg("byte 0x%zx was changed, and that was not found", at);
		}
		out.bytes[at] ^= 1;
	}
	bytes_free(&out);
	archive_close(&archive);
	free(object);
}

static void damage_is_found(void **state)
{
	(void)state;
	static const uint8_t past[] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 68 };
	static const uint8_t wrong[] = { 0, 0, 0, 1, 0, 0, 0, 9, 'a', 0 };
	static const struct {
		const char *what, *name;
		const void *bytes;
		size_t size;
		long cut;
		int r;
	} cases[] = {
		{ "whole", "a/", "text", 4, 0, 0 },
		{ "cut in a member", "a/", "text", 4, 1, -EBADMSG },
		{ "cut in a header", "a/", "text", 4, 20, -EBADMSG },
		{ "more symbols than bytes", "/", past, sizeof(past), 0, -EBADMSG },
		{ "no such member", "/", wrong, sizeof(wrong), 0, -EBADMSG },
		{ "an index of two bytes", "/", past, 2, 0, -EBADMSG },
		{ "a 64-bit index of four", "/SYM64/", past, 4, 0, -EBADMSG },
		{ "BSD's long names", "#1/20", "text", 4, 0, -ENOTSUP },
		{ "BSD's index", "__.SYMDEF", "text", 4, 0, -ENOTSUP },
		{ "an archive in it", "a/", "!<arch>\n", 8, 0, -ENOTSUP },
		{ "a damaged object", "a/", "\177ELF\2\1\1", 7, 0, -EBADMSG },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].what);
		struct file f = start();
		add(&f, cases[i].name, cases[i].bytes, cases[i].size);
		const struct archive_options options = { 0 };
		struct archive archive = { 0 };
		assert_int_equal(archive_open(f.bytes, f.size - (size_t)cases[i].cut, &options,
					      &archive, NULL),
				 cases[i].r);
		assert_int_equal(archive.n_members, cases[i].r == 0 ? 1 : 0);
		archive_close(&archive);
	}
	const struct archive_options options = { 0 };
	struct archive archive = { 0 };
	assert_int_equal(archive_open((const uint8_t *)"!<thin>\n", 8, &options, &archive, NULL),
			 -ENOTSUP);
	assert_int_equal(archive_open((const uint8_t *)"!<arch>\n", 8, &options, &archive, NULL),
			 0);
	assert_int_equal(archive.n_members, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_follows),
		cmocka_unit_test(damage_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
