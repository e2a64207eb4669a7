/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "elf/notes.h"
#include "store/add.h"
#include "store/internal.h"
#include "tests/unit/elf_builder.h"
#include "tests/unit/store_fixture.h"

/* What an image tells about itself, and the part that an added file plays. */

#define NT_FDO_PACKAGE 0xcafe1a7e
#define PACKAGE_NOTE \
	"{\"type\":\"deb\",\"os\":\"debian\",\"osVersion\":\"12\",\"name\":\"hello\",\"version\":\"2.12-1\"}"

enum part { CODE = 1, DWARF = 2, SYMBOLS = 4, NOBITS_CODE = 8, PACKAGE = 16, NO_ID = 32 };

static void make(struct elf_builder *b, unsigned type, unsigned parts)
{
	static const uint8_t symbols[48] = { 0 };
	elf_builder_init(b, ELFCLASS64, ELFDATA2LSB, type, EM_X86_64);
	unsigned first = 1;
	if (!(parts & NO_ID))
		elf_builder_note(b, ".note.gnu.build-id", "GNU", NT_GNU_BUILD_ID, "12345678", 8);
	if (parts & PACKAGE)
		elf_builder_note(b, ".note.package", "FDO", NT_FDO_PACKAGE, PACKAGE_NOTE,
				 sizeof(PACKAGE_NOTE));
	unsigned last = 0;
	if (parts & CODE)
		last = elf_builder_section(b, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
					   "text", 4);
	if (parts & NOBITS_CODE)
		last = elf_builder_section(b, ".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, NULL,
					   4);
	if (last && type != ET_REL)
		elf_builder_segment_over(b, PT_LOAD, PF_R | PF_X, first, last);
	if (parts & DWARF)
		elf_builder_section(b, ".debug_info", SHT_PROGBITS, 0, "debug", 5);
	if (parts & SYMBOLS) {
		unsigned table =
			elf_builder_section(b, ".symtab", SHT_SYMTAB, 0, symbols, sizeof(symbols));
		b->sections[table].shdr.sh_entsize = 24;
		b->sections[table].shdr.sh_link = table + 1;
		elf_builder_section(b, ".strtab", SHT_STRTAB, 0, "", 1);
	}
}

static void files_play_their_parts(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned type, parts;
		char part; /* of the contribution: original, stripped, debug */
		enum quality quality;
	} cases[] = {
		{ "a whole program", ET_EXEC, CODE | DWARF | SYMBOLS, 'o', QUALITY_DWARF },
		{ "DWARF alone beside code", ET_DYN, CODE | DWARF, 'o', QUALITY_DWARF },
		{ "symbols beside code are no debug file", ET_DYN, CODE | SYMBOLS, 's',
		  QUALITY_NONE },
		{ "stripped of all", ET_DYN, CODE, 's', QUALITY_NONE },
		{ "a debug file", ET_DYN, NOBITS_CODE | DWARF | SYMBOLS, 'd', QUALITY_DWARF },
		{ "a debug file of symbols", ET_DYN, NOBITS_CODE | SYMBOLS, 'd', QUALITY_SYMBOLS },
		{ "an emptied debug file", ET_DYN, NOBITS_CODE, 'd', QUALITY_NONE },
		{ "a kernel module", ET_REL, CODE | DWARF | SYMBOLS, 'o', QUALITY_DWARF },
		{ "a stripped module keeps its symbols", ET_REL, CODE | SYMBOLS, 's',
		  QUALITY_NONE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		void *fixture = NULL;
		store_fixture_setup(&fixture);
		struct store_fixture *f = fixture;
		struct error err = ERROR_NONE;
		struct elf_builder b;
		make(&b, cases[i].type, cases[i].parts);
		size_t size;
		scoped(string_free) char *bytes = (char *)elf_builder_build(&b, &size);
		elf_builder_free(&b);
		scoped(image_close) struct image image = { 0 };
		assert_ok(image_open((const uint8_t *)bytes, size, &image, &err));
		struct object_result object;
		struct build build;
		assert_ok(store_add_image(f->st, &image, NULL, NULL, NULL, &object, &build, &err));
		assert_int_equal(object.size_bytes, size);
		assert_false(object.was_there);

		scoped(record_free) struct record record = { 0 };
		assert_ok(record_read(f->st, &build.id, &record, &err));
		assert_int_equal(record.n_contributions, 1);
		const struct contribution *c = &record.contributions[0];
		assert_int_equal(c->original.present, cases[i].part == 'o');
		assert_int_equal(c->stripped.present, cases[i].part == 's');
		assert_int_equal(c->debug.present, cases[i].part == 'd');
		assert_int_equal(c->quality, cases[i].quality);
		assert_int_equal(c->type, cases[i].type);
		assert_int_equal(build.debug.present, cases[i].quality > QUALITY_NONE);

		/* Byte for byte. */
		scoped(string_free) char *stored = NULL;
		size_t stored_size;
		assert_ok(object_read_whole(f->st, &object.digest, size, &stored, &stored_size,
					    &err));
		assert_int_equal(stored_size, size);
		assert_memory_equal(stored, bytes, size);

		/* Again: nothing new. */
		assert_ok(store_add_image(f->st, &image, NULL, NULL, NULL, &object, &build, &err));
		assert_true(object.was_there);
		assert_int_equal(build.n_contributions, 1);
		store_fixture_teardown(&fixture);
	}
}

static void what_cannot_be_added_is_refused(void **state)
{
	struct store_fixture *f = *state;
	static const struct {
		const char *what;
		unsigned type, parts;
		int r;
	} cases[] = {
		{ "no build ID", ET_DYN, CODE | DWARF | NO_ID, -ENOENT },
		{ "a core file", ET_CORE, CODE, -ENOTSUP },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		struct error err = ERROR_NONE;
		struct elf_builder b;
		make(&b, cases[i].type, cases[i].parts);
		size_t size;
		scoped(string_free) char *bytes = (char *)elf_builder_build(&b, &size);
		elf_builder_free(&b);
		scoped(image_close) struct image image = { 0 };
		assert_ok(image_open((const uint8_t *)bytes, size, &image, &err));
		struct object_result object;
		struct build build;
		assert_int_equal(store_add_image(f->st, &image, NULL, NULL, NULL, &object, &build, &err),
				 cases[i].r);
		assert_true(err.message[0] != 0);
	}
}

static void an_image_tells_about_itself(void **state)
{
	(void)state;
	struct error err = ERROR_NONE;
	struct elf_builder b;
	make(&b, ET_DYN, CODE | DWARF | PACKAGE);
	size_t size;
	scoped(string_free) char *bytes = (char *)elf_builder_build(&b, &size);
	elf_builder_free(&b);
	scoped(image_close) struct image image = { 0 };
	assert_ok(image_open((const uint8_t *)bytes, size, &image, &err));

	scoped(contribution_free) struct contribution c = { 0 };
	assert_ok(contribution_of_image(NULL, &image, NULL, NULL, &c, &err));
	assert_string_equal(BUILD_ID_HEX(&c.build_id), "3132333435363738");
	assert_int_equal(c.machine, EM_X86_64);
	assert_int_equal(c.class, ELFCLASS64);
	assert_int_equal(c.encoding, ELFDATA2LSB);
	assert_true(c.has_identity && c.has_memory_layout);
	assert_true(c.time > 1700000000);
	assert_string_equal(c.origin.package, "hello");
	assert_string_equal(c.origin.version, "2.12-1");
	assert_string_equal(c.origin.distro, "debian-12");
	assert_int_equal(json_array_size(c.sections), image.n_sections);
	const json_t *text = json_array_get(c.sections, 3);
	assert_string_equal(json_string_value(json_object_get(text, "name")), ".text");
	assert_int_equal(json_integer_value(json_object_get(text, "type")), SHT_PROGBITS);
	assert_string_equal(json_string_value(json_object_get(text, "flags")), "0x6");
	assert_string_equal(json_string_value(json_object_get(text, "size")), "0x4");
	assert_false(c.original.present || c.stripped.present || c.debug.present);

	/* What the caller knows is better than the note. */
	const struct origin given = { .package = (char *)"other", .distro = (char *)"alpine" };
	scoped(contribution_free) struct contribution told = { 0 };
	assert_ok(contribution_of_image(NULL, &image, &given, NULL, &told, &err));
	assert_string_equal(told.origin.package, "other");
	assert_string_equal(told.origin.version, "2.12-1");
	assert_string_equal(told.origin.distro, "alpine");
}

/* Two programs of one build ID, as Bazel's -buildid=redacted makes them. */
static void collisions_are_kept_and_told(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct build build;
	struct object_result object, first;
	for (unsigned n = 0; n < 2; n++) {
		struct elf_builder b;
		make(&b, ET_DYN, CODE | DWARF);
		b.sections[2].bytes[0] = (uint8_t)('a' + n);
		size_t size;
		scoped(string_free) char *bytes = (char *)elf_builder_build(&b, &size);
		elf_builder_free(&b);
		scoped(image_close) struct image image = { 0 };
		assert_ok(image_open((const uint8_t *)bytes, size, &image, &err));
		assert_ok(store_add_image(f->st, &image, NULL, NULL, NULL, &object, &build, &err));
		assert_int_equal(build.collision, n == 1);
		if (n == 0)
			first = object;
	}
	assert_int_equal(build.n_contributions, 2);
	assert_false(digest_equal(&first.digest, &object.digest));
	/* Within one second, the digest of the contribution decides which is first. */
	assert_true(build.debug.present);
	assert_true(digest_equal(&build.debug.digest, &build.executable.digest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_play_their_parts),
		store_test(what_cannot_be_added_is_refused),
		cmocka_unit_test(an_image_tells_about_itself),
		store_test(collisions_are_kept_and_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
