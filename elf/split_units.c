/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/dwarf_names.h"
#include "elf/split_units.h"
#include "elf/units.h"

struct finding {
	struct dwarf_data data;
	struct unit_reader units;
	struct split_units found;
	size_t room;
	uint64_t path_bytes;
	bool too_many;
};

#define PATHS_LIMIT (UINT64_C(64) << 20) /* bytes */

static void finding_free(struct finding *finding)
{
	dwarf_data_close(&finding->data);
	split_units_free(&finding->found);
}

static void free_list(struct split_units *units)
{
	for (uint64_t i = 0; units->units && i < units->n_units; i++)
		free(units->units[i].path);
	free(units->units);
	units->units = NULL;
}

void split_units_free(struct split_units *units)
{
	free_list(units);
	free(units->first_path);
	*units = (struct split_units){ 0 };
}

/* Does any abbreviation speak of another file? Tables lie one behind the other, each ended by a 0. */
static bool may_have(const struct dwarf_section *abbrev)
{
	struct dwarf_cursor c = { .at = abbrev->bytes, .end = abbrev->bytes + abbrev->size };
	while (!c.failed && c.at < c.end) {
		if (dwarf_uleb(&c) == 0) /* code */
			continue;
		dwarf_uleb(&c); /* tag */
		dwarf_uint(&c, 1); /* has children */
		uint64_t name, form;
		do {
			name = dwarf_uleb(&c);
			form = dwarf_uleb(&c);
			if (form == FORM_implicit_const)
				dwarf_uleb(&c);
			if (name == AT_dwo_name || name == AT_GNU_dwo_name)
				return true;
		} while (!c.failed && (name || form));
	}
	return false;
}

static char *make_path(const struct unit *unit)
{
	const char *dir = unit->compilation_dir ? unit->compilation_dir : "";
	bool whole = unit->dwo_name[0] == '/' || !*dir;
	size_t size = strlen(dir) + strlen(unit->dwo_name) + 2;
	char *path = malloc(size);
	if (path)
		snprintf(path, size, "%s%s%s", whole ? "" : dir, whole ? "" : "/", unit->dwo_name);
	return path;
}

static int keep(struct finding *finding, const struct unit *unit, struct error *err)
{
	struct split_units *found = &finding->found;
	char *path = make_path(unit);
	if (!path)
		return error_no_memory(err);
	if (!found->first_path && !(found->first_path = strdup(path))) {
		free(path);
		return error_no_memory(err);
	}
	finding->path_bytes += strlen(path);
	if (finding->too_many || found->n_units == SPLIT_UNITS_LIMIT ||
	    finding->path_bytes > PATHS_LIMIT) {
		finding->too_many = true;
		free(path);
		free_list(found);
		found->n_units++;
		return 0;
	}
	if (found->n_units == finding->room) {
		size_t room = finding->room ? 2 * finding->room : 16;
		struct split_unit *units = reallocarray(found->units, room, sizeof(*units));
		if (!units) {
			free(path);
			return error_no_memory(err);
		}
		found->units = units;
		finding->room = room;
	}
	found->units[found->n_units++] = (struct split_unit){ unit->dwo_id, path };
	return 0;
}

static int visit(const struct unit_start *start, void *context, struct error *err)
{
	struct finding *finding = context;
	struct unit unit;
	bool fatal;
	finding->found.n_all++;
	int r = unit_read(&finding->units, start, &unit, &fatal, err);
	if (r < 0)
		return fatal ? r : 0;
	return unit.dwo_name && *unit.dwo_name ? keep(finding, &unit, err) : 0;
}

int split_units_find(const struct image *image, struct split_units *ret, struct error *err)
{
	int r;

	scoped(finding_free) struct finding finding = { 0 };
	dwarf_data_open(image, &finding.data);
	r = dwarf_section_load(&finding.data, &finding.data.abbrev, err);
	if (r < 0)
		return r;
	const struct section *info = dwarf_find_section(image, ".debug_info");
	if (info && may_have(&finding.data.abbrev)) {
		struct dwarf_relocations relocations;
		dwarf_relocations_find(image, info, &relocations);
		finding.units =
			(struct unit_reader){ .data = &finding.data, .relocations = &relocations };
		uint64_t n_damaged = 0;
		r = units_walk(image, info, unit_measure_start, visit, &finding, &n_damaged, err);
		if (r < 0)
			return r;
	}
	*ret = finding.found;
	finding.found = (struct split_units){ 0 };
	return 0;
}
