/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/plan.h"
#include "split/sink.h"

/*
 * Symbol tables, and what counts on their numbers, when sections leave: only symbols that are
 * defined in a section that left go with it. In the usual case no symbol names a section that left
 * or moved, and everything here stays as it is, byte for byte.
 */

struct symbol_table {
	uint32_t index; /* of the SHT_SYMTAB */
	uint32_t extended; /* of its SHT_SYMTAB_SHNDX, 0: none */
	uint64_t n_symbols;
	uint64_t n_left;
	bool changes; /* a symbol leaves, or is defined in a section that gets another index */
	uint64_t *left; /* a bit for each symbol; NULL where none leaves */
	uint32_t *left_before; /* for each word of @left: bits in the words before it */
};

struct symbols {
	const struct plan *plan; /* outlives it */
	struct symbol_table *tables;
	size_t n_tables;
	uint64_t *
		sizes; /* of each section that is written anew; UINT64_MAX: as it is in the input */
};

/**
 * Errors: -EBADMSG a malformed table; -ENOTSUP something that stays needs a symbol that goes, or
 *counts symbols in a way we do not know
 */
must_check int symbols_plan(const struct plan *plan, struct symbols *ret, struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(symbols_free). */
void symbols_free(struct symbols *symbols);

/** Does any symbol table change? */
bool symbols_change(const struct symbols *symbols);

/** Is the section's content another one than in the input? */
bool symbols_rewrite(const struct symbols *symbols, uint64_t index, uint64_t *ret_size);

/** The new content of such a section. */
must_check int symbols_write(const struct symbols *symbols, uint64_t index, const struct sink *sink,
			     struct error *err);

/** sh_info of a section that stays. */
uint32_t symbols_info(const struct symbols *symbols, uint64_t index);
