/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/compilation_dirs.h"
#include "elf/units.h"

struct finding {
	struct dwarf_data data;
	struct unit_reader units;
	const char *dir;
	struct compilation_dirs found;
	size_t room;
};

static void finding_free(struct finding *finding)
{
	dwarf_data_close(&finding->data);
	compilation_dirs_free(&finding->found);
}

void compilation_dirs_free(struct compilation_dirs *dirs)
{
	free(dirs->offsets);
	*dirs = (struct compilation_dirs){ 0 };
}

static int keep(struct finding *finding, uint64_t offset, struct error *err)
{
	struct compilation_dirs *found = &finding->found;
	if (found->n == finding->room) {
		size_t room = finding->room ? 2 * finding->room : 64;
		uint64_t *offsets = reallocarray(found->offsets, room, sizeof(*offsets));
		if (!offsets)
			return error_no_memory(err);
		found->offsets = offsets;
		finding->room = room;
	}
	found->offsets[found->n++] = offset;
	return 0;
}

static int visit(const struct unit_start *start, void *context, struct error *err)
{
	struct finding *finding = context;
	struct unit unit;
	bool fatal;
	int r = unit_read(&finding->units, start, &unit, &fatal, err);
	if (r < 0)
		return fatal ? r : 0;
	if (!unit.compilation_dir || strcmp(unit.compilation_dir, finding->dir) != 0)
		return 0;
	/* The string lies in the unit, or in a section of strings. */
	uintptr_t at = (uintptr_t)unit.compilation_dir, from = (uintptr_t)start->bytes;
	if (at < from || at - from >= start->size)
		return 0;
	return keep(finding, start->offset + (at - from), err);
}

int compilation_dirs_find(const struct image *image, const char *dir, struct compilation_dirs *ret,
			  struct error *err)
{
	scoped(finding_free) struct finding finding = { .dir = dir };
	dwarf_data_open(image, &finding.data);
	finding.units = (struct unit_reader){ .data = &finding.data };
	const struct section *info = dwarf_find_section(image, ".debug_info");
	if (info) {
		struct dwarf_relocations relocations;
		dwarf_relocations_find(image, info, &relocations);
		finding.units.relocations = &relocations;
		finding.found.section = (uint64_t)(info - image->sections);
		uint64_t n_damaged = 0;
		int r = units_walk(image, info, unit_measure_start, visit, &finding, &n_damaged, err);
		if (r < 0)
			return r;
	}
	*ret = finding.found;
	finding.found = (struct compilation_dirs){ 0 };
	return 0;
}
