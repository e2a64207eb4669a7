/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/subject_fixture.h"

#define STRINGS_SIZE 4096

struct strings {
	char bytes[STRINGS_SIZE];
	size_t size;
};

static uint64_t add_string(struct strings *strings, const char *text)
{
	size_t at = strings->size, size = strlen(text) + 1;
	assert_true(at + size <= sizeof(strings->bytes));
	memcpy(strings->bytes + at, text, size);
	strings->size += size;
	return at;
}

static size_t symbol_size(const struct elf_builder *b)
{
	return b->class == ELFCLASS64 ? 24 : 16;
}

static void put_symbol(const struct elf_builder *b, uint8_t *at, uint64_t name, unsigned info,
		       unsigned section, uint64_t value, uint64_t size)
{
	elf_builder_put(b, at, name, 4);
	if (b->class == ELFCLASS64) {
		at[4] = (uint8_t)info;
		elf_builder_put(b, at + 6, section, 2);
		elf_builder_put(b, at + 8, value, 8);
		elf_builder_put(b, at + 16, size, 8);
	} else {
		elf_builder_put(b, at + 4, value, 4);
		elf_builder_put(b, at + 8, size, 4);
		at[12] = (uint8_t)info;
		elf_builder_put(b, at + 14, section, 2);
	}
}

/* The symbols of one table. @ret its section's index. */
static unsigned add_symbols(struct elf_builder *b, const struct fixture *f, bool dynamic,
			    struct strings *strings, unsigned text)
{
	uint8_t table[64 * 24] = { 0 };
	size_t n = 1;
	for (const struct fixture_symbol *s = f->symbols; s && s->name; s++) {
		if (s->imported != dynamic)
			continue;
		assert_true(n < 64);
		put_symbol(b, table + n++ * symbol_size(b), add_string(strings, s->name),
			   GELF_ST_INFO(STB_GLOBAL, STT_FUNC), dynamic ? SHN_UNDEF : text,
			   dynamic ? 0 : b->sections[text].shdr.sh_addr, 0);
	}
	unsigned index = elf_builder_section(b, dynamic ? ".dynsym" : ".symtab",
					     dynamic ? SHT_DYNSYM : SHT_SYMTAB,
					     dynamic ? SHF_ALLOC : 0, table, n * symbol_size(b));
	b->sections[index].shdr.sh_entsize = symbol_size(b);
	return index;
}

static void add_dynamic(struct elf_builder *b, const struct fixture *f, struct strings *strings,
			unsigned text)
{
	unsigned symbols = add_symbols(b, f, true, strings, text);
	uint8_t entries[64 * 16] = { 0 };
	size_t n = 0;
	unsigned width = b->class == ELFCLASS64 ? 8 : 4;
	struct dynamic_entry all[64];
	for (const struct dynamic_entry *d = f->dynamic; d->tag; d++) {
		assert_true(n < 56);
		all[n] = *d;
		if (d->string)
			all[n].value = add_string(strings, d->string);
		n++;
	}
	unsigned names = elf_builder_section(b, ".dynstr", SHT_STRTAB, SHF_ALLOC, strings->bytes,
					     strings->size);
	b->sections[symbols].shdr.sh_link = names;
	all[n++] = (struct dynamic_entry){ DT_STRTAB, b->sections[names].shdr.sh_addr, NULL };
	all[n++] = (struct dynamic_entry){ DT_STRSZ, strings->size, NULL };
	all[n++] = (struct dynamic_entry){ DT_SYMTAB, b->sections[symbols].shdr.sh_addr, NULL };
	for (size_t i = 0; i < n; i++) {
		elf_builder_put(b, entries + 2 * i * width, (uint64_t)all[i].tag, width);
		elf_builder_put(b, entries + (2 * i + 1) * width, all[i].value, width);
	}
	unsigned dynamic = elf_builder_section(b, ".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE,
					       entries, 2 * (n + 1) * width);
	elf_builder_segment_over(b, PT_DYNAMIC, PF_R | PF_W, dynamic, dynamic);
}

uint8_t *fixture_build(const struct fixture *f, size_t *ret_size)
{
	struct elf_builder b;
	elf_builder_init(&b, f->class ? f->class : ELFCLASS64,
			 f->encoding ? f->encoding : ELFDATA2LSB, f->type ? f->type : ET_DYN,
			 f->machine ? f->machine : EM_X86_64);
	struct strings dynamic_strings = { .size = 1 }, strings = { .size = 1 };
	unsigned text = elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
					    "\xc3\xc3\xc3\xc3", 4);
	if (f->interpreter) {
		unsigned interp = elf_builder_section(&b, ".interp", SHT_PROGBITS, SHF_ALLOC,
						      f->interpreter, strlen(f->interpreter) + 1);
		elf_builder_segment_over(&b, PT_INTERP, PF_R, interp, interp);
	}
	if (f->dynamic)
		add_dynamic(&b, f, &dynamic_strings, text);
	if (f->more)
		f->more(&b);
	if (b.ehdr.e_type != ET_REL)
		elf_builder_segment_over(&b, PT_LOAD, PF_R, 0, (unsigned)b.n_sections - 1);
	bool defined = false;
	for (const struct fixture_symbol *s = f->symbols; s && s->name; s++)
		defined |= !s->imported;
	if (defined) {
		unsigned symbols = add_symbols(&b, f, false, &strings, text);
		unsigned names = elf_builder_section(&b, ".strtab", SHT_STRTAB, 0, strings.bytes,
						     strings.size);
		b.sections[symbols].shdr.sh_link = names; /* adding one may have moved them */
	}
	b.no_section_headers = f->no_section_headers;
	uint8_t *bytes = elf_builder_build(&b, ret_size);
	elf_builder_free(&b);
	return bytes;
}

struct finding fixture_judge(const struct fixture *fixture, const char *rule)
{
	size_t size;
	uint8_t *bytes = fixture_build(fixture, &size);
	struct image image;
	struct error err = ERROR_NONE;
	if (image_open(bytes, size, &image, &err) < 0)
		fail_msg("%s", err.message);
	struct subject subject;
	subject_open("prog", &image,
		     fixture->context ? fixture->context : &(struct subject_context){ 0 },
		     &subject);
	struct finding finding = { 0 };
	assert_non_null(rule_find(rule));
	rule_find(rule)->judge(&subject, &finding);
	subject_close(&subject);
	image_close(&image);
	free(bytes);
	return finding;
}

void fixture_expect(const struct fixture *fixture, const char *rule, enum verdict verdict,
		    const char *seen, const char *advice)
{
	struct finding finding = fixture_judge(fixture, rule);
	print_message("%s: %s: %s -> %s\n", rule, verdict_name(finding.verdict), finding.seen,
		      finding.advice ? finding.advice : "");
	assert_int_equal(finding.verdict, verdict);
	assert_non_null(strstr(finding.seen, seen));
	if (verdict >= VERDICT_ADVICE)
		assert_non_null(strstr(finding.advice, advice));
	else
		assert_null(finding.advice);
	finding_free(&finding);
}
