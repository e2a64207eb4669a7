/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "elf/dwarf_names.h"
#include "elf/source_names.h"
#include "elf/units.h"

/* ---- walking ---- */

struct walk {
	const struct image *image;
	unit_measure measure;
	unit_visit visit;
	void *context;
	uint64_t section_size;
	uint64_t offset; /* of the unit that is being read */
	uint64_t skip; /* bytes of it that nobody wants */
	uint8_t *gathered; /* its start, where a piece's end cut it */
	size_t n_gathered, gathered_size;
	bool lost; /* what comes is no unit: its size is not known */
	uint64_t n_damaged;
};

static void walk_free(struct walk *w)
{
	free(w->gathered);
}

/* What to do with the bytes at hand: they are not enough, or they are, and then what follows is
 * passed over. */
struct step {
	uint64_t need; /* bytes to go on; as many as are there: all that was wanted */
	uint64_t unit_size;
	bool visit;
};

static struct step lose(struct walk *w)
{
	w->lost = true;
	w->n_damaged++;
	return (struct step){ 0 };
}

static struct step next_step(struct walk *w, const uint8_t *bytes, size_t size)
{
	uint64_t left = w->section_size - w->offset;
	if (left < 4) /* no unit; zeros that align the section's end, say */
		return (struct step){ .need = left, .unit_size = left };
	if (size < 4)
		return (struct step){ .need = 4 };

	struct dwarf_cursor c = { .at = bytes,
				  .end = bytes + size,
				  .big_endian = w->image->encoding == ELFDATA2MSB };
	unsigned offset_size;
	uint64_t length = dwarf_unit_length(&c, &offset_size);
	uint64_t field = offset_size == 4 ? 4 : 12;
	if (c.failed && offset_size == 8 && size < 12 && left >= 12)
		return (struct step){ .need = 12 };
	if (c.failed || length > left - field)
		return lose(w);
	uint64_t unit_size = field + length;
	if (length == 0) /* padding */
		return (struct step){ .need = field, .unit_size = unit_size };
	uint64_t measured = min_u64(unit_size, UNIT_MEASURE_SIZE);
	if (size < measured)
		return (struct step){ .need = measured };

	struct unit_start start = { bytes, (size_t)measured, w->offset, unit_size, c.big_endian };
	uint64_t wanted = w->measure(&start);
	if (wanted == 0 || wanted > unit_size) {
		w->n_damaged++;
		return (struct step){ .need = measured, .unit_size = unit_size };
	}
	return (struct step){ .need = max_u64(wanted, measured),
			      .unit_size = unit_size,
			      .visit = true };
}

static int gather(struct walk *w, const uint8_t **bytes, size_t *size, uint64_t need,
		  struct error *err)
{
	if (need > w->gathered_size) {
		uint8_t *grown = realloc(w->gathered, (size_t)need);
		if (!grown)
			return error_no_memory(err);
		w->gathered = grown;
		w->gathered_size = (size_t)need;
	}
	size_t n = (size_t)min_u64(need - w->n_gathered, *size);
	memcpy(w->gathered + w->n_gathered, *bytes, n);
	w->n_gathered += n;
	*bytes += n;
	*size -= n;
	return 0;
}

/* A content_sink. */
static int take_piece(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	struct walk *w = context;
	while (size && !w->lost) {
		if (w->skip) {
			size_t n = (size_t)min_u64(w->skip, size);
			w->skip -= n;
			bytes += n;
			size -= n;
			continue;
		}
		bool in_place = w->n_gathered == 0;
		const uint8_t *at = in_place ? bytes : w->gathered;
		size_t n_at = in_place ? size : w->n_gathered;
		struct step step = next_step(w, at, n_at);
		if (w->lost)
			break;
		if (step.need > n_at) {
			int r = gather(w, &bytes, &size, step.need, err);
			if (r < 0)
				return r;
			if (w->n_gathered < step.need)
				return 0; /* the piece is at its end */
			continue;
		}
		if (step.visit) {
			struct unit_start start = { at, (size_t)step.need, w->offset,
						    step.unit_size,
						    w->image->encoding == ELFDATA2MSB };
			int r = w->visit(&start, w->context, err);
			if (r < 0)
				return r;
		}
		if (in_place)
			w->skip = step.unit_size; /* from @bytes on */
		else
			w->skip = step.unit_size - w->n_gathered;
		w->n_gathered = 0;
		w->offset += step.unit_size;
	}
	return 0;
}

int units_walk(const struct image *image, const struct section *section, unit_measure measure,
	       unit_visit visit, void *context, uint64_t *ret_n_damaged, struct error *err)
{
	struct content content;
	int r = content_open(image, section, &content, err);
	if (r < 0)
		return r;
	scoped(walk_free) struct walk w = {
		.image = image,
		.measure = measure,
		.visit = visit,
		.context = context,
		.section_size = content.size_bytes,
	};
	r = content_decode(&content, take_piece, &w, err);
	*ret_n_damaged += w.n_damaged;
	return r;
}

/* ---- the first entry ---- */

struct header {
	unsigned version, offset_size, address_size;
	uint64_t abbrev_offset;
	bool has_dwo_id;
	uint64_t dwo_id;
};

static bool read_header(struct dwarf_cursor *c, struct header *ret)
{
	dwarf_unit_length(c, &ret->offset_size);
	ret->version = (unsigned)dwarf_uint(c, 2);
	if (ret->version < 2 || ret->version > 5)
		return false;
	if (ret->version < 5) {
		ret->abbrev_offset = dwarf_offset(c, ret->offset_size);
		ret->address_size = (unsigned)dwarf_uint(c, 1);
		return !c->failed;
	}
	unsigned type = (unsigned)dwarf_uint(c, 1);
	ret->address_size = (unsigned)dwarf_uint(c, 1);
	ret->abbrev_offset = dwarf_offset(c, ret->offset_size);
	if (type == UT_skeleton || type == UT_split_compile) {
		ret->has_dwo_id = true;
		ret->dwo_id = dwarf_uint(c, 8);
	} else if (type == UT_type || type == UT_split_type)
		dwarf_skip(c, 8 + ret->offset_size); /* signature, offset of the type */
	else if (type != UT_compile && type != UT_partial)
		return false;
	return !c->failed;
}

/* Find an abbreviation: @ret is at its attributes. */
static bool find_abbrev(struct unit_reader *reader, uint64_t table, uint64_t code,
			struct dwarf_cursor *ret)
{
	const struct dwarf_section *abbrev = &reader->data->abbrev;
	if (table >= abbrev->size || code == 0)
		return false;
	struct dwarf_cursor c = { .at = abbrev->bytes + table,
				  .end = abbrev->bytes + abbrev->size };
	if (reader->has_last && reader->last_table == table && reader->last_code == code) {
		c.at = abbrev->bytes + reader->last_at;
		*ret = c;
		return true;
	}
	while (!c.failed && reader->n_read < UNIT_ABBREV_LIMIT) {
		reader->n_read++;
		uint64_t found = dwarf_uleb(&c);
		dwarf_uleb(&c); /* tag */
		dwarf_uint(&c, 1); /* has children */
		if (c.failed || found == 0)
			return false;
		if (found == code) {
			reader->has_last = true;
			reader->last_table = table;
			reader->last_code = code;
			reader->last_at = (uint64_t)(c.at - abbrev->bytes);
			*ret = c;
			return true;
		}
		for (;;) {
			uint64_t name = dwarf_uleb(&c), form = dwarf_uleb(&c);
			if (form == FORM_implicit_const)
				dwarf_uleb(&c);
			if (c.failed || (name == 0 && form == 0))
				break;
			reader->n_read++;
		}
	}
	return false;
}

/* An attribute's value: a number, an offset or an index, or where it is a string in place, that. */
struct value {
	uint64_t form;
	uint64_t number;
	const char *string;
};

static struct value read_value(struct dwarf_cursor *c, const struct header *header, uint64_t form,
			       uint64_t implicit)
{
	struct value value = { .form = form };
	switch (form) {
	case FORM_flag_present:
		break;
	case FORM_implicit_const:
		value.number = implicit;
		break;
	case FORM_data1:
	case FORM_flag:
	case FORM_ref1:
	case FORM_strx1:
	case FORM_addrx1:
		value.number = dwarf_uint(c, 1);
		break;
	case FORM_data2:
	case FORM_ref2:
	case FORM_strx2:
	case FORM_addrx2:
		value.number = dwarf_uint(c, 2);
		break;
	case FORM_strx3:
	case FORM_addrx3:
		value.number = dwarf_uint(c, 3);
		break;
	case FORM_data4: /* also what DWARF 2 and 3 write an offset in, */
		value.number = dwarf_offset(c, 4);
		break;
	case FORM_ref4:
	case FORM_strx4:
	case FORM_addrx4:
	case FORM_ref_sup4:
		value.number = dwarf_uint(c, 4);
		break;
	case FORM_data8: /* in files of 64-bit DWARF */
		value.number = dwarf_offset(c, 8);
		break;
	case FORM_ref8:
	case FORM_ref_sig8:
	case FORM_ref_sup8:
		value.number = dwarf_uint(c, 8);
		break;
	case FORM_data16:
		dwarf_skip(c, 16);
		break;
	case FORM_udata:
	case FORM_ref_udata:
	case FORM_strx:
	case FORM_addrx:
	case FORM_loclistx:
	case FORM_rnglistx:
	case FORM_GNU_addr_index:
	case FORM_GNU_str_index:
	case FORM_sdata:
		value.number = dwarf_uleb(c);
		break;
	case FORM_string:
		value.string = dwarf_cstring(c);
		break;
	case FORM_strp:
	case FORM_line_strp:
	case FORM_sec_offset:
	case FORM_strp_sup:
	case FORM_GNU_strp_alt:
	case FORM_GNU_ref_alt:
		value.number = dwarf_offset(c, header->offset_size);
		break;
	case FORM_addr:
		dwarf_skip(c, header->address_size);
		break;
	case FORM_ref_addr:
		dwarf_skip(c, header->version == 2 ? header->address_size : header->offset_size);
		break;
	case FORM_block1:
		dwarf_skip(c, dwarf_uint(c, 1));
		break;
	case FORM_block2:
		dwarf_skip(c, dwarf_uint(c, 2));
		break;
	case FORM_block4:
		dwarf_skip(c, dwarf_uint(c, 4));
		break;
	case FORM_block:
	case FORM_exprloc:
		dwarf_skip(c, dwarf_uleb(c));
		break;
	default:
		c->failed = true;
	}
	return value;
}

static unsigned offset_width(const struct header *header, uint64_t form)
{
	return form == FORM_sec_offset ? header->offset_size
	       : form == FORM_data4    ? 4
	       : form == FORM_data8    ? 8
				       : 0;
}

/* An indexed string's offset in .debug_str. */
static int read_string_offset(struct unit_reader *reader, const struct header *header,
			      uint64_t base, uint64_t index, uint64_t *ret, struct error *err)
{
	struct dwarf_section *offsets = &reader->data->str_offsets;
	int r = dwarf_section_load(reader->data, offsets, err);
	if (r < 0)
		return r;
	uint64_t width = header->offset_size;
	if (base > offsets->size || index >= (offsets->size - base) / width)
		return error_set(err, -EBADMSG,
				 "string index %" PRIu64 " lies outside .debug_str_offsets", index);
	struct dwarf_cursor c = { .at = offsets->bytes + base + index * width,
				  .end = offsets->bytes + offsets->size,
				  .big_endian = reader->data->image->encoding == ELFDATA2MSB };
	*ret = dwarf_uint(&c, (unsigned)width);
	return 0;
}

/* @ret stays NULL where the string lies in a file that is not here, or outside its section. */
static int find_string(struct unit_reader *reader, const struct header *header,
		       const struct value *value, uint64_t base, const char **ret,
		       struct error *err)
{
	struct dwarf_section *section = &reader->data->str;
	uint64_t offset = value->number;
	int r;
	switch (value->form) {
	case FORM_string:
		*ret = value->string;
		return 0;
	case FORM_line_strp:
		section = &reader->data->line_str;
		break;
	case FORM_strp:
		break;
	case FORM_strx:
	case FORM_strx1:
	case FORM_strx2:
	case FORM_strx3:
	case FORM_strx4:
	case FORM_GNU_str_index:
		r = read_string_offset(reader, header, base, value->number, &offset, err);
		if (r == -EBADMSG && reader->data->str_offsets.loaded)
			return 0;
		if (r < 0)
			return r;
		break;
	default:
		return 0;
	}
	r = dwarf_section_load(reader->data, section, err);
	if (r < 0)
		return r;
	*ret = dwarf_section_string(section, offset, SOURCE_PATH_LIMIT);
	return 0;
}

uint64_t unit_measure_start(const struct unit_start *start)
{
	return min_u64(start->unit_size, UNIT_START_LIMIT);
}

int unit_read(struct unit_reader *reader, const struct unit_start *start, struct unit *ret,
	      bool *ret_fatal, struct error *err)
{
	*ret_fatal = true;
	int r = dwarf_section_load(reader->data, &reader->data->abbrev, err);
	if (r < 0)
		return r;
	*ret_fatal = false;

	struct dwarf_cursor c = { .at = start->bytes,
				  .end = start->bytes + start->size,
				  .start = start->bytes,
				  .offset = start->offset,
				  .big_endian = start->big_endian,
				  .relocations = reader->relocations };
	struct header header = { 0 };
	struct dwarf_cursor abbrev;
	if (!read_header(&c, &header))
		return error_set(err, -EBADMSG, "unit at 0x%" PRIx64 ": malformed header",
				 start->offset);
	uint64_t code = dwarf_uleb(&c);
	struct unit unit = { .has_dwo_id = header.has_dwo_id, .dwo_id = header.dwo_id };
	if (!c.failed && code == 0) { /* nothing in it */
		*ret = unit;
		return 0;
	}
	if (c.failed || !find_abbrev(reader, header.abbrev_offset, code, &abbrev))
		return error_set(err, -EBADMSG,
				 "unit at 0x%" PRIx64 ": its first entry has no abbreviation",
				 start->offset);

	/* Where strings are counted from, unless it is said: behind the header of
	 * .debug_str_offsets. */
	uint64_t base = header.version < 5 ? 0 : header.offset_size == 4 ? 8 : 16;
	struct value dir = { 0 }, dwo = { 0 };
	for (;;) {
		uint64_t name = dwarf_uleb(&abbrev), form = dwarf_uleb(&abbrev);
		uint64_t implicit = form == FORM_implicit_const ? dwarf_uleb(&abbrev) : 0;
		if (abbrev.failed || (name == 0 && form == 0))
			break;
		if (++reader->n_read > UNIT_ABBREV_LIMIT)
			return error_set(err, -EBADMSG,
					 "unit at 0x%" PRIx64 ": too many attributes before it",
					 start->offset);
		/* A form in place, of an attribute that has few reasons to be so; once is enough.
		 */
		if (form == FORM_indirect)
			form = dwarf_uleb(&c);
		const uint8_t *at = c.at;
		struct value value = read_value(&c, &header, form, implicit);
		if (c.failed)
			break;
		if (name == AT_stmt_list) {
			unit.has_lines = true;
			unit.lines_offset = value.number;
			unit.lines_at = at;
			unit.lines_width = offset_width(&header, form);
		} else if (name == AT_comp_dir) {
			dir = value;
		} else if (name == AT_dwo_name || name == AT_GNU_dwo_name) {
			dwo = value;
		} else if (name == AT_GNU_dwo_id) {
			unit.has_dwo_id = true;
			unit.dwo_id = value.number;
		} else if (name == AT_str_offsets_base) {
			base = value.number;
		}
	}
	if (abbrev.failed || c.failed)
		return error_set(err, -EBADMSG, "unit at 0x%" PRIx64 ": malformed first entry",
				 start->offset);
	r = find_string(reader, &header, &dir, base, &unit.compilation_dir, err);
	if (r == 0)
		r = find_string(reader, &header, &dwo, base, &unit.dwo_name, err);
	*ret_fatal = r < 0;
	if (r < 0)
		return r;
	*ret = unit;
	return 0;
}
