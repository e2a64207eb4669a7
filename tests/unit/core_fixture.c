/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/core_fixture.h"

#define PAGE_SIZE 4096

void core_fixture_init(struct core_fixture *f, unsigned class, unsigned encoding)
{
	*f = (struct core_fixture){ 0 };
	elf_builder_init(&f->b, class, encoding, ET_CORE, EM_X86_64);
	f->b.no_section_headers = true;
}

void core_fixture_free(struct core_fixture *f)
{
	elf_builder_free(&f->b);
}

void core_fixture_memory(struct core_fixture *f, uint64_t address, const void *bytes, size_t size)
{
	unsigned index = elf_builder_section(&f->b, "", SHT_PROGBITS, SHF_ALLOC, bytes, size);
	const GElf_Phdr segment = {
		.p_type = PT_LOAD,
		.p_flags = PF_R,
		.p_offset = f->b.sections[index].shdr.sh_offset,
		.p_vaddr = address,
		.p_filesz = size,
		.p_memsz = size,
	};
	elf_builder_segment(&f->b, &segment);
}

static size_t put_word(const struct core_fixture *f, uint8_t *at, uint64_t value)
{
	unsigned width = f->b.class == ELFCLASS32 ? 4 : 8;
	elf_builder_put(&f->b, at, value, width);
	return width;
}

void core_fixture_words(struct core_fixture *f, uint64_t address, const uint64_t *words, size_t n)
{
	uint8_t bytes[512];
	size_t size = 0;
	assert(n <= sizeof(bytes) / 8);
	for (size_t i = 0; i < n; i++)
		size += put_word(f, bytes + size, words[i]);
	core_fixture_memory(f, address, bytes, size);
}

void core_fixture_entry(struct core_fixture *f, const char *path, uint64_t start, uint64_t end,
			uint64_t page)
{
	assert(f->n_entries < sizeof(f->entries) / sizeof(f->entries[0]));
	f->entries[f->n_entries++] = (struct core_fixture_entry){ path, start, end, page };
}

static void add_note(struct core_fixture *f, uint32_t type, const uint8_t *desc, size_t size)
{
	unsigned index = elf_builder_note(&f->b, "", "CORE", type, desc, (uint32_t)size);
	elf_builder_segment_over(&f->b, PT_NOTE, PF_R, index, index);
}

static void add_vector(struct core_fixture *f)
{
	uint8_t desc[80];
	size_t size = 0;
	const uint64_t words[] = { AT_PAGESZ,       PAGE_SIZE,
				   AT_PHDR,         f->program_headers,
				   AT_PHNUM,        f->n_program_headers,
				   AT_SYSINFO_EHDR, f->vdso,
				   AT_NULL,         0 };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		size += put_word(f, desc + size, words[i]);
	add_note(f, NT_AUXV, desc, size);
}

static void add_files(struct core_fixture *f)
{
	uint8_t desc[4096];
	size_t size = put_word(f, desc, f->n_entries);
	size += put_word(f, desc + size, PAGE_SIZE);
	for (size_t i = 0; i < f->n_entries; i++) {
		size += put_word(f, desc + size, f->entries[i].start);
		size += put_word(f, desc + size, f->entries[i].end);
		size += put_word(f, desc + size, f->entries[i].page);
	}
	for (size_t i = 0; i < f->n_entries; i++) {
		size_t n = strlen(f->entries[i].path) + 1;
		assert(size + n <= sizeof(desc));
		memcpy(desc + size, f->entries[i].path, n);
		size += n;
	}
	add_note(f, NT_FILE, desc, size);
}

uint8_t *core_fixture_build(struct core_fixture *f, size_t *ret_size)
{
	add_vector(f);
	if (f->n_entries)
		add_files(f);
	return elf_builder_build(&f->b, ret_size);
}

uint8_t *core_fixture_page(unsigned class, unsigned encoding, const uint8_t *id, uint32_t id_size,
			   bool covered)
{
	struct elf_builder b;
	elf_builder_init(&b, class, encoding, ET_DYN, EM_X86_64);
	b.no_section_headers = true;
	unsigned go = elf_builder_note(&b, "", "Go", 4, "A/B/C/D", 7), last = go;
	if (id_size)
		last = elf_builder_note(&b, "", "GNU", NT_GNU_BUILD_ID, id, id_size);
	elf_builder_segment_over(&b, PT_NOTE, PF_R, go, covered ? last : go);
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	uint8_t *page = calloc(1, PAGE_SIZE);
	if (!page)
		abort();
	memcpy(page, file, size < PAGE_SIZE ? size : PAGE_SIZE);
	free(file);
	elf_builder_free(&b);
	return page;
}
