/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/identity.h"
#include "elf/notes.h"
#include "tests/unit/elf_builder.h"
#include "tests/unit/toolbox.h"

/* ---- made in memory ---- */

struct change {
	const char *what;
	void (*change)(struct elf_builder *b);
	bool same; /* the identity stays */
};

/* Sections of make_program(), by index. */
enum { NOTE = 1, TEXT, STRAY, DATA, BSS, DEBUG };

static void make_program(struct elf_builder *b)
{
	elf_builder_init(b, ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_X86_64);
	b->ehdr.e_entry = 0x401000;
	elf_builder_note(b, ".note.gnu.build-id", "GNU", NT_GNU_BUILD_ID, "12345678", 8);
	elf_builder_section(b, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "text text", 9);
	elf_builder_section(b, ".stray", SHT_PROGBITS, 0, "names of sections, say", 22);
	elf_builder_section(b, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, "data", 4);
	elf_builder_section(b, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL, 64);
	elf_builder_segment_over(b, PT_LOAD, PF_R | PF_W, 0, BSS);
	elf_builder_segment_over(b, PT_NOTE, PF_R, NOTE, NOTE);
	elf_builder_section(b, ".debug_info", SHT_PROGBITS, 0, "debug", 5);
}

static void nothing(struct elf_builder *b)
{
	(void)b;
}
static void build_id_bytes(struct elf_builder *b)
{
	memcpy(b->sections[NOTE].bytes + 16, "ABCDEFGH", 8);
}
static void build_id_size(struct elf_builder *b)
{
	elf_builder_put(b, b->sections[NOTE].bytes + 4, 4, 4);
	b->sections[NOTE].shdr.sh_size = 20;
}
static void build_id_absent(struct elf_builder *b)
{
	memset(b->sections[NOTE].bytes, 0, b->sections[NOTE].n_bytes);
	b->sections[NOTE].shdr.sh_flags = 0; /* a gap of zeros, as it is before a note is added */
	b->sections[NOTE].shdr.sh_type = SHT_PROGBITS;
}
static void note_of_another_owner(struct elf_builder *b)
{
	memcpy(b->sections[NOTE].bytes + 12, "FDO", 3);
}
static void note_header(struct elf_builder *b)
{
	b->segments[1].p_offset -= 8;
	b->segments[1].p_filesz += 8;
}
static void stray_bytes(struct elf_builder *b)
{
	b->sections[STRAY].bytes[3] ^= 1;
}
static void stray_segment_size(struct elf_builder *b)
{
	b->segments[0].p_filesz -= 1;
}
static void debug_bytes(struct elf_builder *b)
{
	b->sections[DEBUG].bytes[3] ^= 1;
}
static void more_debug(struct elf_builder *b)
{
	elf_builder_section(b, ".debug_line", SHT_PROGBITS, 0, "line", 4);
}
static void text_bytes(struct elf_builder *b)
{
	b->sections[TEXT].bytes[8] ^= 1;
}
static void data_bytes(struct elf_builder *b)
{
	b->sections[DATA].bytes[0] ^= 1;
}
static void data_address(struct elf_builder *b)
{
	b->sections[DATA].shdr.sh_addr += 8;
}
static void bss_size(struct elf_builder *b)
{
	b->sections[BSS].shdr.sh_size++;
}
static void entry_point(struct elf_builder *b)
{
	b->ehdr.e_entry++;
}
static void machine(struct elf_builder *b)
{
	b->ehdr.e_machine = EM_AARCH64;
}
static void type(struct elf_builder *b)
{
	b->ehdr.e_type = ET_DYN;
}

static struct digest identity_of(struct elf_builder *b)
{
	size_t size;
	uint8_t *file = elf_builder_build(b, &size);
	struct image image;
	struct error err = ERROR_NONE;
	struct digest digest = { 0 };
	if (image_open(file, size, &image, &err) < 0 || image_identity(&image, &digest, &err) < 0)
		fail_msg("%s", err.message);
	image_close(&image);
	free(file);
	return digest;
}

static void identity_sees_what_is_loaded_alone(void **state)
{
	(void)state;
	static const struct change changes[] = {
		{ "nothing", nothing, true },
		{ "another build ID", build_id_bytes, true },
		{ "a shorter build ID", build_id_size, true },
		{ "no build ID", build_id_absent, true },
		{ "PT_NOTE's own header", note_header, true },
		{ "a section in a segment that is not allocated", stray_bytes, true },
		{ "debug information", debug_bytes, true },
		{ "more debug information", more_debug, true },
		{ "a segment's size", stray_segment_size, true },
		{ "another note", note_of_another_owner, false },
		{ "text", text_bytes, false },
		{ "data", data_bytes, false },
		{ "address", data_address, false },
		{ "size of .bss", bss_size, false },
		{ "entry point", entry_point, false },
		{ "machine", machine, false },
		{ "type", type, false },
	};
	struct elf_builder b;
	make_program(&b);
	struct digest original = identity_of(&b);
	elf_builder_free(&b);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		print_message("%s\n", changes[i].what);
		make_program(&b);
		changes[i].change(&b);
		struct digest changed = identity_of(&b);
		assert_int_equal(digest_equal(&original, &changed), changes[i].same);
		elf_builder_free(&b);
	}
}

/* A note section that holds more than the build ID counts, but for the build ID's bytes. */
static void merged_notes_count_without_the_build_id(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		bool same;
	} changes[] = { { 16, true }, { 23, true }, { 24 + 16, false } };
	struct digest original = { 0 };
	for (size_t i = 0; i <= ARRAY_SIZE(changes); i++) {
		struct elf_builder b;
		elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_X86_64);
		uint8_t notes[48] = "\4\0\0\0\x8\0\0\0\3\0\0\0GNU\0IDIDIDID"
				    "\4\0\0\0\x8\0\0\0\1\0\0\0GNU\0ABIABIAB";
		if (i)
			notes[changes[i - 1].at] ^= 1;
		elf_builder_section(&b, ".notes", SHT_NOTE, SHF_ALLOC, notes, sizeof(notes));
		struct digest digest = identity_of(&b);
		if (i == 0)
			original = digest;
		else
			assert_int_equal(digest_equal(&original, &digest), changes[i - 1].same);
		elf_builder_free(&b);
	}
}

static void files_without_section_headers_have_one(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		void (*change)(struct elf_builder *b);
		bool same;
	} changes[] = {
		{ "nothing", nothing, true },          { "another build ID", build_id_bytes, true },
		{ "text", text_bytes, false },         { "stray", stray_bytes, false },
		{ "entry point", entry_point, false }, { "overlapping segments", NULL, false },
	};
	struct elf_builder b;
	make_program(&b);
	b.no_section_headers = true;
	struct digest original = identity_of(&b);
	elf_builder_free(&b);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		print_message("%s\n", changes[i].what);
		make_program(&b);
		b.no_section_headers = true;
		if (changes[i].change)
			changes[i].change(&b);
		else
			elf_builder_segment_over(&b, PT_LOAD, PF_R, TEXT, DATA);
		struct digest changed = identity_of(&b);
		assert_int_equal(digest_equal(&original, &changed), changes[i].same);
		elf_builder_free(&b);
	}
}

static void what_has_no_loadable_bytes_has_none(void **state)
{
	(void)state;
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_X86_64);
	elf_builder_section(&b, ".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, NULL, 64);
	elf_builder_section(&b, ".debug_info", SHT_PROGBITS, 0, "debug", 5);
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	struct image image;
	struct digest digest = { { 7 } };
	struct error err = ERROR_NONE;
	assert_int_equal(image_open(file, size, &image, &err), 0);
	assert_int_equal(image_identity(&image, &digest, &err), -ENOENT);
	assert_string_equal(err.message, "a separate debug file has no loadable bytes");
	assert_int_equal(image_memory_layout(&image, &digest, &err), -ENOENT);
	assert_int_equal(digest.bytes[0], 7);
	image_close(&image);
	free(file);
	elf_builder_free(&b);

	/* Nothing but a build ID: nothing to tell it by. */
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_REL, EM_X86_64);
	elf_builder_note(&b, ".note.gnu.build-id", "GNU", NT_GNU_BUILD_ID, "12345678", 8);
	file = elf_builder_build(&b, &size);
	assert_int_equal(image_open(file, size, &image, &err), 0);
	assert_int_equal(image_identity(&image, &digest, &err), -ENOENT);
	assert_string_equal(err.message, "no loadable bytes");
	image_close(&image);
	free(file);
	elf_builder_free(&b);
}

/* Many sections over the same bytes must not be hashed once each. */
static void overlapping_sections_are_refused(void **state)
{
	(void)state;
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_X86_64);
	unsigned text = elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC, NULL, 100000);
	for (unsigned i = 0; i < 100; i++) {
		unsigned index = elf_builder_section(&b, ".more", SHT_PROGBITS, SHF_ALLOC, NULL, 0);
		b.sections[index].shdr.sh_offset = b.sections[text].shdr.sh_offset;
		b.sections[index].shdr.sh_size = 100000;
	}
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	struct image image;
	struct digest digest;
	struct error err = ERROR_NONE;
	assert_int_equal(image_open(file, size, &image, &err), 0);
	assert_int_equal(image_identity(&image, &digest, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "section 2 (.more): allocated sections"));
	image_close(&image);
	free(file);
	elf_builder_free(&b);
}

/* ---- what real tools make of one link ---- */

static bool measure(const char *name, struct digest *ret_identity, struct digest *ret_layout)
{
	size_t size;
	uint8_t *file = toolbox_read(name, &size);
	struct image image;
	struct error err = ERROR_NONE;
	if (image_open(file, size, &image, &err) < 0)
		fail_msg("%s: %s", name, err.message);
	int r = image_identity(&image, ret_identity, &err);
	assert_true(r == 0 || r == -ENOENT);
	assert_int_equal(r == -ENOENT, image_is_separate_debug(&image));
	assert_int_equal(image_memory_layout(&image, ret_layout, &err), 0);
	image_close(&image);
	free(file);
	return r == 0;
}

static const char PROGRAM[] = "#include <stdio.h>\n"
			      "__thread int t; __thread int u = 3; int bss[1000];\n"
			      "int main(void) { return printf(\"%d\\n\", t + u + bss[3]); }\n";

static void stripping_keeps_identity_and_layout(void **state)
{
	(void)state;
	static const struct {
		const char *name, *needs, *make, *prefix;
	} programs[] = {
		{ "pie", "gcc", "gcc -g -Wl,--build-id p.c -o pie", "" },
		{ "exec", "gcc", "gcc -g -no-pie p.c -o exec", "" },
		{ "static", "gcc", "gcc -g -static p.c -o static", "" },
		{ "arm64", "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-gcc -g p.c -o arm64",
		  "aarch64-linux-gnu-" },
		{ "i686", "i686-linux-gnu-gcc", "i686-linux-gnu-gcc -g p.c -o i686",
		  "i686-linux-gnu-" },
		{ "s390x", "s390x-linux-gnu-gcc", "s390x-linux-gnu-gcc -g p.c -o s390x",
		  "s390x-linux-gnu-" },
		{ "go", "go", "go build -o go p.go", "" },
	};
	static const struct {
		const char *needs;
		bool native; /* it works on files of its own machine alone: one for each */
		const char *before, *after;
		bool debug; /* it makes a separate debug file */
	} tools[] = {
		{ "strip", true, "strip -g -o out", "", false },
		{ "objcopy", true, "objcopy --only-keep-debug", "out", true },
		{ "eu-strip", false, "eu-strip -g -o out", "", false },
		{ "eu-strip", false, "eu-strip -o out", "", false },
		{ "eu-strip", false, "eu-strip -g -f out -o other", "", true },
		{ "llvm-objcopy", false, "llvm-objcopy -g", "out", false },
		{ "llvm-objcopy", false, "llvm-objcopy --only-keep-debug", "out", true },
	};
	toolbox_write("p.c", PROGRAM);
	toolbox_write("p.go",
		      "package main\nimport \"fmt\"\nfunc main() { fmt.Println(\"go\") }\n");
	unsigned n_compared = 0;
	for (size_t p = 0; p < ARRAY_SIZE(programs); p++) {
		if (!toolbox_has(programs[p].needs) || !toolbox_run("%s", programs[p].make)) {
			print_message("%s: left out, no %s\n", programs[p].name, programs[p].needs);
			continue;
		}
		struct digest identity, layout;
		assert_true(measure(programs[p].name, &identity, &layout));
		for (size_t t = 0; t < ARRAY_SIZE(tools); t++) {
			if (!toolbox_has(tools[t].needs))
				continue;
			char command[256];
			snprintf(command, sizeof(command), "%s%s %s %s",
				 tools[t].native ? programs[p].prefix : "", tools[t].before,
				 programs[p].name, tools[t].after);
			/* LLVM 14 refuses static glibc programs: .rela.plt's link is no symbol
			 * table. */
			if (!toolbox_run("rm -f out other; %s", command))
				continue;
			struct digest after, layout_after;
			print_message("%s: %s\n", programs[p].name, command);
			bool has_identity = measure("out", &after, &layout_after);
			assert_int_equal(has_identity, !tools[t].debug);
			if (has_identity)
				assert_true(digest_equal(&identity, &after));
			assert_true(digest_equal(&layout, &layout_after));
			n_compared++;
		}
	}
	if (!n_compared)
		skip();
}

/* Two links of one source with different constants are two programs, also under one build ID. */
static void another_link_has_another_identity(void **state)
{
	(void)state;
	toolbox_write("q.c", "int main(void) { return N; }\n");
	if (!toolbox_has("gcc") ||
	    !toolbox_run("for n in 1 2; do gcc -DN=$n -Wl,--build-id=0xabcdef q.c -o q$n; done"))
		skip();
	struct digest identity[2], layout[2];
	assert_true(measure("q1", &identity[0], &layout[0]));
	assert_true(measure("q2", &identity[1], &layout[1]));
	assert_false(digest_equal(&identity[0], &identity[1]));
	assert_true(digest_equal(&layout[0], &layout[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_sees_what_is_loaded_alone),
		cmocka_unit_test(merged_notes_count_without_the_build_id),
		cmocka_unit_test(files_without_section_headers_have_one),
		cmocka_unit_test(what_has_no_loadable_bytes_has_none),
		cmocka_unit_test(overlapping_sections_are_refused),
		cmocka_unit_test(stripping_keeps_identity_and_layout),
		cmocka_unit_test(another_link_has_another_identity),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
