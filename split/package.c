/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mapping.h"
#include "base/tmpfile.h"
#include "elf/content.h"
#include "elf/dwo_units.h"
#include "split/package.h"

#define STRING_OFFSETS_LIMIT (UINT64_C(256) << 20) /* bytes of one file's; they are held in memory */

/* What an index has a column for: its number in version 2, of DWARF 4, and in version 5. 0: none. */
enum column { INFO, TYPES, ABBREV, LINE, LOC, LOCLISTS, STR_OFFSETS, MACRO, RNGLISTS, N_COLUMNS };
static const struct {
	const char *name;
	unsigned id4, id5;
} columns[N_COLUMNS] = {
	[INFO] = { ".debug_info.dwo", 1, 1 },
	[TYPES] = { ".debug_types.dwo", 2, 0 },
	[ABBREV] = { ".debug_abbrev.dwo", 3, 3 },
	[LINE] = { ".debug_line.dwo", 4, 4 },
	[LOC] = { ".debug_loc.dwo", 5, 0 },
	[LOCLISTS] = { ".debug_loclists.dwo", 0, 5 },
	[STR_OFFSETS] = { ".debug_str_offsets.dwo", 6, 6 },
	[MACRO] = { ".debug_macro.dwo", 0, 7 }, /* DWARF 4's has offsets of strings in it */
	[RNGLISTS] = { ".debug_rnglists.dwo", 0, 8 },
};
#define STRINGS ".debug_str.dwo"

struct range {
	uint32_t offset, size;
};

/* A unit and what belongs to it. */
struct row {
	uint64_t id;
	struct range ranges[N_COLUMNS];
};

struct rows {
	struct row *items;
	size_t n, room;
	uint32_t *slots; /* numbers of items, from 1; 0: free */
	uint32_t n_slots; /* a power of 2 */
};

/* A section that grows, in an unnamed file. */
struct stream {
	int fd; /* -1: not yet */
	uint64_t size;
};

struct package {
	const struct image *image;
	int folder_fd; /* of temporary files */
	bool dwarf5;
	unsigned version; /* of DWARF; 0: not known yet */
	struct stream streams[N_COLUMNS + 1]; /* the last is of strings */
	struct rows units, types;
	uint64_t n_files;
};

static void package_close(struct package *p)
{
	for (size_t i = 0; i <= N_COLUMNS; i++)
		fd_close(&p->streams[i].fd);
	fd_close(&p->folder_fd);
	free(p->units.items);
	free(p->units.slots);
	free(p->types.items);
	free(p->types.slots);
}

static void free_bytes(uint8_t **bytes)
{
	free(*bytes);
}

static void rows_free(struct rows (*pair)[2])
{
	for (size_t i = 0; i < 2; i++) {
		free((*pair)[i].items);
		free((*pair)[i].slots);
	}
}

/* ---- rows, by ID ---- */

/* Where the ID is, or would be. As an index is searched: DWARF 5, 7.3.5.3. */
static uint32_t find_slot(const struct rows *rows, uint64_t id)
{
	uint32_t mask = rows->n_slots - 1, slot = (uint32_t)id & mask,
		 step = ((uint32_t)(id >> 32) & mask) | 1;
	while (rows->slots[slot] && rows->items[rows->slots[slot] - 1].id != id)
		slot = (slot + step) & mask;
	return slot;
}

static bool has_row(const struct rows *rows, uint64_t id)
{
	return rows->n_slots && rows->slots[find_slot(rows, id)];
}

/* Always more than 3/2 slots for each row. */
static int make_room(struct rows *rows, struct error *err)
{
	if (rows->n == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 8;
		struct row *items = reallocarray(rows->items, room, sizeof(*items));
		if (!items)
			return error_no_memory(err);
		rows->items = items;
		rows->room = room;
	}
	if (rows->n_slots && (rows->n + 1) * 3 / 2 < rows->n_slots)
		return 0;
	uint32_t n_slots = rows->n_slots ? 2 * rows->n_slots : 4;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return error_no_memory(err);
	free(rows->slots);
	rows->slots = slots;
	rows->n_slots = n_slots;
	for (size_t i = 0; i < rows->n; i++)
		slots[find_slot(rows, rows->items[i].id)] = (uint32_t)i + 1;
	return 0;
}

static int add_row(struct rows *rows, const struct row *row, struct error *err)
{
	int r = make_room(rows, err);
	if (r < 0)
		return r;
	uint32_t slot = find_slot(rows, row->id);
	rows->items[rows->n++] = *row;
	rows->slots[slot] = (uint32_t)rows->n;
	return 0;
}

/* ---- sections ---- */

static int append(struct package *p, size_t index, const uint8_t *bytes, uint64_t size,
		  struct error *err)
{
	struct stream *stream = &p->streams[index];
	if (stream->fd < 0) {
		scoped(tmpfile_discard) struct tmpfile file = TMPFILE_NONE;
		int r = tmpfile_create(p->folder_fd, &file, err);
		if (r < 0)
			return r;
		stream->fd = fcntl(file.fd, F_DUPFD_CLOEXEC, 0);
		if (stream->fd < 0)
			return error_errno(err, -errno, "a temporary file");
	}
	/* An index has 32 bits for offset and size. */
	if (size > UINT32_MAX - stream->size)
		return error_set(err, -EFBIG, "%s of all files: more than 4 GiB",
				 index < N_COLUMNS ? columns[index].name : STRINGS);
	stream->size += size;
	return file_write(stream->fd, bytes, size, "a temporary file", err);
}

struct appending {
	struct package *package;
	size_t index;
};

static int append_piece(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	const struct appending *a = context;
	return append(a->package, a->index, bytes, size, err);
}

/* All of a section, where the file has it. */
static int append_section(struct package *p, const struct image *dwo, size_t index,
			  struct range *ret, struct error *err)
{
	const struct section *section =
		image_find_section(dwo, index < N_COLUMNS ? columns[index].name : STRINGS);
	if (!section)
		return 0;
	struct content content;
	struct appending appending = { p, index };
	uint64_t before = p->streams[index].size;
	int r = content_open(dwo, section, &content, err);
	if (r == 0)
		r = content_decode(&content, append_piece, &appending, err);
	*ret = (struct range){ (uint32_t)before, (uint32_t)(p->streams[index].size - before) };
	return r;
}

static int move_offsets(const struct image *dwo, uint8_t *at, const uint8_t *end, uint32_t by,
			struct error *err)
{
	for (; end - at >= 4; at += 4) {
		uint32_t moved;
		if (__builtin_add_overflow(image_decode_word(dwo, at), by, &moved))
			return error_set(err, -EFBIG, "an offset of a string over 4 GiB");
		image_encode_word(dwo, moved, at);
	}
	return 0;
}

/* DWARF 5 has a header before each table: length, version, padding. */
static int move_tables(const struct image *dwo, uint8_t *bytes, uint64_t size, uint32_t by,
		       struct error *err)
{
	for (uint64_t at = 0; at < size;) {
		uint32_t length = size - at >= 8 ? image_decode_word(dwo, bytes + at) : 0;
		if (length < 4 || length > size - at - 4)
			return error_set(err, -EBADMSG, "%s: malformed header",
					 columns[STR_OFFSETS].name);
		int r = move_offsets(dwo, bytes + at + 8, bytes + at + 4 + length, by, err);
		if (r < 0)
			return r;
		at += 4 + (uint64_t)length;
	}
	return 0;
}

/* Offsets of strings, which lie behind those of the files before. */
static int append_string_offsets(struct package *p, const struct image *dwo, uint32_t by,
				 struct range *ret, struct error *err)
{
	int r;

	const struct section *section = image_find_section(dwo, columns[STR_OFFSETS].name);
	if (!section)
		return 0;
	struct content content;
	r = content_open(dwo, section, &content, err);
	if (r < 0)
		return r;
	if (content.size_bytes > STRING_OFFSETS_LIMIT)
		return error_set(err, -EFBIG, "%s: %" PRIu64 " bytes", section->name,
				 content.size_bytes);
	scoped(free_bytes) uint8_t *bytes = malloc(content.size_bytes + 1);
	if (!bytes)
		return error_no_memory(err);
	r = content_decode_into(&content, bytes, content.size_bytes, err);
	if (r == 0)
		r = p->version == 5 ? move_tables(dwo, bytes, content.size_bytes, by, err)
				    : move_offsets(dwo, bytes, bytes + content.size_bytes, by, err);
	if (r < 0)
		return r;
	*ret = (struct range){ (uint32_t)p->streams[STR_OFFSETS].size,
			       (uint32_t)content.size_bytes };
	return append(p, STR_OFFSETS, bytes, content.size_bytes, err);
}

/* ---- units ---- */

/* A section's units, of which those that are known already are left out. */
struct choosing {
	struct package *package;
	enum column column;
	const struct dwo_unit *next, *end;
	uint64_t at; /* in the section */
};

static bool is_known(const struct package *p, const struct dwo_unit *unit)
{
	return has_row(unit->is_type ? &p->types : &p->units, unit->id);
}

static int choose_piece(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	struct choosing *c = context;
	uint64_t end = c->at + size;
	while (c->next < c->end && c->next->offset < end) {
		uint64_t from = max_u64(c->next->offset, c->at);
		uint64_t unit_end = c->next->offset + c->next->size_bytes;
		uint64_t to = min_u64(unit_end, end);
		if (!is_known(c->package, c->next)) {
			int r = append(c->package, c->column, bytes + (from - c->at), to - from,
				       err);
			if (r < 0)
				return r;
		}
		if (unit_end > end)
			break;
		c->next++;
	}
	c->at = end;
	return 0;
}

/* The units of one section: their bytes, and where they lie. */
static int add_section_units(struct package *p, const struct image *dwo,
			     const struct dwo_unit *units, size_t n, const struct row *shared,
			     struct error *err)
{
	int r;

	const struct section *section = &dwo->sections[units[0].section];
	enum column column = strcmp(section->name, columns[TYPES].name) ? INFO : TYPES;
	uint64_t place = p->streams[column].size;
	struct content content;
	struct choosing choosing = { p, column, units, units + n, 0 };
	r = content_open(dwo, section, &content, err);
	if (r == 0)
		r = content_decode(&content, choose_piece, &choosing, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (is_known(p, &units[i])) {
			if (!units[i].is_type)
				return error_set(err, -EINVAL, "unit %016" PRIx64 " is there twice",
						 units[i].id);
			continue;
		}
		struct row row = *shared;
		row.id = units[i].id;
		row.ranges[column] =
			(struct range){ (uint32_t)place, (uint32_t)units[i].size_bytes };
		place += units[i].size_bytes;
		r = add_row(units[i].is_type ? &p->types : &p->units, &row, err);
	}
	return r;
}

static int add_units(struct package *p, const struct image *dwo, const struct dwo_units *units,
		     const struct row *shared, struct error *err)
{
	for (size_t i = 0; i < units->n;) {
		size_t n = 1;
		while (i + n < units->n && units->units[i + n].section == units->units[i].section)
			n++;
		int r = add_section_units(p, dwo, units->units + i, n, shared, err);
		if (r < 0)
			return r;
		i += n;
	}
	return 0;
}

/* The program's units that name one file. */
struct wanted {
	const struct split_unit *const *units; /* sorted by path */
	size_t n;
};

/* Each must be in it, and nothing twice: choose_piece() would keep both. */
static int check_ids(const struct wanted *wanted, const struct dwo_units *units, struct error *err)
{
	int r = 0;

	scoped(rows_free) struct rows seen[2] = { 0 }; /* units, types */
	for (size_t i = 0; i < units->n; i++) {
		struct rows *rows = &seen[units->units[i].is_type];
		const struct row row = { .id = units->units[i].id };
		r = has_row(rows, row.id)
			    ? error_set(err, -EBADMSG, "unit %016" PRIx64 " is there twice", row.id)
			    : add_row(rows, &row, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < wanted->n; i++)
		if (!has_row(&seen[0], wanted->units[i]->id))
			return error_set(err, -EINVAL,
					 "of another build: unit %016" PRIx64 " is not in it",
					 wanted->units[i]->id);
	return 0;
}

static unsigned column_id(const struct package *p, size_t i)
{
	return p->version == 5 ? columns[i].id5 : columns[i].id4;
}

/* What there is no column for would be lost. */
static int check_sections(const struct package *p, const struct image *dwo, struct error *err)
{
	static const char suffix[] = ".dwo";
	for (uint64_t i = 1; i < dwo->n_sections; i++) {
		const char *name = dwo->sections[i].name;
		size_t size = strlen(name), k = 0;
		bool is_split = size >= strlen(suffix) &&
				!strcmp(name + size - strlen(suffix), suffix);
		while (k < N_COLUMNS && (!column_id(p, k) || strcmp(columns[k].name, name) != 0))
			k++;
		if (is_split && k == N_COLUMNS && strcmp(name, STRINGS) != 0)
			return error_set(err, -ENOTSUP, "%s in DWARF %u", ESCAPED(name), p->version);
	}
	return 0;
}

static int add_content(struct package *p, const struct image *dwo, const struct dwo_units *units,
		       struct error *err)
{
	int r = 0;

	struct row shared = { 0 };
	uint32_t strings = (uint32_t)p->streams[N_COLUMNS].size;
	r = check_sections(p, dwo, err);
	for (size_t i = ABBREV; r == 0 && i < N_COLUMNS; i++) {
		if (!column_id(p, i))
			continue;
		r = i == STR_OFFSETS
			    ? append_string_offsets(p, dwo, strings, &shared.ranges[i], err)
			    : append_section(p, dwo, i, &shared.ranges[i], err);
	}
	struct range unused;
	if (r == 0)
		r = append_section(p, dwo, N_COLUMNS, &unused, err);
	return r == 0 ? add_units(p, dwo, units, &shared, err) : r;
}

static int add_file(struct package *p, const struct wanted *wanted, struct error *err)
{
	int r;

	const char *path = wanted->units[0]->path;
	scoped(fd_close) int fd = -1;
	scoped(mapping_closep) struct mapping *mapping = NULL;
	scoped(image_close) struct image dwo = { 0 };
	scoped(dwo_units_free) struct dwo_units units = { 0 };
	r = file_open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, &fd, err);
	if (r == 0)
		r = mapping_open(fd, path, &mapping, err);
	if (r < 0)
		return r;
	r = image_open(mapping_bytes(mapping), mapping_size(mapping), &dwo, err);
	if (r == 0 && (dwo.class != p->image->class || dwo.encoding != p->image->encoding ||
		       dwo.ehdr.e_machine != p->image->ehdr.e_machine))
		r = error_set(err, -EINVAL, "of another machine");
	if (r == 0)
		r = dwo_units_read(&dwo, &units, err);
	if (r == 0 && units.version == 5 && !p->dwarf5)
		r = error_set(
			err, -ENOTSUP,
			"DWARF 5, and gdb 13 ends with an internal error where that is packed: --dwp=yes packs it all the same, for lldb");
	if (r == 0 && p->version && p->version != units.version)
		r = error_set(err, -ENOTSUP, "DWARF %u, another one DWARF %u", units.version,
			      p->version);
	if (r == 0)
		r = check_ids(wanted, &units, err);
	if (r == 0) {
		p->version = units.version;
		p->n_files++;
		r = add_content(p, &dwo, &units, err);
	}
	if (r == 0)
		r = mapping_check(mapping, err);
	return r < 0 ? error_prefix(err, r, "%s", ESCAPED(path)) : 0;
}

/* ---- the file ---- */

static void put_word(const struct package *p, uint8_t **at, uint32_t word)
{
	image_encode_word(p->image, word, *at);
	*at += 4;
}

/* DWARF 5, 7.3.5.3; version 2 differs in the first four bytes. */
static uint8_t *make_index(const struct package *p, const struct rows *rows, uint64_t *ret_size)
{
	size_t used[N_COLUMNS], n_used = 0;
	for (size_t i = 0; i < N_COLUMNS; i++) {
		bool any = false;
		for (size_t k = 0; k < rows->n && !any; k++)
			any = rows->items[k].ranges[i].size > 0;
		if (any)
			used[n_used++] = i;
	}
	uint64_t size = 16 + 12 * (uint64_t)rows->n_slots + 4 * n_used * (1 + 2 * (uint64_t)rows->n);
	uint8_t *bytes = malloc(size), *at = bytes;
	if (!bytes)
		return NULL;
	/* Version 5 is two bytes, and two of padding. */
	put_word(p, &at,
		 p->version < 5				     ? 2
		 : p->image->encoding == ELFDATA2MSB ? 5u << 16
						     : 5);
	put_word(p, &at, (uint32_t)n_used);
	put_word(p, &at, (uint32_t)rows->n);
	put_word(p, &at, rows->n_slots);
	for (uint32_t i = 0; i < rows->n_slots; i++, at += 8)
		image_encode_xword(p->image,
				   rows->slots[i] ? rows->items[rows->slots[i] - 1].id : 0, at);
	for (uint32_t i = 0; i < rows->n_slots; i++)
		put_word(p, &at, rows->slots[i]);
	for (size_t i = 0; i < n_used; i++)
		put_word(p, &at, column_id(p, used[i]));
	for (size_t k = 0; k < rows->n; k++)
		for (size_t i = 0; i < n_used; i++)
			put_word(p, &at, rows->items[k].ranges[used[i]].offset);
	for (size_t k = 0; k < rows->n; k++)
		for (size_t i = 0; i < n_used; i++)
			put_word(p, &at, rows->items[k].ranges[used[i]].size);
	*ret_size = size;
	return bytes;
}

#define N_SECTIONS (N_COLUMNS + 5) /* null, columns, strings, two indexes, names */

struct writing {
	const struct package *package;
	int fd;
	uint64_t at;
	GElf_Shdr shdrs[N_SECTIONS];
	uint32_t n_shdrs;
	char names[512];
	uint32_t names_size;
};

static int put(struct writing *w, const uint8_t *bytes, uint64_t size, struct error *err)
{
	w->at += size;
	return file_write(w->fd, bytes, size, "the package", err);
}

static void put_header(struct writing *w, const char *name, uint64_t size)
{
	bool strings = !strcmp(name, STRINGS), names = !strcmp(name, ".shstrtab");
	w->shdrs[w->n_shdrs++] = (GElf_Shdr){
		.sh_name = w->names_size,
		.sh_type = names ? SHT_STRTAB : SHT_PROGBITS,
		.sh_flags = names     ? 0
			    : strings ? SHF_EXCLUDE | SHF_MERGE | SHF_STRINGS
				      : SHF_EXCLUDE,
		.sh_offset = w->at,
		.sh_size = size,
		.sh_addralign = 1,
		.sh_entsize = strings,
	};
	size_t length = strlen(name) + 1;
	memcpy(w->names + w->names_size, name, length);
	w->names_size += (uint32_t)length;
}

static int put_stream(struct writing *w, size_t index, struct error *err)
{
	const struct stream *stream = &w->package->streams[index];
	uint8_t piece[65536];
	if (!stream->size)
		return 0;
	put_header(w, index < N_COLUMNS ? columns[index].name : STRINGS, stream->size);
	for (uint64_t at = 0; at < stream->size;) {
		size_t n = (size_t)min_u64(sizeof(piece), stream->size - at);
		int r = file_pread(stream->fd, piece, n, at, "a temporary file", err);
		if (r == 0)
			r = put(w, piece, n, err);
		if (r < 0)
			return r;
		at += n;
	}
	return 0;
}

static int put_index(struct writing *w, const char *name, const struct rows *rows,
		     struct error *err)
{
	if (!rows->n)
		return 0;
	uint64_t size;
	scoped(free_bytes) uint8_t *bytes = make_index(w->package, rows, &size);
	if (!bytes)
		return error_no_memory(err);
	put_header(w, name, size);
	return put(w, bytes, size, err);
}

static int put_tables(struct writing *w, struct error *err)
{
	int r;

	const struct image *image = w->package->image;
	static const char names[] = ".shstrtab";
	put_header(w, names, w->names_size + sizeof(names));
	r = put(w, (const uint8_t *)w->names, w->names_size, err);
	static const uint8_t zeros[8];
	uint64_t table = align_up(w->at, 8);
	if (r == 0)
		r = put(w, zeros, table - w->at, err);
	for (uint32_t i = 0; r == 0 && i < w->n_shdrs; i++) {
		uint8_t encoded[sizeof(Elf64_Shdr)];
		image_encode_shdr(image, &w->shdrs[i], encoded);
		r = put(w, encoded, image_type_size(image, ELF_T_SHDR), err);
	}
	if (r < 0)
		return r;
	GElf_Ehdr ehdr = { .e_type = ET_REL,
			   .e_machine = image->ehdr.e_machine,
			   .e_version = EV_CURRENT,
			   .e_shoff = table,
			   .e_flags = image->ehdr.e_flags,
			   .e_ehsize = (GElf_Half)image_type_size(image, ELF_T_EHDR),
			   .e_shentsize = (GElf_Half)image_type_size(image, ELF_T_SHDR),
			   .e_shnum = (GElf_Half)w->n_shdrs,
			   .e_shstrndx = (GElf_Half)(w->n_shdrs - 1) };
	memcpy(ehdr.e_ident, image->ehdr.e_ident, EI_NIDENT);
	uint8_t encoded[sizeof(Elf64_Ehdr)];
	image_encode_ehdr(image, &ehdr, encoded);
	return file_pwrite(w->fd, encoded, ehdr.e_ehsize, 0, "the package", err);
}

static int write_all(const struct package *p, int fd, uint64_t *ret_size, struct error *err)
{
	int r;

	struct writing w = { .package = p, .fd = fd, .n_shdrs = 1, .names_size = 1 };
	static const uint8_t header[sizeof(Elf64_Ehdr)]; /* written at the end */
	r = put(&w, header, image_type_size(p->image, ELF_T_EHDR), err);
	for (size_t i = 0; r == 0 && i <= N_COLUMNS; i++)
		r = put_stream(&w, i, err);
	if (r == 0)
		r = put_index(&w, ".debug_cu_index", &p->units, err);
	if (r == 0)
		r = put_index(&w, ".debug_tu_index", &p->types, err);
	if (r == 0)
		r = put_tables(&w, err);
	*ret_size = w.at;
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	const struct split_unit *const *x = a, *const *y = b;
	return strcmp((*x)->path, (*y)->path);
}

static void free_order(const struct split_unit ***order)
{
	free(*order);
}

/* File by file, in the order of their paths: the package depends on nothing else. */
static int add_files(struct package *p, const struct split_units *units, struct error *err)
{
	scoped(free_order) const struct split_unit **order =
		calloc(units->n_units + 1, sizeof(*order));
	if (!order)
		return error_no_memory(err);
	for (size_t i = 0; i < units->n_units; i++)
		order[i] = &units->units[i];
	qsort(order, units->n_units, sizeof(*order), compare_paths);
	for (size_t i = 0; i < units->n_units;) {
		struct wanted wanted = { order + i, 1 };
		while (i + wanted.n < units->n_units &&
		       !strcmp(order[i + wanted.n]->path, order[i]->path))
			wanted.n++;
		int r = add_file(p, &wanted, err);
		if (r < 0)
			return r;
		i += wanted.n;
	}
	return 0;
}

int package_write(const struct image *image, const struct split_units *units, bool dwarf5, int fd,
		  struct package_result *ret, struct error *err)
{
	int r;

	scoped(package_close) struct package p = { .image = image,
							    .folder_fd = -1,
							    .dwarf5 = dwarf5 };
	for (size_t i = 0; i <= N_COLUMNS; i++)
		p.streams[i].fd = -1;
	if (!units->units)
		return error_set(err, -EFBIG, "more units than are packed");
	const char *folder = getenv("TMPDIR");
	r = file_open_at(AT_FDCWD, folder && *folder ? folder : "/tmp", O_RDONLY | O_DIRECTORY, 0,
			 &p.folder_fd, err);
	if (r == 0)
		r = add_files(&p, units, err);
	uint64_t size = 0;
	if (r == 0)
		r = write_all(&p, fd, &size, err);
	if (r < 0)
		return r;
	*ret = (struct package_result){ .n_files = p.n_files,
					.n_units = p.units.n,
					.n_types = p.types.n,
					.size_bytes = size };
	return 0;
}
