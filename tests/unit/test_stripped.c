/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "split/judge.h"
#include "split/stripped.h"
#include "tests/unit/split_fixture.h"

/* A fixture's stripped image, written and read back. */
struct written {
	struct plan plan;
	struct symbols symbols;
	struct stripped stripped;
	struct bytes bytes;
	struct image image;
};

static void write_stripped(struct split_fixture *f, const struct debuglink *link, struct written *w)
{
	struct error err = ERROR_NONE;
	*w = (struct written){ 0 };
	assert_int_equal(plan_make(&f->image, NULL, &w->plan, NULL), 0);
	assert_int_equal(symbols_plan(&w->plan, &w->symbols, NULL), 0);
	assert_int_equal(stripped_plan(&w->plan, &w->symbols, link, &w->stripped, NULL), 0);
	struct sink sink = bytes_sink(&w->bytes);
	assert_int_equal(stripped_write(&w->stripped, &sink, NULL), 0);
	assert_int_equal(w->bytes.size, w->stripped.size_bytes);
	if (image_open(w->bytes.bytes, w->bytes.size, &w->image, &err) < 0)
		fail_msg("%s", err.message);
	const struct judge_options options = { .link = link };
	if (judge_stripped(&f->image, w->bytes.bytes, w->bytes.size, &options, &err) < 0)
		fail_msg("%s", err.message);
}

static void written_free(struct written *w)
{
	image_close(&w->image);
	bytes_free(&w->bytes);
	stripped_free(&w->stripped);
	symbols_free(&w->symbols);
	plan_free(&w->plan);
}

static const struct section *find(const struct written *w, const char *name)
{
	const struct section *section = image_find_section(&w->image, name);
	assert_non_null(section);
	return section;
}

static void assert_same_bytes(const struct split_fixture *f, unsigned index,
			      const struct written *w, const char *name)
{
	uint64_t size, expected_size;
	const uint8_t *bytes = image_section_bytes(&w->image, find(w, name), &size);
	const uint8_t *expected =
		image_section_bytes(&f->image, &f->image.sections[index], &expected_size);
	assert_int_equal(size, expected_size);
	assert_memory_equal(bytes, expected, size);
}

static void debug_information_leaves_and_the_rest_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		struct split_fixture f;
		struct written w;
		print_message("%s\n", split_fixture_kinds[i].name);
		split_fixture_init(&f, &split_fixture_kinds[i]);
		split_fixture_build(&f, NULL);
		write_stripped(&f, NULL, &w);
		assert_true(w.bytes.size < f.size);
		assert_null(image_find_section(&w.image, ".debug_info"));
		assert_null(image_find_section(&w.image, ".gnu_debuglink"));
		assert_int_equal(w.image.n_sections, f.image.n_sections - 2);
		assert_same_bytes(&f, f.comment, &w, ".comment");
		assert_same_bytes(&f, f.symtab, &w, ".symtab");
		assert_same_bytes(&f, f.strtab, &w, ".strtab");
		assert_string_equal(w.image.sections[find(&w, ".symtab")->shdr.sh_link].name,
				    ".strtab");

		/* Of the loadable bytes, three fields of the header alone differ. */
		size_t header = image_type_size(&f.image, ELF_T_EHDR);
		assert_memory_equal(w.bytes.bytes + header, f.bytes + header,
				    f.image.loadable_end - header);
		for (const struct elf_field *field = elf_fields_ehdr(f.image.class); field->name;
		     field++) {
			bool may = !strcmp(field->name, "e_shoff") ||
				   !strcmp(field->name, "e_shnum") ||
				   !strcmp(field->name, "e_shstrndx");
			if (!may)
				assert_memory_equal(w.bytes.bytes + field->offset,
						    f.bytes + field->offset, field->width);
		}
		written_free(&w);
		split_fixture_free(&f);
	}
}

static void what_is_appended_stays_right_behind(void **state)
{
	(void)state;
	static const char tail[] = "PK\3\4 an archive that the program reads itself";
	struct split_fixture f;
	struct written w;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	split_fixture_build(&f, tail);
	write_stripped(&f, NULL, &w);
	uint64_t end =
		w.image.ehdr.e_shoff + w.image.n_sections * image_type_size(&w.image, ELF_T_SHDR);
	assert_int_equal(w.image.end, end);
	assert_int_equal(w.bytes.size - end, strlen(tail));
	assert_memory_equal(w.bytes.bytes + end, tail, strlen(tail));
	written_free(&w);
	split_fixture_free(&f);
}

static void the_link_names_file_and_crc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		struct split_fixture f;
		struct written w;
		const struct debuglink link = { "prog.debug", 0x12345678 };
		split_fixture_init(&f, &split_fixture_kinds[i]);
		/* A stale one, which is replaced and not doubled. */
		elf_builder_section(&f.b, ".gnu_debuglink", SHT_PROGBITS, 0, "old\0\0\0\0\0crc", 12);
		split_fixture_build(&f, NULL);
		write_stripped(&f, &link, &w);
		uint64_t size;
		size_t n = 0;
		for (uint64_t k = 1; k < w.image.n_sections; k++)
			n += !strcmp(w.image.sections[k].name, ".gnu_debuglink");
		assert_int_equal(n, 1);
		const uint8_t *bytes =
			image_section_bytes(&w.image, find(&w, ".gnu_debuglink"), &size);
		assert_int_equal(size, 16);
		assert_memory_equal(bytes, "prog.debug\0\0", 12);
		assert_int_equal(image_decode_word(&w.image, bytes + 12), 0x12345678);
		written_free(&w);
		split_fixture_free(&f);
	}
}

static void what_moves_up_keeps_its_alignment(void **state)
{
	(void)state;
	struct split_fixture f;
	struct written w;
	split_fixture_start(&f, &split_fixture_kinds[0]);
	split_fixture_add_debug(&f);
	unsigned wide = elf_builder_section(&f.b, ".wide", SHT_PROGBITS, 0, "aligned", 7);
	/* Its old place is made to be a multiple of 64. */
	uint64_t at = align_up(f.b.sections[wide].shdr.sh_offset, 64);
	f.b.sections[wide].shdr.sh_offset = at;
	f.b.sections[wide].shdr.sh_addralign = 64;
	f.b.end = at + 7;
	split_fixture_add_symbols(&f, NULL, 0);
	split_fixture_build(&f, NULL);
	write_stripped(&f, NULL, &w);
	assert_int_equal(find(&w, ".wide")->shdr.sh_offset % 64, 0);
	assert_true(find(&w, ".wide")->shdr.sh_offset < at);
	assert_int_equal(find(&w, ".symtab")->shdr.sh_offset % 8, 0);
	written_free(&w);
	split_fixture_free(&f);
}

static void sections_among_loadable_bytes_stay_in_place(void **state)
{
	(void)state;
	struct split_fixture f;
	struct written w;
	split_fixture_start(&f, &split_fixture_kinds[0]);
	split_fixture_add_debug(&f);
	unsigned data =
		elf_builder_section(&f.b, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, "data", 4);
	split_fixture_add_symbols(&f, NULL, 0);
	elf_builder_segment_over(&f.b, PT_LOAD, PF_R | PF_W, f.comment, data);
	split_fixture_build(&f, NULL);
	write_stripped(&f, NULL, &w);
	/* Their headers left; their bytes are those of the segment. */
	assert_null(image_find_section(&w.image, ".debug_info"));
	assert_int_equal(find(&w, ".comment")->shdr.sh_offset,
			 f.b.sections[f.comment].shdr.sh_offset);
	assert_int_equal(find(&w, ".data")->shdr.sh_offset, f.b.sections[data].shdr.sh_offset);
	uint64_t at = f.b.sections[f.info].shdr.sh_offset;
	assert_memory_equal(w.bytes.bytes + at, f.bytes + at, 300);
	written_free(&w);
	split_fixture_free(&f);
}

static void bytes_that_nothing_accounts_for_stay(void **state)
{
	(void)state;
	struct split_fixture f;
	struct written w;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	/* A section without a header: make one, then let it be SHT_NULL. */
	unsigned hidden = elf_builder_section(&f.b, "", SHT_PROGBITS, 0, "hidden treasure", 15);
	elf_builder_section(&f.b, ".last", SHT_PROGBITS, 0, "last", 4);
	f.b.sections[hidden].shdr.sh_type = SHT_NULL;
	split_fixture_build(&f, NULL);
	write_stripped(&f, NULL, &w);
	assert_non_null(memmem(w.bytes.bytes, w.bytes.size, "hidden treasure", 15));
	assert_null(memmem(w.bytes.bytes, w.bytes.size, "names of variables", 18));
	written_free(&w);
	split_fixture_free(&f);
}

static void overlapping_sections_move_together(void **state)
{
	(void)state;
	struct split_fixture f;
	struct written w;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	unsigned one = elf_builder_section(&f.b, ".one", SHT_PROGBITS, 0, "0123456789", 10);
	unsigned two = elf_builder_section(&f.b, ".two", SHT_PROGBITS, 0, NULL, 0);
	f.b.sections[two].shdr.sh_offset = f.b.sections[one].shdr.sh_offset + 4;
	f.b.sections[two].shdr.sh_size = 6;
	split_fixture_build(&f, NULL);
	write_stripped(&f, NULL, &w);
	assert_int_equal(find(&w, ".two")->shdr.sh_offset, find(&w, ".one")->shdr.sh_offset + 4);
	assert_same_bytes(&f, two, &w, ".two");
	written_free(&w);
	split_fixture_free(&f);
}

static void empty_sections_do_not_lie_behind_the_end(void **state)
{
	(void)state;
	struct split_fixture f;
	struct written w;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	f.b.sections[f.bss].shdr.sh_offset = 0x100000;
	split_fixture_build(&f, NULL);
	write_stripped(&f, NULL, &w);
	assert_int_equal(find(&w, ".bss")->shdr.sh_offset, f.image.loadable_end);
	assert_int_equal(find(&w, ".bss")->shdr.sh_addr, f.b.sections[f.bss].shdr.sh_addr);
	written_free(&w);
	split_fixture_free(&f);
}

/* More sections than 16 bits count, before and after, or before alone. */
static void many_sections(void **state)
{
	(void)state;
	static const struct {
		unsigned n_debug, n_kept;
	} cases[] = { { 3, 0xff00 }, { 0xff10, 3 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct split_fixture f;
		struct written w;
		split_fixture_start(&f, &split_fixture_kinds[0]);
		for (unsigned k = 0; k < cases[i].n_debug; k++)
			elf_builder_section(&f.b, ".debug_types", SHT_PROGBITS, 0, "t", 1);
		for (unsigned k = 0; k < cases[i].n_kept; k++)
			elf_builder_section(&f.b, ".kept", SHT_PROGBITS, 0, "k", 1);
		unsigned last = elf_builder_section(&f.b, ".last", SHT_PROGBITS, 0, "last", 4);
		split_fixture_add_symbols(&f, (unsigned[]){ f.text }, 1);
		uint64_t n = f.b.n_sections + 1;
		f.b.ehdr.e_shstrndx = SHN_XINDEX;
		f.b.sections[0].shdr.sh_size = n;
		f.b.sections[0].shdr.sh_link = (uint32_t)(n - 1);
		/* elf_builder_build() fills in what is 0 from 16 bits of the count: undo that. */
		size_t size;
		uint8_t *file = elf_builder_build(&f.b, &size);
		elf_builder_put(&f.b, file + 60, 0, 2);
		f.bytes = file;
		f.size = size;
		assert_int_equal(image_open(file, size, &f.image, NULL), 0);
		assert_int_equal(f.image.n_sections, n);
		write_stripped(&f, NULL, &w);
		assert_int_equal(w.image.n_sections, n - cases[i].n_debug);
		assert_int_equal(w.image.ehdr.e_shnum, i == 0 ? 0 : n - cases[i].n_debug);
		assert_same_bytes(&f, last, &w, ".last");
		written_free(&w);
		split_fixture_free(&f);
	}
}

/* Whatever one bit of the written file becomes, the judge sees it, or it means nothing. */
static void the_judge_sees_each_flipped_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++) {
		struct split_fixture f;
		struct written w;
		const struct debuglink link = { "prog.debug", 0x12345678 };
		const struct judge_options options = { .link = &link };
		split_fixture_start(&f, &split_fixture_kinds[i]);
		split_fixture_add_debug(&f);
		split_fixture_add_symbols(&f, (unsigned[]){ f.text, f.info },
					  2); /* a table made anew */
		split_fixture_build(&f, "tail");
		write_stripped(&f, &link, &w);
		uint8_t *means = calloc(1, w.bytes.size);
		assert_non_null(means);
		for (size_t k = 0; k < w.stripped.n_parts; k++)
			memset(means + w.stripped.parts[k].offset, 1,
			       w.stripped.parts[k].size_bytes);
		/* But for the null section, and places and alignments of what has no bytes. */
		size_t shdr_size = image_type_size(&w.image, ELF_T_SHDR);
		memset(means + w.image.ehdr.e_shoff, 0, shdr_size);
		for (const struct elf_field *field = elf_fields_shdr(w.image.class); field->name;
		     field++)
			if (!strcmp(field->name, "sh_offset"))
				memset(means + w.image.ehdr.e_shoff + f.bss * shdr_size +
					       field->offset,
				       0, field->width);
		/* The new link's header is checked by what it leads to. */
		memset(means + w.image.ehdr.e_shoff + w.stripped.link_section * shdr_size, 0,
		       shdr_size);
		/* The header of the names, likewise; its size may take in more. */
		uint64_t names = w.image.ehdr.e_shoff + w.image.names_index * shdr_size;
		memset(means + names, 0, shdr_size);
		means[w.stripped.names_offset] = 0; /* the null section's name */
		for (size_t at = 0; at < w.bytes.size; at++) {
			uint8_t *byte = &w.bytes.bytes[at], old = *byte;
			*byte = (uint8_t)(old ^ 1 << (at % 8));
			int r = judge_stripped(&f.image, w.bytes.bytes, w.bytes.size, &options,
					       NULL);
			if (means[at] && r != -EIO)
				fail_msg("%s: a bit of byte 0x%zx of 0x%zx is overlooked: %d",
					 split_fixture_kinds[i].name, at, w.bytes.size, r);
			*byte = old;
		}
		free(means);
		/* Cut, or longer. */
		for (size_t size = 0; size < w.bytes.size; size += 7)
			assert_int_equal(
				judge_stripped(&f.image, w.bytes.bytes, size, &options, NULL),
				-EIO);
		written_free(&w);
		split_fixture_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debug_information_leaves_and_the_rest_stays),
		cmocka_unit_test(what_is_appended_stays_right_behind),
		cmocka_unit_test(the_link_names_file_and_crc),
		cmocka_unit_test(what_moves_up_keeps_its_alignment),
		cmocka_unit_test(sections_among_loadable_bytes_stay_in_place),
		cmocka_unit_test(bytes_that_nothing_accounts_for_stay),
		cmocka_unit_test(overlapping_sections_move_together),
		cmocka_unit_test(empty_sections_do_not_lie_behind_the_end),
		cmocka_unit_test(many_sections),
		cmocka_unit_test(the_judge_sees_each_flipped_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
