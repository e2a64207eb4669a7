/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/core.h"
#include "tests/unit/core_fixture.h"

static const uint8_t ID[20] = { 0xab, 0xcd, 1,  2,  3,  4,  5,  6,  7,  8,
				9,    10,   11, 12, 13, 14, 15, 16, 17, 18 };

static const struct {
	unsigned class, encoding;
} kinds[] = { { ELFCLASS32, ELFDATA2LSB },
	      { ELFCLASS32, ELFDATA2MSB },
	      { ELFCLASS64, ELFDATA2LSB },
	      { ELFCLASS64, ELFDATA2MSB } };

#define PROGRAM 0x400000
#define LIBRARY 0x70000000
#define LOCALE 0x71000000
#define VDSO 0x7ffff000

static void add_page(struct core_fixture *f, uint64_t address, uint32_t id_size, bool covered,
		     uint8_t first)
{
	uint8_t id[BUILD_ID_MAX_SIZE] = { 0 };
	memcpy(id, ID, sizeof(ID));
	id[0] = first;
	uint8_t *page = core_fixture_page(f->b.class, f->b.encoding, id, id_size, covered);
	core_fixture_memory(f, address, page, 4096);
	free(page);
}

static struct core read_whole(const uint8_t *bytes, size_t size)
{
	struct core core = { 0 };
	struct error err = ERROR_NONE;
	if (core_read(bytes, size, &core, &err) < 0)
		fail_msg("%s", err.message);
	return core;
}

static struct core read_built(struct core_fixture *f)
{
	size_t size;
	uint8_t *bytes = core_fixture_build(f, &size);
	struct core core = read_whole(bytes, size);
	free(bytes); /* it is not needed any more */
	core_fixture_free(f);
	return core;
}

static void check_file(const struct core_file *file, const char *path, uint64_t address,
		       enum core_start start, int first, bool program)
{
	if (path)
		assert_string_equal(file->path, path);
	else
		assert_null(file->path);
	assert_int_equal(file->address, address);
	assert_int_equal(file->start, start);
	assert_int_equal(file->has_build_id, first >= 0);
	if (first >= 0) {
		assert_int_equal(file->build_id.size, 20);
		assert_int_equal(file->build_id.bytes[0], first);
		assert_memory_equal(file->build_id.bytes + 1, ID + 1, 19);
	}
	assert_int_equal(file->program, program);
}

static void mapped_files_are_read(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct core_fixture f;
		core_fixture_init(&f, kinds[k].class, kinds[k].encoding);
		f.program_headers = PROGRAM + 64;
		f.vdso = VDSO;
		/* As the kernel writes them: by address; here not, for no reader may need it. */
		core_fixture_entry(&f, "/usr/lib/libx.so", LIBRARY, LIBRARY + 0x1000, 0);
		core_fixture_entry(&f, "/usr/lib/libx.so", LIBRARY + 0x1000, LIBRARY + 0x5000, 1);
		core_fixture_entry(&f, "/usr/lib/locale", LOCALE, LOCALE + 0x1000, 0);
		core_fixture_entry(&f, "/srv/data", LOCALE + 0x10000, LOCALE + 0x20000, 7);
		core_fixture_entry(&f, "/srv/data", LOCALE + 0x30000, LOCALE + 0x40000, 9);
		core_fixture_entry(&f, "/srv/text", LOCALE + 0x50000, LOCALE + 0x51000, 0);
		core_fixture_entry(&f, "/opt/prog\xff (deleted)", PROGRAM, PROGRAM + 0x2000, 0);
		core_fixture_entry(&f, "/opt/prog\xff (deleted)", PROGRAM + 0x2000,
				   PROGRAM + 0x4000, 2);
		core_fixture_memory(&f, LOCALE + 0x50000, "nothing of ELF's", 16);
		add_page(&f, LIBRARY, 20, true, 1);
		add_page(&f, VDSO, 20, true, 2);
		add_page(&f, PROGRAM, 20, true, 3);
		core_fixture_memory(&f, PROGRAM + 0x2000, ID, sizeof(ID));
		struct core core = read_built(&f);

		assert_int_equal(core.n_files, 6);
		assert_false(core.truncated);
		check_file(&core.files[0], "/opt/prog\xff (deleted)", PROGRAM, CORE_START_ELF, 3,
			   true);
		assert_int_equal(core.files[0].end, PROGRAM + 0x2000);
		check_file(&core.files[1], "/usr/lib/libx.so", LIBRARY, CORE_START_ELF, 1, false);
		check_file(&core.files[2], "/usr/lib/locale", LOCALE, CORE_START_MISSING, -1,
			   false);
		check_file(&core.files[3], "/srv/data", LOCALE + 0x10000, CORE_START_MISSING, -1,
			   false);
		check_file(&core.files[4], "/srv/text", LOCALE + 0x50000, CORE_START_OTHER, -1,
			   false);
		check_file(&core.files[5], "[vdso]", VDSO, CORE_START_ELF, 2, false);
		core_free(&core);
		core_free(&core); /* twice does no harm */
	}
}

static void build_id_is_found(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint32_t id_size;
		bool covered;
		size_t held; /* bytes of the page that the core has */
		bool found;
	} cases[] = {
		/* SHA-256 of "A/B/C/A", its first byte inverted, is what Go's linker would give. */
		{ "in PT_NOTE", 20, true, 4096, true },
		{ "behind PT_NOTE, as Go's linker leaves it", 20, false, 4096, true },
		{ "of 64 bytes, behind PT_NOTE", 64, false, 4096, true },
		{ "over our limit, but Go's own", 65, true, 4096, true },
		{ "over our limit, behind PT_NOTE", 65, false, 4096, true },
		{ "none, but Go's own", 0, true, 4096, true },
		{ "no room for a header", 20, true, 20, false },
		{ "nothing but magic", 20, true, 4, false },
	};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			print_message("%s\n", cases[i].what);
			struct core_fixture f;
			core_fixture_init(&f, kinds[k].class, kinds[k].encoding);
			uint8_t id[80] = { 0xab };
			uint8_t *page = core_fixture_page(kinds[k].class, kinds[k].encoding, id,
							  cases[i].id_size, cases[i].covered);
			core_fixture_memory(&f, PROGRAM, page, cases[i].held);
			free(page);
			core_fixture_entry(&f, "prog", PROGRAM, PROGRAM + 0x2000, 0);
			struct core core = read_built(&f);
			assert_int_equal(core.n_files, 1);
			assert_int_equal(core.files[0].start, CORE_START_ELF);
			assert_int_equal(core.files[0].has_build_id, cases[i].found);
			if (cases[i].found) {
				const struct build_id *found = &core.files[0].build_id;
				bool own =
					cases[i].id_size && cases[i].id_size <= BUILD_ID_MAX_SIZE;
				assert_int_equal(found->size, own ? cases[i].id_size : 20);
				assert_int_equal(found->bytes[0], own ? 0xab : 0x5a);
				assert_int_equal(found->bytes[19], own ? 0 : 0x3d);
			}
			core_free(&core);
		}
	}
}

/* The core may be cut anywhere: what is there is told, and nothing read past the end. */
static void cut_core_is_read(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct core_fixture f;
		core_fixture_init(&f, kinds[k].class, kinds[k].encoding);
		core_fixture_entry(&f, "prog", PROGRAM, PROGRAM + 0x1000, 0);
		/* Notes first, as in the kernel's cores: the memory is what is cut. */
		size_t size;
		free(core_fixture_build(&f, &size));
		add_page(&f, PROGRAM, 20, true, 3);
		uint64_t memory_at = f.b.sections[f.b.n_sections - 1].shdr.sh_offset;
		uint8_t *bytes = elf_builder_build(&f.b, &size);
		/* Headers, 24 bytes of Go's note, 36 of GNU's. */
		size_t id_end = kinds[k].class == ELFCLASS32 ? 568 + 24 + 36 : 960 + 24 + 36;
		for (size_t cut = 0; cut < size; cut += cut < 64 || cut > memory_at ? 1 : 4) {
			uint8_t *part = malloc(cut + 1); /* a sanitizer sees what is read past it */
			assert_non_null(part);
			memcpy(part, bytes, cut);
			part = realloc(part, cut ? cut : 1);
			struct core core = { 0 };
			struct error err = ERROR_NONE;
			int r = core_read(part, cut, &core, &err);
			free(part);
			if (r < 0) {
				assert_true(r == -EBADMSG || r == -ENOEXEC);
				assert_true(cut < f.b.sections[1].shdr.sh_offset);
				assert_true(err.message[0]);
				continue;
			}
			assert_true(core.truncated);
			if (cut >= memory_at) {
				assert_int_equal(core.n_files, 1);
				assert_int_equal(core.files[0].start,
						 cut >= memory_at + 4 ? CORE_START_ELF
						 : cut > memory_at    ? CORE_START_OTHER
								      : CORE_START_MISSING);
				assert_int_equal(core.files[0].has_build_id,
						 cut >= memory_at + id_end);
			}
			core_free(&core);
		}
		free(bytes);
		core_fixture_free(&f);
	}
}

static void files_without_names_are_found(void **state)
{
	(void)state;
	struct core_fixture f;
	core_fixture_init(&f, ELFCLASS64, ELFDATA2LSB);
	f.vdso = VDSO;
	add_page(&f, VDSO, 20, true, 2);
	add_page(&f, LIBRARY, 20, false, 1);
	core_fixture_memory(&f, LOCALE, "nothing of ELF's", 16);
	add_page(&f, UINT64_MAX - 4095, 20, true, 4); /* to the end of all memory */
	struct core core = read_built(&f);
	assert_int_equal(core.n_files, 3);
	check_file(&core.files[0], NULL, LIBRARY, CORE_START_ELF, 1, false);
	check_file(&core.files[1], "[vdso]", VDSO, CORE_START_ELF, 2, false);
	check_file(&core.files[2], NULL, UINT64_MAX - 4095, CORE_START_MISSING, -1, false);
	core_free(&core);
}

static void a_file_stands_once(void **state)
{
	(void)state;
	struct core_fixture f;
	core_fixture_init(&f, ELFCLASS64, ELFDATA2LSB);
	core_fixture_entry(&f, "lib", LIBRARY, LIBRARY + 0x1000, 0);
	core_fixture_entry(&f, "lib", LIBRARY + 0x8000, LIBRARY + 0x9000, 0);
	core_fixture_entry(&f, "lib", LIBRARY + 0x20000, LIBRARY + 0x21000, 0);
	add_page(&f, LIBRARY, 20, true, 1);
	add_page(&f, LIBRARY + 0x8000, 20, true, 1);
	add_page(&f, LIBRARY + 0x20000, 20, true, 9); /* replaced meanwhile */
	struct core core = read_built(&f);
	assert_int_equal(core.n_files, 2);
	check_file(&core.files[0], "lib", LIBRARY, CORE_START_ELF, 1, false);
	check_file(&core.files[1], "lib", LIBRARY + 0x20000, CORE_START_ELF, 9, false);
	core_free(&core);
}

#define HEADERS 0x500000
#define DYNAMIC 0x501000
#define DEBUG 0x502000
#define LIST 0x503000
#define NAMES 0x504000

/* The program's headers, at an address that is not the one it was linked for. */
static void add_program_headers(struct core_fixture *f)
{
	uint8_t table[2 * sizeof(Elf64_Phdr)] = { 0 };
	const struct elf_field *field = elf_fields_phdr(f->b.class);
	size_t size = f->b.class == ELFCLASS32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
	for (; field->name; field++) {
		bool is_type = !strcmp(field->name, "p_type");
		if (!is_type && strcmp(field->name, "p_vaddr") != 0)
			continue;
		elf_builder_put(&f->b, table + field->offset, is_type ? PT_PHDR : 0x40,
				field->width);
		elf_builder_put(&f->b, table + size + field->offset,
				is_type ? PT_DYNAMIC : DYNAMIC - HEADERS + 0x40, field->width);
	}
	f->program_headers = HEADERS;
	f->n_program_headers = 2;
	core_fixture_memory(f, HEADERS, table, 2 * size);
}

static void names_of_the_loader_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint64_t list; /* of struct r_debug */
		uint64_t next; /* of the second struct link_map */
		uint64_t name; /* of the same */
		bool named;
	} cases[] = {
		{ "whole", LIST, 0, NAMES + 1, true },
		{ "a list that goes round", LIST, LIST, NAMES + 1, true },
		{ "a list that leads nowhere", LIST, 0x12345, NAMES + 1, true },
		{ "no list yet", 0, 0, NAMES + 1, false },
		{ "a list outside the core", 0x12345, 0, NAMES + 1, false },
		{ "a name outside the core", LIST, 0, 0x12345, false },
		{ "an empty name", LIST, 0, NAMES, false },
		{ "a name without an end", LIST, 0, NAMES + 11, false },
	};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			print_message("%s\n", cases[i].what);
			struct core_fixture f;
			core_fixture_init(&f, kinds[k].class, kinds[k].encoding);
			unsigned word = kinds[k].class == ELFCLASS32 ? 4 : 8;
			core_fixture_entry(&f, "/usr/lib/libx.so.1.2", LIBRARY, LIBRARY + 0x1000,
					   0);
			core_fixture_entry(&f, "/opt/prog", PROGRAM, PROGRAM + 0x1000, 0);
			add_page(&f, LIBRARY, 20, true, 1);
			add_page(&f, PROGRAM, 20, true, 2);
			add_program_headers(&f);
			core_fixture_words(
				&f, DYNAMIC,
				(uint64_t[]){ DT_NEEDED, 1, DT_DEBUG, DEBUG, DT_NULL, 0 }, 6);
			core_fixture_words(&f, DEBUG, (uint64_t[]){ 1, cases[i].list }, 2);
			/* The program itself has no name, then the library, by its link. */
			core_fixture_words(&f, LIST,
					   (uint64_t[]){ 0, NAMES, DYNAMIC, LIST + 5 * word, 0,
							 LIBRARY, cases[i].name, 0, cases[i].next,
							 LIST },
					   10);
			core_fixture_memory(&f, NAMES,
					    "\0/lib/x.so\0"
					    "endless",
					    18);
			struct core core = read_built(&f);
			assert_int_equal(core.n_files, 2);
			assert_null(core.files[0].loaded_as);
			if (cases[i].named)
				assert_string_equal(core.files[1].loaded_as, "/lib/x.so");
			else
				assert_null(core.files[1].loaded_as);
			core_free(&core);
		}
	}
}

/* More segments than 16 bits count: the number is in section header 0. */
static void segments_are_counted_in_section_0(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct core_fixture f;
		core_fixture_init(&f, kinds[k].class, kinds[k].encoding);
		f.b.no_section_headers = false;
		core_fixture_entry(&f, "prog", PROGRAM, PROGRAM + 0x1000, 0);
		add_page(&f, PROGRAM, 20, true, 3);
		f.b.ehdr.e_phnum = PN_XNUM;
		f.b.sections[0].shdr.sh_info = 3;
		struct core core = read_built(&f);
		assert_int_equal(core.n_files, 1);
		check_file(&core.files[0], "prog", PROGRAM, CORE_START_ELF, 3, false);
		core_free(&core);
	}
}

static void put(const struct core_fixture *f, uint8_t *file, const char *field, uint64_t value)
{
	const struct elf_field *at = elf_fields_ehdr(f->b.class);
	while (strcmp(at->name, field) != 0)
		at++;
	elf_builder_put(&f->b, file + at->offset, value, at->width);
}

static void what_is_wrong_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *field;
		uint64_t value;
		int r;
		const char *message;
	} headers[] = {
		{ "e_type", ET_DYN, -ENOTSUP, "not a core file: ELF of type 3" },
		{ "e_phentsize", 55, -EBADMSG, "program header table: entries of 55 bytes" },
		{ "e_phoff", 0x7fffffff, -EBADMSG, "entries at 0x7fffffff end past the" },
		{ "e_phnum", 0xfffe, -EBADMSG, "65534 entries at" },
		{ "e_phnum", PN_XNUM, -EBADMSG, "is in section header 0 at 0x0" },
	};
	/* What is written over the words of NT_FILE: @at, in words. */
	static const struct {
		unsigned at;
		uint64_t value;
		uint32_t size; /* of the note, 0: as it is */
		const char *message;
	} notes[] = {
		{ 0, 0x7fffffff, 0, "NT_FILE: 2147483647 files in" },
		{ 0, UINT64_MAX, 0, "files in" },
		{ 0, 2, 0, "NT_FILE: names of 1 files, expected 2" },
		{ 0, 1, 7, "NT_FILE: 7 bytes, expected" },
	};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(headers) + ARRAY_SIZE(notes); i++) {
			struct core_fixture f;
			core_fixture_init(&f, kinds[k].class, kinds[k].encoding);
			/* Long enough that what a second entry would take is there, but no name. */
			core_fixture_entry(&f, "a path of some twenty bytes", PROGRAM,
					   PROGRAM + 0x1000, 0);
			size_t size;
			uint8_t *bytes = core_fixture_build(&f, &size);
			uint8_t *note = bytes + f.b.sections[2].shdr.sh_offset;
			const char *message;
			int expected = -EBADMSG;
			if (i < ARRAY_SIZE(headers)) {
				put(&f, bytes, headers[i].field, headers[i].value);
				message = headers[i].message;
				expected = headers[i].r;
			} else {
				size_t n = i - ARRAY_SIZE(headers);
				unsigned width = kinds[k].class == ELFCLASS32 ? 4 : 8;
				elf_builder_put(&f.b, note + 20 + notes[n].at * width,
						notes[n].value, width);
				if (notes[n].size)
					elf_builder_put(&f.b, note + 4, notes[n].size, 4);
				message = notes[n].message;
			}
			print_message("%s\n", message);
			struct core core = { 0 };
			struct error err = ERROR_NONE;
			assert_int_equal(core_read(bytes, size, &core, &err), expected);
			assert_non_null(strstr(err.message, message));
			assert_null(core.files); /* untouched */
			free(bytes);
			core_fixture_free(&f);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_files_are_read),
		cmocka_unit_test(build_id_is_found),
		cmocka_unit_test(cut_core_is_read),
		cmocka_unit_test(files_without_names_are_found),
		cmocka_unit_test(a_file_stands_once),
		cmocka_unit_test(names_of_the_loader_are_read),
		cmocka_unit_test(segments_are_counted_in_section_0),
		cmocka_unit_test(what_is_wrong_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
