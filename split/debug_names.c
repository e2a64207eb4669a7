/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/go_info.h"
#include "split/debug_names.h"

#define TABLE_32_LIMIT (UINT32_MAX - (1u << 20)) /* where a 32-bit file's section headers may lie */

void debug_names_free(struct debug_names *names)
{
	line_dirs_free(&names->lines);
	compilation_dirs_free(&names->dirs);
	edits_free(&names->edits);
	*names = (struct debug_names){ 0 };
}

/* @ret_go: its names are Go's, and are left alone where it was not built with -trimpath. */
static int look_at_go(const struct image *image, bool *ret_go, bool *ret_trimmed, struct error *err)
{
	scoped(go_info_free) struct go_info info = { 0 };
	int r = go_info_read(image, &info, err);
	if (r == -ENOMEM)
		return r;
	*ret_go = r == 0;
	*ret_trimmed = r == 0 && strstr(info.module_text, "build\t-trimpath=true");
	return 0;
}

int debug_names_find(const struct image *image, struct debug_names *ret, struct error *err)
{
	bool is_go, trimmed;
	int r = look_at_go(image, &is_go, &trimmed, err);
	if (r < 0 || (is_go && !trimmed) || image_is_relocatable(image))
		return r;
	if (is_go)
		r = line_dirs_find(image, &ret->lines, err);
	const char dir[] = { DEBUG_NAMES_OLD, 0 };
	if (r != -ENOMEM && !ret->lines.growth_bytes)
		r = compilation_dirs_find(image, dir, &ret->dirs, err);
	return r == -ENOMEM ? r : 0; /* DWARF that cannot be read is left alone */
}

/* ---- of the image as it lies ---- */

static bool has_content(const struct debug_image *debug, uint64_t i)
{
	return debug->sections[i].has_bytes && debug_image_has_content(debug, i);
}

/* One that is carried as it came, compressed, has no bytes to change. */
static int place_dirs(struct debug_names *names, const struct debug_image *debug, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->dirs.n; i++) {
		const struct compilation_dir *dir = &names->dirs.items[i];
		if (!has_content(debug, dir->section))
			continue;
		const struct edit edit = {
			.at = debug->sections[dir->section].shdr.sh_offset + dir->offset,
			.n_old = 1,
			.n_new = 1,
			.bytes = { DEBUG_NAMES_NEW },
		};
		r = edits_add(&names->edits, &edit, err);
	}
	return r;
}

static int add_all(struct edits *edits, const struct edits *of_section, uint64_t from,
		   struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < of_section->n; i++) {
		struct edit edit = of_section->items[i];
		edit.at += from;
		r = edits_add(edits, &edit, err);
	}
	return r;
}

/* @size bytes that begin at @at, of which a few differ from @old. */
static int replace(struct edits *edits, uint64_t at, const uint8_t *old, const uint8_t *new,
		   size_t size, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < size; i += EDIT_BYTES) {
		size_t n = min_u64(EDIT_BYTES, size - i);
		struct edit edit = { .at = at + i, .n_old = (uint8_t)n, .n_new = (uint8_t)n };
		memcpy(edit.bytes, new + i, n);
		if (memcmp(old + i, new + i, n) != 0)
			r = edits_add(edits, &edit, err);
	}
	return r;
}

static bool moves(const struct debug_names *names, uint64_t i, uint64_t offset)
{
	return i != names->lines.lines_section && offset >= names->behind;
}

/* ELF header and section header table. */
static int place_tables(struct debug_names *names, const struct debug_image *debug,
			struct error *err)
{
	const struct image *image = debug->plan->image;
	uint64_t entry_size = image_type_size(image, ELF_T_SHDR);
	uint8_t bytes[sizeof(Elf64_Ehdr)];
	GElf_Ehdr ehdr = debug->ehdr;
	ehdr.e_shoff += names->shift;
	image_encode_ehdr(image, &ehdr, bytes);
	int r = replace(&names->edits, 0, debug->head, bytes, image_type_size(image, ELF_T_EHDR),
			err);
	for (uint64_t i = 1; r == 0 && i < image->n_sections; i++) {
		GElf_Shdr shdr = debug->sections[i].shdr;
		if (shdr.sh_type == SHT_NULL)
			continue;
		if (i == names->lines.lines_section)
			shdr.sh_size += names->lines.growth_bytes;
		else if (moves(names, i, shdr.sh_offset))
			shdr.sh_offset += names->shift;
		image_encode_shdr(image, &shdr, bytes);
		r = replace(&names->edits, debug->ehdr.e_shoff + i * entry_size,
			    debug->table + i * entry_size, bytes, entry_size, err);
	}
	return r;
}

/* So far that what moves keeps its alignment. */
static uint64_t find_shift(const struct debug_names *names, const struct debug_image *debug)
{
	uint64_t align = 16;
	for (size_t k = 0; k < debug->n_order; k++) {
		const GElf_Shdr *shdr = &debug->sections[debug->order[k]].shdr;
		bool counts = !(shdr->sh_addralign & (shdr->sh_addralign - 1)) &&
			      shdr->sh_addralign <= 4096;
		if (counts && moves(names, debug->order[k], shdr->sh_offset))
			align = max_u64(align, shdr->sh_addralign);
	}
	return align_up(names->lines.growth_bytes, align);
}

static int place_lines(struct debug_names *names, const struct debug_image *debug,
		       struct error *err)
{
	int r;

	const struct line_dirs *lines = &names->lines;
	if (!lines->growth_bytes || !has_content(debug, lines->lines_section) ||
	    !has_content(debug, lines->info_section))
		return 0;
	const GElf_Shdr *shdr = &debug->sections[lines->lines_section].shdr;
	names->behind = shdr->sh_offset + shdr->sh_size;
	names->shift = find_shift(names, debug);
	if (debug->plan->image->class == ELFCLASS32 &&
	    debug->ehdr.e_shoff + names->shift > TABLE_32_LIMIT) {
		names->shift = 0;
		return 0;
	}
	r = add_all(&names->edits, &lines->lines, shdr->sh_offset, err);
	if (r == 0)
		r = add_all(&names->edits, &lines->info,
			    debug->sections[lines->info_section].shdr.sh_offset, err);
	const struct edit padding = { .at = names->behind,
				      .n_zeros = (uint16_t)(names->shift - lines->growth_bytes) };
	if (r == 0 && padding.n_zeros)
		r = edits_add(&names->edits, &padding, err);
	return r == 0 ? place_tables(names, debug, err) : r;
}

int debug_names_place(struct debug_names *names, const struct debug_image *debug, struct error *err)
{
	edits_free(&names->edits);
	names->written = false;
	names->shift = 0;
	int r = place_lines(names, debug, err);
	if (r == 0)
		r = place_dirs(names, debug, err);
	edits_sort(&names->edits);
	return r;
}

void debug_names_move(const struct debug_names *names, struct object_layout *layout,
		      struct object_section *sections)
{
	if (!names->edits.n)
		return;
	layout->size_bytes += edits_growth(&names->edits);
	if (!names->shift)
		return;
	for (size_t i = 0; i < layout->n_sections; i++)
		if (moves(names, i + 1, sections[i].offset))
			sections[i].offset += names->shift;
	sections[names->lines.lines_section - 1].size_bytes += names->lines.growth_bytes;
	for (size_t i = 0; i < layout->n_tables; i++)
		if (layout->tables[i].offset >= names->behind)
			layout->tables[i].offset += names->shift;
}

/* ---- on the way ---- */

static int put(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	struct names_sink *s = context;
	digester_add(s->digester, bytes, size);
	return edits_pass(&s->pass, bytes, size, lent, err);
}

int names_sink_open(struct debug_names *names, const struct sink *to, struct names_sink *ret,
		    struct sink *ret_sink, struct error *err)
{
	struct names_sink s = { .names = names,
				.pass = { .edits = &names->edits,
					  .put = to->put,
					  .context = to->context } };
	int r = digester_new(&s.digester, err);
	if (r < 0)
		return r;
	*ret = s;
	*ret_sink = (struct sink){ .put = put, .context = ret };
	return 0;
}

int names_sink_finish(struct names_sink *s, struct error *err)
{
	int r = edits_pass_finish(&s->pass, err);
	s->names->original = digester_finish(s->digester);
	s->names->original_bytes = s->pass.at;
	s->names->written = r == 0;
	return r;
}

void names_sink_close(struct names_sink *s)
{
	digester_free(s->digester);
	edits_pass_close(&s->pass);
}
