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

static const struct {
	unsigned class, encoding;
} kinds[] = { { ELFCLASS32, ELFDATA2LSB },
	      { ELFCLASS32, ELFDATA2MSB },
	      { ELFCLASS64, ELFDATA2LSB },
	      { ELFCLASS64, ELFDATA2MSB } };

/* A program as linkers make it: text, data, note, debug information, symbols. */
static void make_program(struct elf_builder *b, unsigned class, unsigned encoding)
{
	static const uint8_t id[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	elf_builder_init(b, class, encoding, ET_DYN, EM_X86_64);
	unsigned note =
		elf_builder_note(b, ".note.gnu.build-id", "GNU", NT_GNU_BUILD_ID, id, sizeof(id));
	unsigned text = elf_builder_section(b, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
					    "\x90\x90\x90\xc3", 4);
	unsigned data =
		elf_builder_section(b, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, "datadata", 8);
	unsigned bss =
		elf_builder_section(b, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL, 0x1000);
	elf_builder_section(b, ".debug_info", SHT_PROGBITS, 0, "not really", 10);
	unsigned symbols = elf_builder_section(b, ".symtab", SHT_SYMTAB, 0, NULL, 72);
	unsigned strings = elf_builder_section(b, ".strtab", SHT_STRTAB, 0, "", 1);
	b->sections[symbols].shdr.sh_link = strings;
	b->sections[symbols].shdr.sh_entsize = class == ELFCLASS32 ? 16 : 24;
	elf_builder_segment_over(b, PT_LOAD, PF_R | PF_X, 0, text);
	elf_builder_segment_over(b, PT_LOAD, PF_R | PF_W, data, bss);
	elf_builder_segment_over(b, PT_NOTE, PF_R, note, note);
}

static void a_program_opens(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct elf_builder b;
		make_program(&b, kinds[k].class, kinds[k].encoding);
		size_t size;
		uint8_t *file = elf_builder_build(&b, &size);
		struct image image = { 0 };
		struct error err = ERROR_NONE;
		assert_int_equal(image_open(file, size, &image, &err), 0);

		assert_int_equal(image.ehdr.e_machine, EM_X86_64);
		assert_int_equal(image.ehdr.e_type, ET_DYN);
		assert_int_equal(image.class, kinds[k].class);
		assert_int_equal(image.encoding, kinds[k].encoding);
		assert_int_equal(image.n_sections, 9);
		assert_int_equal(image.names_index, 8);
		assert_int_equal(image.n_segments, 3);
		static const char *const names[] = { "",         ".note.gnu.build-id",
						     ".text",    ".data",
						     ".bss",     ".debug_info",
						     ".symtab",  ".strtab",
						     ".shstrtab" };
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			assert_string_equal(image.sections[i].name, names[i]);
			if (i && i < b.n_sections) {
				GElf_Shdr expected = b.sections[i].shdr;
				expected.sh_name = image.sections[i].shdr.sh_name;
				assert_memory_equal(&image.sections[i].shdr, &expected,
						    sizeof(expected));
			}
		}
		for (size_t i = 0; i < 3; i++)
			assert_memory_equal(&image.segments[i], &b.segments[i],
					    sizeof(b.segments[i]));
		assert_int_equal(image.end, size);
		/* The last loaded byte is .data's: .bss has none. */
		assert_int_equal(image.loadable_end, b.sections[3].shdr.sh_offset + 8);

		uint64_t n;
		const struct section *data = image_find_section(&image, ".data");
		assert_ptr_equal(data, &image.sections[3]);
		assert_memory_equal(image_section_bytes(&image, data, &n), "datadata", 8);
		assert_int_equal(n, 8);
		assert_null(image_section_bytes(&image, &image.sections[4], &n));
		assert_int_equal(n, 0);
		assert_null(image_find_section(&image, ".nothing"));
		assert_null(image_find_section(&image, ""));

		assert_true(image_has_dwarf(&image));
		assert_true(image_has_symbols(&image));
		assert_true(image_is_loadable(&image));
		assert_false(image_is_separate_debug(&image));
		image_close(&image);

		/* Appended data is behind the end. */
		file = realloc(file, size + 100);
		memset(file + size, 'x', 100);
		assert_int_equal(image_open(file, size + 100, &image, &err), 0);
		assert_int_equal(image.end, size);
		image_close(&image);
		free(file);
		elf_builder_free(&b);
	}
}

/* One change to the builder of make_program(), and what image_open() must say to it. */
struct refusal {
	const char *what;
	void (*change)(struct elf_builder *b);
	int r;
	const char *message; /* a part of it */
};

static void bad_version(struct elf_builder *b)
{
	b->ehdr.e_version = 2;
}
static void bad_class(struct elf_builder *b)
{
	b->ehdr.e_ident[EI_CLASS] = 3;
}
static void bad_order(struct elf_builder *b)
{
	b->ehdr.e_ident[EI_DATA] = 0;
}
static void bad_shentsize(struct elf_builder *b)
{
	b->ehdr.e_shentsize = 8;
}
static void bad_phentsize(struct elf_builder *b)
{
	b->ehdr.e_phentsize = 0;
}
static void bad_shoff(struct elf_builder *b)
{
	b->ehdr.e_shoff = 0x7fff0000;
}
static void bad_shnum(struct elf_builder *b)
{
	b->ehdr.e_shnum = 0xfe00;
}
static void bad_phnum(struct elf_builder *b)
{
	b->ehdr.e_phnum = 0xfff0;
}
static void bad_shstrndx(struct elf_builder *b)
{
	b->ehdr.e_shstrndx = 9;
}
static void reserved_shstrndx(struct elf_builder *b)
{
	b->ehdr.e_shstrndx = SHN_ABS;
}
static void bad_name(struct elf_builder *b)
{
	b->sections[2].shdr.sh_name = 0x4000;
}
static void bad_link(struct elf_builder *b)
{
	b->sections[2].shdr.sh_link = 9;
}
static void bad_section_size(struct elf_builder *b)
{
	b->sections[2].shdr.sh_size = 0x100000;
}
static void bad_section_offset(struct elf_builder *b)
{
	b->sections[2].shdr.sh_offset = 0xfffffff0;
}
static void bad_segment(struct elf_builder *b)
{
	b->segments[1].p_filesz = 0x100000;
}
static void wrapping_segment(struct elf_builder *b)
{
	b->segments[1].p_offset = b->class == ELFCLASS32 ? 0xffffffff : UINT64_MAX;
}
static void unnamed(struct elf_builder *b)
{
	b->sections[8 - 1].shdr.sh_name = 0; /* "": fine */
}
static void null_segment(struct elf_builder *b)
{
	b->segments[1].p_type = PT_NULL;
	b->segments[1].p_offset = 0x7fffffff;
}
static void empty_ranges_anywhere(struct elf_builder *b)
{
	b->segments[2].p_filesz = 0;
	b->segments[2].p_offset = 0x7fffffff;
	b->sections[7].shdr.sh_size = 0;
	b->sections[7].shdr.sh_offset = 0x7fffffff;
}

static void malformed_files_are_refused(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		{ "version", bad_version, -ENOTSUP, "e_version 2, expected 1" },
		{ "class", bad_class, -ENOTSUP, "class 3, expected 1" },
		{ "byte order", bad_order, -ENOTSUP, "byte order 0, expected 1" },
		{ "e_shentsize", bad_shentsize, -EBADMSG,
		  "section header table: entries of 8 bytes" },
		{ "e_phentsize", bad_phentsize, -EBADMSG,
		  "program header table: entries of 0 bytes" },
		{ "e_shoff", bad_shoff, -EBADMSG,
		  "section header table: 9 entries at 0x7fff0000 end past" },
		{ "e_shnum", bad_shnum, -EBADMSG, "section header table: 65024 entries at" },
		{ "e_phnum", bad_phnum, -EBADMSG, "program header table: 65520 entries at" },
		{ "e_shstrndx", bad_shstrndx, -EBADMSG, "section names are in section 9, of 9" },
		{ "reserved e_shstrndx", reserved_shstrndx, -EBADMSG,
		  "e_shstrndx 0xfff1 is a reserved" },
		{ "sh_name", bad_name, -EBADMSG, "section 2: its name at 0x4000 does not end in" },
		{ "sh_link", bad_link, -EBADMSG, "section 2 (.text): sh_link 9, of 9 sections" },
		{ "sh_size", bad_section_size, -EBADMSG,
		  "section 2 (.text): 0x100000 bytes at 0x" },
		{ "sh_offset", bad_section_offset, -EBADMSG, "bytes at 0xfffffff0 end past" },
		{ "p_filesz", bad_segment, -EBADMSG, "segment 1: 0x100000 bytes at 0x" },
		{ "p_offset", wrapping_segment, -EBADMSG, "segment 1: 0x8 bytes at 0xffffffff" },
		{ "sh_name 0", unnamed, 0, NULL },
		{ "PT_NULL", null_segment, 0, NULL },
		{ "empty ranges", empty_ranges_anywhere, 0, NULL },
	};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			struct elf_builder b;
			make_program(&b, kinds[k].class, kinds[k].encoding);
			cases[i].change(&b);
			size_t size;
			uint8_t *file = elf_builder_build(&b, &size);
			struct image image = { .n_sections = 77 };
			struct error err = ERROR_NONE;
			int r = image_open(file, size, &image, &err);
			print_message("%s: %s\n", cases[i].what, err.message);
			assert_int_equal(r, cases[i].r);
			if (r < 0) {
				assert_int_equal(image.n_sections, 77); /* untouched */
				assert_non_null(strstr(err.message, cases[i].message));
			} else {
				image_close(&image);
			}
			free(file);
			elf_builder_free(&b);
		}
	}
}

static void what_is_not_elf_is_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t size;
		int r;
	} cases[] = {
		{ "", 0, -ENOEXEC },
		{ "\177EL", 3, -ENOEXEC },
		{ "#!/bin/sh\n", 10, -ENOEXEC },
		{ "!<arch>\n", 8, -ENOEXEC },
		{ "\177ELF", 4, -EBADMSG },
		{ "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16, -EBADMSG },
		{ "\177ELF\2\1\2\0\0\0\0\0\0\0\0\0", 16, -ENOTSUP },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image image;
		assert_int_equal(
			image_open((const uint8_t *)cases[i].bytes, cases[i].size, &image, NULL),
			cases[i].r);
	}
}

/* A truncated program is refused wherever it is cut: its section headers are its last bytes. */
static void every_cut_is_refused(void **state)
{
	(void)state;
	struct elf_builder b;
	make_program(&b, ELFCLASS64, ELFDATA2LSB);
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *part =
			malloc(cut + 1); /* of its own, so that a sanitizer sees a byte too many */
		memcpy(part, file, cut);
		struct image image;
		int r = image_open(part, cut, &image, NULL);
		assert_int_equal(r, cut < SELFMAG ? -ENOEXEC : -EBADMSG);
		free(part);
	}
	free(file);
	elf_builder_free(&b);
}

static void numbers_past_16_bits_are_extended(void **state)
{
	(void)state;
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2MSB, ET_REL, EM_S390);
	for (unsigned i = 0; i < 66000; i++)
		elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC, NULL, 0);
	b.sections[0].shdr.sh_size = b.n_sections + 1;
	b.sections[0].shdr.sh_link = (GElf_Word)b.n_sections;
	b.sections[0].shdr.sh_info = 1;
	GElf_Phdr stack = { .p_type = PT_GNU_STACK };
	elf_builder_segment(&b, &stack);
	b.ehdr.e_phnum = PN_XNUM;
	b.ehdr.e_shstrndx = SHN_XINDEX;
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	elf_builder_put(&b, file + 60, 0, 2); /* e_shnum */

	struct image image;
	struct error err = ERROR_NONE;
	assert_int_equal(image_open(file, size, &image, &err), 0);
	assert_int_equal(image.n_sections, 66002);
	assert_int_equal(image.names_index, 66001);
	assert_string_equal(image.sections[66001].name, ".shstrtab");
	assert_string_equal(image.sections[65999].name, ".text");
	assert_int_equal(image.n_segments, 1);
	assert_int_equal(image.segments[0].p_type, PT_GNU_STACK);
	image_close(&image);

	/* One section more than there is room for; and so many that a product would wrap. */
	static const uint64_t counts[] = { 66003, UINT64_MAX, UINT64_MAX / 64 + 2, UINT64_MAX / 2 };
	uint64_t at = size - 66002u * 64;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		elf_builder_put(&b, file + at + 32, counts[i], 8);
		assert_int_equal(image_open(file, size, &image, &err), -EBADMSG);
		assert_non_null(strstr(err.message, "section header table"));
	}
	elf_builder_put(&b, file + at + 32, 66002, 8);
	elf_builder_put(&b, file + at + 44, 0xffffffff, 4);
	assert_int_equal(image_open(file, size, &image, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "program header table: 4294967295 entries"));
	free(file);
	elf_builder_free(&b);
}

static void no_section_headers_are_fine(void **state)
{
	(void)state;
	struct elf_builder b;
	make_program(&b, ELFCLASS32, ELFDATA2LSB);
	b.no_section_headers = true;
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	struct image image;
	assert_int_equal(image_open(file, size, &image, NULL), 0);
	assert_int_equal(image.n_sections, 0);
	assert_int_equal(image.names_index, 0);
	assert_null(image_find_section(&image, ".text"));
	assert_true(image_is_loadable(&image));
	assert_false(image_is_separate_debug(&image));
	assert_int_equal(image.end, b.sections[3].shdr.sh_offset + 8);
	assert_int_equal(image.end, image.loadable_end);
	image_close(&image);

	/* Cut, it is a truncated program, not a debug file. */
	struct error err = ERROR_NONE;
	assert_int_equal(image_open(file, image.end - 1, &image, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "segment 1: 0x8 bytes at"));
	free(file);
	elf_builder_free(&b);
}

static void debug_sections_are_told_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint32_t type;
		uint64_t flags;
		bool debug;
	} cases[] = {
		{ ".debug_info", SHT_PROGBITS, 0, true },
		{ ".debug_str", SHT_PROGBITS, SHF_MERGE | SHF_STRINGS, true },
		{ ".debug_info", SHT_PROGBITS, SHF_COMPRESSED, true },
		{ ".debug_info", SHT_NOBITS, 0, true },
		{ ".zdebug_line", SHT_PROGBITS, 0, true },
		{ ".debug_types", SHT_PROGBITS, SHF_GROUP, true },
		{ ".debug_names", SHT_PROGBITS, 0, true },
		{ ".debug_gnu_pubnames", SHT_PROGBITS, 0, true },
		{ ".debug_info.dwo", SHT_PROGBITS, SHF_EXCLUDE, true },
		{ ".debug", SHT_PROGBITS, 0, true },
		{ ".line", SHT_PROGBITS, 0, true },
		{ ".stab", SHT_PROGBITS, 0, true },
		{ ".stabstr", SHT_STRTAB, 0, true },
		{ ".stab.indexstr", SHT_STRTAB, 0, true },
		{ ".gdb_index", SHT_PROGBITS, 0, true },
		{ ".gnu_debugaltlink", SHT_PROGBITS, 0, true },
		{ ".debug_gdb_scripts", SHT_PROGBITS, 0, true }, /* Go */
		{ ".debug_gdb_scripts", SHT_PROGBITS, SHF_ALLOC, false }, /* Rust */
		{ ".debug_info", SHT_PROGBITS, SHF_ALLOC, false },
		{ ".gnu_debuglink", SHT_PROGBITS, 0, false },
		{ ".gnu_debugdata", SHT_PROGBITS, 0, false },
		{ ".gnu.debuglto_.debug_info", SHT_PROGBITS, 0, false },
		{ ".gnu.build.attributes", SHT_NOTE, 0, false },
		{ ".BTF", SHT_PROGBITS, 0, false },
		{ ".ctf", SHT_PROGBITS, 0, false },
		{ ".comment", SHT_PROGBITS, 0, false },
		{ ".symtab", SHT_SYMTAB, 0, false },
		{ ".line_table", SHT_PROGBITS, 0, false },
		{ "", SHT_PROGBITS, 0, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct section section = { .shdr = { .sh_type = cases[i].type,
						     .sh_flags = cases[i].flags },
					   .name = cases[i].name };
		print_message("%s\n", cases[i].name);
		assert_int_equal(section_is_debug(&section), cases[i].debug);
	}
}

static void relocations_go_with_their_section(void **state)
{
	(void)state;
	static const struct {
		uint32_t type;
		uint64_t flags;
		uint32_t info;
		bool debug;
	} cases[] = {
		{ SHT_RELA, SHF_INFO_LINK, 2, true },
		{ SHT_REL, 0, 2, true },
		{ SHT_RELA, SHF_ALLOC, 2, false },
		{ SHT_RELA, 0, 1, false },
		{ SHT_RELA, 0, 0, false },
		{ SHT_RELA, 0, 0xffffffff, false },
		{ SHT_PROGBITS, 0, 2, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct elf_builder b;
		elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_REL, EM_X86_64);
		elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC, NULL, 8);
		elf_builder_section(&b, ".debug_info", SHT_PROGBITS, 0, NULL, 8);
		unsigned rela = elf_builder_section(&b, ".rela.debug_info", cases[i].type,
						    cases[i].flags, NULL, 24);
		b.sections[rela].shdr.sh_info = cases[i].info;
		size_t size;
		uint8_t *file = elf_builder_build(&b, &size);
		struct image image;
		assert_int_equal(image_open(file, size, &image, NULL), 0);
		assert_int_equal(image_section_is_debug(&image, &image.sections[rela]),
				 cases[i].debug);
		assert_true(image_section_is_debug(&image, &image.sections[2]));
		assert_false(image_section_is_debug(&image, &image.sections[1]));
		image_close(&image);
		free(file);
		elf_builder_free(&b);
	}
}

static void separate_debug_files_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned type;
		uint32_t text_type;
		uint64_t text_size;
		uint32_t data_type;
		bool separate, loadable;
	} cases[] = {
		{ "program", ET_EXEC, SHT_PROGBITS, 8, SHT_PROGBITS, false, true },
		{ "program without data", ET_EXEC, SHT_PROGBITS, 8, SHT_NOBITS, false, true },
		{ "debug file", ET_EXEC, SHT_NOBITS, 8, SHT_NOBITS, true, false },
		{ "debug file of a library", ET_DYN, SHT_NOBITS, 8, SHT_NOBITS, true, false },
		{ "debug file of a module", ET_REL, SHT_NOBITS, 8, SHT_NOBITS, true, false },
		{ "object with .bss alone", ET_REL, SHT_PROGBITS, 0, SHT_NOBITS, false, false },
		{ "object", ET_REL, SHT_PROGBITS, 8, SHT_PROGBITS, false, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		struct elf_builder b;
		elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, cases[i].type, EM_X86_64);
		elf_builder_section(&b, ".text", cases[i].text_type, SHF_ALLOC | SHF_EXECINSTR,
				    NULL, cases[i].text_size);
		elf_builder_section(&b, ".data", cases[i].data_type, SHF_ALLOC | SHF_WRITE, NULL,
				    8);
		elf_builder_note(&b, ".note.gnu.build-id", "GNU", NT_GNU_BUILD_ID, "1234", 4);
		elf_builder_section(&b, ".debug_info", SHT_PROGBITS, 0, NULL, 8);
		GElf_Phdr load = { .p_type = PT_LOAD, .p_offset = 0x1000000, .p_filesz = 0x100000 };
		if (cases[i].separate)
			elf_builder_segment(&b, &load);
		size_t size;
		uint8_t *file = elf_builder_build(&b, &size);
		struct image image;
		struct error err = ERROR_NONE;
		int r = image_open(file, size, &image, &err);
		assert_string_equal(err.message, "");
		assert_int_equal(r, 0);
		assert_int_equal(image_is_separate_debug(&image), cases[i].separate);
		assert_int_equal(image_is_loadable(&image), cases[i].loadable);
		assert_int_equal(image.end, size); /* also where segments speak of another file */
		image_close(&image);
		free(file);
		elf_builder_free(&b);
	}
}

static void headers_are_written_as_they_were_read(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct elf_builder b;
		make_program(&b, kinds[k].class, kinds[k].encoding);
		size_t size;
		uint8_t *file = elf_builder_build(&b, &size);
		struct image image;
		assert_int_equal(image_open(file, size, &image, NULL), 0);

		uint8_t bytes[64 + 1]; /* written at an odd address */
		uint64_t n = image_type_size(&image, ELF_T_EHDR);
		image_encode_ehdr(&image, &image.ehdr, bytes + 1);
		assert_memory_equal(bytes + 1, file, n);
		n = image_type_size(&image, ELF_T_SHDR);
		for (uint64_t i = 0; i < image.n_sections; i++) {
			image_encode_shdr(&image, &image.sections[i].shdr, bytes + 1);
			assert_memory_equal(bytes + 1, file + image.ehdr.e_shoff + i * n, n);
		}
		n = image_type_size(&image, ELF_T_PHDR);
		for (uint64_t i = 0; i < image.n_segments; i++) {
			image_encode_phdr(&image, &image.segments[i], bytes + 1);
			assert_memory_equal(bytes + 1, file + image.ehdr.e_phoff + i * n, n);
		}

		GElf_Sym symbol = { .st_name = 0x01020304,
				    .st_info = 0x12,
				    .st_other = 2,
				    .st_shndx = 0x0506,
				    .st_value = 0x0708090a,
				    .st_size = 0x0b0c0d0e };
		GElf_Sym read;
		image_encode_sym(&image, &symbol, bytes + 1);
		image_decode_sym(&image, bytes + 1, &read);
		assert_memory_equal(&read, &symbol, sizeof(symbol));
		assert_int_equal(image_type_size(&image, ELF_T_SYM),
				 image.class == ELFCLASS32 ? 16 : 24);
		assert_int_equal(bytes[1], image.encoding == ELFDATA2LSB ? 4 : 1);

		image_encode_word(&image, 0x01020304, bytes + 1);
		assert_int_equal(bytes[1], image.encoding == ELFDATA2LSB ? 4 : 1);
		assert_int_equal(image_decode_word(&image, bytes + 1), 0x01020304);
		image_encode_xword(&image, 0x0102030405060708, bytes + 1);
		assert_int_equal(bytes[1], image.encoding == ELFDATA2LSB ? 8 : 1);
		assert_int_equal(image_decode_xword(&image, bytes + 1), 0x0102030405060708);
		image_close(&image);
		free(file);
		elf_builder_free(&b);
	}
}

/* Ask everything of a file that may be anything; results do not matter, sanitizers look on. */
static void ask_everything(const uint8_t *file, size_t size)
{
	struct image image;
	struct error err;
	if (image_open(file, size, &image, &err) < 0) {
		assert_string_not_equal(err.message, "");
		return;
	}
	volatile uint8_t sum = 0;
	for (uint64_t i = 0; i < image.n_sections; i++) {
		uint64_t n;
		const uint8_t *bytes = image_section_bytes(&image, &image.sections[i], &n);
		if (n)
			sum = (uint8_t)(sum + bytes[0] + bytes[n - 1]);
		sum = (uint8_t)(sum + strlen(image.sections[i].name));
		sum = (uint8_t)(sum + image_section_is_debug(&image, &image.sections[i]));
	}
	for (uint64_t i = 0; !image.separate_debug && i < image.n_segments; i++)
		if (image.segments[i].p_filesz && image.segments[i].p_type != PT_NULL)
			sum = (uint8_t)(sum + file[image.segments[i].p_offset +
						   image.segments[i].p_filesz - 1]);
	assert_true(image.end <= size);
	assert_true(image.loadable_end <= image.end);
	struct build_id id;
	const char *text;
	uint64_t n;
	(void)!image_build_id(&image, &id, NULL, NULL);
	if (image_go_build_id(&image, &text, &n, NULL) == 0 && n)
		sum = (uint8_t)(sum + text[n - 1]);
	(void)image_find_section(&image, ".bss");
	image_close(&image);
}

/* Each field of each header set to each of the values that break arithmetic. */
static void mutated_headers_do_no_harm(void **state)
{
	(void)state;
	size_t n_cases = 0;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct elf_builder b;
		make_program(&b, kinds[k].class, kinds[k].encoding);
		size_t size;
		uint8_t *file = elf_builder_build(&b, &size);
		struct image image;
		assert_int_equal(image_open(file, size, &image, NULL), 0);
		const struct {
			const struct elf_field *fields;
			uint64_t at, n, entry_size;
		} tables[] = {
			{ elf_fields_ehdr(b.class), 0, 1, 0 },
			{ elf_fields_phdr(b.class), image.ehdr.e_phoff, image.n_segments,
			  image.ehdr.e_phentsize },
			{ elf_fields_shdr(b.class), image.ehdr.e_shoff, image.n_sections,
			  image.ehdr.e_shentsize },
		};
		for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
			for (uint64_t i = 0; i < tables[t].n; i++) {
				for (const struct elf_field *f = tables[t].fields; f->name; f++) {
					uint8_t *at = file + tables[t].at +
						      i * tables[t].entry_size + f->offset;
					uint8_t saved[8];
					memcpy(saved, at, f->width);
					uint64_t old = 0;
					for (unsigned w = 0; w < f->width; w++)
						old |= (uint64_t)saved[b.encoding == ELFDATA2LSB
									       ? w
									       : f->width - 1 - w]
						       << 8 * w;
					uint64_t max = f->width == 8 ? UINT64_MAX
								     : (1ull << 8 * f->width) - 1;
					const uint64_t values[] = { 0,        1,        max,
								    max - 1,  max / 2,  max / 2 + 1,
								    old + 1,  old - 1,  size,
								    size - 1, size + 1, 0xff00,
								    0xffff };
					for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
						elf_builder_put(&b, at, values[v], f->width);
						ask_everything(file, size);
						n_cases++;
					}
					memcpy(at, saved, f->width);
				}
			}
		}
		ask_everything(file, size); /* restored: still whole */
		image_close(&image);
		free(file);
		elf_builder_free(&b);
	}
	print_message("%zu files\n", n_cases);
	assert_true(n_cases > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_opens),
		cmocka_unit_test(malformed_files_are_refused),
		cmocka_unit_test(what_is_not_elf_is_told_apart),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(numbers_past_16_bits_are_extended),
		cmocka_unit_test(no_section_headers_are_fine),
		cmocka_unit_test(debug_sections_are_told_by_name),
		cmocka_unit_test(relocations_go_with_their_section),
		cmocka_unit_test(separate_debug_files_are_told_apart),
		cmocka_unit_test(headers_are_written_as_they_were_read),
		cmocka_unit_test(mutated_headers_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
