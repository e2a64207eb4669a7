/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/properties.h"
#include "elf/notes.h"

#define NOTE_TYPE 5 /* NT_GNU_PROPERTY_TYPE_0 */

/* Each: type, size of data, data, padded to the class's word. */
static bool find_in_note(const struct image *image, const struct note *note, uint32_t type,
			 uint32_t *ret)
{
	uint64_t align = image->class == ELFCLASS64 ? 8 : 4;
	for (uint64_t at = 0; note->desc_size - at >= 8;) {
		uint32_t found = image_decode_word(image, note->desc + at);
		uint64_t size = image_decode_word(image, note->desc + at + 4);
		if (size > note->desc_size - at - 8)
			return false;
		if (found == type && size == 4) {
			*ret = image_decode_word(image, note->desc + at + 8);
			return true;
		}
		at += min_u64(align_up(8 + size, align), note->desc_size - at);
	}
	return false;
}

static bool find_in(const struct image *image, uint64_t at, uint64_t size, uint64_t align,
		    uint32_t type, uint32_t *ret)
{
	struct note note;
	uint64_t end = at + size;
	while (note_next(image, &at, end, align, &note, NULL) == 0)
		if (note.type == NOTE_TYPE && note.name_size == 4 && !memcmp(note.name, "GNU", 4) &&
		    find_in_note(image, &note, type, ret))
			return true;
	return false;
}

bool property_find(const struct image *image, uint32_t type, uint32_t *ret)
{
	for (uint64_t i = 0; !image->separate_debug && i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type == PT_NOTE &&
		    find_in(image, segment->p_offset, segment->p_filesz, segment->p_align, type,
			    ret))
			return true;
	}
	for (uint64_t i = 0; i < image->n_sections; i++) {
		const GElf_Shdr *section = &image->sections[i].shdr;
		if (section->sh_type == SHT_NOTE &&
		    find_in(image, section->sh_offset, section->sh_size, section->sh_addralign,
			    type, ret))
			return true;
	}
	return false;
}
