/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "elf/notes.h"

#define NOTE_HEADER_SIZE 12 /* n_namesz, n_descsz, n_type: words in both classes */

int note_next(const struct image *image, uint64_t *at, uint64_t end, uint64_t align,
	      struct note *ret, struct error *err)
{
	if (end > image->size_bytes)
		return error_set(err, -EBADMSG,
				 "notes end at 0x%" PRIx64 ", past the 0x%" PRIx64 "-byte file",
				 end, image->size_bytes);
	if (*at >= end)
		return error_set(err, -ENOENT, "no more notes");
	uint64_t room = end - *at;
	const uint8_t *start = image->bytes + *at;
	if (room < NOTE_HEADER_SIZE)
		return error_set(err, -EBADMSG,
				 "note at 0x%" PRIx64 ": its header ends past 0x%" PRIx64, *at,
				 end);

	/* All in 64 bits: two 32-bit sizes cannot wrap. Any alignment but 8 counts as 4, as readers
	 * do. */
	uint64_t step = align == 8 ? 8 : 4;
	uint32_t name_size = image_decode_word(image, start);
	uint32_t desc_size = image_decode_word(image, start + 4);
	uint64_t desc_at = align_up(NOTE_HEADER_SIZE + (uint64_t)name_size, step);
	/* One with nothing described may lack the padding behind its name. */
	if (desc_size == 0)
		desc_at = min_u64(desc_at, max_u64(room, NOTE_HEADER_SIZE + (uint64_t)name_size));
	if (!range_fits(desc_at, desc_size, room))
		return error_set(err, -EBADMSG,
				 "note at 0x%" PRIx64 ": its %u + %u bytes end past 0x%" PRIx64,
				 *at, name_size, desc_size, end);

	*ret = (struct note){
		.type = image_decode_word(image, start + 8),
		.name = (const char *)start + NOTE_HEADER_SIZE,
		.name_size = name_size,
		.desc = start + desc_at,
		.desc_size = desc_size,
		.desc_offset = *at + desc_at,
	};
	*at += min_u64(align_up(desc_at + desc_size, step),
		       room); /* the last may lack its padding */
	return 0;
}

/* What is looked for: owners have three letters and NUL, or "Go" and two NUL. */
struct wanted {
	char name[4];
	uint32_t type;
	uint32_t desc_limit; /* more bytes, or none, are malformed */
};

/* Notes that are looked at before giving up: segments of a hostile file may all cover the same
 * bytes. */
#define NOTES_LIMIT 4000000u

static bool find_in_range(const struct image *image, uint64_t at, uint64_t size, uint64_t align,
			  const struct wanted *wanted, uint32_t *budget, struct note *ret)
{
	uint64_t end = at + size;
	struct note note;
	while (*budget && note_next(image, &at, end, align, &note, NULL) == 0) {
		--*budget;
		if (note.type != wanted->type || note.name_size != sizeof(wanted->name) ||
		    memcmp(note.name, wanted->name, sizeof(wanted->name)) != 0)
			continue;
		if (note.desc_size == 0 || note.desc_size > wanted->desc_limit)
			return false;
		*ret = note;
		return true;
	}
	return false;
}

static bool find_in_segments(const struct image *image, const struct wanted *wanted,
			     uint32_t *budget, struct note *ret)
{
	for (uint64_t i = 0; !image->separate_debug && i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type == PT_NOTE && segment->p_filesz &&
		    find_in_range(image, segment->p_offset, segment->p_filesz, segment->p_align,
				  wanted, budget, ret))
			return true;
	}
	return false;
}

static bool find_in_sections(const struct image *image, const struct wanted *wanted,
			     uint32_t *budget, struct note *ret)
{
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (section->shdr.sh_type == SHT_NOTE && section->shdr.sh_size &&
		    find_in_range(image, section->shdr.sh_offset, section->shdr.sh_size,
				  section->shdr.sh_addralign, wanted, budget, ret))
			return true;
	}
	return false;
}

/* Is the note inside a section of notes? */
static bool section_holds(const struct image *image, const struct note *note)
{
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const GElf_Shdr *shdr = &image->sections[i].shdr;
		if (shdr->sh_type == SHT_NOTE && note->desc_offset >= shdr->sh_offset &&
		    range_fits(note->desc_offset - shdr->sh_offset, note->desc_size, shdr->sh_size))
			return true;
	}
	return false;
}

static bool find_note(const struct image *image, const struct wanted *wanted, struct note *ret,
		      struct build_id_place *ret_place)
{
	uint32_t budget = NOTES_LIMIT;
	struct build_id_place place = { 0 };
	if (find_in_segments(image, wanted, &budget, ret)) {
		place.in_segment = true;
		place.in_section = section_holds(image, ret);
	} else if (find_in_sections(image, wanted, &budget, ret)) {
		place.in_section = true;
	} else {
		return false;
	}
	place.desc_offset = ret->desc_offset;
	if (ret_place)
		*ret_place = place;
	return true;
}

int image_build_id(const struct image *image, struct build_id *ret,
		   struct build_id_place *ret_place, struct error *err)
{
	static const struct wanted gnu = { "GNU", NT_GNU_BUILD_ID, BUILD_ID_MAX_SIZE };
	struct note note;
	if (!find_note(image, &gnu, &note, ret_place))
		return error_set(err, -ENOENT, "no GNU build ID");
	return build_id_set(ret, note.desc, note.desc_size, err);
}

/* A description that is text, without the NULs that may pad it. */
static int find_text(const struct image *image, const struct wanted *wanted, const char *what,
		     const char **ret, uint64_t *ret_size, struct error *err)
{
	struct note note;
	if (!find_note(image, wanted, &note, NULL))
		return error_set(err, -ENOENT, "no %s", what);
	uint64_t size = note.desc_size;
	while (size && note.desc[size - 1] == 0)
		size--;
	*ret = (const char *)note.desc;
	*ret_size = size;
	return 0;
}

int image_go_build_id(const struct image *image, const char **ret, uint64_t *ret_size,
		      struct error *err)
{
	static const struct wanted go = { "Go\0", 4, UINT32_MAX };
	return find_text(image, &go, "Go build ID", ret, ret_size, err);
}

int image_package_note(const struct image *image, const char **ret, uint64_t *ret_size,
		       struct error *err)
{
	static const struct wanted fdo = { "FDO", 0xcafe1a7e, UINT32_MAX };
	return find_text(image, &fdo, "package note", ret, ret_size, err);
}
