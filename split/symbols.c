/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "split/addrsig.h"
#include "split/symbols.h"

#define SAME_SIZE UINT64_MAX
#define CHUNK_SIZE 16384 /* of content that is written anew, at once */

void symbols_free(struct symbols *symbols)
{
	for (size_t i = 0; i < symbols->n_tables; i++) {
		free(symbols->tables[i].left);
		free(symbols->tables[i].left_before);
	}
	free(symbols->tables);
	free(symbols->sizes);
	*symbols = (struct symbols){ 0 };
}

static uint64_t symbol_size(const struct image *image)
{
	return image->class == ELFCLASS64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

/* st_shndx: half a word at a place of the class's own. */
static uint64_t shndx_at(const struct image *image)
{
	return image->class == ELFCLASS64 ? offsetof(Elf64_Sym, st_shndx)
					  : offsetof(Elf32_Sym, st_shndx);
}

static uint16_t half_decode(const struct image *image, const uint8_t *from)
{
	return image->encoding == ELFDATA2MSB ? (uint16_t)(from[0] << 8 | from[1])
					      : (uint16_t)(from[1] << 8 | from[0]);
}

static void half_encode(const struct image *image, uint16_t half, uint8_t *ret)
{
	bool msb = image->encoding == ELFDATA2MSB;
	ret[msb] = (uint8_t)half;
	ret[!msb] = (uint8_t)(half >> 8);
}

/* A symbol table's two sections' bytes. */
struct view {
	const uint8_t *symbols;
	const uint8_t *extended; /* NULL: none */
	uint64_t n_extended;
};

static struct view view_of(const struct image *image, const struct symbol_table *table)
{
	uint64_t size;
	struct view view = { 0 };
	view.symbols = image_section_bytes(image, &image->sections[table->index], &size);
	if (table->extended) {
		view.extended =
			image_section_bytes(image, &image->sections[table->extended], &size);
		view.n_extended = size / 4;
	}
	return view;
}

/* The section that symbol @k is defined in; 0 for none (undefined, absolute, common). */
static uint32_t symbol_section(const struct image *image, const struct view *view, uint64_t k)
{
	uint16_t shndx =
		half_decode(image, view->symbols + k * symbol_size(image) + shndx_at(image));
	if (shndx == SHN_XINDEX)
		return k < view->n_extended ? image_decode_word(image, view->extended + 4 * k) : 0;
	return shndx < SHN_LORESERVE ? shndx : 0;
}

static bool has_left(const struct symbol_table *table, uint64_t k)
{
	return table->left && k < table->n_symbols && (table->left[k / 64] >> (k % 64) & 1);
}

/* How many symbols before number @k leave. */
static uint64_t left_before(const struct symbol_table *table, uint64_t k)
{
	if (!table->left)
		return 0;
	if (k >= table->n_symbols)
		return table->n_left;
	uint64_t bits = table->left[k / 64] & ((UINT64_C(1) << (k % 64)) - 1);
	return table->left_before[k / 64] + (uint64_t)__builtin_popcountll(bits);
}

static struct symbol_table *table_of(const struct symbols *symbols, uint64_t index)
{
	for (size_t i = 0; i < symbols->n_tables; i++)
		if (symbols->tables[i].index == index)
			return &symbols->tables[i];
	return NULL;
}

static int allocate_left(struct symbol_table *table, struct error *err)
{
	size_t n_words = (size_t)(table->n_symbols / 64 + 1);
	table->left = calloc(n_words, sizeof(*table->left));
	table->left_before = calloc(n_words, sizeof(*table->left_before));
	return table->left && table->left_before ? 0 : error_no_memory(err);
}

static void count_left(struct symbol_table *table)
{
	for (uint64_t word = 0; word < table->n_symbols / 64 + 1; word++) {
		table->left_before[word] = (uint32_t)table->n_left;
		table->n_left += (uint64_t)__builtin_popcountll(table->left[word]);
	}
}

/* Find out which symbols of a table leave, and whether any other changes. */
static int scan_table(const struct plan *plan, struct symbol_table *table, struct error *err)
{
	int r;

	const struct image *image = plan->image;
	const struct section *section = &image->sections[table->index];
	uint64_t entry_size = symbol_size(image);
	if (section->shdr.sh_entsize != entry_size)
		return error_set(err, -EBADMSG,
				 "%s: sh_entsize is %" PRIu64 ", a symbol takes %" PRIu64,
				 ESCAPED(section->name), section->shdr.sh_entsize, entry_size);
	table->n_symbols = section->shdr.sh_size / entry_size;
	if (table->n_symbols > UINT32_MAX)
		return error_set(err, -EFBIG, "%s: more than 2^32 symbols", ESCAPED(section->name));

	struct view view = view_of(image, table);
	for (uint64_t k = 0; k < table->n_symbols; k++) {
		uint32_t from = symbol_section(image, &view, k);
		uint32_t to = plan_map_index(plan, from);
		if (from == to)
			continue;
		table->changes = true;
		if (to != 0)
			continue;
		if (!table->left) {
			r = allocate_left(table, err);
			if (r < 0)
				return r;
		}
		table->left[k / 64] |= UINT64_C(1) << (k % 64);
	}
	if (table->left)
		count_left(table);
	if (table->changes && section->shdr.sh_size % entry_size)
		return error_set(err, -EBADMSG,
				 "%s: %" PRIu64 " bytes are no whole number of symbols",
				 ESCAPED(section->name), section->shdr.sh_size);
	return 0;
}

static int scan_tables(const struct plan *plan, struct symbols *symbols, struct error *err)
{
	int r;

	const struct image *image = plan->image;
	size_t n = 0;
	for (uint64_t i = 1; i < image->n_sections; i++)
		n += image->sections[i].shdr.sh_type == SHT_SYMTAB;
	/* gABI: at most one. A few are met; thousands are an attack on our time. */
	if (n > 16)
		return error_set(err, -ENOTSUP, "%zu symbol tables, at most 16 are understood", n);
	symbols->tables = calloc(n + 1, sizeof(*symbols->tables));
	if (!symbols->tables)
		return error_no_memory(err);

	for (uint64_t i = 1; i < image->n_sections; i++)
		if (image->sections[i].shdr.sh_type == SHT_SYMTAB)
			symbols->tables[symbols->n_tables++].index = (uint32_t)i;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const GElf_Shdr *shdr = &image->sections[i].shdr;
		struct symbol_table *table = table_of(symbols, shdr->sh_link);
		if (shdr->sh_type == SHT_SYMTAB_SHNDX && table)
			table->extended = (uint32_t)i;
	}
	for (size_t i = 0; i < symbols->n_tables; i++) {
		r = scan_table(plan, &symbols->tables[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- relocations ---- */

static uint64_t relocation_size(const struct image *image, uint32_t type)
{
	if (image->class == ELFCLASS64)
		return type == SHT_RELA ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel);
	return type == SHT_RELA ? sizeof(Elf32_Rela) : sizeof(Elf32_Rel);
}

/*
 * Where the word with the symbol number is. In ELF64 it is the upper half of r_info; MIPS alone,
 * little-endian, keeps it first ("64-bit ELF Object File Specification", section 2.9). In ELF32,
 * the word's upper 24 bits.
 */
static uint64_t relocation_word_at(const struct image *image)
{
	if (image->class == ELFCLASS32)
		return offsetof(Elf32_Rel, r_info);
	bool first = image->encoding == ELFDATA2MSB || image->ehdr.e_machine == EM_MIPS;
	return offsetof(Elf64_Rel, r_info) + (first ? 0 : 4);
}

static uint32_t relocation_symbol(const struct image *image, const uint8_t *entry)
{
	uint32_t word = image_decode_word(image, entry + relocation_word_at(image));
	return image->class == ELFCLASS32 ? word >> 8 : word;
}

static void relocation_set_symbol(const struct image *image, uint8_t *entry, uint32_t symbol)
{
	uint8_t *at = entry + relocation_word_at(image);
	if (image->class == ELFCLASS32)
		symbol = symbol << 8 | (image_decode_word(image, at) & 0xff);
	image_encode_word(image, symbol, at);
}

/* Can these relocations follow the symbols of @table? Where they are loaded they cannot change. */
static int check_relocations(const struct symbols *symbols, uint64_t index,
			     const struct symbol_table *table, bool may_change, struct error *err)
{
	const struct image *image = symbols->plan->image;
	const struct section *section = &image->sections[index];
	uint64_t entry_size = relocation_size(image, section->shdr.sh_type);
	if (section->shdr.sh_entsize != entry_size || section->shdr.sh_size % entry_size)
		return error_set(err, -EBADMSG,
				 "%s: %" PRIu64 " bytes in entries of %" PRIu64
				 ", a relocation takes %" PRIu64,
				 ESCAPED(section->name), section->shdr.sh_size,
				 section->shdr.sh_entsize, entry_size);
	uint64_t size;
	const uint8_t *entries = image_section_bytes(image, section, &size);
	for (uint64_t at = 0; at < size; at += entry_size) {
		uint32_t symbol = relocation_symbol(image, entries + at);
		if (has_left(table, symbol))
			return error_set(err, -ENOTSUP,
					 "%s: entry %" PRIu64 " needs symbol %" PRIu32
					 ", which is defined in debug information",
					 ESCAPED(section->name), at / entry_size, symbol);
		if (!may_change && left_before(table, symbol))
			return error_set(err, -ENOTSUP,
					 "%s: is loaded, and its entry %" PRIu64
					 " counts on symbol %" PRIu32 " staying at its place",
					 ESCAPED(section->name), at / entry_size, symbol);
	}
	return 0;
}

/* ---- which sections change ---- */

static uint64_t group_size(const struct plan *plan, const struct section *section,
			   bool *ret_changes)
{
	uint64_t size;
	const uint8_t *words = image_section_bytes(plan->image, section, &size);
	uint64_t kept = size ? 4 : 0;
	for (uint64_t at = 4; at + 4 <= size; at += 4) {
		uint32_t member = image_decode_word(plan->image, words + at);
		uint32_t to = plan_map_index(plan, member);
		*ret_changes |= to != member;
		kept += to ? 4 : 0;
	}
	return kept;
}

static bool renumber(uint32_t *number, const void *context)
{
	const struct symbol_table *table = context;
	if (has_left(table, *number))
		return false;
	*number -= (uint32_t)left_before(table, *number);
	return true;
}

static int plan_section_size(struct symbols *symbols, uint64_t index, struct error *err)
{
	int r;

	const struct plan *plan = symbols->plan;
	const struct image *image = plan->image;
	const struct section *section = &image->sections[index];
	const struct symbol_table *table = table_of(symbols, section->shdr.sh_link);
	bool allocated = section->shdr.sh_flags & SHF_ALLOC && !image_is_relocatable(image);
	uint64_t *size = &symbols->sizes[index];

	switch (section->shdr.sh_type) {
	case SHT_SYMTAB:
		table = table_of(symbols, index);
		if (!table->changes)
			return 0;
		*size = (table->n_symbols - table->n_left) * symbol_size(image);
		break;
	case SHT_SYMTAB_SHNDX:
		if (!table || !table->changes)
			return 0;
		*size = (table->n_symbols - table->n_left) * 4;
		break;
	case SHT_REL:
	case SHT_RELA:
		if (!table || !table->n_left)
			return 0;
		r = check_relocations(symbols, index, table, !allocated, err);
		if (r < 0)
			return r;
		if (!allocated)
			*size = section->shdr.sh_size;
		return 0;
	case SHT_GROUP: {
		bool changes = false;
		uint64_t kept = group_size(plan, section, &changes);
		if (changes)
			*size = kept;
		break;
	}
	case SHT_CALL_GRAPH:
		return 0;
	case SHT_ADDRSIG: {
		if (!table || !table->n_left)
			return 0;
		uint64_t old_size;
		const uint8_t *bytes = image_section_bytes(image, section, &old_size);
		r = addrsig_renumber(bytes, old_size, renumber, table, NULL, size, err);
		if (r < 0)
			return r;
		break;
	}
	default:
		if (table && table->n_left && section->shdr.sh_type != SHT_NOBITS)
			return error_set(
				err, -ENOTSUP,
				"%s: may count symbols of %s, some of which leave (type 0x%x)",
				ESCAPED(section->name), ESCAPED(image->sections[table->index].name),
				section->shdr.sh_type);
	}
	if (*size != SAME_SIZE && allocated)
		return error_set(err, -ENOTSUP,
				 "%s: is loaded, and would have to change as sections leave",
				 ESCAPED(section->name));
	return 0;
}

int symbols_plan(const struct plan *plan, struct symbols *ret, struct error *err)
{
	int r;

	const struct image *image = plan->image;
	scoped(symbols_free) struct symbols symbols = { .plan = plan };
	r = scan_tables(plan, &symbols, err);
	if (r < 0)
		return r;

	symbols.sizes = malloc((image->n_sections + 1) * sizeof(*symbols.sizes));
	if (!symbols.sizes)
		return error_no_memory(err);
	for (uint64_t i = 0; i < image->n_sections; i++)
		symbols.sizes[i] = SAME_SIZE;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		if (plan->sections[i].fate == FATE_TAKE)
			continue;
		r = plan_section_size(&symbols, i, err);
		if (r < 0)
			return r;
	}
	*ret = symbols;
	symbols = (struct symbols){ 0 };
	return 0;
}

bool symbols_change(const struct symbols *symbols)
{
	for (size_t i = 0; i < symbols->n_tables; i++)
		if (symbols->tables[i].changes)
			return true;
	return false;
}

bool symbols_rewrite(const struct symbols *symbols, uint64_t index, uint64_t *ret_size)
{
	if (symbols->sizes[index] == SAME_SIZE)
		return false;
	*ret_size = symbols->sizes[index];
	return true;
}

uint32_t symbols_info(const struct symbols *symbols, uint64_t index)
{
	const GElf_Shdr *shdr = &symbols->plan->image->sections[index].shdr;
	const struct symbol_table *table;

	switch (shdr->sh_type) {
	case SHT_SYMTAB: /* the first symbol that is not local */
		table = table_of(symbols, index);
		return shdr->sh_info - (uint32_t)left_before(table, shdr->sh_info);
	case SHT_GROUP: /* the symbol that names the group */
		table = table_of(symbols, shdr->sh_link);
		return table ? shdr->sh_info - (uint32_t)left_before(table, shdr->sh_info)
			     : shdr->sh_info;
	case SHT_REL:
	case SHT_RELA:
		return plan_map_index(symbols->plan, shdr->sh_info);
	default:
		return shdr->sh_flags & SHF_INFO_LINK ? plan_map_index(symbols->plan, shdr->sh_info)
						      : shdr->sh_info;
	}
}

/* ---- writing ---- */

/* New content, on its way to a sink in chunks. */
struct chunk {
	const struct sink *sink;
	size_t used;
	uint8_t bytes[CHUNK_SIZE];
};

static int chunk_flush(struct chunk *chunk, struct error *err)
{
	size_t used = chunk->used;
	chunk->used = 0;
	return sink_take(chunk->sink, chunk->bytes, used, false, err);
}

/* Room for @size more bytes. */
static int chunk_room(struct chunk *chunk, size_t size, uint8_t **ret, struct error *err)
{
	int r;

	if (CHUNK_SIZE - chunk->used < size) {
		r = chunk_flush(chunk, err);
		if (r < 0)
			return r;
	}
	*ret = chunk->bytes + chunk->used;
	chunk->used += size;
	return 0;
}

static int write_symbols(const struct plan *plan, const struct symbol_table *table,
			 struct chunk *chunk, struct error *err)
{
	int r;

	const struct image *image = plan->image;
	uint64_t entry_size = symbol_size(image);
	struct view view = view_of(image, table);
	for (uint64_t k = 0; k < table->n_symbols; k++) {
		if (has_left(table, k))
			continue;
		uint8_t *entry;
		r = chunk_room(chunk, entry_size, &entry, err);
		if (r < 0)
			return r;
		memcpy(entry, view.symbols + k * entry_size, entry_size);
		uint32_t section = plan_map_index(plan, symbol_section(image, &view, k));
		if (section == 0 || section >= image->n_sections)
			continue;
		half_encode(image, section < SHN_LORESERVE ? (uint16_t)section : SHN_XINDEX,
			    entry + shndx_at(image));
	}
	return 0;
}

static int write_extended(const struct plan *plan, const struct symbol_table *table,
			  struct chunk *chunk, struct error *err)
{
	int r;

	const struct image *image = plan->image;
	struct view view = view_of(image, table);
	for (uint64_t k = 0; k < table->n_symbols; k++) {
		if (has_left(table, k))
			continue;
		uint8_t *word;
		r = chunk_room(chunk, 4, &word, err);
		if (r < 0)
			return r;
		uint32_t section = plan_map_index(plan, symbol_section(image, &view, k));
		image_encode_word(image, section >= SHN_LORESERVE ? section : 0, word);
	}
	return 0;
}

static int write_relocations(const struct image *image, const struct section *section,
			     const struct symbol_table *table, struct chunk *chunk,
			     struct error *err)
{
	int r;

	uint64_t size, entry_size = relocation_size(image, section->shdr.sh_type);
	const uint8_t *entries = image_section_bytes(image, section, &size);
	for (uint64_t at = 0; at < size; at += entry_size) {
		uint8_t *entry;
		r = chunk_room(chunk, entry_size, &entry, err);
		if (r < 0)
			return r;
		memcpy(entry, entries + at, entry_size);
		uint32_t symbol = relocation_symbol(image, entry);
		relocation_set_symbol(image, entry, symbol - (uint32_t)left_before(table, symbol));
	}
	return 0;
}

static int write_group(const struct plan *plan, const struct section *section, struct chunk *chunk,
		       struct error *err)
{
	int r;

	const struct image *image = plan->image;
	uint64_t size;
	const uint8_t *words = image_section_bytes(image, section, &size);
	for (uint64_t at = 0; at + 4 <= size; at += 4) {
		uint32_t value = image_decode_word(image, words + at);
		if (at > 0) {
			value = plan_map_index(plan, value);
			if (!value)
				continue;
		}
		uint8_t *word;
		r = chunk_room(chunk, 4, &word, err);
		if (r < 0)
			return r;
		image_encode_word(image, value, word);
	}
	return 0;
}

static void bytes_free(uint8_t **bytes)
{
	free(*bytes);
}

static int write_addrsig(const struct image *image, const struct section *section,
			 const struct symbol_table *table, const struct sink *sink,
			 struct error *err)
{
	int r;

	uint64_t size;
	const uint8_t *old = image_section_bytes(image, section, &size);
	scoped(bytes_free) uint8_t *bytes = malloc((size_t)size + 1);
	if (!bytes)
		return error_no_memory(err);
	r = addrsig_renumber(old, size, renumber, table, bytes, &size, err);
	return r == 0 ? sink_take(sink, bytes, size, false, err) : r;
}

int symbols_write(const struct symbols *symbols, uint64_t index, const struct sink *sink,
		  struct error *err)
{
	int r;

	const struct plan *plan = symbols->plan;
	const struct section *section = &plan->image->sections[index];
	struct chunk chunk = { .sink = sink };
	switch (section->shdr.sh_type) {
	case SHT_SYMTAB:
		r = write_symbols(plan, table_of(symbols, index), &chunk, err);
		break;
	case SHT_SYMTAB_SHNDX:
		r = write_extended(plan, table_of(symbols, section->shdr.sh_link), &chunk, err);
		break;
	case SHT_ADDRSIG:
		return write_addrsig(plan->image, section,
				     table_of(symbols, section->shdr.sh_link), sink, err);
	case SHT_GROUP:
		r = write_group(plan, section, &chunk, err);
		break;
	default:
		r = write_relocations(plan->image, section,
				      table_of(symbols, section->shdr.sh_link), &chunk, err);
	}
	return r < 0 ? r : chunk_flush(&chunk, err);
}
