/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "split/stripped.h"

#define LINK_NAME ".gnu_debuglink"

void stripped_free(struct stripped *stripped)
{
	free(stripped->parts);
	free(stripped->shdrs);
	free(stripped->link);
	free(stripped->table);
	section_names_free(&stripped->names);
	*stripped = (struct stripped){ 0 };
}

/* ---- what lies behind the loadable bytes ---- */

enum range_kind {
	RANGE_GONE, /* a section that is taken, an old table: nothing is left of it */
	RANGE_KEPT, /* a section that stays, as it is */
	RANGE_NEW, /* a section that stays, with new content */
	RANGE_GAP, /* bytes that nothing accounts for */
};

struct range {
	uint64_t offset; /* in the input */
	uint64_t end;
	enum range_kind kind;
	uint32_t section;
};

struct ranges {
	struct range *items;
	size_t n, n_allocated;
};

static int ranges_add(struct ranges *ranges, const struct range *range, struct error *err)
{
	if (ranges->n == ranges->n_allocated) {
		size_t n = ranges->n_allocated ? 2 * ranges->n_allocated : 64;
		struct range *items = reallocarray(ranges->items, n, sizeof(*items));
		if (!items)
			return error_no_memory(err);
		ranges->items = items;
		ranges->n_allocated = n;
	}
	ranges->items[ranges->n++] = *range;
	return 0;
}

static void ranges_free(struct ranges *ranges)
{
	free(ranges->items);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return x->section < y->section ? -1 : x->section > y->section;
}

static bool is_names(const struct stripped *s, uint64_t i)
{
	return i == s->plan->image->names_index && s->names.bytes;
}

/* Does section @i get another place? Where it is loaded, or lies among what is, its bytes stay. */
static bool is_movable(const struct stripped *s, uint64_t i, enum range_kind *ret_kind)
{
	const struct image *image = s->plan->image;
	const GElf_Shdr *shdr = &image->sections[i].shdr;
	if (shdr->sh_type == SHT_NULL ||
	    (shdr->sh_flags & SHF_ALLOC && !image_is_relocatable(image)))
		return false;
	uint64_t size;
	if (s->plan->sections[i].fate == FATE_TAKE || is_names(s, i))
		*ret_kind = RANGE_GONE;
	else if (symbols_rewrite(s->symbols, i, &size))
		*ret_kind = RANGE_NEW;
	else
		*ret_kind = RANGE_KEPT;
	if (*ret_kind == RANGE_NEW)
		return true;
	uint64_t bytes = shdr->sh_type == SHT_NOBITS ? 0 : shdr->sh_size;
	return shdr->sh_offset + bytes > s->fixed_end ||
	       (!bytes && shdr->sh_offset == s->fixed_end);
}

/* Where the bytes end that keep their places. */
static uint64_t find_fixed_end(const struct stripped *s)
{
	const struct image *image = s->plan->image;
	if (!image_is_relocatable(image))
		return image->loadable_end;
	uint64_t header_size = image_type_size(image, ELF_T_EHDR);
	uint64_t end = max_u64(image->ehdr.e_shoff, header_size);
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const GElf_Shdr *shdr = &image->sections[i].shdr;
		uint64_t size;
		if (shdr->sh_type == SHT_NULL || shdr->sh_type == SHT_NOBITS || !shdr->sh_size)
			continue;
		if (s->plan->sections[i].fate == FATE_TAKE || is_names(s, i) ||
		    symbols_rewrite(s->symbols, i, &size))
			end = min_u64(end, max_u64(shdr->sh_offset, header_size));
	}
	return end;
}

static int find_sections(const struct stripped *s, struct ranges *ranges, struct error *err)
{
	int r;

	const struct image *image = s->plan->image;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const GElf_Shdr *shdr = &image->sections[i].shdr;
		struct range range = { .section = (uint32_t)i };
		if (!is_movable(s, i, &range.kind))
			continue;
		/* What has no bytes may claim any offset. */
		bool empty = shdr->sh_type == SHT_NOBITS || shdr->sh_size == 0;
		range.offset = empty ? min_u64(shdr->sh_offset, image->end) : shdr->sh_offset;
		range.end = range.offset + (empty ? 0 : shdr->sh_size);
		r = ranges_add(ranges, &range, err);
		if (r < 0)
			return r;
	}
	struct range table = { .offset = image->ehdr.e_shoff, .kind = RANGE_GONE };
	table.end = table.offset + (image->n_sections - image->n_added) *
					   image_type_size(image, ELF_T_SHDR);
	return ranges_add(ranges, &table, err);
}

static bool all_zeros(const uint8_t *bytes, uint64_t size)
{
	return size == 0 || (bytes[0] == 0 && !memcmp(bytes, bytes + 1, (size_t)size - 1));
}

/* Bytes that are no padding are somebody's, though we do not know whose: they stay too. */
static int find_gaps(const struct stripped *s, struct ranges *ranges, struct error *err)
{
	int r;

	const struct image *image = s->plan->image;
	uint64_t at = s->fixed_end;
	size_t n = ranges->n;
	for (size_t i = 0; i <= n; i++) {
		uint64_t next = i < n ? ranges->items[i].offset : image->end;
		if (next > at && !all_zeros(image->bytes + at, next - at)) {
			struct range gap = { .offset = at, .end = next, .kind = RANGE_GAP };
			r = ranges_add(ranges, &gap, err);
			if (r < 0)
				return r;
		}
		if (i < n)
			at = max_u64(at, ranges->items[i].end);
	}
	return 0;
}

static void drop_gone(struct ranges *ranges)
{
	size_t n = 0;
	for (size_t i = 0; i < ranges->n; i++)
		if (ranges->items[i].kind != RANGE_GONE)
			ranges->items[n++] = ranges->items[i];
	ranges->n = n;
}

/* ---- layout ---- */

static void add_part(struct stripped *s, uint64_t offset, uint64_t size, const uint8_t *bytes,
		     uint32_t section)
{
	if (size)
		s->parts[s->n_parts++] = (struct stripped_part){ offset, size, bytes, section };
	s->size_bytes = max_u64(s->size_bytes, offset + size);
}

/*
 * The next place that is as far from a multiple of @align as the old one was. Moving up by whole
 * multiples keeps every alignment there was and never grows a file; where the old place cannot be
 * reached so, a modest alignment must do.
 */
static uint64_t next_place(uint64_t at, uint64_t old, uint64_t align)
{
	if (align < 2 || (align & (align - 1)))
		return at;
	uint64_t place = at + ((old - at) & (align - 1));
	if (place > old && place - at > 4096)
		return align_up(at, 16);
	return place;
}

static void place_new(struct stripped *s, const struct range *range)
{
	const GElf_Shdr *old = &s->plan->image->sections[range->section].shdr;
	GElf_Shdr *shdr = &s->shdrs[s->plan->sections[range->section].stripped_index];
	shdr->sh_offset = next_place(s->size_bytes, old->sh_offset, old->sh_addralign);
	add_part(s, shdr->sh_offset, shdr->sh_size, NULL, range->section);
}

/* Kept sections that overlap move as one. @ret_n: how many ranges from the first on are placed. */
static void place_kept(struct stripped *s, const struct range *first, size_t n_left, size_t *ret_n)
{
	const struct image *image = s->plan->image;
	uint64_t end = first->end, align = 1;
	size_t n = 0;
	for (; n < n_left && (n == 0 || first[n].offset < end); n++) {
		const struct range *range = &first[n];
		if (range->kind == RANGE_NEW)
			continue;
		end = max_u64(end, range->end);
		if (range->kind == RANGE_KEPT)
			align = max_u64(align, image->sections[range->section].shdr.sh_addralign);
	}
	uint64_t place = next_place(s->size_bytes, first->offset, align);
	add_part(s, place, end - first->offset, image->bytes + first->offset, 0);
	for (size_t k = 0; k < n; k++)
		if (first[k].kind == RANGE_KEPT)
			s->shdrs[s->plan->sections[first[k].section].stripped_index].sh_offset =
				place + first[k].offset - first->offset;
	for (size_t k = 0; k < n; k++)
		if (first[k].kind == RANGE_NEW)
			place_new(s, &first[k]);
	*ret_n = n;
}

/* The header of each section that stays, as far as it does not depend on places. */
static int start_headers(struct stripped *s, bool with_link, struct error *err)
{
	const struct plan *plan = s->plan;
	const struct image *image = plan->image;
	s->n_shdrs = plan->n_kept + with_link;
	s->shdrs = calloc(s->n_shdrs, sizeof(*s->shdrs));
	if (!s->shdrs)
		return error_no_memory(err);
	s->shdrs[0] = image->sections[0].shdr;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		if (plan->sections[i].fate == FATE_TAKE)
			continue;
		GElf_Shdr *shdr = &s->shdrs[plan->sections[i].stripped_index];
		*shdr = image->sections[i].shdr;
		shdr->sh_name = s->names.offsets[i];
		shdr->sh_link = plan_map_index(plan, shdr->sh_link);
		shdr->sh_info = symbols_info(s->symbols, i);
		uint64_t size;
		if (symbols_rewrite(s->symbols, i, &size))
			shdr->sh_size = size;
	}
	return 0;
}

static int place_sections(struct stripped *s, struct error *err)
{
	int r;

	const struct image *image = s->plan->image;
	s->fixed_end = find_fixed_end(s);
	scoped(ranges_free) struct ranges ranges = { 0 };
	r = find_sections(s, &ranges, err);
	if (r < 0)
		return r;
	qsort(ranges.items, ranges.n, sizeof(*ranges.items), compare_ranges);
	r = find_gaps(s, &ranges, err);
	if (r < 0)
		return r;
	drop_gone(&ranges);
	qsort(ranges.items, ranges.n, sizeof(*ranges.items), compare_ranges);

	/* Header, loadable bytes, link, names, table and tail come on top. */
	s->parts = calloc(ranges.n + 6, sizeof(*s->parts));
	if (!s->parts)
		return error_no_memory(err);
	uint64_t header_size = image_type_size(image, ELF_T_EHDR);
	add_part(s, 0, header_size, s->header, 0);
	add_part(s, header_size, s->fixed_end - header_size, image->bytes + header_size, 0);

	for (size_t i = 0; i < ranges.n;) {
		size_t n = 1;
		if (ranges.items[i].kind == RANGE_NEW)
			place_new(s, &ranges.items[i]);
		else
			place_kept(s, &ranges.items[i], ranges.n - i, &n);
		i += n;
	}
	return 0;
}

static int place_link(struct stripped *s, const struct debuglink *link, struct error *err)
{
	/* Name, NUL, padding to 4 bytes, CRC: as gdb documents it ("Separate Debug Files"). */
	uint64_t crc_at = align_up(strlen(link->name) + 1, 4);
	s->link = calloc(1, crc_at + 4);
	if (!s->link)
		return error_no_memory(err);
	memcpy(s->link, link->name, strlen(link->name));
	image_encode_word(s->plan->image, link->crc, s->link + crc_at);

	s->link_section = s->n_shdrs - 1;
	GElf_Shdr *shdr = &s->shdrs[s->link_section];
	*shdr = (GElf_Shdr){ .sh_name = s->names.extra,
			     .sh_type = SHT_PROGBITS,
			     .sh_addralign = 4 };
	shdr->sh_offset = align_up(s->size_bytes, 4);
	shdr->sh_size = crc_at + 4;
	add_part(s, shdr->sh_offset, shdr->sh_size, s->link, 0);
	return 0;
}

static void place_names(struct stripped *s)
{
	const struct image *image = s->plan->image;
	if (!image->names_index)
		return;
	GElf_Shdr *shdr = &s->shdrs[s->plan->sections[image->names_index].stripped_index];
	if (s->names.bytes) {
		shdr->sh_offset = s->size_bytes;
		shdr->sh_size = s->names.size_bytes;
		add_part(s, shdr->sh_offset, shdr->sh_size, s->names.bytes, 0);
	}
	s->names_offset = shdr->sh_offset;
}

/* Counts that 16 bits do not hold are in section header 0: gABI, e_shnum and e_shstrndx. */
static void set_counts(struct stripped *s)
{
	const struct image *image = s->plan->image;
	bool many = s->n_shdrs >= SHN_LORESERVE;
	s->ehdr.e_shnum = many ? 0 : (GElf_Half)s->n_shdrs;
	s->shdrs[0].sh_size = many ? s->n_shdrs : 0;

	uint32_t names =
		image->names_index ? s->plan->sections[image->names_index].stripped_index : 0;
	bool far = names >= SHN_LORESERVE;
	s->ehdr.e_shstrndx = far ? SHN_XINDEX : (GElf_Half)names;
	s->shdrs[0].sh_link = far ? names : 0;
}

/* .bss and the like may claim a place behind the end, now that the file is shorter; some refuse that. */
static void clamp_empty(struct stripped *s, uint64_t size)
{
	for (uint32_t i = 1; i < s->n_shdrs; i++)
		if (s->shdrs[i].sh_type == SHT_NOBITS && s->shdrs[i].sh_offset > size)
			s->shdrs[i].sh_offset = s->fixed_end;
}

static int place_table(struct stripped *s, struct error *err)
{
	const struct image *image = s->plan->image;
	uint64_t entry_size = image_type_size(image, ELF_T_SHDR);
	uint64_t size = s->n_shdrs * entry_size;
	s->ehdr = image->ehdr;
	s->ehdr.e_shoff = align_up(s->size_bytes, image->class == ELFCLASS64 ? 8 : 4);
	set_counts(s);
	s->table = malloc(size);
	if (!s->table)
		return error_no_memory(err);
	clamp_empty(s, s->ehdr.e_shoff + size + image->size_bytes - image->end);
	for (uint32_t i = 0; i < s->n_shdrs; i++)
		image_encode_shdr(image, &s->shdrs[i], s->table + i * entry_size);
	add_part(s, s->ehdr.e_shoff, size, s->table, 0);
	return 0;
}

/*
 * The header of the input with three fields of the new one: a translation there and back might not
 * keep what we do not know of.
 */
static void patch_header(struct stripped *s)
{
	const struct image *image = s->plan->image;
	uint8_t encoded[sizeof(s->header)];
	image_encode_ehdr(image, &s->ehdr, encoded);
	memcpy(s->header, image->bytes, image_type_size(image, ELF_T_EHDR));

#define PATCH(class, field)                                                          \
	memcpy(s->header + offsetof(class, field), encoded + offsetof(class, field), \
	       sizeof(((class *)NULL)->field))
	if (image->class == ELFCLASS64) {
		PATCH(Elf64_Ehdr, e_shoff);
		PATCH(Elf64_Ehdr, e_shnum);
		PATCH(Elf64_Ehdr, e_shstrndx);
	} else {
		PATCH(Elf32_Ehdr, e_shoff);
		PATCH(Elf32_Ehdr, e_shnum);
		PATCH(Elf32_Ehdr, e_shstrndx);
	}
#undef PATCH
}

int stripped_plan(const struct plan *plan, const struct symbols *symbols,
		  const struct debuglink *link, struct stripped *ret, struct error *err)
{
	int r;

	const struct image *image = plan->image;
	assert(image->n_sections > 0);
	struct stripped *s = ret; /* parts point into it, so it is made where it stays */
	*s = (struct stripped){ .plan = plan, .symbols = symbols };
	r = section_names_of_kept(plan, link ? LINK_NAME : NULL, &s->names, err);
	if (r == 0)
		r = start_headers(s, link, err);
	if (r == 0)
		r = place_sections(s, err);
	if (r == 0 && link)
		r = place_link(s, link, err);
	if (r == 0) {
		place_names(s);
		r = place_table(s, err);
	}
	/* What was appended goes right behind: some find it by the end of the section header table.
	 */
	if (r == 0) {
		patch_header(s);
		add_part(s, s->size_bytes, image->size_bytes - image->end,
			 image->bytes + image->end, 0);
		if (image->class == ELFCLASS32 && s->size_bytes > UINT32_MAX)
			r = error_set(err, -EFBIG, "a 32-bit ELF file over 4 GiB");
	}
	if (r < 0)
		stripped_free(s);
	return r;
}

int stripped_write(const struct stripped *s, const struct sink *sink, struct error *err)
{
	int r;

	uint64_t at = 0;
	for (size_t i = 0; i < s->n_parts; i++) {
		const struct stripped_part *part = &s->parts[i];
		r = sink_pad(sink, part->offset - at, err);
		if (r < 0)
			return r;
		r = part->bytes ? sink_take(sink, part->bytes, part->size_bytes, true, err)
				: symbols_write(s->symbols, part->section, sink, err);
		if (r < 0)
			return r;
		at = part->offset + part->size_bytes;
	}
	return sink_pad(sink, s->size_bytes - at, err);
}

int stripped_layout(const struct stripped *s, struct object_layout *ret,
		    struct object_section **ret_sections, struct error *err)
{
	const struct image *image = s->plan->image;
	struct object_section *sections = calloc(s->n_shdrs, sizeof(*sections));
	if (!sections)
		return error_no_memory(err);
	for (uint64_t i = 0; i < image->n_sections; i++)
		if (s->plan->sections[i].fate != FATE_TAKE)
			sections[s->plan->sections[i].stripped_index].name =
				image->sections[i].name;
	if (s->link_section)
		sections[s->link_section].name = LINK_NAME;
	for (uint32_t i = 0; i < s->n_shdrs; i++) {
		sections[i].type = s->shdrs[i].sh_type;
		sections[i].flags = s->shdrs[i].sh_flags;
		sections[i].offset = s->shdrs[i].sh_offset;
		sections[i].size_bytes = s->shdrs[i].sh_size;
	}

	*ret = (struct object_layout){ .sections = sections + 1,
				       .n_sections = s->n_shdrs - 1,
				       .size_bytes = s->size_bytes };
	struct object_range *table = ret->tables;
	*table++ = (struct object_range){ 0, image_type_size(image, ELF_T_EHDR) };
	*table++ = (struct object_range){ s->ehdr.e_shoff,
					  s->n_shdrs * image_type_size(image, ELF_T_SHDR) };
	if (image->n_segments)
		*table++ = (struct object_range){
			s->ehdr.e_phoff, image->n_segments * image_type_size(image, ELF_T_PHDR)
		};
	if (s->names.size_bytes)
		*table++ = (struct object_range){ s->names_offset, s->names.size_bytes };
	ret->n_tables = (size_t)(table - ret->tables);
	*ret_sections = sections;
	return 0;
}
