/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "elf/core_memory.h"
#include "elf/internal.h"

const uint8_t *core_memory_at(const struct core_memory *memory, uint64_t address,
			      uint64_t *ret_size)
{
	*ret_size = 0;
	uint64_t low = 0, high = memory->n_spans;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (memory->spans[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	const struct core_span *span = &memory->spans[low - 1];
	uint64_t into = address - span->address;
	if (into >= span->size_bytes)
		return NULL;
	*ret_size = span->size_bytes - into;
	return memory->file.bytes + span->offset + into;
}

uint64_t core_word_size(const struct image *file)
{
	return image_type_size(file, ELF_T_ADDR);
}

uint64_t core_word(const struct image *file, const uint8_t *words, uint64_t i)
{
	return image_decode_address(file, words + core_word_size(file) * i);
}

/* ---- what the dynamic loader loaded ---- */

#define LIST_LIMIT 100000u /* libraries: a list that goes round ends there */
#define NAME_LIMIT 4096u
#define NAMES_LIMIT (16u << 20) /* bytes of all names */
#define HEADERS_LIMIT 4096u
#define DYNAMIC_LIMIT 4096u

/* Where the memory has @n words, or NULL. */
static const uint8_t *words_at(const struct core_memory *memory, uint64_t address, uint64_t n)
{
	uint64_t size;
	const uint8_t *words = core_memory_at(memory, address, &size);
	return words && size / core_word_size(&memory->file) >= n ? words : NULL;
}

/* The address of the program's PT_DYNAMIC, 0: it has none. */
static uint64_t find_dynamic(const struct core_memory *memory)
{
	uint64_t size, entry_size = image_type_size(&memory->file, ELF_T_PHDR);
	const uint8_t *table = core_memory_at(memory, memory->program_headers, &size);
	uint64_t n = table ? min_u64(memory->n_program_headers, size / entry_size) : 0;
	uint64_t bias = 0, dynamic = 0;
	for (uint64_t i = 0; i < n && i < HEADERS_LIMIT; i++) {
		GElf_Phdr segment;
		image_decode_phdr(&memory->file, table + i * entry_size, &segment);
		if (segment.p_type == PT_PHDR)
			bias = memory->program_headers - segment.p_vaddr;
		if (segment.p_type == PT_DYNAMIC)
			dynamic = segment.p_vaddr;
	}
	return dynamic ? dynamic + bias : 0;
}

/* The address of the first struct link_map, by DT_DEBUG. */
static uint64_t find_list(const struct core_memory *memory)
{
	uint64_t word = core_word_size(&memory->file);
	uint64_t at = find_dynamic(memory), debug = 0;
	for (unsigned i = 0; at && i < DYNAMIC_LIMIT && !debug; i++, at += 2 * word) {
		const uint8_t *entry = words_at(memory, at, 2);
		uint64_t tag = entry ? core_word(&memory->file, entry, 0) : DT_NULL;
		if (tag == DT_NULL)
			return 0;
		if (tag == DT_DEBUG)
			debug = core_word(&memory->file, entry, 1);
	}
	/* struct r_debug: a version in the room of a word, then the list's address. */
	const uint8_t *words = debug ? words_at(memory, debug, 2) : NULL;
	return words ? core_word(&memory->file, words, 1) : 0;
}

static int compare_address(const void *key, const void *element)
{
	uint64_t address = *(const uint64_t *)key;
	const struct core_file *file = element;
	return address < file->address ? -1 : address > file->address;
}

/* @budget	  bytes that names may still take
 * @load_address  of a shared object: where its first byte is mapped, for it was linked at 0 */
static int name_file(const struct core_memory *memory, struct core *core, uint64_t load_address,
		     uint64_t name_address, uint64_t *budget, struct error *err)
{
	struct core_file *file = core->n_files ? bsearch(&load_address, core->files, core->n_files,
							 sizeof(*core->files), compare_address)
					       : NULL;
	uint64_t size;
	const char *name = (const char *)core_memory_at(memory, name_address, &size);
	if (!file || file->loaded_as || !name || !*name)
		return 0;
	uint64_t limit = min_u64(size, min_u64(NAME_LIMIT, *budget));
	size = strnlen(name, limit);
	if (size == limit)
		return 0; /* it does not end */
	*budget -= size;
	file->loaded_as = strdup(name);
	return file->loaded_as ? 0 : error_no_memory(err);
}

int core_name_files(const struct core_memory *memory, struct core *core, struct error *err)
{
	uint64_t at = find_list(memory), budget = NAMES_LIMIT;
	for (unsigned i = 0; at && i < LIST_LIMIT; i++) {
		/* struct link_map: l_addr, l_name, l_ld, l_next. */
		const uint8_t *words = words_at(memory, at, 4);
		if (!words)
			return 0;
		int r = name_file(memory, core, core_word(&memory->file, words, 0),
				  core_word(&memory->file, words, 1), &budget, err);
		if (r < 0)
			return r;
		at = core_word(&memory->file, words, 3);
	}
	return 0;
}
