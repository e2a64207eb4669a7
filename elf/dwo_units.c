/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "elf/dwarf_names.h"
#include "elf/dwo_units.h"
#include "elf/units.h"

struct reading {
	struct dwarf_data data;
	struct unit_reader units;
	struct dwo_units found;
	size_t room;
	uint64_t section;
	bool types; /* the section is DWARF 4's of types */
};

static void reading_free(struct reading *reading)
{
	dwarf_data_close(&reading->data);
	dwo_units_free(&reading->found);
}

void dwo_units_free(struct dwo_units *units)
{
	free(units->units);
	*units = (struct dwo_units){ 0 };
}

static int keep(struct reading *reading, const struct dwo_unit *unit, struct error *err)
{
	struct dwo_units *found = &reading->found;
	if (found->n == DWO_UNITS_LIMIT)
		return error_set(err, -EFBIG, "more than %u units", DWO_UNITS_LIMIT);
	if (found->n == reading->room) {
		size_t room = reading->room ? 2 * reading->room : 16;
		struct dwo_unit *units = reallocarray(found->units, room, sizeof(*units));
		if (!units)
			return error_no_memory(err);
		found->units = units;
		reading->room = room;
	}
	found->units[found->n++] = *unit;
	return 0;
}

/* A unit's version, its type of DWARF 5 (0 before), and the ID that its header has (0: none). */
static bool read_header(const struct unit_start *start, unsigned *ret_version, unsigned *ret_type,
			uint64_t *ret_id, bool types)
{
	struct dwarf_cursor c = { .at = start->bytes,
				  .end = start->bytes + start->size,
				  .big_endian = start->big_endian };
	unsigned offset_size;
	dwarf_unit_length(&c, &offset_size);
	*ret_version = (unsigned)dwarf_uint(&c, 2);
	*ret_type = *ret_version == 5 ? (unsigned)dwarf_uint(&c, 1) : 0;
	dwarf_skip(&c, 4 + 1); /* offset of abbreviations, size of addresses */
	*ret_id = *ret_version == 5 || types ? dwarf_uint(&c, 8) : 0;
	return !c.failed && offset_size == 4;
}

static int visit(const struct unit_start *start, void *context, struct error *err)
{
	struct reading *reading = context;
	struct dwo_unit found = { .section = reading->section,
				  .offset = start->offset,
				  .size_bytes = start->unit_size };
	unsigned version, type;
	if (!read_header(start, &version, &type, &found.id, reading->types))
		return error_set(err, -ENOTSUP, "unit at 0x%" PRIx64 ": 64-bit DWARF, or malformed",
				 start->offset);
	if (version != 4 && version != 5)
		return error_set(err, -ENOTSUP, "unit at 0x%" PRIx64 ": DWARF %u", start->offset,
				 version);
	if (reading->found.version && reading->found.version != version)
		return error_set(err, -ENOTSUP, "units of DWARF 4 and of DWARF 5");
	reading->found.version = version;
	found.is_type = reading->types || type == UT_split_type;
	if (version == 5 && type != UT_split_type && type != UT_split_compile)
		return error_set(err, -EBADMSG, "unit at 0x%" PRIx64 ": no split unit (type %u)",
				 start->offset, type);
	if (version == 4 && !reading->types) {
		struct unit unit;
		bool fatal;
		int r = unit_read(&reading->units, start, &unit, &fatal, err);
		if (r < 0)
			return r;
		if (!unit.has_dwo_id)
			return error_set(err, -EBADMSG, "unit at 0x%" PRIx64 ": has no ID",
					 start->offset);
		found.id = unit.dwo_id;
	}
	return keep(reading, &found, err);
}

int dwo_units_read(const struct image *image, struct dwo_units *ret, struct error *err)
{
	int r;

	scoped(reading_free) struct reading reading = { 0 };
	dwarf_data_open(image, &reading.data);
	reading.data.abbrev.name = ".debug_abbrev.dwo";
	reading.units = (struct unit_reader){ .data = &reading.data };
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		reading.types = !strcmp(section->name, ".debug_types.dwo");
		if (!reading.types && strcmp(section->name, ".debug_info.dwo") != 0)
			continue;
		reading.section = i;
		uint64_t n_damaged = 0;
		r = units_walk(image, section, unit_measure_start, visit, &reading, &n_damaged,
			       err);
		if (r == 0 && n_damaged)
			r = error_set(err, -EBADMSG, "%s: malformed units", section->name);
		if (r < 0)
			return r;
	}
	if (!reading.found.n)
		return error_set(err, -EBADMSG, "no split units in it");
	*ret = reading.found;
	reading.found = (struct dwo_units){ 0 };
	return 0;
}
