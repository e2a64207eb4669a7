/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "elf/go_table.h"

/*
 * runtime.moduledata begins with the addresses of the function table and of its names, by which it
 * is found; gofunc is its word 38 in Go 1.18 and 1.19, and 40 from 1.20 on (runtime/symtab.go).
 */
static unsigned base_word(const struct go_table *table)
{
	return table->format == GO_TABLE_1_18 ? 38 : 40;
}

/* As the file has it: what is not relocated, and what the linker filled in although it is. */
static bool find_in_place(const struct go_table *table, uint64_t *ret)
{
	const struct image *image = table->image;
	uint64_t width = table->pointer_size;
	uint64_t size = (base_word(table) + 1) * width;
	uint64_t names = table->address + table->names_offset;
	for (uint64_t i = 0; i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_W) ||
		    segment->p_filesz < size)
			continue;
		const uint8_t *bytes = image->bytes + segment->p_offset;
		uint64_t at = align_up(segment->p_vaddr & (width - 1), width) -
			      (segment->p_vaddr & (width - 1));
		for (; range_fits(at, size, segment->p_filesz); at += width) {
			if (go_table_pointer(table, bytes + at) != table->address ||
			    go_table_pointer(table, bytes + at + width) != names)
				continue;
			*ret = go_table_pointer(table, bytes + at + base_word(table) * width);
			return true;
		}
	}
	return false;
}

/* Relocations with addends, RELA: the words themselves may be zeros then. */
struct addends {
	const struct go_table *table;
	struct go_span entries;
};

static bool find_addends(const struct go_table *table, struct addends *ret)
{
	const struct image *image = table->image;
	uint64_t width = table->pointer_size;
	for (uint64_t i = 0; i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type != PT_DYNAMIC)
			continue;
		uint64_t address = 0, size = 0;
		const uint8_t *bytes = image->bytes + segment->p_offset;
		for (uint64_t at = 0; range_fits(at, 2 * width, segment->p_filesz);
		     at += 2 * width) {
			uint64_t tag = go_table_pointer(table, bytes + at);
			uint64_t value = go_table_pointer(table, bytes + at + width);
			if (tag == DT_NULL)
				break;
			if (tag == DT_RELA)
				address = value;
			if (tag == DT_RELASZ)
				size = value;
		}
		ret->table = table;
		if (!size || !go_table_loaded(image, address, &ret->entries))
			return false;
		ret->entries.size = min_u64(ret->entries.size, size);
		return true;
	}
	return false;
}

/* The next relocation, from @at on, that gives an address @value (or is of @place, with @value
 * NULL). */
static bool next_addend(const struct addends *from, uint64_t *at, const uint64_t *value,
			const uint64_t *place, uint64_t *ret_place, uint64_t *ret_value)
{
	const struct go_table *table = from->table;
	uint64_t width = table->pointer_size;
	for (; range_fits(*at, 3 * width, from->entries.size); *at += 3 * width) {
		const uint8_t *entry = from->entries.bytes + *at;
		uint64_t its_place = go_table_pointer(table, entry);
		uint64_t its_value = go_table_pointer(table, entry + 2 * width);
		if ((value && its_value != *value) || (place && its_place != *place))
			continue;
		*ret_place = its_place;
		*ret_value = its_value;
		*at += 3 * width;
		return true;
	}
	return false;
}

static bool find_relocated(const struct go_table *table, uint64_t *ret)
{
	struct addends addends;
	if (!find_addends(table, &addends))
		return false;
	uint64_t width = table->pointer_size;
	uint64_t names = table->address + table->names_offset;
	uint64_t place, value, at = 0;
	/* A few words may hold the table's address; more than that is not a linker's work. */
	for (unsigned n = 0; n < 16; n++) {
		uint64_t module, found, again = 0;
		if (!next_addend(&addends, &at, &table->address, NULL, &module, &value))
			return false;
		uint64_t second = module + width, wanted = module + base_word(table) * width;
		if (!next_addend(&addends, &again, &names, &second, &place, &value))
			continue;
		again = 0;
		if (next_addend(&addends, &again, NULL, &wanted, &place, &found)) {
			*ret = found;
			return true;
		}
	}
	return false;
}

static bool find_symbol(const struct go_table *table, uint64_t *ret)
{
	const struct image *image = table->image;
	const char *wanted = table->format == GO_TABLE_1_18 ? "go.func.*" : "go:func.*";
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (section->shdr.sh_type != SHT_SYMTAB)
			continue;
		uint64_t size, names_size, entry_size = image_type_size(image, ELF_T_SYM);
		const uint8_t *symbols = image_section_bytes(image, section, &size);
		const uint8_t *names = image_section_bytes(
			image, &image->sections[section->shdr.sh_link], &names_size);
		for (uint64_t at = 0; names && range_fits(at, entry_size, size); at += entry_size) {
			GElf_Sym symbol;
			image_decode_sym(image, symbols + at, &symbol);
			if (!range_fits(symbol.st_name, strlen(wanted) + 1, names_size) ||
			    memcmp(names + symbol.st_name, wanted, strlen(wanted) + 1) != 0)
				continue;
			*ret = symbol.st_value;
			return true;
		}
	}
	return false;
}

int go_table_find_base(const struct go_table *table, uint64_t *ret_address, struct error *err)
{
	if (find_in_place(table, ret_address) && *ret_address)
		return 0;
	if (find_relocated(table, ret_address) || find_symbol(table, ret_address))
		return 0;
	return error_set(err, -ENOENT,
			 "the runtime's module data is not found, and there is no symbol table");
}
