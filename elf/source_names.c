/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "elf/lines.h"
#include "elf/source_names.h"

/*
 * How it goes: all line program headers once, in the order they lie in. Names that are absolute, or
 * whose folder is, are whole. Only if some are not, the units of .debug_info are walked for the
 * compilation folders of just these tables, and the tables are walked again. Both sections are
 * decoded in pieces and never held.
 *
 * Memory: a piece (content_decode()), one header of at most LINES_HEADER_LIMIT with its folders, 16
 * bytes for each table that lacks its folder, and the names. Sections that strings and
 * abbreviations are in are the file's own bytes, or decoded as dwarf_section_load() says.
 */

/* ---- the set of names ---- */

#define CHUNK_SIZE (256u << 10)
#define STRINGS_LIMIT (64u << 20) /* bytes of all names */

struct chunk {
	struct chunk *next;
	size_t used;
	char bytes[];
};

struct name_set {
	struct source_name *names;
	size_t n_names, names_size;
	uint32_t *slots; /* index of a name + 1, or 0; their number is a power of two */
	size_t n_slots;
	struct chunk *chunks;
	uint64_t n_bytes;
	uint64_t work, work_limit; /* bytes of paths put together: tables may name the same file
				      without end */
};

static void chunks_free(struct chunk *chunk)
{
	while (chunk) {
		struct chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
}

static void name_set_free(struct name_set *set)
{
	free(set->names);
	free(set->slots);
	chunks_free(set->chunks);
}

/* A copy that lives as long as the set. */
static const char *keep_string(struct name_set *set, const char *string, size_t size)
{
	if (!set->chunks || CHUNK_SIZE - set->chunks->used < size) {
		struct chunk *chunk = malloc(sizeof(*chunk) + CHUNK_SIZE);
		if (!chunk)
			return NULL;
		chunk->next = set->chunks;
		chunk->used = 0;
		set->chunks = chunk;
	}
	char *copy = set->chunks->bytes + set->chunks->used;
	memcpy(copy, string, size);
	set->chunks->used += size;
	return copy;
}

/* Names come from a file that may be hostile, so where they land must not be foreseen. */
static uint64_t hash_string(const char *string, size_t size)
{
	/* Whichever thread is first, all come to the same value; none sees half of it. */
	static _Atomic(uint64_t) shared;
	uint64_t seed = shared;
	if (!seed) {
		const void *random =
			(const void *)getauxval(AT_RANDOM); /* NOLINT: 16 bytes, getauxval(3) */
		if (random)
			memcpy(&seed, random, sizeof(seed));
		seed |= 1;
		shared = seed;
	}
	uint64_t hash = seed;
	for (size_t at = 0; at < size; at += 8) {
		uint64_t word = 0;
		memcpy(&word, string + at, min_u64(size - at, 8));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	hash *= UINT64_C(0xbf58476d1ce4e5b9);
	return hash ^ hash >> 32;
}

static int grow_slots(struct name_set *set, struct error *err)
{
	size_t n_slots = set->n_slots ? 2 * set->n_slots : 1024;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return error_no_memory(err);
	for (size_t i = 0; i < set->n_names; i++) {
		const char *path = set->names[i].path;
		size_t slot = hash_string(path, strlen(path)) & (n_slots - 1);
		while (slots[slot])
			slot = (slot + 1) & (n_slots - 1);
		slots[slot] = (uint32_t)(i + 1);
	}
	free(set->slots);
	set->slots = slots;
	set->n_slots = n_slots;
	return 0;
}

static int grow_names(struct name_set *set, struct error *err)
{
	size_t size = set->names_size ? 2 * set->names_size : 512;
	struct source_name *names = realloc(set->names, size * sizeof(*names));
	if (!names)
		return error_no_memory(err);
	set->names = names;
	set->names_size = size;
	return 0;
}

/* @path has @size bytes, and a NUL behind them. */
static int name_set_add(struct name_set *set, const char *path, size_t size, const uint8_t *md5,
			struct error *err)
{
	int r;

	if (set->work > set->work_limit)
		return error_set(
			err, -EFBIG,
			".debug_line: its tables name the same files too many times, over %" PRIu64
			" bytes",
			set->work_limit);
	if (2 * (set->n_names + 1) > set->n_slots) {
		r = grow_slots(set, err);
		if (r < 0)
			return r;
	}
	size_t slot = hash_string(path, size) & (set->n_slots - 1);
	for (; set->slots[slot]; slot = (slot + 1) & (set->n_slots - 1)) {
		struct source_name *name = &set->names[set->slots[slot] - 1];
		if (strcmp(name->path, path) != 0)
			continue;
		if (md5 && !name->has_md5) {
			name->has_md5 = true;
			memcpy(name->md5, md5, sizeof(name->md5));
		}
		return 0;
	}

	if (set->n_names >= SOURCE_NAMES_LIMIT || set->n_bytes + size + 1 > STRINGS_LIMIT)
		return error_set(err, -EFBIG,
				 ".debug_line: over %u source files, or %u bytes of their names",
				 SOURCE_NAMES_LIMIT, STRINGS_LIMIT);
	if (set->n_names == set->names_size) {
		r = grow_names(set, err);
		if (r < 0)
			return r;
	}
	struct source_name name = { .path = keep_string(set, path, size + 1),
				    .absolute = *path == '/' };
	if (!name.path)
		return error_no_memory(err);
	if (md5) {
		name.has_md5 = true;
		memcpy(name.md5, md5, sizeof(name.md5));
	}
	set->n_bytes += size + 1;
	set->names[set->n_names++] = name;
	set->slots[slot] = (uint32_t)set->n_names;
	return 0;
}

/* ---- reading ---- */

/* A line table whose names are relative to a folder that it does not hold. */
struct table {
	uint64_t offset;
	const char *compilation_dir; /* NULL until a unit tells; kept by the set */
};

struct reading {
	struct dwarf_data data;
	struct lines_reader lines;
	struct unit_reader units;
	struct name_set set;
	struct table *tables; /* in the order of their offsets */
	size_t n_tables, tables_size, n_without_dir;
	size_t current; /* second walk: index of the table that comes next */
	const char *current_dir;
	bool second; /* second walk: relative names alone, with the folder */
	bool relative; /* the table at hand has relative names */
	uint64_t n_damaged;
	char path[SOURCE_PATH_LIMIT];
};

static void reading_free(struct reading *reading)
{
	lines_reader_free(&reading->lines);
	name_set_free(&reading->set);
	free(reading->tables);
	dwarf_data_close(&reading->data);
}

/* "<built-in>", "<autogenerated>", and "<missing>_7", with which Go before 1.20 fills its table:
 * no file is meant. */
static bool is_pseudo(const char *name)
{
	size_t size = strlen(name);
	return size == 0 || !strcmp(name, "?") || (name[0] == '<' && name[size - 1] == '>') ||
	       !strncmp(name, "<missing>_", strlen("<missing>_"));
}

/* Put "@part/" behind what is there. False: it grows too long. */
static bool append(struct reading *reading, size_t *size, const char *part, bool folder)
{
	size_t n = strnlen(part, SOURCE_PATH_LIMIT);
	if (n + 2 > SOURCE_PATH_LIMIT - *size)
		return false;
	memcpy(reading->path + *size, part, n);
	*size += n;
	if (folder)
		reading->path[(*size)++] = '/';
	reading->path[*size] = 0;
	return true;
}

/* A lines_visit. */
static int take_file(const struct lines_file *file, void *context, struct error *err)
{
	struct reading *reading = context;
	reading->set.work += strlen(file->name);
	if (is_pseudo(file->name))
		return 0;
	const char *dir = *file->name == '/' ? NULL : file->dir;
	bool relative = *file->name != '/' && (!dir || *dir != '/');
	if (relative)
		reading->relative = true;
	if (relative != reading->second)
		return 0;
	size_t size = 0;
	if ((relative && reading->current_dir &&
	     !append(reading, &size, reading->current_dir, true)) ||
	    (dir && !append(reading, &size, dir, true)) ||
	    !append(reading, &size, file->name, false)) {
		reading->n_damaged++;
		return 0;
	}
	reading->set.work += size;
	return name_set_add(&reading->set, reading->path, size, file->md5, err);
}

/* A unit_visit: first walk over the line tables. */
static int take_lines(const struct unit_start *start, void *context, struct error *err)
{
	struct reading *reading = context;
	reading->relative = false;
	bool whole = true;
	int r = lines_read(&reading->lines, start, take_file, reading, &whole, err);
	if (r < 0)
		return r;
	if (!whole)
		reading->n_damaged++;
	if (!reading->relative)
		return 0;
	if (reading->n_tables >= SOURCE_NAMES_LIMIT)
		return error_set(err, -EFBIG, ".debug_line: over %u line tables",
				 SOURCE_NAMES_LIMIT);
	if (reading->n_tables == reading->tables_size) {
		size_t size = reading->tables_size ? 2 * reading->tables_size : 256;
		struct table *tables = realloc(reading->tables, size * sizeof(*tables));
		if (!tables)
			return error_no_memory(err);
		reading->tables = tables;
		reading->tables_size = size;
	}
	reading->tables[reading->n_tables++] = (struct table){ .offset = start->offset };
	return 0;
}

/* Second walk: the tables that were noted. */
static int take_relative_lines(const struct unit_start *start, void *context, struct error *err)
{
	struct reading *reading = context;
	if (reading->current == reading->n_tables ||
	    reading->tables[reading->current].offset != start->offset)
		return 0;
	reading->current_dir = reading->tables[reading->current++].compilation_dir;
	bool whole;
	return lines_read(&reading->lines, start, take_file, reading, &whole, err);
}

static struct table *find_table(struct reading *reading, uint64_t offset)
{
	size_t low = 0, high = reading->n_tables;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (reading->tables[middle].offset == offset)
			return &reading->tables[middle];
		if (reading->tables[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The folder of the last unit is mostly that of the next: one copy of it does. */
static int keep_dir(struct reading *reading, const char *dir, const char **ret, struct error *err)
{
	if (!reading->current_dir || strcmp(reading->current_dir, dir) != 0) {
		size_t size = strnlen(dir, SOURCE_PATH_LIMIT) + 1;
		reading->set.n_bytes += size;
		if (reading->set.n_bytes > STRINGS_LIMIT || size > SOURCE_PATH_LIMIT)
			return error_set(err, -EFBIG,
					 ".debug_info: over %u bytes of compilation folders",
					 STRINGS_LIMIT);
		reading->current_dir = keep_string(&reading->set, dir, size);
		if (!reading->current_dir)
			return error_no_memory(err);
	}
	*ret = reading->current_dir;
	return 0;
}

/* A unit_visit over .debug_info. */
static int take_unit(const struct unit_start *start, void *context, struct error *err)
{
	struct reading *reading = context;
	struct unit unit;
	bool fatal;
	int r = unit_read(&reading->units, start, &unit, &fatal, err);
	if (r < 0) {
		if (fatal)
			return r;
		reading->n_damaged++;
		return 0;
	}
	if (!unit.has_lines || !unit.compilation_dir)
		return 0;
	struct table *table = find_table(reading, unit.lines_offset);
	if (!table || table->compilation_dir)
		return 0;
	return keep_dir(reading, unit.compilation_dir, &table->compilation_dir, err);
}

/* The folders of the tables that lack them. Without .debug_info they stay unknown. */
static int read_units(struct reading *reading, const struct image *image, struct error *err)
{
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		uint64_t size;
		if (!section_is_debug(section) || !image_section_bytes(image, section, &size))
			continue;
		if (strcmp(section->name, ".debug_info") != 0 &&
		    strcmp(section->name, ".zdebug_info") != 0)
			continue;
		struct dwarf_relocations relocations;
		dwarf_relocations_find(image, section, &relocations);
		reading->units.relocations = &relocations;
		int r = units_walk(image, section, unit_measure_start, take_unit, reading,
				   &reading->n_damaged, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_names(const void *left, const void *right)
{
	const struct source_name *a = left, *b = right;
	return strcmp(a->path, b->path);
}

/* Real tables are some 20 times shorter than the paths they make; hostile ones thousands of times.
 */
#define WORK_RATIO 64
#define WORK_FLOOR (UINT64_C(256) << 20)

int source_names_read(const struct image *image, struct source_names *ret, struct error *err)
{
	int r;

	const struct section *section = dwarf_find_section(image, ".debug_line");
	if (!section)
		return error_set(err, -ENOENT, "no DWARF line tables");
	scoped(reading_free) struct reading reading = { 0 };
	dwarf_data_open(image, &reading.data);
	struct dwarf_relocations relocations;
	dwarf_relocations_find(image, section, &relocations);
	reading.lines = (struct lines_reader){ .data = &reading.data, .relocations = &relocations };
	reading.units = (struct unit_reader){ .data = &reading.data };
	struct content content;
	r = content_open(image, section, &content, err);
	if (r < 0)
		return r;
	reading.set.work_limit = WORK_FLOOR + WORK_RATIO * content.size_bytes;

	r = units_walk(image, section, lines_measure, take_lines, &reading, &reading.n_damaged,
		       err);
	if (r == 0 && reading.n_tables) {
		r = read_units(&reading, image, err);
		uint64_t counted_already = 0;
		reading.second = true;
		if (r == 0)
			r = units_walk(image, section, lines_measure, take_relative_lines, &reading,
				       &counted_already, err);
	}
	if (r < 0)
		return r;

	if (reading.set.n_names)
		qsort(reading.set.names, reading.set.n_names, sizeof(*reading.set.names),
		      compare_names);
	*ret = (struct source_names){
		.names = take(reading.set.names),
		.n_names = reading.set.n_names,
		.n_damaged_units = reading.n_damaged,
		.strings = take(reading.set.chunks),
	};
	return 0;
}

void source_names_free(struct source_names *names)
{
	free(names->names);
	chunks_free(names->strings);
	*names = (struct source_names){ 0 };
}
