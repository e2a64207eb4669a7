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
	uint64_t info_section;
	uint64_t n_units;
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
	free(dirs->items);
	*dirs = (struct compilation_dirs){ 0 };
}

static int keep(struct finding *finding, uint64_t section, uint64_t offset, struct error *err)
{
	struct compilation_dirs *found = &finding->found;
	if (found->n == finding->room) {
		size_t room = finding->room ? 2 * finding->room : 64;
		struct compilation_dir *items =
			reallocarray(found->items, room, sizeof(*items));
		if (!items)
			return error_no_memory(err);
		found->items = items;
		finding->room = room;
	}
	found->items[found->n++] = (struct compilation_dir){ section, offset };
	return 0;
}

/* Does @name lie in @size bytes at @bytes? Pointers into different sections cannot be subtracted. */
static bool lies_in(const char *name, const uint8_t *bytes, uint64_t size, uint64_t *ret_offset)
{
	uintptr_t at = (uintptr_t)name, from = (uintptr_t)bytes;
	*ret_offset = at - from;
	return bytes && at >= from && at - from < size;
}

/* Units share few of them: two, where DWARF 4 and 5 are mixed. */
static bool is_known(const struct finding *finding, uint64_t section, uint64_t offset)
{
	for (size_t i = 0; i < finding->found.n; i++)
		if (finding->found.items[i].section == section &&
		    finding->found.items[i].offset == offset)
			return true;
	return false;
}

static int keep_shared(struct finding *finding, const char *name, struct error *err)
{
	const struct dwarf_section *strings[] = { &finding->data.line_str, &finding->data.str };
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		uint64_t offset;
		if (!lies_in(name, strings[i]->bytes, strings[i]->size, &offset) ||
		    (offset && strings[i]->bytes[offset - 1]))
			continue;
		const struct section *section =
			dwarf_find_section(finding->data.image, strings[i]->name);
		if (!section)
			continue;
		uint64_t index = (uint64_t)(section - finding->data.image->sections);
		return is_known(finding, index, offset) ? 0 : keep(finding, index, offset, err);
	}
	return 0;
}

static int visit(const struct unit_start *start, void *context, struct error *err)
{
	struct finding *finding = context;
	struct unit unit;
	bool fatal;
	finding->n_units++;
	int r = unit_read(&finding->units, start, &unit, &fatal, err);
	if (r < 0)
		return fatal ? r : 0;
	uint64_t offset;
	if (!unit.compilation_dir || strcmp(unit.compilation_dir, finding->dir) != 0)
		return !finding->found.n && finding->n_units >= COMPILATION_DIRS_LOOK ? -ECANCELED : 0;
	if (lies_in(unit.compilation_dir, start->bytes, start->size, &offset))
		return keep(finding, finding->info_section, start->offset + offset, err);
	return keep_shared(finding, unit.compilation_dir, err);
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
		finding.info_section = (uint64_t)(info - image->sections);
		uint64_t n_damaged = 0;
		int r = units_walk(image, info, unit_measure_start, visit, &finding, &n_damaged, err);
		if (r < 0 && r != -ECANCELED)
			return r;
	}
	*ret = finding.found;
	finding.found = (struct compilation_dirs){ 0 };
	return 0;
}
