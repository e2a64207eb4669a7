/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/notes.h"
#include "tests/unit/elf_builder.h"

static const uint8_t ID[20] = { 0xab, 0xcd, 1,  2,  3,  4,  5,  6,  7,  8,
				9,    10,   11, 12, 13, 14, 15, 16, 17, 18 };

static const struct {
	unsigned class, encoding;
} kinds[] = { { ELFCLASS32, ELFDATA2LSB },
	      { ELFCLASS32, ELFDATA2MSB },
	      { ELFCLASS64, ELFDATA2LSB },
	      { ELFCLASS64, ELFDATA2MSB } };

/* An image over what a builder makes; both are let go by the caller. */
static struct image open_built(struct elf_builder *b, uint8_t **ret_file)
{
	size_t size;
	*ret_file = elf_builder_build(b, &size);
	struct image image = { 0 };
	struct error err = ERROR_NONE;
	if (image_open(*ret_file, size, &image, &err) < 0)
		fail_msg("%s", err.message);
	return image;
}

static void build_id_is_found(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		bool segment;
		uint32_t type; /* of the note's section */
		int r;
	} cases[] = {
		{ "in both", true, SHT_NOTE, 0 },
		{ "outside PT_NOTE, as Go's linker leaves it", false, SHT_NOTE, 0 },
		{ "in a segment alone", true, SHT_PROGBITS, 0 },
		{ "in neither", false, SHT_PROGBITS, -ENOENT },
	};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			print_message("%s\n", cases[i].what);
			struct elf_builder b;
			elf_builder_init(&b, kinds[k].class, kinds[k].encoding, ET_DYN, EM_X86_64);
			unsigned go =
				elf_builder_note(&b, ".note.go.buildid", "Go", 4, "A/B/C/D", 7);
			unsigned id = elf_builder_note(&b, ".note.gnu.build-id", "GNU",
						       NT_GNU_BUILD_ID, ID, 20);
			b.sections[id].shdr.sh_type = cases[i].type;
			elf_builder_segment_over(&b, PT_NOTE, PF_R, go, cases[i].segment ? id : go);
			uint64_t desc_offset = b.sections[id].shdr.sh_offset + 16;

			uint8_t *file;
			struct image image = open_built(&b, &file);
			struct build_id found = { 0 };
			struct build_id_place place = { 0 };
			struct error err = ERROR_NONE;
			assert_int_equal(image_build_id(&image, &found, &place, &err), cases[i].r);
			if (cases[i].r == 0) {
				assert_int_equal(found.size, 20);
				assert_memory_equal(found.bytes, ID, 20);
				assert_int_equal(place.in_segment, cases[i].segment);
				assert_int_equal(place.in_section, cases[i].type == SHT_NOTE);
				assert_int_equal(place.desc_offset, desc_offset);
			} else {
				assert_int_equal(found.size, 0);
				assert_int_equal(place.desc_offset, 0);
				assert_string_equal(err.message, "no GNU build ID");
			}
			const char *text;
			uint64_t size;
			assert_int_equal(image_go_build_id(&image, &text, &size, NULL), 0);
			assert_int_equal(size, 7);
			assert_memory_equal(text, "A/B/C/D", 7);
			assert_int_equal(image_package_note(&image, &text, &size, &err), -ENOENT);
			assert_string_equal(err.message, "no package note");
			image_close(&image);
			free(file);
			elf_builder_free(&b);
		}
	}
}

static void package_note_is_text_without_padding(void **state)
{
	(void)state;
	static const char json[] = "{\"type\":\"deb\"}";
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
	elf_builder_note(&b, ".note.package", "FDO", 0xcafe1a7e, json, sizeof(json));
	uint8_t *file;
	struct image image = open_built(&b, &file);
	const char *text;
	uint64_t size;
	assert_int_equal(image_package_note(&image, &text, &size, NULL), 0);
	assert_int_equal(size, strlen(json));
	assert_memory_equal(text, json, size);
	image_close(&image);
	free(file);
	elf_builder_free(&b);
}

/* A separate debug file's PT_NOTE speaks of offsets in the original; its sections speak the truth.
 */
static void debug_file_notes_come_from_sections(void **state)
{
	(void)state;
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_X86_64);
	elf_builder_section(&b, ".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, NULL, 0x5000);
	unsigned id = elf_builder_note(&b, ".note.gnu.build-id", "GNU", NT_GNU_BUILD_ID, ID, 20);
	unsigned segment = elf_builder_segment_over(&b, PT_NOTE, PF_R, id, id);
	/* What lies there in this file has the looks of a note, and is none. */
	unsigned decoy =
		elf_builder_section(&b, ".debug_str", SHT_PROGBITS, 0,
				    "\4\0\0\0\x14\0\0\0\3\0\0\0GNU\0decoydecoydecoydecoy", 36);
	b.segments[segment].p_offset = b.sections[decoy].shdr.sh_offset;
	uint8_t *file;
	struct image image = open_built(&b, &file);
	assert_true(image_is_separate_debug(&image));
	struct build_id found = { 0 };
	struct build_id_place place;
	assert_int_equal(image_build_id(&image, &found, &place, NULL), 0);
	assert_memory_equal(found.bytes, ID, 20);
	assert_false(place.in_segment);
	assert_true(place.in_section);
	image_close(&image);
	free(file);
	elf_builder_free(&b);
}

/* Note data: a header in bytes of little-endian words, name "GNU". */
#define NOTE(name_size, desc_size, type) \
	name_size, 0, 0, 0, desc_size, 0, 0, 0, type, 0, 0, 0, 'G', 'N', 'U', 0

static void malformed_notes_end_the_look(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint64_t align;
		size_t n_bytes;
		uint8_t bytes[64];
		int r;
		size_t size; /* of the build ID */
	} cases[] = {
		{ "whole", 4, 20, { NOTE(4, 4, 3), 0xab, 0xcd, 0xef, 1 }, 0, 4 },
		{ "unpadded at the end", 4, 19, { NOTE(4, 3, 3), 0xab, 0xcd, 0xef }, 0, 3 },
		{ "nothing described", 4, 16, { NOTE(4, 0, 3) }, -ENOENT, 0 },
		{ "cut in the description",
		  4,
		  19,
		  { NOTE(4, 4, 3), 0xab, 0xcd, 0xef },
		  -ENOENT,
		  0 },
		{ "cut in the header", 4, 11, { NOTE(4, 4, 3) }, -ENOENT, 0 },
		{ "name past the end", 4, 20, { NOTE(200, 4, 3), 0xab }, -ENOENT, 0 },
		{ "other owner first",
		  4,
		  40,
		  { 5, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 'L', 'i', 'n', 'u', 'x', 0,   0,   0,
		    9, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 3,   0,   0,   0,   'G', 'N', 'U', 0 },
		  -ENOENT,
		  0 },
		{ "aligned to 8, behind a property",
		  8,
		  56,
		  { NOTE(4, 12, 5), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0,
		    NOTE(4, 8, 3),  9, 8, 7, 6, 5, 4, 3, 2 },
		  0,
		  8 },
		{ "alignment 0 counts as 4", 0, 20, { NOTE(4, 4, 3), 0xab, 0xcd, 0xef, 1 }, 0, 4 },
		{ "alignment 1 counts as 4", 1, 20, { NOTE(4, 4, 3), 0xab, 0xcd, 0xef, 1 }, 0, 4 },
		{ "all ones",
		  4,
		  12,
		  { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 },
		  -ENOENT,
		  0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		struct elf_builder b;
		elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
		unsigned note = elf_builder_section(&b, ".note.gnu.build-id", SHT_NOTE, SHF_ALLOC,
						    cases[i].bytes, cases[i].n_bytes);
		b.sections[note].shdr.sh_addralign = cases[i].align;
		uint8_t *file;
		struct image image = open_built(&b, &file);
		struct build_id id = { 0 };
		assert_int_equal(image_build_id(&image, &id, NULL, NULL), cases[i].r);
		assert_int_equal(id.size, cases[i].size);
		image_close(&image);
		free(file);
		elf_builder_free(&b);
	}
}

/* One bad range must not hide the good one behind it. */
static void a_bad_segment_does_not_hide_a_good_section(void **state)
{
	(void)state;
	static const uint8_t bad[12] = { 255, 255, 255, 255 };
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
	unsigned first =
		elf_builder_section(&b, ".note.bad", SHT_NOTE, SHF_ALLOC, bad, sizeof(bad));
	elf_builder_note(&b, ".note.gnu.build-id", "GNU", NT_GNU_BUILD_ID, ID, 20);
	elf_builder_segment_over(&b, PT_NOTE, PF_R, first, first);
	uint8_t *file;
	struct image image = open_built(&b, &file);
	struct build_id id = { 0 };
	assert_int_equal(image_build_id(&image, &id, NULL, NULL), 0);
	assert_int_equal(id.size, 20);

	struct note note;
	struct error err = ERROR_NONE;
	uint64_t at = b.sections[first].shdr.sh_offset;
	assert_int_equal(note_next(&image, &at, at + 12, 4, &note, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "note at 0x"));
	at = image.size_bytes;
	assert_int_equal(note_next(&image, &at, at, 4, &note, NULL), -ENOENT);
	assert_int_equal(note_next(&image, &at, at + 1, 4, &note, NULL), -EBADMSG);
	image_close(&image);
	free(file);
	elf_builder_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(build_id_is_found),
		cmocka_unit_test(package_note_is_text_without_padding),
		cmocka_unit_test(debug_file_notes_come_from_sections),
		cmocka_unit_test(malformed_notes_end_the_look),
		cmocka_unit_test(a_bad_segment_does_not_hide_a_good_section),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
