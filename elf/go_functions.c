/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "elf/go_functions.h"
#include "elf/go_info.h"
#include "elf/go_table.h"

/* Fields of a function (runtime._func), as go_table_function_field() counts them. */
#define FIELD_NAME 1
#define FIELD_FILES 5
#define FIELD_N_PC_TABLES 7
#define FIELD_UNIT 8
#define PC_TABLE_INLINING 2 /* which inlined call each instruction is of */
#define DATA_INLINE_TREE 3
#define DATA_INLINE_TREE_1_2 4 /* Go 1.12 to 1.15 */
#define NO_DATA UINT32_MAX

/* An entry of a tree (runtime.inlinedCall): its size, and where the name's offset is. */
#define CALL_SIZE_1_20 16
#define CALL_NAME_1_20 4
#define CALL_SIZE_OLD 20
#define CALL_NAME_OLD 12

/* Work that a table may ask for, in bytes of PC values and entries of trees: real ones need less
 * than their own size, for the linker shares equal ones. */
#define WORK_LIMIT(table) ((256u << 20) + 16 * (table)->whole.size)

struct reading {
	struct go_table table;
	go_function_visit visit;
	void *context;
	struct go_functions *ret;
	uint8_t *
		seen; /* a bit for each byte of names: has the one that begins here been visited? */
	uint64_t work;
	bool has_base; /* trees can be found, at @base if they are counted from there */
	uint64_t base;
	unsigned tree_index;
};

static void buffer_free(uint8_t **buffer)
{
	free(*buffer);
}

/* The first reason is kept: what follows is often its consequence. */
static void is_not_whole(struct reading *r, const char *format, ...) printf_like(2, 3);
static void is_not_whole(struct reading *r, const char *format, ...)
{
	if (!r->ret->whole)
		return;
	r->ret->whole = false;
	va_list args;
	va_start(args, format);
	vsnprintf(r->ret->why, sizeof(r->ret->why), format, args);
	va_end(args);
}

/* ---- PC values ---- */

/* Encoding: 7 bits a byte, low ones first, the high bit says that more follow; 32 bits count. */
static bool take_varint(struct go_span *from, uint32_t *ret)
{
	uint32_t value = 0;
	for (unsigned shift = 0; shift < 35 && from->size; shift += 7) {
		uint8_t byte = *from->bytes++;
		from->size--;
		value |= shift < 32 ? (uint32_t)(byte & 0x7f) << shift : 0;
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* Values are written as differences: twice the number, or, below zero, twice its complement + 1. */
static int32_t add_difference(int32_t value, uint32_t coded)
{
	uint32_t difference = coded & 1 ? ~(coded >> 1) : coded >> 1;
	return (int32_t)((uint32_t)value + difference);
}

/* Steps are pairs of value and program counter, until a value does not change; it may on the
 * first. @first: only the value of the first step is asked for, else the highest. */
static bool walk_values(struct reading *r, uint32_t offset, bool first, int32_t *ret)
{
	struct go_span from = r->table.pc_values;
	if (offset >= from.size)
		return false;
	from.bytes += offset;
	from.size -= offset;
	int32_t value = -1, highest = -1;
	uint64_t size = from.size, pc = 0;
	for (;;) {
		uint32_t coded, step;
		if (!take_varint(&from, &coded))
			return false;
		if (!coded && pc)
			break;
		if (!take_varint(&from, &step))
			return false;
		value = add_difference(value, coded);
		highest = value > highest ? value : highest;
		pc += (uint64_t)step * r->table.quantum;
		if (first)
			break;
		/* A step of nothing: then the end would never be seen as such. */
		if (!coded && !step)
			return false;
	}
	r->work += size - from.size;
	*ret = highest;
	return true;
}

/* ---- one name ---- */

static bool mark(struct reading *r, uint64_t offset)
{
	uint8_t bit = (uint8_t)(1u << (offset & 7));
	if (r->seen[offset >> 3] & bit)
		return false;
	r->seen[offset >> 3] |= bit;
	return true;
}

/* Where a function begins, in source: the first of its files, where that is told. */
static void find_source(struct reading *r, struct go_span function, struct go_function *ret)
{
	const struct go_table *table = &r->table;
	int32_t number;
	if (table->format == GO_TABLE_1_2 ||
	    !walk_values(r, go_table_function_field(table, function.bytes, FIELD_FILES), true,
			 &number) ||
	    number < 0)
		return;
	ret->unit = go_table_function_field(table, function.bytes, FIELD_UNIT);
	if (!range_fits(ret->unit + (uint64_t)number, 1, table->units.size / 4))
		return;
	uint64_t at = go_table_word(table, table->units.bytes + (ret->unit + (uint64_t)number) * 4);
	if (at >= table->files.size)
		return;
	const uint8_t *name = table->files.bytes + at;
	const uint8_t *end = memchr(name, 0, (size_t)(table->files.size - at));
	if (!end)
		return;
	ret->file = (const char *)name;
	ret->file_size = (size_t)(end - name);
	uint64_t inlining = go_table_function_size(table) + 4 * PC_TABLE_INLINING;
	ret->has_inlined = go_table_function_field(table, function.bytes, FIELD_N_PC_TABLES) >
				   PC_TABLE_INLINING &&
			   range_fits(inlining, 4, function.size) &&
			   go_table_word(table, function.bytes + inlining) != 0;
}

/* @function: what the table has of it; nothing, where it has not. */
static int tell(struct reading *r, enum go_function_kind kind, struct go_span name,
		struct go_span function, struct error *err)
{
	uint64_t *counts[] = { &r->ret->n_functions, &r->ret->n_inlined, &r->ret->n_left };
	++*counts[kind];
	struct go_function told = {
		.kind = kind,
		.name = (const char *)name.bytes,
		.name_size = (size_t)name.size,
		.generated_colon = r->table.format >= GO_TABLE_1_20,
	};
	if (function.bytes)
		find_source(r, function, &told);
	int result = r->visit(&told, r->context, err);
	return result < 0 ? result : 0;
}

static int read_functions(struct reading *r, struct error *err)
{
	for (uint64_t i = 0; i < r->table.n_functions; i++) {
		struct go_span function, name;
		struct error why = ERROR_NONE;
		if (go_table_function(&r->table, i, &function, &why) < 0) {
			is_not_whole(r, "%s", why.message);
			continue;
		}
		uint32_t at = go_table_function_field(&r->table, function.bytes, FIELD_NAME);
		if (!go_table_name(&r->table, at, &name)) {
			is_not_whole(r, "Go function table: function %" PRIu64 " has no name", i);
			continue;
		}
		/* A second function of a name may have another file: one is enough to know it. */
		if (!mark(r, at))
			continue;
		int result = tell(r, GO_FUNCTION, name, function, err);
		if (result < 0)
			return result;
	}
	return 0;
}

/* ---- inline trees ---- */

/* Where the tree of @function is. 0: it has none; < 0: it is not to be found. */
static int find_tree(struct reading *r, struct go_span function, struct go_span *ret)
{
	const struct go_table *table = &r->table;
	uint64_t n_data = function.bytes[go_table_function_size(table) - 1];
	uint64_t at =
		go_table_function_size(table) +
		(uint64_t)go_table_function_field(table, function.bytes, FIELD_N_PC_TABLES) * 4;
	if (n_data <= r->tree_index)
		return 0;
	uint64_t width = table->format >= GO_TABLE_1_18 ? 4 : table->pointer_size;
	/* Addresses are aligned, in the memory that the table becomes. */
	if (width == 8)
		at += (uint64_t)(function.bytes + at - table->whole.bytes) & 4;
	at += r->tree_index * width;
	if (!range_fits(at, width, function.size))
		return -EBADMSG;
	uint64_t address;
	if (table->format >= GO_TABLE_1_18) {
		uint32_t offset = go_table_word(table, function.bytes + at);
		if (offset == NO_DATA)
			return 0;
		address = r->base + offset;
	} else {
		address = go_table_pointer(table, function.bytes + at);
		if (!address)
			return 0;
	}
	return go_table_loaded(table->image, address, ret) ? 1 : -EBADMSG;
}

static int read_tree(struct reading *r, uint64_t i, struct go_span function, struct error *err)
{
	const struct go_table *table = &r->table;
	uint32_t n_tables = go_table_function_field(table, function.bytes, FIELD_N_PC_TABLES);
	uint64_t fixed = go_table_function_size(table);
	if (n_tables <= PC_TABLE_INLINING)
		return 0;
	if (!range_fits(fixed, 4 * (PC_TABLE_INLINING + 1), function.size)) {
		is_not_whole(r, "Go function table: function %" PRIu64 " is cut", i);
		return 0;
	}
	int32_t highest;
	uint32_t offset = go_table_word(table, function.bytes + fixed + 4 * PC_TABLE_INLINING);
	if (!offset)
		return 0; /* no such table */
	if (!walk_values(r, offset, false, &highest)) {
		is_not_whole(r, "Go function table: PC values of function %" PRIu64 " are damaged",
			     i);
		return 0;
	}
	struct go_span tree;
	int found = highest < 0 ? 0 : find_tree(r, function, &tree);
	if (found == 0)
		return 0;
	bool is_new = table->format >= GO_TABLE_1_20;
	uint64_t size = is_new ? CALL_SIZE_1_20 : CALL_SIZE_OLD;
	uint64_t n = (uint64_t)highest + 1;
	if (found < 0 || n > tree.size / size) {
		is_not_whole(r, "the inline tree of function %" PRIu64 " is not in the file", i);
		return 0;
	}
	r->work += n;
	for (uint64_t call = 0; call < n && r->work <= WORK_LIMIT(table); call++) {
		const uint8_t *entry = tree.bytes + call * size;
		uint32_t at =
			go_table_word(table, entry + (is_new ? CALL_NAME_1_20 : CALL_NAME_OLD));
		struct go_span name;
		if (!go_table_name(table, at, &name)) {
			is_not_whole(r, "the inline tree of function %" PRIu64 " is damaged", i);
			return 0;
		}
		if (!mark(r, at))
			continue;
		int result = tell(r, GO_INLINED, name, (struct go_span){ 0 }, err);
		if (result < 0)
			return result;
	}
	return 0;
}

static int read_trees(struct reading *r, struct error *err)
{
	if (!r->has_base)
		return 0;
	for (uint64_t i = 0; i < r->table.n_functions; i++) {
		struct go_span function;
		if (go_table_function(&r->table, i, &function, NULL) < 0)
			continue; /* told already */
		int result = read_tree(r, i, function, err);
		if (result < 0)
			return result;
		if (r->work > WORK_LIMIT(&r->table)) {
			is_not_whole(r, "Go function table: its trees ask for too much work");
			return 0;
		}
	}
	return 0;
}

/* The names are packed, from 1.16 on; behind the last one may be zeros. */
static int read_left(struct reading *r, struct error *err)
{
	if (r->table.format == GO_TABLE_1_2)
		return 0;
	struct go_span name;
	for (uint64_t at = 0; go_table_name(&r->table, at, &name); at += name.size + 1) {
		if (!name.size || !mark(r, at))
			continue;
		int result = tell(r, GO_LEFT, name, (struct go_span){ 0 }, err);
		if (result < 0)
			return result;
	}
	return 0;
}

/* Go 1.11 and older, whose trees are others, say nothing of the build. */
static bool has_old_trees(const struct image *image)
{
	struct go_info info = { 0 };
	if (go_info_read(image, &info, NULL) < 0)
		return false;
	unsigned minor = 0;
	if (sscanf(info.version, "go1.%2u", &minor) != 1)
		minor = 0;
	go_info_free(&info);
	return minor >= 12;
}

static void find_base(struct reading *r)
{
	struct error why = ERROR_NONE;
	switch (r->table.format) {
	case GO_TABLE_1_2:
		r->tree_index = DATA_INLINE_TREE_1_2;
		r->has_base = has_old_trees(r->table.image);
		if (!r->has_base)
			is_not_whole(r, "inline trees: Go 1.11 or older, or of unknown version");
		break;
	case GO_TABLE_1_16:
		r->has_base = true;
		break;
	case GO_TABLE_1_18:
	case GO_TABLE_1_20:
		r->has_base = go_table_find_base(&r->table, &r->base, &why) == 0;
		if (!r->has_base)
			is_not_whole(r, "inline trees: %s", why.message);
		break;
	}
}

int go_functions_read(const struct image *image, go_function_visit visit, void *context,
		      struct go_functions *ret, struct error *err)
{
	static const char *const formats[] = { "1.2", "1.16", "1.18", "1.20" };
	struct go_functions functions = { .whole = true };
	struct reading reading = {
		.visit = visit,
		.context = context,
		.ret = &functions,
		.tree_index = DATA_INLINE_TREE,
	};
	int r = go_table_find(image, &reading.table, err);
	if (r < 0)
		return r;
	functions.format = formats[reading.table.format];
	scoped(buffer_free) uint8_t *seen = calloc(1, (size_t)(reading.table.names.size / 8 + 1));
	if (!seen)
		return error_no_memory(err);
	reading.seen = seen;
	if (!reading.table.n_functions)
		is_not_whole(&reading, "Go function table: it is empty");

	r = read_functions(&reading, err);
	if (r < 0)
		return r;
	find_base(&reading);
	r = read_trees(&reading, err);
	if (r < 0)
		return r;
	r = read_left(&reading, err);
	if (r < 0)
		return r;
	*ret = functions;
	return 0;
}
