/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "elf/go_table.h"

#define HEADER_SIZE 8 /* magic, two zeros, quantum, pointer size; then pointer-sized words */
#define N_WORDS 8 /* at most, of which the header consists further */
#define SCAN_STEP 8 /* Go's linkers align the table to 16 or 32, others to a pointer */

static const struct {
	uint32_t magic;
	/* Which word behind the first 8 bytes has the offset of what; 1.2 has none of these. */
	unsigned names, units, files, pc_values, functions;
	unsigned n_fields; /* words in the fixed part of a function, the entry included */
} formats[] = {
	[GO_TABLE_1_2] = { 0xfffffffb, .n_fields = 9 },
	[GO_TABLE_1_16] = { 0xfffffffa, 2, 3, 4, 5, 6, 10 },
	[GO_TABLE_1_18] = { 0xfffffff0, 3, 4, 5, 6, 7, 10 },
	[GO_TABLE_1_20] = { 0xfffffff1, 3, 4, 5, 6, 7, 11 },
};

uint32_t go_table_word(const struct go_table *table, const uint8_t *from)
{
	return image_decode_word(table->image, from);
}

uint64_t go_table_pointer(const struct go_table *table, const uint8_t *from)
{
	return image_decode_address(table->image, from);
}

/* ---- the header ---- */

/* Is this how a table begins? Only what cannot be otherwise; the rest is checked by read_header().
 */
static bool is_start(const struct image *image, const uint8_t *bytes, uint64_t size,
		     enum go_table_format *ret)
{
	if (size < HEADER_SIZE + N_WORDS * 4)
		return false;
	if (bytes[4] || bytes[5] || (bytes[6] != 1 && bytes[6] != 2 && bytes[6] != 4) ||
	    bytes[7] != image_type_size(image, ELF_T_ADDR))
		return false;
	uint32_t magic = image_decode_word(image, bytes);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (magic == formats[i].magic) {
			*ret = (enum go_table_format)i;
			return true;
		}
	}
	return false;
}

/* The part at the offset that word @word has; it ends where @end_word's begins, if that is behind.
 */
static int find_part(const struct go_table *table, const char *what, unsigned word,
		     unsigned end_word, struct go_span *ret, struct error *err)
{
	const uint8_t *words = table->whole.bytes + HEADER_SIZE;
	uint64_t at = go_table_pointer(table, words + word * table->pointer_size);
	uint64_t end = go_table_pointer(table, words + end_word * table->pointer_size);
	if (at > table->whole.size)
		return error_set(err, -EBADMSG,
				 "Go function table: %s at 0x%" PRIx64 ", past its 0x%" PRIx64
				 " bytes",
				 what, at, table->whole.size);
	if (end <= at || end > table->whole.size)
		end = table->whole.size;
	*ret = (struct go_span){ table->whole.bytes + at, end - at };
	return 0;
}

/* 1.2: the index of functions stands right behind the header, and all offsets are the table's. */
static void find_parts_1_2(struct go_table *table)
{
	uint64_t skip = HEADER_SIZE + table->pointer_size;
	table->names = table->pc_values = table->whole;
	table->functions = (struct go_span){ table->whole.bytes + skip, table->whole.size - skip };
}

static int read_header(struct go_table *table, struct error *err)
{
	int r;
	unsigned size = table->pointer_size;
	if (table->whole.size < HEADER_SIZE + N_WORDS * size)
		return error_set(err, -EBADMSG,
				 "Go function table: its header is cut, at 0x%" PRIx64 " bytes",
				 table->whole.size);
	table->quantum = table->whole.bytes[6];
	table->n_functions = go_table_pointer(table, table->whole.bytes + HEADER_SIZE);
	if (table->format == GO_TABLE_1_2) {
		find_parts_1_2(table);
	} else {
		unsigned names = formats[table->format].names;
		const struct {
			const char *what;
			unsigned word, end_word;
			struct go_span *to;
		} parts[] = {
			{ "names", names, names + 1, &table->names },
			{ "units", names + 1, names + 2, &table->units },
			{ "files", names + 2, names + 3, &table->files },
			{ "PC values", names + 3, names + 4, &table->pc_values },
			{ "functions", names + 4, names + 4, &table->functions },
		};
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
			r = find_part(table, parts[i].what, parts[i].word, parts[i].end_word,
				      parts[i].to, err);
			if (r < 0)
				return r;
		}
		table->names_offset = (uint64_t)(table->names.bytes - table->whole.bytes);
	}
	/* Divided, not multiplied; behind the last entry is one more program counter. */
	uint64_t entry_size = table->format >= GO_TABLE_1_18 ? 8 : 2 * (uint64_t)size;
	if (table->n_functions > table->functions.size / entry_size)
		return error_set(err, -EBADMSG,
				 "Go function table: %" PRIu64 " functions, which its 0x%" PRIx64
				 " bytes cannot hold",
				 table->n_functions, table->whole.size);
	return 0;
}

/* ---- finding it ---- */

static int open_at(const struct image *image, struct go_span at, uint64_t address,
		   struct go_table *ret, struct error *err)
{
	struct go_table table = {
		.image = image,
		.pointer_size = (unsigned)image_type_size(image, ELF_T_ADDR),
		.address = address,
		.whole = at,
	};
	if (!is_start(image, at.bytes, at.size, &table.format))
		return error_set(err, -EBADMSG,
				 "Go function table: it does not begin as Go 1.2 to 1.26 write it");
	int r = read_header(&table, err);
	if (r < 0)
		return r;
	*ret = table;
	return 0;
}

/* Where the name of the section is lost, or it became a part of another, only the magic number is
 * left. What looks like a table and has none of its order, or no functions, is none. */
static bool scan(const struct image *image, struct go_table *ret)
{
	for (uint64_t i = 0; !image->separate_debug && i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type != PT_LOAD)
			continue;
		const uint8_t *bytes = image->bytes + segment->p_offset;
		uint64_t skip = align_up(segment->p_vaddr & (SCAN_STEP - 1), SCAN_STEP) -
				(segment->p_vaddr & (SCAN_STEP - 1));
		for (uint64_t at = skip; range_fits(at, HEADER_SIZE, segment->p_filesz);
		     at += SCAN_STEP) {
			enum go_table_format format;
			struct go_span here = { bytes + at, segment->p_filesz - at };
			if (!is_start(image, here.bytes, here.size, &format))
				continue;
			struct go_table table;
			struct go_span first;
			if (open_at(image, here, segment->p_vaddr + at, &table, NULL) == 0 &&
			    table.n_functions && go_table_function(&table, 0, &first, NULL) == 0) {
				*ret = table;
				return true;
			}
		}
	}
	return false;
}

int go_table_find(const struct image *image, struct go_table *ret, struct error *err)
{
	static const char *const names[] = { ".gopclntab", ".data.rel.ro.gopclntab" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct section *section = image_find_section(image, names[i]);
		struct go_span at = { 0 };
		if (section)
			at.bytes = image_section_bytes(image, section, &at.size);
		if (at.bytes)
			return open_at(image, at, section->shdr.sh_addr, ret, err);
	}
	if (scan(image, ret))
		return 0;
	return error_set(err, -ENOENT, "no Go function table");
}

/* ---- asking ---- */

uint64_t go_table_function_size(const struct go_table *table)
{
	uint64_t entry_size = table->format >= GO_TABLE_1_18 ? 4 : table->pointer_size;
	return entry_size + (formats[table->format].n_fields - 1) * 4;
}

uint32_t go_table_function_field(const struct go_table *table, const uint8_t *function, unsigned n)
{
	uint64_t entry_size = table->format >= GO_TABLE_1_18 ? 4 : table->pointer_size;
	return go_table_word(table, function + entry_size + (n - 1) * 4);
}

int go_table_function(const struct go_table *table, uint64_t i, struct go_span *ret,
		      struct error *err)
{
	bool narrow = table->format >= GO_TABLE_1_18;
	uint64_t width = narrow ? 4 : table->pointer_size;
	const uint8_t *entry = table->functions.bytes + i * 2 * width;
	uint64_t at = narrow ? go_table_word(table, entry + width)
			     : go_table_pointer(table, entry + width);
	/* 1.2 counts from the table's start, later ones from the part's. */
	struct go_span from = table->format == GO_TABLE_1_2 ? table->whole : table->functions;
	if (!range_fits(at, go_table_function_size(table), from.size))
		return error_set(err, -EBADMSG,
				 "Go function table: function %" PRIu64 " at 0x%" PRIx64
				 ", past its 0x%" PRIx64 " bytes",
				 i, at, from.size);
	*ret = (struct go_span){ from.bytes + at, from.size - at };
	return 0;
}

bool go_table_name(const struct go_table *table, uint64_t offset, struct go_span *ret)
{
	if (offset >= table->names.size)
		return false;
	const uint8_t *name = table->names.bytes + offset;
	if (table->format != GO_TABLE_1_2 && offset && name[-1])
		return false;
	const uint8_t *end = memchr(name, 0, (size_t)(table->names.size - offset));
	if (!end)
		return false;
	*ret = (struct go_span){ name, (uint64_t)(end - name) };
	return true;
}

bool go_table_loaded(const struct image *image, uint64_t address, struct go_span *ret)
{
	for (uint64_t i = 0; !image->separate_debug && i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type != PT_LOAD || address < segment->p_vaddr ||
		    address - segment->p_vaddr >= segment->p_filesz)
			continue;
		uint64_t skip = address - segment->p_vaddr;
		*ret = (struct go_span){ image->bytes + segment->p_offset + skip,
					 segment->p_filesz - skip };
		return true;
	}
	return false;
}
