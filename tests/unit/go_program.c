/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "tests/unit/go_program.h"

#define ROOM (256u << 10)

struct bytes {
	const struct elf_builder *b;
	uint8_t *at;
	uint64_t n;
};

static void put(struct bytes *to, uint64_t value, unsigned width)
{
	elf_builder_put(to->b, to->at + to->n, value, width);
	to->n += width;
}

static uint64_t put_string(struct bytes *to, const char *text)
{
	uint64_t at = to->n;
	memcpy(to->at + to->n, text, strlen(text) + 1);
	to->n += strlen(text) + 1;
	return at;
}

static void pad(struct bytes *to, uint64_t align)
{
	while (to->n % align)
		to->at[to->n++] = 0;
}

static struct bytes bytes_new(const struct elf_builder *b)
{
	struct bytes bytes = { b, calloc(1, ROOM), 0 };
	if (!bytes.at)
		abort();
	return bytes;
}

/* PC values: 0, 1, … to @highest, an instruction each. 0 for none, as Go has it. */
static uint64_t put_values(struct bytes *to, int highest)
{
	if (highest < 0)
		return 0;
	uint64_t at = to->n;
	for (int i = 0; i <= highest; i++) {
		to->at[to->n++] = 2; /* one more than before, and the first before is -1 */
		to->at[to->n++] = 1;
	}
	to->at[to->n++] = 0;
	return at;
}

static int count_inlined(const struct go_program_function *function)
{
	int n = 0;
	while (n < 4 && function->inlined[n])
		n++;
	return n;
}

/* What is of one file was compiled together: the number of the first function of it. */
static size_t unit_of(const struct go_program *p, size_t i)
{
	size_t first = 0;
	while (strcmp(p->functions[first].file, p->functions[i].file) != 0)
		first++;
	return first;
}

/* The names of the trees, as offsets: counted after all functions' own. */
static void put_trees(const struct go_program *p, struct bytes *trees, struct bytes *names,
		      uint64_t base, uint64_t *ret_at)
{
	for (size_t i = 0; i < p->n_functions; i++) {
		ret_at[i] = trees->n;
		for (int k = 0; k < count_inlined(&p->functions[i]); k++) {
			uint64_t name = base + put_string(names, p->functions[i].inlined[k]);
			if (p->format == PROGRAM_1_20) {
				put(trees, 0, 4);
				put(trees, name, 4);
				put(trees, 7, 4);
				put(trees, 1, 4);
			} else {
				put(trees, 0xffff, 2);
				put(trees, 0, 2);
				put(trees, 0, 4);
				put(trees, 1, 4);
				put(trees, name, 4);
				put(trees, 7, 4);
			}
		}
	}
}

uint8_t *go_program_build(struct go_program *p, unsigned class, unsigned encoding, size_t *ret_size)
{
	struct elf_builder b;
	elf_builder_init(&b, class, encoding, ET_EXEC, EM_X86_64);
	unsigned width = class == ELFCLASS64 ? 8 : 4;
	bool old = p->format < PROGRAM_1_18;
	static const uint32_t magics[] = { 0xfffffffb, 0xfffffffa, 0xfffffff0, 0xfffffff1 };
	unsigned tree_index = p->format == PROGRAM_1_2 ? 4 : 3;

	/* Parts, each by itself. In 1.2 every offset is the table's, so one part follows the other
	 * at a place that is known. */
	struct bytes names = bytes_new(&b), trees = bytes_new(&b), values = bytes_new(&b);
	struct bytes files = bytes_new(&b), units = bytes_new(&b), functions = bytes_new(&b);
	const uint64_t part = 8192; /* from one part to the next */
	uint64_t names_base = p->format == PROGRAM_1_2 ? part : 0;
	uint64_t values_base = p->format == PROGRAM_1_2 ? 4 * part : 0;
	uint64_t functions_base = p->format == PROGRAM_1_2 ? 5 * part : 0;
	uint64_t *name_at = calloc(p->n_functions + 1, sizeof(*name_at));
	uint64_t *tree_at = calloc(p->n_functions + 1, sizeof(*tree_at));
	uint64_t *function_at = calloc(p->n_functions + 1, sizeof(*function_at));
	if (!name_at || !tree_at || !function_at)
		abort();
	for (size_t i = 0; i < p->n_functions; i++) {
		name_at[i] = names_base + put_string(&names, p->functions[i].name);
		put(&units, put_string(&files, p->functions[i].file), 4);
	}
	put_trees(p, &trees, &names, names_base, tree_at);
	if (p->left)
		put_string(&names, p->left);
	values.at[values.n++] = 0;

	unsigned trees_section = elf_builder_section(&b, ".rodata", SHT_PROGBITS, SHF_ALLOC,
						     trees.at, trees.n ? trees.n : 1);
	uint64_t trees_address = b.sections[trees_section].shdr.sh_addr;

	/* The index, then the functions. */
	uint64_t index_width = old ? width : 4;
	uint64_t index_size = (2 * p->n_functions + 1) * index_width;
	uint64_t index_at = p->format == PROGRAM_1_2 ? 8 + width : 0;
	functions.n = p->format == PROGRAM_1_2 ? 0 : align_up(index_size, 8);
	for (size_t i = 0; i < p->n_functions; i++) {
		int n_inlined = count_inlined(&p->functions[i]);
		pad(&functions, 8);
		function_at[i] = functions_base + functions.n;
		put(&functions, 0x1000 + i * 16, old ? width : 4);
		put(&functions, name_at[i], 4);
		put(&functions, 0, 4);
		put(&functions, 0, 4);
		put(&functions, 0, 4); /* stack depths */
		put(&functions, values_base + put_values(&values, 0), 4); /* files */
		put(&functions, 0, 4); /* lines */
		put(&functions, n_inlined ? 3 : 1, 4); /* tables of PC values */
		if (p->format != PROGRAM_1_2)
			put(&functions, unit_of(p, i), 4); /* the unit's first file */
		if (p->format == PROGRAM_1_20)
			put(&functions, 1, 4); /* line */
		put(&functions, 0, 1);
		put(&functions, 0, 2);
		put(&functions, n_inlined ? tree_index + 1 : 0, 1);
		put(&functions, 0, 4);
		if (n_inlined) {
			put(&functions, 0, 4);
			put(&functions, values_base + put_values(&values, n_inlined - 1), 4);
			if (old)
				pad(&functions, width);
			for (unsigned k = 0; k < tree_index; k++)
				put(&functions, old ? 0 : UINT32_MAX, old ? width : 4);
			put(&functions, old ? trees_address + tree_at[i] : tree_at[i],
			    old ? width : 4);
		}
	}
	uint64_t end = functions.n;

	struct bytes table = bytes_new(&b);
	put(&table, magics[p->format], 4);
	put(&table, 0, 2);
	put(&table, 1, 1);
	put(&table, width, 1);
	put(&table, p->n_functions, width);
	if (p->format != PROGRAM_1_2) {
		put(&table, p->n_functions, width); /* files */
		if (p->format != PROGRAM_1_16)
			put(&table, 0, width); /* where the text starts: filled in on loading */
		for (unsigned i = 1; i <= 5; i++)
			put(&table, i * part, width);
	}
	memcpy(table.at + part, names.at, names.n);
	memcpy(table.at + 2 * part, units.at, units.n);
	memcpy(table.at + 3 * part, files.at, files.n);
	memcpy(table.at + 4 * part, values.at, values.n);
	memcpy(table.at + 5 * part, functions.at, end);
	if (p->format != PROGRAM_1_2)
		index_at = 5 * part;
	table.n = index_at;
	for (size_t i = 0; i < p->n_functions; i++) {
		put(&table, 0x1000 + i * 16, (unsigned)index_width);
		put(&table, function_at[i], (unsigned)index_width);
	}
	put(&table, 0x1000 + p->n_functions * 16, (unsigned)index_width);
	table.n = 5 * part + end;

	b.end = align_up(b.end, 32);
	unsigned table_section = elf_builder_section(&b, p->section ? p->section : ".gopclntab",
						     SHT_PROGBITS, SHF_ALLOC, table.at, table.n);
	uint64_t address = b.sections[table_section].shdr.sh_addr;
	struct bytes module = bytes_new(&b);
	for (unsigned word = 0; word < 48; word++) {
		uint64_t value = word == 0 ? address : word == 1 ? address + part : 0;
		if (word == (p->format == PROGRAM_1_18 ? 38 : 40))
			value = trees_address;
		put(&module, p->no_module_data ? 0 : value, width);
	}
	b.end = align_up(b.end, 16);
	unsigned module_section = elf_builder_section(&b, ".noptrdata", SHT_PROGBITS,
						      SHF_ALLOC | SHF_WRITE, module.at, module.n);
	unsigned last = module_section;
	if (p->version) {
		struct bytes info = bytes_new(&b);
		memcpy(info.at, "\xff Go buildinf:\x08\2", 16);
		info.n = 32;
		const char *mark = "0123456789abcdef";
		uint64_t size = strlen(p->version);
		info.at[info.n++] = (uint8_t)size;
		memcpy(info.at + info.n, p->version, size);
		info.n += size;
		uint64_t text = p->modules ? strlen(p->modules) + 32 : 0;
		for (uint64_t left = text;; left >>= 7) {
			info.at[info.n++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
			if (left <= 0x7f)
				break;
		}
		if (text) {
			memcpy(info.at + info.n, mark, 16);
			memcpy(info.at + info.n + 16, p->modules, text - 32);
			memcpy(info.at + info.n + text - 16, mark, 16);
			info.n += text;
		}
		b.end = align_up(b.end, 16);
		last = elf_builder_section(&b, ".go.buildinfo", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE,
					   info.at, info.n);
		free(info.at);
	}
	elf_builder_segment_over(&b, PT_LOAD, PF_R, 0, table_section);
	elf_builder_segment_over(&b, PT_LOAD, PF_R | PF_W, module_section, last);
	b.no_section_headers = p->no_section_headers;

	p->table_at = b.sections[table_section].shdr.sh_offset;
	p->table_size = table.n;
	p->names_at = p->table_at + part;
	p->pc_values_at = p->table_at + 4 * part;
	p->functions_at = p->table_at + 5 * part;
	p->trees_at = b.sections[trees_section].shdr.sh_offset;
	p->trees_size = trees.n;
	uint8_t *file = elf_builder_build(&b, ret_size);
	elf_builder_free(&b);
	struct bytes *all[] = {
		&names, &trees, &values, &files, &units, &functions, &table, &module
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(all[i]->at);
	free(name_at);
	free(tree_at);
	free(function_at);
	return file;
}
