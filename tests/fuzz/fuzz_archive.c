/* SPDX-License-Identifier: Apache-2.0 */
#include <ar.h>
#include <errno.h>
#include <stdio.h>

#include "split/archive.h"
#include "tests/fuzz/collected.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/elf_builder.h"

/* The input is an archive, whose members lose their debug information. What is written has the size
 * that was planned, is an archive again, and is what the judge wants, or
 * is refused by it. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	if (!archive_is(data, size))
		return 0;
	const struct archive_options options = { .keeps_fields = size % 2 };
	scoped(archive_close) struct archive archive = { 0 };
	scoped(collected_free) struct collected written = { 0 };
	int r = archive_open(data, size, &options, &archive, &err);
	if (r < 0) {
		FUZZ_CHECK(r == -EBADMSG || r == -ENOTSUP);
		FUZZ_CHECK(err.message[0]);
		return 0;
	}
	FUZZ_CHECK(archive.n_stripped <= archive.n_members);
	struct sink sink = collected_sink(&written);
	r = archive_write(&archive, &sink, &err);
	if (r == -EFBIG)
		return 0;
	FUZZ_CHECK(r == 0);
	FUZZ_CHECK(written.size == archive.new_size_bytes);
	r = archive_judge(&archive, written.bytes, written.size, &(struct judge_options){ 0 },
			  &err);
	FUZZ_CHECK(r == 0 || r == -EIO);
	if (r < 0)
		return 0; /* a malformed member: what was written is not used */

	/* Once more, there is nothing to do. */
	scoped(archive_close) struct archive again = { 0 };
	FUZZ_CHECK(archive_open(written.bytes, written.size, &options, &again, &err) == 0);
	FUZZ_CHECK(again.n_members == archive.n_members && again.n_stripped == 0);
	FUZZ_CHECK(!archive_changes_fields(&again));
	return 0;
}

/* ---- seeds ---- */

static void put(struct collected *c, const void *bytes, size_t size)
{
	if (collected_put(bytes, size, false, c, NULL) < 0)
		abort();
}

static void put_member(struct collected *c, const char *name, const void *bytes, size_t size)
{
	char header[sizeof(struct ar_hdr) + 1];
	snprintf(header, sizeof(header), "%-16s%-12d%-6d%-6d%-8s%-10zu`\n", name, 12345, 7, 8,
		 "100755", size);
	put(c, header, sizeof(struct ar_hdr));
	put(c, bytes, size);
	if (size % 2)
		put(c, "\n", 1);
}

static void put_object(struct collected *c, const char *name, unsigned class, bool debug)
{
	struct elf_builder b;
	elf_builder_init(&b, class, ELFDATA2LSB, ET_REL, EM_X86_64);
	elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "\xc3", 1);
	if (debug)
		elf_builder_section(&b, ".debug_info", SHT_PROGBITS, 0, NULL, 120);
	elf_builder_section(&b, ".comment", SHT_PROGBITS, 0, "odd", 3);
	size_t size;
	uint8_t *bytes = elf_builder_build(&b, &size);
	put_member(c, name, bytes, size);
	free(bytes);
	elf_builder_free(&b);
}

/* @width: of the index's numbers, 0: no index */
static void add_archive(unsigned width, bool long_names, fuzz_add add)
{
	scoped(collected_free) struct collected c = { 0 };
	put(&c, ARMAG, SARMAG);
	size_t index_at = c.size + sizeof(struct ar_hdr);
	uint8_t index[3 * 8 + 8] = { 0 };
	size_t index_size = 3 * (size_t)width + 8;
	if (width)
		put_member(&c, width == 8 ? "/SYM64/" : "/", index, index_size);
	if (long_names)
		put_member(&c, "//", "a_name_over_fifteen_bytes.o/\n", 29);
	size_t places[2];
	for (size_t i = 0; i < 2; i++) {
		places[i] = c.size;
		put_object(&c,
			   i && long_names ? "/0"
			   : i             ? "two.o/"
					   : "one.o/",
			   i ? ELFCLASS32 : ELFCLASS64, i == 0 || long_names);
	}
	put_member(&c, "notes/", "odd", 3);
	for (size_t i = 0; width && i < 3; i++)
		c.bytes[index_at + (i + 1) * width - 1] = (uint8_t)(i ? places[i - 1] : 2);
	for (size_t i = 1; width && i < 3; i++)
		c.bytes[index_at + (i + 1) * width - 2] = (uint8_t)(places[i - 1] >> 8);
	if (width)
		memcpy(c.bytes + index_at + 3 * (size_t)width, "one\0two", 8);
	add(c.bytes, c.size);
}

void fuzz_seeds(fuzz_add add)
{
	add_archive(0, false, add);
	add_archive(4, false, add);
	add_archive(4, true, add);
	add_archive(8, true, add);
}
