/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "store/internal.h"
#include "store/object.h"
#include "store/store.h"
#include "tests/fuzz/fuzz.h"

/* The input is an object's file: seek table, section directory and frames, as a store may hold or
 * be sent. */

#define SIZE_LIMIT (1u << 20) /* of a content that is decoded here */

static void read_all(const struct object *o)
{
	scoped(object_reader_freep) struct object_reader *reader = NULL;
	if (object_reader_new(o, &reader, NULL) < 0)
		return;
	for (uint64_t at = 0; at < object_size(o);) {
		char piece[4096];
		size_t n = 0;
		if (object_read(reader, at, piece, sizeof(piece), &n, NULL) < 0)
			return;
		FUZZ_CHECK(n && n <= sizeof(piece) && n <= object_size(o) - at);
		at += n;
	}
}

static void check_tables(const struct object *o, size_t size)
{
	size_t n_frames, n_sections;
	const struct object_frame *frames = object_frames(o, &n_frames);
	uint64_t content = 0, stored = 0;
	for (size_t i = 0; i < n_frames; i++) {
		FUZZ_CHECK(frames[i].offset == content && frames[i].stored_offset == stored);
		FUZZ_CHECK(frames[i].size_bytes && frames[i].stored_bytes);
		content += frames[i].size_bytes;
		stored += frames[i].stored_bytes;
	}
	FUZZ_CHECK(content == object_size(o) && stored <= size && object_stored_size(o) == size);

	const struct object_section *sections = object_sections(o, &n_sections);
	for (size_t i = 0; i < n_sections; i++) {
		struct object_range range;
		FUZZ_CHECK(strlen(sections[i].name) <= size);
		FUZZ_CHECK(object_find_section(o, sections[i].name));
		if (sections[i].type != SHT_NOBITS)
			FUZZ_CHECK(range_fits(sections[i].offset, sections[i].size_bytes, content));
		if (object_stored_range(o, sections[i].offset, sections[i].size_bytes, &range))
			FUZZ_CHECK(range_fits(range.offset, range.size_bytes, stored));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("object", MFD_CLOEXEC);
	if (fd < 0 || file_write(fd, data, size, "object", NULL) < 0)
		abort();
	struct digest digest = digest_of("abc", 3);
	scoped(object_closep) struct object *o = NULL;
	if (object_open_fd(fd, &digest, "fuzzed", &o, NULL) < 0)
		return 0;
	check_tables(o, size);
	if (object_size(o) <= SIZE_LIMIT)
		read_all(o);
	return 0;
}

/* ---- seeds: what a store writes ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st, (void)type, (void)walk;
	return remove(path);
}

static void add_object(struct store *st, const char *bytes, const struct object_layout *layout,
		       uint64_t frame_limit, fuzz_add add)
{
	scoped(object_writer_freep) struct object_writer *w = NULL;
	struct object_result result;
	char name[OBJECT_NAME_SIZE], path[OBJECT_NAME_SIZE + 8];
	scoped(string_free) char *file = NULL;
	size_t size;
	if (object_writer_new(st, layout, frame_limit, &w, NULL) < 0 ||
	    object_writer_write(w, bytes, strlen(bytes), NULL) < 0 ||
	    object_writer_finish(w, &result, NULL) < 0)
		abort();
	snprintf(path, sizeof(path), "objects/%s", object_name(&result.digest, name));
	if (file_read_at(st->fd, path, SIZE_LIMIT, &file, &size, NULL) < 0)
		abort();
	add((uint8_t *)file, size);
}

void fuzz_seeds(fuzz_add add)
{
	char folder[] = "/tmp/dbgvault-fuzz.XXXXXX", path[64];
	scoped(store_closep) struct store *st = NULL;
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/store", folder);
	if (store_init(path, STORE_PRIVATE, (gid_t)-1, NULL) < 0 ||
	    store_open(path, STORE_WRITE, &st, NULL) < 0)
		abort();

	static const char text[] =
		"what is kept is kept in frames, and what is kept is named by what it is";
	static const struct object_section sections[] = {
		{ ".text", SHT_PROGBITS, SHF_ALLOC, 8, 16 },
		{ ".debug_line", SHT_PROGBITS, 0, 24, 20 },
		{ ".bss", SHT_NOBITS, SHF_ALLOC, 44, 1u << 30 },
	};
	static const struct object_layout layout = {
		.sections = sections,
		.n_sections = ARRAY_SIZE(sections),
		.tables = { { 0, 8 } },
		.n_tables = 1,
		.size_bytes = sizeof(text) - 1,
	};
	add_object(st, text, &layout, 0, add);
	add_object(st, text + 1, NULL, 16, add);
	add_object(st, text + 2, NULL, 0, add);
	add_object(st, "", NULL, 0, add);
	store_close(take(st));
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
