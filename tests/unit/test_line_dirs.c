/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/line_dirs.h"
#include "tests/unit/elf_builder.h"

struct text {
	uint8_t bytes[1024];
	size_t size;
};

static void add(struct text *text, const void *bytes, size_t size)
{
	assert_true(text->size + size <= sizeof(text->bytes));
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
}

static void add_number(const struct elf_builder *b, struct text *text, uint64_t number,
		       unsigned width)
{
	uint8_t bytes[8];
	elf_builder_put(b, bytes, number, width);
	add(text, bytes, width);
}

static void add_string(struct text *text, const char *string)
{
	add(text, string, strlen(string) + 1);
}

struct program {
	unsigned version, offset_size;
	const char *before, *dirs[3]; /* "/" or "" before each but "." */
	bool cut; /* its last string does not end in the header */
};

static void add_dirs(struct text *text, const struct program *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->dirs) && p->dirs[i]; i++) {
		if (strcmp(p->dirs[i], ".") != 0)
			add(text, p->before, strlen(p->before));
		add_string(text, p->dirs[i]);
	}
}

/* DWARF 5 section 6.2.4 and the same of DWARF 4; one file in the first folder that is named. */
static void add_program(const struct elf_builder *b, struct text *ret, const struct program *p)
{
	static const uint8_t fixed[] = { 1, 1, 1, 0xfc, 10, 1 };
	struct text header = { 0 }, unit = { 0 };
	unsigned first = p->version < 4; /* no operations an instruction */
	add(&header, fixed + first, sizeof(fixed) - first);
	if (p->version == 5) {
		add(&header, (uint8_t[]){ 1, 1, 8, 3 }, 4); /* path as string; three folders */
		add_dirs(&header, p);
		add(&header, (uint8_t[]){ 2, 1, 8, 2, 11, 1 }, 6);
		add_string(&header, "file.go");
		add(&header, (uint8_t[]){ 1 }, 1);
	} else {
		add_dirs(&header, p);
		add(&header, "", 1);
		add_string(&header, "file.go");
		add(&header, (uint8_t[]){ 1, 0, 0 }, 3);
		add(&header, "", p->cut ? 0 : 1);
	}
	add_number(b, &unit, p->version, 2);
	if (p->version == 5)
		add(&unit, (uint8_t[]){ 8, 0 }, 2);
	add_number(b, &unit, header.size, p->offset_size);
	add(&unit, header.bytes, header.size);
	add(&unit, (uint8_t[]){ 0, 1, 1 }, 3); /* end of sequence */
	if (p->offset_size == 8)
		add_number(b, ret, 0xffffffff, 4);
	add_number(b, ret, unit.size, p->offset_size);
	add(ret, unit.bytes, unit.size);
}

static const uint8_t abbrevs[] = { 1, 0x11, 0, 0x10, 0x17, 0x1b, 8, 0, 0, 0 };

static void add_unit(const struct elf_builder *b, struct text *ret, unsigned offset_size,
		     uint64_t lines_at)
{
	struct text unit = { 0 };
	add_number(b, &unit, 4, 2);
	add_number(b, &unit, 0, offset_size);
	add(&unit, (uint8_t[]){ 8, 1 }, 2);
	add_number(b, &unit, lines_at, offset_size);
	add_string(&unit, ".");
	if (offset_size == 8)
		add_number(b, ret, 0xffffffff, 4);
	add_number(b, ret, unit.size, offset_size);
	add(ret, unit.bytes, unit.size);
}

static int put(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	(void)lent, (void)err;
	add(context, bytes, size);
	return 0;
}

static void check_edits(const struct edits *edits, const struct text *from, const struct text *to)
{
	struct text made = { 0 };
	scoped(edits_pass_close) struct edits_pass pass = {
		.edits = edits, .put = put, .context = &made
	};
	assert_int_equal(edits_pass(&pass, from->bytes, from->size, false, NULL), 0);
	assert_int_equal(pass.next, edits->n);
	assert_int_equal(made.size, to->size);
	assert_memory_equal(made.bytes, to->bytes, to->size);
}

struct sections {
	struct text lines, info;
};

static void make(const struct elf_builder *b, const struct program *programs, size_t n,
		 const char *before, uint64_t off, struct sections *ret)
{
	*ret = (struct sections){ 0 };
	for (size_t i = 0; i < n; i++) {
		struct program p = programs[i];
		p.before = before;
		add_unit(b, &ret->info, p.offset_size, ret->lines.size + off);
		add_program(b, &ret->lines, &p);
	}
}

static void folders_become_absolute(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct program programs[3];
		size_t n;
		uint64_t off; /* of what units say, from the truth */
		const char *more; /* another section */
		bool nothing;
	} cases[] = {
		{ "DWARF 5", { { 5, 4, NULL, { ".", "fmt", "a/b" }, 0 } }, 1, 0, NULL, false },
		{ "DWARF 4", { { 4, 4, NULL, { "fmt", "a/b" }, 0 } }, 1, 0, NULL, false },
		{ "one after the other",
		  { { 4, 4, NULL, { "fmt" }, 0 },
		    { 5, 4, NULL, { ".", "io", "os" }, 0 },
		    { 3, 4, NULL, { "net", "net/http" }, 0 } },
		  3, 0, NULL, false },
		{ "64-bit", { { 4, 8, NULL, { "fmt" }, 0 }, { 4, 8, NULL, { "io" }, 0 } }, 2, 0,
		  NULL, false },
		{ "nothing relative", { { 4, 4, NULL, { "/fmt" }, 0 } }, 1, 0, NULL, true },
		{ "units that point elsewhere", { { 4, 4, NULL, { "fmt" }, 0 } }, 1, 1, NULL, true },
		{ "a damaged one",
		  { { 4, 4, NULL, { "fmt" }, 0 }, { 4, 4, NULL, { "io" }, true } },
		  2, 0, NULL, true },
		{ "macros", { { 4, 4, NULL, { "fmt" }, 0 } }, 1, 0, ".debug_macro", true },
		{ "types", { { 4, 4, NULL, { "fmt" }, 0 } }, 1, 0, ".debug_types", true },
	};
	for (unsigned encoding = ELFDATA2LSB; encoding <= ELFDATA2MSB; encoding++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			print_message("%u, %s\n", encoding, cases[i].what);
			struct elf_builder b;
			struct sections before, after;
			elf_builder_init(&b, ELFCLASS64, encoding, ET_EXEC, EM_X86_64);
			make(&b, cases[i].programs, cases[i].n, "", cases[i].off, &before);
			make(&b, cases[i].programs, cases[i].n, "/", 0, &after);
			unsigned lines = elf_builder_section(&b, ".debug_line", SHT_PROGBITS, 0,
							     before.lines.bytes, before.lines.size);
			unsigned info = elf_builder_section(&b, ".debug_info", SHT_PROGBITS, 0,
							    before.info.bytes, before.info.size);
			elf_builder_section(&b, ".debug_abbrev", SHT_PROGBITS, 0, abbrevs,
					    sizeof(abbrevs));
			if (cases[i].more)
				elf_builder_section(&b, cases[i].more, SHT_PROGBITS, 0, "x", 1);
			size_t size;
			uint8_t *file = elf_builder_build(&b, &size);
			struct image image;
			assert_int_equal(image_open(file, size, &image, NULL), 0);
			struct line_dirs dirs;
			assert_int_equal(line_dirs_find(&image, &dirs, NULL), 0);
			if (cases[i].nothing) {
				assert_int_equal(dirs.growth_bytes, 0);
				assert_int_equal(dirs.lines.n + dirs.info.n, 0);
			} else {
				assert_int_equal(dirs.lines_section, lines);
				assert_int_equal(dirs.info_section, info);
				assert_int_equal(dirs.growth_bytes,
						 after.lines.size - before.lines.size);
				check_edits(&dirs.lines, &before.lines, &after.lines);
				check_edits(&dirs.info, &before.info, &after.info);
			}
			line_dirs_free(&dirs);
			image_close(&image);
			free(file);
			elf_builder_free(&b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(folders_become_absolute) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
