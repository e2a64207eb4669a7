/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "split/build_id_note.h"
#include "split/debug_image.h"
#include "tests/unit/split_fixture.h"

struct written {
	struct plan plan;
	struct debug_image debug;
	struct bytes bytes;
	struct image image;
};

static void open_written(struct written *w)
{
	struct error err = ERROR_NONE;
	assert_int_equal(w->bytes.size, w->debug.size_bytes);
	if (image_open(w->bytes.bytes, w->bytes.size, &w->image, &err) < 0)
		fail_msg("%s", err.message);
}

static void write_debug(struct split_fixture *f, struct written *w)
{
	bool damaged;
	*w = (struct written){ 0 };
	assert_int_equal(plan_make(&f->image, NULL, &w->plan, NULL), 0);
	assert_int_equal(debug_image_plan(&w->plan, &w->debug, NULL), 0);
	struct sink sink = bytes_sink(&w->bytes);
	assert_int_equal(debug_image_write(&w->debug, &sink, &damaged, NULL), 0);
	assert_false(damaged);
	open_written(w);
}

static void written_free(struct written *w)
{
	image_close(&w->image);
	bytes_free(&w->bytes);
	debug_image_free(&w->debug);
	plan_free(&w->plan);
}

static void assert_content(const struct written *w, unsigned index, const void *expected,
			   size_t size)
{
	uint64_t written_size;
	const uint8_t *bytes =
		image_section_bytes(&w->image, &w->image.sections[index], &written_size);
	assert_int_equal(written_size, size);
	assert_memory_equal(bytes, expected, size);
}

static void all_headers_and_what_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		struct split_fixture f;
		struct written w;
		print_message("%s\n", split_fixture_kinds[i].name);
		split_fixture_init(&f, &split_fixture_kinds[i]);
		split_fixture_build(&f, "appended data, which is no debug information");
		write_debug(&f, &w);
		assert_true(image_is_separate_debug(&w.image));
		assert_int_equal(w.image.n_sections, f.image.n_sections);
		assert_int_equal(w.image.n_segments, f.image.n_segments);
		assert_memory_equal(w.image.segments, f.image.segments,
				    f.image.n_segments * sizeof(*f.image.segments));
		assert_int_equal(w.image.ehdr.e_machine, f.image.ehdr.e_machine);
		assert_int_equal(w.image.ehdr.e_type, f.image.ehdr.e_type);
		for (unsigned k = 1; k < f.image.n_sections; k++) {
			const struct section *in = &f.image.sections[k],
					     *out = &w.image.sections[k];
			bool loaded = in->shdr.sh_flags & SHF_ALLOC && in->shdr.sh_type != SHT_NOTE;
			assert_string_equal(out->name, in->name);
			assert_int_equal(out->shdr.sh_type, loaded ? SHT_NOBITS : in->shdr.sh_type);
			assert_int_equal(out->shdr.sh_flags, in->shdr.sh_flags);
			assert_int_equal(out->shdr.sh_addr, in->shdr.sh_addr);
			assert_int_equal(out->shdr.sh_size, in->shdr.sh_size);
			assert_int_equal(out->shdr.sh_link, in->shdr.sh_link);
			assert_int_equal(out->shdr.sh_info, in->shdr.sh_info);
			assert_int_equal(out->shdr.sh_entsize, in->shdr.sh_entsize);
			assert_int_equal(out->shdr.sh_addralign, in->shdr.sh_addralign);
			uint64_t size;
			const uint8_t *bytes = image_section_bytes(&f.image, in, &size);
			if (!loaded)
				assert_content(&w, k, bytes, size);
		}
		written_free(&w);
		split_fixture_free(&f);
	}
}

static void symbols_that_the_binary_keeps_are_a_header_alone(void **state)
{
	(void)state;
	struct split_fixture f;
	struct written w = { 0 };
	bool damaged;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	split_fixture_build(&f, NULL);
	assert_int_equal(plan_make(&f.image, NULL, &w.plan, NULL), 0);
	plan_leave_symbols(&w.plan);
	assert_int_equal(debug_image_plan(&w.plan, &w.debug, NULL), 0);
	struct sink sink = bytes_sink(&w.bytes);
	assert_int_equal(debug_image_write(&w.debug, &sink, &damaged, NULL), 0);
	open_written(&w);
	assert_int_equal(w.image.sections[f.symtab].shdr.sh_type, SHT_NOBITS);
	assert_int_equal(w.image.sections[f.symtab].shdr.sh_size,
			 f.image.sections[f.symtab].shdr.sh_size);
	assert_int_equal(w.image.sections[f.strtab].shdr.sh_type, SHT_NOBITS);
	written_free(&w);
	split_fixture_free(&f);
}

static void a_section_that_is_added_is_there_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		struct split_fixture f;
		struct written w;
		print_message("%s\n", split_fixture_kinds[i].name);
		split_fixture_init(&f, &split_fixture_kinds[i]);
		split_fixture_build(&f, NULL);
		uint64_t n_sections = f.image.n_sections;
		struct build_id_note note = { .with_section = true,
					      .shdr = f.image.sections[f.note].shdr };
		note.shdr.sh_size -= 4;
		assert_int_equal(build_id_note_show(&note, &f.image, NULL), 0);
		write_debug(&f, &w);
		assert_int_equal(w.image.n_sections, n_sections + 1);
		const struct section *added = &w.image.sections[n_sections];
		assert_string_equal(added->name, BUILD_ID_SECTION);
		assert_int_equal(added->shdr.sh_type, SHT_NOTE);
		assert_int_equal(added->shdr.sh_addr, note.shdr.sh_addr);
		assert_content(&w, (unsigned)n_sections, f.bytes + note.shdr.sh_offset,
			       note.shdr.sh_size);
		assert_string_equal(w.image.sections[f.info].name, ".debug_info");
		written_free(&w);
		split_fixture_free(&f);
	}
}

/* ---- compressed sections ---- */

#define CONTENT_SIZE 5000

static void fill(uint8_t *content)
{
	for (size_t i = 0; i < CONTENT_SIZE; i++)
		content[i] = (uint8_t)(i * i / 100);
}

/* SHF_COMPRESSED bytes, or .zdebug ones where @type is 0. */
static size_t compress_section(const struct split_fixture *f, uint32_t type, uint8_t *ret,
			       size_t room)
{
	uint8_t content[CONTENT_SIZE];
	fill(content);
	const struct elf_builder *b = &f->b;
	size_t header = type == 0 ? 12 : b->class == ELFCLASS64 ? 24 : 12;
	memset(ret, 0, header);
	if (type == 0) {
		memcpy(ret, "ZLIB", 4);
		for (int i = 0; i < 8; i++)
			ret[4 + i] = (uint8_t)((uint64_t)CONTENT_SIZE >> (56 - 8 * i));
	} else if (b->class == ELFCLASS64) {
		elf_builder_put(b, ret, type, 4);
		elf_builder_put(b, ret + 8, CONTENT_SIZE, 8);
		elf_builder_put(b, ret + 16, 16, 8);
	} else {
		elf_builder_put(b, ret, type, 4);
		elf_builder_put(b, ret + 4, CONTENT_SIZE, 4);
		elf_builder_put(b, ret + 8, 16, 4);
	}
	if (type == 2)
		return header +
		       ZSTD_compress(ret + header, room - header, content, CONTENT_SIZE, 3);
	uLongf size = room - header;
	assert_int_equal(compress2(ret + header, &size, content, CONTENT_SIZE, 6), Z_OK);
	return header + size;
}

static unsigned add_compressed(struct split_fixture *f, uint32_t type, bool damaged)
{
	uint8_t stored[2 * CONTENT_SIZE];
	size_t size = compress_section(f, type, stored, sizeof(stored));
	/* A zstd frame may have no checksum: its last block is cut short. */
	if (damaged)
		memset(stored + size - 40, 0xff, 40);
	if (damaged && type == 2)
		size -= 20;
	return elf_builder_section(&f->b, type ? ".debug_line" : ".zdebug_line", SHT_PROGBITS,
				   type ? SHF_COMPRESSED : 0, stored, size);
}

static void compressed_sections_are_decompressed(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint32_t type;
	} cases[] = { { "zlib", 1 }, { "zstd", 2 }, { ".zdebug", 0 } };
	uint8_t content[CONTENT_SIZE];
	fill(content);
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
			struct split_fixture f;
			struct written w;
			print_message("%s, %s\n", split_fixture_kinds[i].name, cases[k].what);
			split_fixture_init(&f, &split_fixture_kinds[i]);
			unsigned line = add_compressed(&f, cases[k].type, false);
			split_fixture_build(&f, NULL);
			write_debug(&f, &w);
			assert_content(&w, line, content, sizeof(content));
			assert_string_equal(w.image.sections[line].name, ".debug_line");
			assert_int_equal(w.image.sections[line].shdr.sh_flags & SHF_COMPRESSED, 0);
			if (cases[k].type)
				assert_int_equal(w.image.sections[line].shdr.sh_addralign, 16);
			assert_string_equal(w.image.sections[f.info].name, ".debug_info");
			assert_content(&w, f.info, f.b.sections[f.info].bytes, 300);
			written_free(&w);
			split_fixture_free(&f);
		}
	}
}

static void damaged_sections_are_carried_as_they_are(void **state)
{
	(void)state;
	for (uint32_t type = 0; type < 3; type++) {
		struct split_fixture f;
		struct written w = { 0 };
		bool damaged;
		split_fixture_init(&f, &split_fixture_kinds[0]);
		unsigned bad = add_compressed(&f, type, true);
		unsigned good = add_compressed(&f, 1, false);
		split_fixture_build(&f, NULL);
		assert_int_equal(plan_make(&f.image, NULL, &w.plan, NULL), 0);
		assert_int_equal(debug_image_plan(&w.plan, &w.debug, NULL), 0);
		struct sink sink = bytes_sink(&w.bytes);
		assert_int_equal(debug_image_write(&w.debug, &sink, &damaged, NULL), -EBADMSG);
		assert_true(damaged);

		bytes_free(&w.bytes);
		assert_int_equal(debug_image_give_in(&w.debug, NULL), 0);
		assert_int_equal(w.debug.n_opaque, 1);
		assert_int_equal(debug_image_write(&w.debug, &sink, &damaged, NULL), 0);
		open_written(&w);
		uint8_t content[CONTENT_SIZE];
		fill(content);
		assert_content(&w, bad, f.b.sections[bad].bytes, f.b.sections[bad].n_bytes);
		assert_string_equal(w.image.sections[bad].name,
				    type ? ".debug_line" : ".zdebug_line");
		assert_int_equal(w.image.sections[bad].shdr.sh_flags & SHF_COMPRESSED,
				 type ? SHF_COMPRESSED : 0);
		assert_content(&w, good, content, sizeof(content));
		written_free(&w);
		split_fixture_free(&f);
	}
}

static int refuse(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	(void)bytes, (void)size, (void)lent;
	size_t *left = context;
	return (*left)-- ? 0 : error_set(err, -ENOSPC, "full");
}

static void a_failing_sink_is_no_damaged_section(void **state)
{
	(void)state;
	struct split_fixture f;
	struct plan plan;
	struct debug_image debug;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	add_compressed(&f, 1, false);
	split_fixture_build(&f, NULL);
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_int_equal(debug_image_plan(&plan, &debug, NULL), 0);
	int r = -ENOSPC;
	for (size_t n = 0; r != 0; n++) {
		size_t left = n;
		bool damaged = true;
		const struct sink sink = { .put = refuse, .context = &left };
		r = debug_image_write(&debug, &sink, &damaged, NULL);
		assert_true(r == 0 || r == -ENOSPC);
		assert_false(damaged);
	}
	debug_image_free(&debug);
	plan_free(&plan);
	split_fixture_free(&f);
}

static void promises_are_limited(void **state)
{
	(void)state;
	struct split_fixture f;
	struct plan plan;
	struct debug_image debug;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	/* Each within what content_open() believes, all together far from any file. */
	for (int i = 0; i < 40; i++) {
		unsigned line = add_compressed(&f, 1, false);
		elf_builder_put(&f.b, f.b.sections[line].bytes + 8,
				f.b.sections[line].n_bytes * 4000, 8);
	}
	split_fixture_build(&f, NULL);
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_int_equal(debug_image_plan(&plan, &debug, NULL), -EFBIG);
	plan_free(&plan);
	split_fixture_free(&f);
}

static void the_layout_says_where_everything_is(void **state)
{
	(void)state;
	struct split_fixture f;
	struct written w;
	struct object_layout layout;
	struct object_section *sections;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	split_fixture_build(&f, NULL);
	write_debug(&f, &w);
	assert_int_equal(debug_image_layout(&w.debug, &layout, &sections, NULL), 0);
	assert_int_equal(layout.size_bytes, w.bytes.size);
	assert_int_equal(layout.n_sections, w.image.n_sections - 1);
	for (size_t i = 0; i < layout.n_sections; i++) {
		const struct section *section = &w.image.sections[i + 1];
		assert_string_equal(layout.sections[i].name, section->name);
		assert_int_equal(layout.sections[i].type, section->shdr.sh_type);
		assert_int_equal(layout.sections[i].offset, section->shdr.sh_offset);
		assert_int_equal(layout.sections[i].size_bytes, section->shdr.sh_size);
	}
	for (size_t i = 0; i < layout.n_tables; i++)
		assert_true(range_fits(layout.tables[i].offset, layout.tables[i].size_bytes,
				       w.bytes.size));
	free(sections);
	written_free(&w);
	split_fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_headers_and_what_is_taken),
		cmocka_unit_test(a_section_that_is_added_is_there_too),
		cmocka_unit_test(symbols_that_the_binary_keeps_are_a_header_alone),
		cmocka_unit_test(compressed_sections_are_decompressed),
		cmocka_unit_test(damaged_sections_are_carried_as_they_are),
		cmocka_unit_test(a_failing_sink_is_no_damaged_section),
		cmocka_unit_test(promises_are_limited),
		cmocka_unit_test(the_layout_says_where_everything_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
