/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/given_id.h"
#include "elf/notes.h"
#include "split/build_id_note.h"

#define NOTE_HEAD_SIZE 16 /* three words and "GNU" */
#define NOTE_SIZE (NOTE_HEAD_SIZE + GIVEN_ID_SIZE)
#define SEGMENT_LIMIT (64 * 1024) /* bytes of notes in a segment that we would widen */
#define SEGMENTS_LIMIT 16 /* segments of notes that are looked at: linkers make two or three */

struct span {
	uint64_t from, to; /* in the file */
};

static bool overlaps(const struct span *span, uint64_t offset, uint64_t size)
{
	return size && offset < span->to && (offset >= span->from || size > span->from - offset);
}

/* ---- PT_NOTE ---- */

/* Do the notes of @span end where it ends, and does one begin at @begin and describe @desc (each 0:
 * not asked)? */
static bool notes_chain(const struct image *image, const struct span *span, uint64_t begin,
			uint64_t desc)
{
	uint64_t at = span->from;
	struct note note;
	int r = 0;
	while (r == 0) {
		if (at == begin)
			begin = 0;
		r = note_next(image, &at, span->to, 4, &note, NULL);
		if (r == 0 && note.desc_offset == desc)
			desc = 0;
	}
	return r == -ENOENT && !begin && !desc;
}

/* Both are loaded together: what PT_NOTE says of addresses stays true. */
static bool is_loaded_with(const struct image *image, const struct span *span,
			   const GElf_Phdr *phdr)
{
	for (uint64_t i = 0; i < image->n_segments; i++) {
		const GElf_Phdr *load = &image->segments[i];
		if (load->p_type == PT_LOAD && span->from >= load->p_offset &&
		    range_fits(span->from - load->p_offset, span->to - span->from,
			       load->p_filesz) &&
		    load->p_vaddr - load->p_offset == phdr->p_vaddr - phdr->p_offset)
			return true;
	}
	return false;
}

/* Could this PT_NOTE cover @span too? */
static bool widen(const struct image *image, uint64_t i, const struct span *span, GElf_Phdr *ret)
{
	GElf_Phdr phdr = image->segments[i];
	if (phdr.p_type != PT_NOTE || !phdr.p_filesz || phdr.p_filesz != phdr.p_memsz ||
	    phdr.p_align > 4 || phdr.p_filesz > SEGMENT_LIMIT || phdr.p_offset % 4)
		return false;
	struct span wide = { min_u64(span->from, phdr.p_offset),
			     max_u64(span->to, phdr.p_offset + phdr.p_filesz) };
	if (wide.to - wide.from > SEGMENT_LIMIT || !is_loaded_with(image, &wide, &phdr))
		return false;
	uint64_t down = phdr.p_offset - wide.from;
	if (down > phdr.p_vaddr || down > phdr.p_paddr)
		return false;
	phdr.p_offset -= down;
	phdr.p_vaddr -= down;
	phdr.p_paddr -= down;
	phdr.p_filesz = phdr.p_memsz = wide.to - wide.from;
	*ret = phdr;
	return true;
}

static void add_patch(struct build_id_note *note, uint64_t offset, const uint8_t *bytes,
		      size_t size)
{
	struct byte_patch *patch = &note->patches[note->n_patches++];
	*patch = (struct byte_patch){ .offset = offset, .size = (uint32_t)size };
	memcpy(patch->bytes, bytes, size);
}

static void set_segment(const struct image *image, struct build_id_note *note, uint64_t i,
			const GElf_Phdr *phdr)
{
	uint64_t size = image_type_size(image, ELF_T_PHDR);
	uint8_t bytes[sizeof(Elf64_Phdr)];
	image_encode_phdr(image, phdr, bytes);
	add_patch(note, image->ehdr.e_phoff + i * size, bytes, size);
	note->widened = true;
	note->segment = i;
	note->phdr = *phdr;
}

static bool mend_hidden(const struct image *image, const struct build_id_place *place,
			struct build_id_note *note)
{
	if (place->desc_offset < NOTE_HEAD_SIZE)
		return false;
	const struct span span = { place->desc_offset - NOTE_HEAD_SIZE,
				   place->desc_offset + align_up(note->id.size, 4) };
	unsigned n_left = SEGMENTS_LIMIT;
	for (uint64_t i = 0; i < image->n_segments && n_left; i++) {
		GElf_Phdr phdr;
		n_left -= image->segments[i].p_type == PT_NOTE;
		if (!widen(image, i, &span, &phdr))
			continue;
		const struct span wide = { phdr.p_offset, phdr.p_offset + phdr.p_filesz };
		if (!notes_chain(image, &wide, image->segments[i].p_offset, place->desc_offset))
			continue;
		set_segment(image, note, i, &phdr);
		return true;
	}
	return false;
}

/* ---- room for a note ---- */

static bool is_free(const struct image *image, const struct span *span)
{
	if (overlaps(span, 0, image_type_size(image, ELF_T_EHDR)) ||
	    overlaps(span, image->ehdr.e_phoff,
		     image->n_segments * image_type_size(image, ELF_T_PHDR)) ||
	    overlaps(span, image->ehdr.e_shoff,
		     image->n_sections * image_type_size(image, ELF_T_SHDR)))
		return false;
	for (uint64_t at = span->from; at < span->to; at++)
		if (image->bytes[at])
			return false;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const GElf_Shdr *shdr = &image->sections[i].shdr;
		if (shdr->sh_type != SHT_NULL && shdr->sh_type != SHT_NOBITS &&
		    overlaps(span, shdr->sh_offset, shdr->sh_size))
			return false;
	}
	for (uint64_t i = 0; i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type != PT_LOAD && segment->p_type != PT_NULL &&
		    overlaps(span, segment->p_offset, segment->p_filesz))
			return false;
	}
	return true;
}

static void make_note(const struct image *image, struct build_id_note *note, uint64_t offset)
{
	uint8_t bytes[NOTE_SIZE];
	image_encode_word(image, sizeof(ELF_NOTE_GNU), bytes);
	image_encode_word(image, GIVEN_ID_SIZE, bytes + 4);
	image_encode_word(image, NT_GNU_BUILD_ID, bytes + 8);
	memcpy(bytes + 12, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU));
	memcpy(bytes + NOTE_HEAD_SIZE, note->id.bytes, GIVEN_ID_SIZE);
	add_patch(note, offset, bytes, sizeof(bytes));
	note->added = true;
	note->shdr = (GElf_Shdr){ .sh_type = SHT_NOTE,
				  .sh_flags = SHF_ALLOC,
				  .sh_addr = note->phdr.p_vaddr + (offset - note->phdr.p_offset),
				  .sh_offset = offset,
				  .sh_size = NOTE_SIZE,
				  .sh_addralign = 4 };
	/* A name table that is loaded has no room for its name. */
	note->with_section = image->names_index &&
			     !(image->sections[image->names_index].shdr.sh_flags & SHF_ALLOC);
}

/* Right before the notes there are, or right behind. */
static bool add_note(const struct image *image, struct build_id_note *note)
{
	unsigned n_left = SEGMENTS_LIMIT;
	for (uint64_t i = 0; i < image->n_segments && n_left; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		const struct span old = { segment->p_offset,
					  segment->p_offset + segment->p_filesz };
		n_left -= segment->p_type == PT_NOTE;
		if (segment->p_type != PT_NOTE || segment->p_filesz > SEGMENT_LIMIT ||
		    old.from % 4 || !notes_chain(image, &old, 0, 0))
			continue;
		uint64_t behind = align_up(old.to, 4);
		const struct span spans[] = {
			{ old.from - min_u64(old.from, NOTE_SIZE), old.from },
			{ behind, behind + NOTE_SIZE },
		};
		for (size_t k = 0; k < ARRAY_SIZE(spans); k++) {
			GElf_Phdr phdr;
			if (spans[k].to - spans[k].from != NOTE_SIZE ||
			    !widen(image, i, &spans[k], &phdr) || !is_free(image, &spans[k]))
				continue;
			set_segment(image, note, i, &phdr);
			make_note(image, note, spans[k].from);
			return true;
		}
	}
	return false;
}

/* ---- what is done ---- */

/* The description of a note is never part of a header, whatever a file says. */
static bool can_replace(const struct image *image, const struct build_id_place *place)
{
	const struct span span = { place->desc_offset, place->desc_offset + GIVEN_ID_SIZE };
	return place->in_section && !overlaps(&span, 0, image_type_size(image, ELF_T_EHDR)) &&
	       !overlaps(&span, image->ehdr.e_phoff,
			 image->n_segments * image_type_size(image, ELF_T_PHDR));
}

static int plan_missing(const struct image *image, struct build_id_note *note, struct error *err)
{
	int r;

	bool is_go = image_is_go(image);
	r = image_derive_build_id(image, &note->id, NULL, err);
	if (r == 0 && !add_note(image, note)) {
		note->no_room = true;
		/* Nobody would think of the ID: debuggers could not ask for it. */
		if (!is_go)
			note->id = (struct build_id){ 0 };
	}
	return r;
}

int build_id_note_plan(const struct image *image, enum build_id_mode mode,
		       struct build_id_note *ret, struct error *err)
{
	int r;

	struct build_id_note note = { 0 };
	struct build_id_place place = { 0 };
	bool there = image_build_id(image, &note.id, &place, NULL) == 0;
	if (!there)
		note.id = (struct build_id){ 0 };
	if (there && mode != BUILD_ID_KEEP) {
		if (image_build_id_says_nothing(image, &note.id) && can_replace(image, &place)) {
			r = image_derive_build_id(image, &note.id, NULL, err);
			if (r < 0)
				return r;
			note.replaced = true;
			add_patch(&note, place.desc_offset, note.id.bytes, note.id.size);
		}
		note.stays_hidden = !place.in_segment && !mend_hidden(image, &place, &note);
	} else if (mode == BUILD_ID_ADD) {
		r = plan_missing(image, &note, err);
		if (r < 0)
			return r;
	}
	*ret = note;
	return 0;
}

int build_id_note_show(const struct build_id_note *note, struct image *image, struct error *err)
{
	if (note->with_section) {
		struct section *sections =
			reallocarray(image->sections, image->n_sections + 1, sizeof(*sections));
		if (!sections)
			return error_no_memory(err);
		sections[image->n_sections] =
			(struct section){ .shdr = note->shdr, .name = BUILD_ID_SECTION };
		image->sections = sections;
		image->n_sections++;
		image->n_added++;
	}
	if (note->widened)
		image->segments[note->segment] = note->phdr;
	return 0;
}

int build_id_note_apply(const struct build_id_note *note, struct mapping *mapping,
			struct image *image, struct error *err)
{
	int r;

	for (size_t i = 0; i < note->n_patches; i++) {
		const struct byte_patch *patch = &note->patches[i];
		r = mapping_patch(mapping, patch->offset, patch->bytes, patch->size, err);
		if (r < 0)
			return r;
	}
	return build_id_note_show(note, image, err);
}
