/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/dynamic.h"

/* Symbols, one by one, with their names. A damaged one is passed over. */

struct symbol {
	const char *name; /* bytes of the file */
	GElf_Sym sym;
	bool dynamic; /* of the dynamic symbol table */
};

/** A result != 0 ends the visit with it. */
typedef int (*symbol_visit)(const struct symbol *symbol, void *context);

/** Those of each SHT_SYMTAB, but the null symbol. */
int symbols_visit(const struct image *image, symbol_visit visit, void *context);
/** Those that the dynamic linker sees. */
int dynamic_symbols_visit(const struct dynamic *dynamic, symbol_visit visit, void *context);
