/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/line_dirs.h"
#include "elf/lines.h"

#define EDITS_LIMIT 4000000u /* of one file: a program of 10,000 packages has a tenth */

/* Where a line table was, and how much all before it grow. */
struct moved {
	uint64_t offset, by;
};

struct finding {
	struct dwarf_data data;
	struct lines_reader lines;
	struct unit_reader units;
	struct line_dirs found;
	struct moved *tables;
	size_t n_tables, n_allocated;
	bool given_up;
};

static void finding_free(struct finding *finding)
{
	dwarf_data_close(&finding->data);
	lines_reader_free(&finding->lines);
	line_dirs_free(&finding->found);
	free(finding->tables);
}

void line_dirs_free(struct line_dirs *dirs)
{
	edits_free(&dirs->lines);
	edits_free(&dirs->info);
	*dirs = (struct line_dirs){ 0 };
}

static void put_number(uint8_t *ret, uint64_t number, unsigned width, bool big_endian)
{
	for (unsigned i = 0; i < width; i++)
		ret[big_endian ? width - 1 - i : i] = (uint8_t)(number >> (8 * i));
}

static int replace(struct edits *edits, uint64_t at, uint64_t number, unsigned width,
		   bool big_endian, struct error *err)
{
	struct edit edit = { .at = at, .n_old = (uint8_t)width, .n_new = (uint8_t)width };
	put_number(edit.bytes, number, width, big_endian);
	return edits_add(edits, &edit, err);
}

static int note_table(struct finding *finding, uint64_t offset, struct error *err)
{
	if (finding->n_tables == finding->n_allocated) {
		size_t n = finding->n_allocated ? 2 * finding->n_allocated : 64;
		struct moved *tables = reallocarray(finding->tables, n, sizeof(*tables));
		if (!tables)
			return error_no_memory(err);
		finding->tables = tables;
		finding->n_allocated = n;
	}
	finding->tables[finding->n_tables++] =
		(struct moved){ offset, finding->found.growth_bytes };
	return 0;
}

/* ---- .debug_line ---- */

static int pass_over(const struct lines_file *file, void *context, struct error *err)
{
	(void)file, (void)context, (void)err;
	return 0;
}

/* Two lengths count the folders: of the unit, and of its header. */
static int grow_lengths(struct finding *finding, const struct unit_start *start, uint64_t growth,
			struct error *err)
{
	struct dwarf_cursor c = { .at = start->bytes,
				  .end = start->bytes + start->size,
				  .start = start->bytes,
				  .big_endian = start->big_endian };
	struct edits *edits = &finding->found.lines;
	unsigned width;
	uint64_t unit_length = dwarf_unit_length(&c, &width);
	uint64_t length_at = (uint64_t)(c.at - c.start) - width;
	uint64_t version = dwarf_uint(&c, 2);
	if (version == 5)
		dwarf_skip(&c, 2); /* sizes of address and segment selector */
	uint64_t header_at = (uint64_t)(c.at - c.start);
	uint64_t header_length = dwarf_uint(&c, width);
	/* From there on, 32 bits mean something else. */
	if (c.failed || (width == 4 && unit_length + growth >= 0xfffffff0)) {
		finding->given_up = true;
		return 0;
	}
	int r = replace(edits, start->offset + length_at, unit_length + growth, width,
			start->big_endian, err);
	return r == 0 ? replace(edits, start->offset + header_at, header_length + growth, width,
				start->big_endian, err)
		      : r;
}

static bool is_relative(const char *dir)
{
	return *dir && *dir != '/' && strcmp(dir, ".") != 0;
}

static int visit_lines(const struct unit_start *start, void *context, struct error *err)
{
	struct finding *finding = context;
	int r;

	bool whole;
	r = note_table(finding, start->offset, err);
	if (r == 0)
		r = lines_read(&finding->lines, start, pass_over, NULL, &whole, err);
	if (r < 0)
		return r;
	finding->given_up |= !whole || finding->found.lines.n > EDITS_LIMIT;
	uint64_t growth = 0;
	for (size_t i = 0; i < finding->lines.n_dirs && !finding->given_up; i++) {
		const char *dir = finding->lines.dirs[i];
		if (!dir || !is_relative(dir))
			continue;
		uintptr_t at = (uintptr_t)dir, from = (uintptr_t)start->bytes;
		if (at < from || at - from >= start->size)
			continue; /* others may share it */
		const struct edit edit = {
			.at = start->offset + (at - from), .n_new = 1, .bytes = "/"
		};
		r = edits_add(&finding->found.lines, &edit, err);
		if (r < 0)
			return r;
		growth++;
	}
	if (growth && !finding->given_up)
		r = grow_lengths(finding, start, growth, err);
	finding->found.growth_bytes += growth;
	return r;
}

/* ---- .debug_info ---- */

static int compare_offsets(const void *key, const void *item)
{
	const uint64_t *offset = key;
	const struct moved *table = item;
	return *offset < table->offset ? -1 : *offset > table->offset;
}

static int visit_unit(const struct unit_start *start, void *context, struct error *err)
{
	struct finding *finding = context;
	struct unit unit;
	bool fatal;
	int r = unit_read(&finding->units, start, &unit, &fatal, err);
	if (r < 0 && fatal)
		return r;
	finding->given_up |= r < 0;
	if (r < 0 || !unit.has_lines)
		return 0;
	const struct moved *table =
		finding->n_tables ? bsearch(&unit.lines_offset, finding->tables, finding->n_tables,
					    sizeof(*table), compare_offsets)
				  : NULL;
	uint64_t moved = table ? unit.lines_offset + table->by : 0;
	if (!table || !unit.lines_width || (unit.lines_width == 4 && moved > UINT32_MAX)) {
		finding->given_up = true;
		return 0;
	}
	if (!table->by)
		return 0;
	uint64_t at = start->offset + (uint64_t)(unit.lines_at - start->bytes);
	return replace(&finding->found.info, at, moved, unit.lines_width, start->big_endian, err);
}

/* ---- both ---- */

static int find(const struct image *image, const struct section *lines, const struct section *info,
		struct finding *finding, struct error *err)
{
	int r;

	struct dwarf_relocations relocations;
	dwarf_relocations_find(image, info, &relocations);
	finding->found.lines_section = (uint64_t)(lines - image->sections);
	finding->found.info_section = (uint64_t)(info - image->sections);
	dwarf_data_open(image, &finding->data);
	finding->lines.data = finding->units.data = &finding->data;
	finding->units.relocations = &relocations;
	uint64_t n_damaged = 0;
	r = units_walk(image, lines, lines_measure, visit_lines, finding, &n_damaged, err);
	if (r == 0 && finding->found.growth_bytes && !finding->given_up && !n_damaged)
		r = units_walk(image, info, unit_measure_start, visit_unit, finding, &n_damaged,
			       err);
	finding->given_up |= n_damaged > 0 || !finding->found.growth_bytes;
	return r;
}

int line_dirs_find(const struct image *image, struct line_dirs *ret, struct error *err)
{
	scoped(finding_free) struct finding finding = { 0 };
	*ret = (struct line_dirs){ 0 };
	const struct section *lines = dwarf_find_section(image, ".debug_line");
	const struct section *info = dwarf_find_section(image, ".debug_info");
	if (!lines || !info || image_is_relocatable(image) ||
	    dwarf_find_section(image, ".debug_types") || dwarf_find_section(image, ".debug_macro"))
		return 0;
	int r = find(image, lines, info, &finding, err);
	if (r < 0 || finding.given_up)
		return r;
	edits_sort(&finding.found.lines);
	edits_sort(&finding.found.info);
	*ret = finding.found;
	finding.found = (struct line_dirs){ 0 };
	return 0;
}
