/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "elf/symbols.h"

struct table {
	const struct image *image;
	const uint8_t *symbols;
	uint64_t n;
	const uint8_t *strings;
	uint64_t strings_size;
	bool dynamic;
};

static int visit_table(const struct table *table, symbol_visit visit, void *context)
{
	uint64_t size = image_type_size(table->image, ELF_T_SYM);
	/* Names end in the table where its last byte ends one. */
	bool ends = table->strings_size && !table->strings[table->strings_size - 1];
	for (uint64_t i = 1; i < table->n; i++) {
		struct symbol symbol = { .dynamic = table->dynamic };
		image_decode_sym(table->image, table->symbols + i * size, &symbol.sym);
		uint64_t at = symbol.sym.st_name;
		if (at >= table->strings_size)
			continue;
		symbol.name = (const char *)table->strings + at;
		if (!ends && !memchr(symbol.name, 0, (size_t)(table->strings_size - at)))
			continue;
		int r = visit(&symbol, context);
		if (r != 0)
			return r;
	}
	return 0;
}

int symbols_visit(const struct image *image, symbol_visit visit, void *context)
{
	for (uint64_t i = 0; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (section->shdr.sh_type != SHT_SYMTAB)
			continue;
		struct table table = { .image = image };
		uint64_t size;
		table.symbols = image_section_bytes(image, section, &size);
		table.n = size / image_type_size(image, ELF_T_SYM);
		table.strings = image_section_bytes(image, &image->sections[section->shdr.sh_link],
						    &table.strings_size);
		int r = visit_table(&table, visit, context);
		if (r != 0)
			return r;
	}
	return 0;
}

int dynamic_symbols_visit(const struct dynamic *dynamic, symbol_visit visit, void *context)
{
	const struct table table = { .image = dynamic->image,
				     .symbols = dynamic->symbols,
				     .n = dynamic->n_symbols,
				     .strings = dynamic->strings,
				     .strings_size = dynamic->strings_size,
				     .dynamic = true };
	return visit_table(&table, visit, context);
}
