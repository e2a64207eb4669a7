/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/*
 * Where the parts of Go's function table (.gopclntab) lie. For this folder alone; others call
 * elf/go_functions.h. Layouts: Go's debug/gosym, and runtime/symtab.go of each release.
 */

/** The releases whose layout a table has. */
enum go_table_format { GO_TABLE_1_2, GO_TABLE_1_16, GO_TABLE_1_18, GO_TABLE_1_20 };

struct go_span {
	const uint8_t *bytes;
	uint64_t size;
};

struct go_table {
	const struct image *image;
	enum go_table_format format;
	unsigned quantum; /* bytes of an instruction, in which program counters are counted */
	unsigned pointer_size; /* 4 or 8 */
	uint64_t address; /* of the table, as it is linked */
	uint64_t n_functions;
	/* Offsets in the table stand behind the parts they begin; each part is checked to lie in
	 * the file, and ends with the table where its own end is not known. */
	struct go_span whole;
	struct go_span names; /* strings, each with a NUL; 1.2: the whole */
	uint64_t names_offset; /* in the table */
	struct go_span units; /* of which file a number is, by compilation unit; none in 1.2 */
	struct go_span files; /* names; none in 1.2 */
	struct go_span pc_values; /* tables of values by program counter */
	struct go_span functions; /* the index of functions, and what is known of each */
};

/**
 * Find the table: by section name, else by its magic number in what is loaded.
 * Errors: -ENOENT none; -EBADMSG one whose header is damaged
 */
must_check int go_table_find(const struct image *image, struct go_table *ret, struct error *err);

uint32_t go_table_word(const struct go_table *table, const uint8_t *from);
uint64_t go_table_pointer(const struct go_table *table, const uint8_t *from);

/** What is known of function @i: from its entry on, to the end of the table; at least
 * go_table_function_size() bytes. Errors: -EBADMSG */
must_check int go_table_function(const struct go_table *table, uint64_t i, struct go_span *ret,
				 struct error *err);
/** Bytes of the fixed part. */
uint64_t go_table_function_size(const struct go_table *table);
/** Field @n, from 1: 1 the name, 5 files, 7 the number of PC-value tables, 8 the unit. */
uint32_t go_table_function_field(const struct go_table *table, const uint8_t *function, unsigned n);

/**
 * The string at @offset of the names. False: it does not begin or end there. From 1.16 on, the
 * names are packed, so each begins behind another's end.
 */
bool go_table_name(const struct go_table *table, uint64_t offset, struct go_span *ret);

/** What is loaded at @address, up to the end of its segment's bytes in the file. */
bool go_table_loaded(const struct image *image, uint64_t address, struct go_span *ret);

/**
 * What inline trees are counted from (go:func.*, the runtime's moduledata.gofunc), from 1.18 on:
 * from the runtime's module data, which every program has, else from the symbol table.
 * Errors: -ENOENT neither knows it
 */
must_check int go_table_find_base(const struct go_table *table, uint64_t *ret_address,
				  struct error *err);
