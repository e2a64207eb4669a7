/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/given_id.h"
#include "elf/notes.h"
#include "split/build_id_note.h"
#include "tests/unit/split_fixture.h"

#define GO_ID "AAAAAAAAAAAAAAAAAAAA/BBBBBBBBBBBBBBBBBBBB/CCCCCCCCCCCCCCCCCCCC/DDDDDDDDDDDDDDDDDDDD"
/* SHA-256 of the same with the A's in the D's place, first byte flipped; by sha256sum. */
#define GO_DERIVED "35e0bbaf073c7beb948e074ef19ca6c6aeb88589"

struct made {
	struct elf_builder b;
	uint8_t *file;
	size_t size;
	struct image image;
};

/* @gap zeros, Go's note, a GNU note (NULL: none), zeros, all loaded; PT_NOTE over Go's alone. */
static void make(struct made *m, const struct split_fixture_kind *kind, unsigned gap,
		 const char *go_id, const struct build_id *gnu)
{
	*m = (struct made){ 0 };
	elf_builder_init(&m->b, kind->class, kind->encoding, ET_EXEC, kind->machine);
	m->b.close_notes = true;
	m->b.end += gap;
	unsigned go = elf_builder_note(&m->b, ".note.go.buildid", "Go", 4, go_id,
				       (uint32_t)strlen(go_id));
	/* Go counts four bytes of its name. */
	elf_builder_put(&m->b, m->b.sections[go].bytes, 4, 4);
	if (gnu)
		elf_builder_note(&m->b, BUILD_ID_SECTION, "GNU", NT_GNU_BUILD_ID, gnu->bytes,
				 gnu->size);
	unsigned text = elf_builder_section(&m->b, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
					    "code", 4);
	elf_builder_segment_over(&m->b, PT_LOAD, PF_R | PF_X, 0, text);
	elf_builder_segment_over(&m->b, PT_NOTE, PF_R, go, go);
	m->file = elf_builder_build(&m->b, &m->size);
	struct error err = ERROR_NONE;
	if (image_open(m->file, m->size, &m->image, &err) < 0)
		fail_msg("%s", err.message);
	/* What lies between the program headers and the gap is somebody's. */
	const GElf_Ehdr *ehdr = &m->image.ehdr;
	uint64_t from = ehdr->e_phoff + (uint64_t)ehdr->e_phnum * ehdr->e_phentsize;
	uint64_t to = m->image.sections[go].shdr.sh_offset - gap;
	assert_true(from <= to);
	memset(m->file + from, 0xaa, to - from);
}

static void made_free(struct made *m)
{
	image_close(&m->image);
	free(m->file);
	elf_builder_free(&m->b);
}

static void apply(struct made *m, const struct build_id_note *note)
{
	for (size_t i = 0; i < note->n_patches; i++)
		memcpy(m->file + note->patches[i].offset, note->patches[i].bytes,
		       note->patches[i].size);
	struct error err = ERROR_NONE;
	image_close(&m->image);
	if (image_open(m->file, m->size, &m->image, &err) < 0)
		fail_msg("%s", err.message);
}

static void what_is_done(void **state)
{
	(void)state;
	struct build_id derived, other, nothing;
	assert_int_equal(build_id_parse(GO_DERIVED, 40, &derived, NULL), 0);
	assert_int_equal(
		build_id_parse("00112233445566778899aabbccddeeff00112233", 40, &other, NULL), 0);
	/* SHA-256 of "redacted", flipped. */
	assert_int_equal(
		build_id_parse("498919aff001d8366249403a2544fba2d833084f", 40, &nothing, NULL), 0);
	const struct {
		const char *what, *go_id;
		unsigned gap;
		const struct build_id *gnu;
		enum build_id_mode mode;
		bool added, widened, replaced, no_room;
	} cases[] = {
		{ "missing", GO_ID, 64, NULL, BUILD_ID_ADD, true, true, false, false },
		{ "missing, a gap of just its size", GO_ID, 36, NULL, BUILD_ID_ADD, true, true,
		  false, false },
		{ "missing, no room", GO_ID, 32, NULL, BUILD_ID_ADD, false, false, false, true },
		{ "missing, mend", GO_ID, 64, NULL, BUILD_ID_MEND, false, false, false, false },
		{ "missing, keep", GO_ID, 64, NULL, BUILD_ID_KEEP, false, false, false, false },
		{ "hidden", GO_ID, 0, &other, BUILD_ID_ADD, false, true, false, false },
		{ "hidden, mend", GO_ID, 0, &other, BUILD_ID_MEND, false, true, false, false },
		{ "hidden, keep", GO_ID, 0, &other, BUILD_ID_KEEP, false, false, false, false },
		{ "says nothing", "redacted", 0, &nothing, BUILD_ID_ADD, false, true, true, false },
		{ "of redacted, but another", "redacted", 0, &other, BUILD_ID_ADD, false, true,
		  false, false },
	};
	for (size_t k = 0; k < 4; k++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			print_message("%s, %s\n", split_fixture_kinds[k].name, cases[i].what);
			struct made m;
			make(&m, &split_fixture_kinds[k], cases[i].gap, cases[i].go_id,
			     cases[i].gnu);
			struct build_id known = { 0 }, found = { 0 };
			assert_int_equal(image_known_build_id(&m.image, &known, NULL), 0);
			struct build_id_note note;
			struct error err = ERROR_NONE;
			assert_int_equal(build_id_note_plan(&m.image, cases[i].mode, &note, &err),
					 0);
			assert_int_equal(note.added, cases[i].added);
			assert_int_equal(note.widened, cases[i].widened);
			assert_int_equal(note.replaced, cases[i].replaced);
			assert_int_equal(note.no_room, cases[i].no_room);
			if (note.added || note.no_room)
				assert_true(build_id_equal(&note.id, &derived));
			if (note.id.size && cases[i].mode == BUILD_ID_ADD)
				assert_true(build_id_equal(&note.id, &known));
			apply(&m, &note);
			struct build_id_place place = { 0 };
			if (note.n_patches) {
				assert_int_equal(image_build_id(&m.image, &found, &place, NULL), 0);
				assert_true(place.in_segment);
				assert_true(build_id_equal(&found, &note.id));
				/* Again: there is nothing left to do, and it has the same ID. */
				struct build_id_note again;
				assert_int_equal(
					build_id_note_plan(&m.image, cases[i].mode, &again, &err),
					0);
				assert_int_equal(again.n_patches, 0);
				assert_true(build_id_equal(&again.id, &note.id));
			}
			made_free(&m);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_done) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
