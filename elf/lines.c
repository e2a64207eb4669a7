/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "elf/dwarf_names.h"
#include "elf/lines.h"
#include "elf/source_names.h"

uint64_t lines_measure(const struct unit_start *start)
{
	struct dwarf_cursor c = { .at = start->bytes,
				  .end = start->bytes + start->size,
				  .start = start->bytes,
				  .big_endian = start->big_endian };
	unsigned offset_size;
	dwarf_unit_length(&c, &offset_size);
	uint64_t version = dwarf_uint(&c, 2);
	if (version == 5)
		dwarf_skip(&c, 2); /* sizes of address and segment selector */
	uint64_t header_length = dwarf_uint(&c, offset_size);
	uint64_t before = (uint64_t)(c.at - c.start);
	if (c.failed || version < 2 || version > 5 || header_length > LINES_HEADER_LIMIT)
		return 0;
	return before + header_length;
}

void lines_reader_free(struct lines_reader *reader)
{
	free(reader->dirs);
}

static int add_dir(struct lines_reader *reader, const char *dir, struct error *err)
{
	if (reader->n_dirs == reader->dirs_size) {
		size_t size = reader->dirs_size ? 2 * reader->dirs_size : 64;
		const char **grown = realloc(reader->dirs, size * sizeof(*grown));
		if (!grown)
			return error_no_memory(err);
		reader->dirs = grown;
		reader->dirs_size = size;
	}
	reader->dirs[reader->n_dirs++] = dir;
	return 0;
}

/* ---- DWARF 2 to 4: strings one after the other, an empty one at the end ---- */

static int read_old_tables(struct lines_reader *reader, struct dwarf_cursor *c, lines_visit visit,
			   void *context, struct error *err)
{
	int r = add_dir(reader, NULL, err); /* 0: the compilation's own */
	if (r < 0)
		return r;
	for (;;) {
		const char *dir = dwarf_cstring(c);
		if (!*dir)
			break;
		r = add_dir(reader, dir, err);
		if (r < 0)
			return r;
	}
	while (!c->failed) {
		struct lines_file file = { .name = dwarf_cstring(c) };
		if (!*file.name)
			return 0;
		uint64_t dir = dwarf_uleb(c);
		dwarf_uleb(c); /* time */
		dwarf_uleb(c); /* size */
		if (dir >= reader->n_dirs)
			c->failed = true;
		if (c->failed)
			return 0;
		file.dir = reader->dirs[dir];
		r = visit(&file, context, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- DWARF 5: tables that describe their own columns ---- */

struct column {
	uint64_t content, form;
};

struct format {
	unsigned n;
	struct column columns[255]; /* counted in one byte */
};

static void read_format(struct dwarf_cursor *c, struct format *ret)
{
	ret->n = (unsigned)dwarf_uint(c, 1);
	for (unsigned i = 0; i < ret->n; i++) {
		ret->columns[i].content = dwarf_uleb(c);
		ret->columns[i].form = dwarf_uleb(c);
	}
}

struct row {
	const char *path; /* NULL: not there, or not to be found */
	uint64_t dir;
	const uint8_t *md5;
};

static int read_string(struct lines_reader *reader, struct dwarf_cursor *c, uint64_t form,
		       unsigned offset_size, const char **ret, struct error *err)
{
	struct dwarf_section *section = NULL;
	if (form == FORM_string) {
		*ret = dwarf_cstring(c);
		return 0;
	}
	uint64_t offset = 0;
	switch (form) {
	case FORM_line_strp:
		section = &reader->data->line_str;
		offset = dwarf_offset(c, offset_size);
		break;
	case FORM_strp:
		section = &reader->data->str;
		offset = dwarf_offset(c, offset_size);
		break;
	case FORM_strp_sup: /* in another file */
	case FORM_GNU_strp_alt:
		dwarf_skip(c, offset_size);
		return 0;
	default: /* indexed strings have no base that is known here */
		c->failed = true;
		return 0;
	}
	int r = dwarf_section_load(reader->data, section, err);
	if (r < 0)
		return r;
	*ret = dwarf_section_string(section, offset, SOURCE_PATH_LIMIT);
	if (!*ret)
		c->failed = true;
	return 0;
}

static uint64_t read_number(struct dwarf_cursor *c, uint64_t form)
{
	switch (form) {
	case FORM_udata:
		return dwarf_uleb(c);
	case FORM_data1:
		return dwarf_uint(c, 1);
	case FORM_data2:
		return dwarf_uint(c, 2);
	case FORM_data4:
		return dwarf_uint(c, 4);
	case FORM_data8:
		return dwarf_uint(c, 8);
	default:
		c->failed = true;
		return 0;
	}
}

/* Pass over a column that is not of interest. */
static void skip_column(struct dwarf_cursor *c, uint64_t form, unsigned offset_size)
{
	switch (form) {
	case FORM_string:
		dwarf_cstring(c);
		break;
	case FORM_line_strp:
	case FORM_strp:
	case FORM_strp_sup:
	case FORM_GNU_strp_alt:
	case FORM_sec_offset:
		dwarf_skip(c, offset_size);
		break;
	case FORM_data16:
		dwarf_skip(c, 16);
		break;
	case FORM_block:
		dwarf_skip(c, dwarf_uleb(c));
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
	case FORM_strx3:
		dwarf_skip(c, 3);
		break;
	case FORM_flag:
	case FORM_strx1:
		dwarf_skip(c, 1);
		break;
	case FORM_strx2:
		dwarf_skip(c, 2);
		break;
	case FORM_strx4:
		dwarf_skip(c, 4);
		break;
	case FORM_strx:
	case FORM_sdata:
		dwarf_uleb(c);
		break;
	default:
		read_number(c, form);
	}
}

static int read_row(struct lines_reader *reader, struct dwarf_cursor *c,
		    const struct format *format, unsigned offset_size, struct row *ret,
		    struct error *err)
{
	*ret = (struct row){ 0 };
	const uint8_t *start = c->at;
	for (unsigned i = 0; i < format->n && !c->failed; i++) {
		const struct column *column = &format->columns[i];
		if (column->content == LNCT_path) {
			int r = read_string(reader, c, column->form, offset_size, &ret->path, err);
			if (r < 0)
				return r;
		} else if (column->content == LNCT_directory_index) {
			ret->dir = read_number(c, column->form);
		} else if (column->content == LNCT_MD5 && column->form == FORM_data16) {
			ret->md5 = c->at;
			dwarf_skip(c, 16);
		} else {
			skip_column(c, column->form, offset_size);
		}
	}
	if (c->at == start) /* rows of no bytes: their number says nothing */
		c->failed = true;
	return 0;
}

static int read_new_tables(struct lines_reader *reader, struct dwarf_cursor *c,
			   unsigned offset_size, lines_visit visit, void *context,
			   struct error *err)
{
	struct format format;
	struct row row;
	int r;

	read_format(c, &format);
	uint64_t n = dwarf_uleb(c);
	for (uint64_t i = 0; i < n && !c->failed; i++) {
		r = read_row(reader, c, &format, offset_size, &row, err);
		if (r == 0 && !c->failed)
			r = add_dir(reader, row.path, err);
		if (r < 0)
			return r;
	}
	read_format(c, &format);
	n = dwarf_uleb(c);
	for (uint64_t i = 0; i < n && !c->failed; i++) {
		r = read_row(reader, c, &format, offset_size, &row, err);
		if (r < 0)
			return r;
		if (c->failed)
			break;
		/* A folder that is not there tells nothing: without it, the file would get a wrong
		 * one. */
		if (!row.path ||
		    (*row.path != '/' && (row.dir >= reader->n_dirs || !reader->dirs[row.dir])))
			continue;
		struct lines_file file = {
			.name = row.path,
			.dir = row.dir < reader->n_dirs ? reader->dirs[row.dir] : NULL,
			.md5 = row.md5,
		};
		r = visit(&file, context, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int lines_read(struct lines_reader *reader, const struct unit_start *start, lines_visit visit,
	       void *context, bool *ret_whole, struct error *err)
{
	struct dwarf_cursor c = { .at = start->bytes,
				  .end = start->bytes + start->size,
				  .start = start->bytes,
				  .offset = start->offset,
				  .big_endian = start->big_endian,
				  .relocations = reader->relocations };
	unsigned offset_size;
	dwarf_unit_length(&c, &offset_size);
	unsigned version = (unsigned)dwarf_uint(&c, 2);
	if (version == 5)
		dwarf_skip(&c, 2); /* sizes of address and segment selector */
	dwarf_skip(&c, offset_size); /* header_length: the bytes end there */
	dwarf_skip(&c, version >= 4 ? 5 : 4); /* what the line program needs */
	uint64_t opcode_base = dwarf_uint(&c, 1);
	dwarf_skip(&c, opcode_base ? opcode_base - 1 : 0);
	reader->n_dirs = 0;
	int r = 0;
	if (!c.failed)
		r = version == 5 ? read_new_tables(reader, &c, offset_size, visit, context, err)
				 : read_old_tables(reader, &c, visit, context, err);
	*ret_whole = !c.failed;
	return r;
}
