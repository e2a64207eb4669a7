/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/elf_builder.h"

/* ---- where the fields are: gABI, figures 4-3, 4-8 and 5-1 ---- */

static const struct elf_field ehdr32[] = {
	{ "e_type", 16, 2 },     { "e_machine", 18, 2 },   { "e_version", 20, 4 },
	{ "e_entry", 24, 4 },    { "e_phoff", 28, 4 },     { "e_shoff", 32, 4 },
	{ "e_flags", 36, 4 },    { "e_ehsize", 40, 2 },    { "e_phentsize", 42, 2 },
	{ "e_phnum", 44, 2 },    { "e_shentsize", 46, 2 }, { "e_shnum", 48, 2 },
	{ "e_shstrndx", 50, 2 }, { NULL, 52, 0 },
};
static const struct elf_field ehdr64[] = {
	{ "e_type", 16, 2 },     { "e_machine", 18, 2 },   { "e_version", 20, 4 },
	{ "e_entry", 24, 8 },    { "e_phoff", 32, 8 },     { "e_shoff", 40, 8 },
	{ "e_flags", 48, 4 },    { "e_ehsize", 52, 2 },    { "e_phentsize", 54, 2 },
	{ "e_phnum", 56, 2 },    { "e_shentsize", 58, 2 }, { "e_shnum", 60, 2 },
	{ "e_shstrndx", 62, 2 }, { NULL, 64, 0 },
};
static const struct elf_field phdr32[] = {
	{ "p_type", 0, 4 },   { "p_offset", 4, 4 },  { "p_vaddr", 8, 4 },
	{ "p_paddr", 12, 4 }, { "p_filesz", 16, 4 }, { "p_memsz", 20, 4 },
	{ "p_flags", 24, 4 }, { "p_align", 28, 4 },  { NULL, 32, 0 },
};
static const struct elf_field phdr64[] = {
	{ "p_type", 0, 4 },   { "p_flags", 4, 4 },  { "p_offset", 8, 8 },
	{ "p_vaddr", 16, 8 }, { "p_paddr", 24, 8 }, { "p_filesz", 32, 8 },
	{ "p_memsz", 40, 8 }, { "p_align", 48, 8 }, { NULL, 56, 0 },
};
static const struct elf_field shdr32[] = {
	{ "sh_name", 0, 4 },     { "sh_type", 4, 4 },    { "sh_flags", 8, 4 },
	{ "sh_addr", 12, 4 },    { "sh_offset", 16, 4 }, { "sh_size", 20, 4 },
	{ "sh_link", 24, 4 },    { "sh_info", 28, 4 },   { "sh_addralign", 32, 4 },
	{ "sh_entsize", 36, 4 }, { NULL, 40, 0 },
};
static const struct elf_field shdr64[] = {
	{ "sh_name", 0, 4 },     { "sh_type", 4, 4 },    { "sh_flags", 8, 8 },
	{ "sh_addr", 16, 8 },    { "sh_offset", 24, 8 }, { "sh_size", 32, 8 },
	{ "sh_link", 40, 4 },    { "sh_info", 44, 4 },   { "sh_addralign", 48, 8 },
	{ "sh_entsize", 56, 8 }, { NULL, 64, 0 },
};

const struct elf_field *elf_fields_ehdr(unsigned class)
{
	return class == ELFCLASS32 ? ehdr32 : ehdr64;
}

const struct elf_field *elf_fields_phdr(unsigned class)
{
	return class == ELFCLASS32 ? phdr32 : phdr64;
}

const struct elf_field *elf_fields_shdr(unsigned class)
{
	return class == ELFCLASS32 ? shdr32 : shdr64;
}

/* The size of a structure: where its table ends. */
static unsigned fields_size(const struct elf_field *fields)
{
	while (fields->name)
		fields++;
	return fields->offset;
}

/* ---- building ---- */

static void *must(void *pointer)
{
	if (!pointer)
		abort();
	return pointer;
}

void elf_builder_init(struct elf_builder *b, unsigned class, unsigned encoding, unsigned type,
		      unsigned machine)
{
	unsigned ehdr_size = fields_size(elf_fields_ehdr(class));
	unsigned phdr_size = fields_size(elf_fields_phdr(class));

	*b = (struct elf_builder){ .class = class, .encoding = encoding };
	memcpy(b->ehdr.e_ident, ELFMAG, SELFMAG);
	b->ehdr.e_ident[EI_CLASS] = (unsigned char)class;
	b->ehdr.e_ident[EI_DATA] = (unsigned char)encoding;
	b->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	b->ehdr.e_type = (GElf_Half)type;
	b->ehdr.e_machine = (GElf_Half)machine;
	b->ehdr.e_version = EV_CURRENT;
	b->ehdr.e_phoff = ehdr_size;
	b->ehdr.e_ehsize = (GElf_Half)ehdr_size;
	b->ehdr.e_phentsize = (GElf_Half)phdr_size;
	b->ehdr.e_shentsize = (GElf_Half)fields_size(elf_fields_shdr(class));
	b->end = ehdr_size + ELF_BUILDER_SEGMENTS * phdr_size;
	b->sections = must(calloc(1, sizeof(*b->sections)));
	b->n_sections = 1;
}

void elf_builder_free(struct elf_builder *b)
{
	for (size_t i = 0; i < b->n_sections; i++)
		free(b->sections[i].bytes);
	free(b->sections);
	b->sections = NULL;
	b->n_sections = 0;
}

unsigned elf_builder_section(struct elf_builder *b, const char *name, uint32_t type, uint64_t flags,
			     const void *bytes, uint64_t size)
{
	/* At each power of two: one at a time, 66000 sections take minutes under a sanitizer. */
	if ((b->n_sections & (b->n_sections - 1)) == 0)
		b->sections = must(realloc(b->sections, 2 * b->n_sections * sizeof(*b->sections)));
	struct elf_builder_section *section = &b->sections[b->n_sections];
	*section = (struct elf_builder_section){ 0 };
	snprintf(section->name, sizeof(section->name), "%s", name);
	section->shdr.sh_type = type;
	section->shdr.sh_flags = flags;
	section->shdr.sh_size = size;
	section->shdr.sh_addralign = type == SHT_NOTE ? 4 : 8;
	b->end += -b->end & ((b->close_notes ? section->shdr.sh_addralign : 8) - 1);
	section->shdr.sh_offset = b->end;
	if (flags & SHF_ALLOC)
		section->shdr.sh_addr = ELF_BUILDER_BASE + b->end;
	if (type != SHT_NOBITS) {
		section->bytes = must(calloc(1, size + 1));
		if (bytes)
			memcpy(section->bytes, bytes, size);
		section->n_bytes = size;
		b->end += size;
	}
	return (unsigned)b->n_sections++;
}

unsigned elf_builder_segment(struct elf_builder *b, const GElf_Phdr *phdr)
{
	assert(b->n_segments < ELF_BUILDER_SEGMENTS);
	b->segments[b->n_segments] = *phdr;
	return (unsigned)b->n_segments++;
}

unsigned elf_builder_segment_over(struct elf_builder *b, uint32_t type, uint32_t flags,
				  unsigned first, unsigned last)
{
	const GElf_Shdr *from = &b->sections[first].shdr, *to = &b->sections[last].shdr;
	uint64_t offset = first ? from->sh_offset : 0;
	uint64_t end = to->sh_offset + to->sh_size;
	uint64_t file_end = to->sh_offset + (to->sh_type == SHT_NOBITS ? 0 : to->sh_size);
	GElf_Phdr phdr = {
		.p_type = type,
		.p_flags = flags,
		.p_offset = offset,
		.p_vaddr = ELF_BUILDER_BASE + offset,
		.p_paddr = ELF_BUILDER_BASE + offset,
		.p_filesz = file_end - offset,
		.p_memsz = end - offset,
		.p_align = type == PT_NOTE ? 4 : 0x1000,
	};
	return elf_builder_segment(b, &phdr);
}

void elf_builder_put(const struct elf_builder *b, uint8_t *at, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++) {
		unsigned shift = 8 * (b->encoding == ELFDATA2LSB ? i : width - 1 - i);
		at[i] = (uint8_t)(value >> shift);
	}
}

unsigned elf_builder_note(struct elf_builder *b, const char *section, const char *name,
			  uint32_t type, const void *desc, uint32_t desc_size)
{
	size_t name_size = strlen(name) + 1;
	if (!strcmp(name, "Go"))
		name_size = 4; /* Go's linker counts the padding */
	size_t desc_at = 12 + ((name_size + 3) & ~(size_t)3);
	size_t size = desc_at + ((desc_size + 3u) & ~3u);
	uint8_t *note = must(calloc(1, size));
	elf_builder_put(b, note, name_size, 4);
	elf_builder_put(b, note + 4, desc_size, 4);
	elf_builder_put(b, note + 8, type, 4);
	memcpy(note + 12, name, strlen(name));
	memcpy(note + desc_at, desc, desc_size);
	unsigned index = elf_builder_section(b, section, SHT_NOTE, SHF_ALLOC, note, size);
	free(note);
	return index;
}

/* Write fields one after the other; the values come in the order of the table. */
static void put_fields(const struct elf_builder *b, uint8_t *at, const struct elf_field *fields,
		       const uint64_t *values)
{
	for (size_t i = 0; fields[i].name; i++)
		elf_builder_put(b, at + fields[i].offset, values[i], fields[i].width);
}

static void put_ehdr(const struct elf_builder *b, uint8_t *at, const GElf_Ehdr *e)
{
	memcpy(at, e->e_ident, EI_NIDENT);
	put_fields(b, at, elf_fields_ehdr(b->class),
		   (uint64_t[]){ e->e_type, e->e_machine, e->e_version, e->e_entry, e->e_phoff,
				 e->e_shoff, e->e_flags, e->e_ehsize, e->e_phentsize, e->e_phnum,
				 e->e_shentsize, e->e_shnum, e->e_shstrndx });
}

static void put_phdr(const struct elf_builder *b, uint8_t *at, const GElf_Phdr *p)
{
	if (b->class == ELFCLASS32)
		put_fields(b, at, phdr32,
			   (uint64_t[]){ p->p_type, p->p_offset, p->p_vaddr, p->p_paddr,
					 p->p_filesz, p->p_memsz, p->p_flags, p->p_align });
	else
		put_fields(b, at, phdr64,
			   (uint64_t[]){ p->p_type, p->p_flags, p->p_offset, p->p_vaddr, p->p_paddr,
					 p->p_filesz, p->p_memsz, p->p_align });
}

static void put_shdr(const struct elf_builder *b, uint8_t *at, const GElf_Shdr *s)
{
	put_fields(b, at, elf_fields_shdr(b->class),
		   (uint64_t[]){ s->sh_name, s->sh_type, s->sh_flags, s->sh_addr, s->sh_offset,
				 s->sh_size, s->sh_link, s->sh_info, s->sh_addralign,
				 s->sh_entsize });
}

uint8_t *elf_builder_build(struct elf_builder *b, size_t *ret_size)
{
	GElf_Ehdr ehdr = b->ehdr;
	size_t n_headers = b->n_sections + 1; /* and section names */
	size_t names_size = sizeof(".shstrtab") + 1;
	for (size_t i = 1; i < b->n_sections; i++)
		names_size += strlen(b->sections[i].name) + 1;
	uint64_t names_offset = b->end;
	uint64_t table_offset = (names_offset + names_size + 7) & ~UINT64_C(7);
	size_t size = (size_t)b->end;
	if (!b->no_section_headers) {
		size = (size_t)table_offset + n_headers * fields_size(elf_fields_shdr(b->class));
		ehdr.e_shoff = ehdr.e_shoff ? ehdr.e_shoff : table_offset;
		ehdr.e_shnum = ehdr.e_shnum ? ehdr.e_shnum : (GElf_Half)n_headers;
		ehdr.e_shstrndx = ehdr.e_shstrndx ? ehdr.e_shstrndx : (GElf_Half)(n_headers - 1);
	}
	ehdr.e_phnum = ehdr.e_phnum ? ehdr.e_phnum : (GElf_Half)b->n_segments;

	uint8_t *file = must(calloc(1, size));
	put_ehdr(b, file, &ehdr);
	unsigned phdr_size = fields_size(elf_fields_phdr(b->class));
	for (size_t i = 0; i < b->n_segments; i++)
		put_phdr(b, file + fields_size(elf_fields_ehdr(b->class)) + i * phdr_size,
			 &b->segments[i]);

	char *names = (char *)file + names_offset;
	uint32_t name_at = 1;
	unsigned shdr_size = fields_size(elf_fields_shdr(b->class));
	for (size_t i = 0; i < b->n_sections; i++) {
		const struct elf_builder_section *section = &b->sections[i];
		GElf_Shdr shdr = section->shdr;
		if (section->n_bytes && shdr.sh_offset + section->n_bytes <= b->end)
			memcpy(file + shdr.sh_offset, section->bytes, section->n_bytes);
		if (b->no_section_headers)
			continue;
		if (i) {
			memcpy(names + name_at, section->name, strlen(section->name) + 1);
			shdr.sh_name = shdr.sh_name ? shdr.sh_name : name_at;
			name_at += (uint32_t)strlen(section->name) + 1;
		}
		put_shdr(b, file + table_offset + i * shdr_size, &shdr);
	}
	if (!b->no_section_headers) {
		memcpy(names + name_at, ".shstrtab", sizeof(".shstrtab"));
		GElf_Shdr shdr = {
			.sh_name = name_at,
			.sh_type = SHT_STRTAB,
			.sh_offset = names_offset,
			.sh_size = names_size,
			.sh_addralign = 1,
		};
		put_shdr(b, file + table_offset + b->n_sections * shdr_size, &shdr);
	}
	*ret_size = size;
	return file;
}
