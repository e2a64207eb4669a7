/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/text_facts.h"

struct reading {
	struct text_facts *facts;
	enum leak_place place;
};

static void take_text(const struct text *text, void *context)
{
	const struct reading *r = context;
	leaks_add(&r->facts->leaks, r->place, text);
	if (r->place == LEAK_DEBUG)
		compilations_add(&r->facts->compilations, text);
}

static bool is_functions(const struct section *section)
{
	return !strcmp(section->name, ".gopclntab") ||
	       !strcmp(section->name, ".data.rel.ro.gopclntab");
}

/* The debug sections that hold texts, compressed or not. */
static bool has_debug_text(const struct section *section)
{
	static const char *const names[] = { "info", "line", "line_str", "str" };
	const char *name = section->name;
	if (!section_is_debug(section))
		return false;
	size_t start = !strncmp(name, ".zdebug_", 8) ? 8 : !strncmp(name, ".debug_", 7) ? 7 : 0;
	for (size_t i = 0; start && i < ARRAY_SIZE(names); i++)
		if (!strcmp(name + start, names[i]))
			return true;
	return false;
}

static bool is_loaded_data(const struct section *section)
{
	return (section->shdr.sh_flags & (SHF_ALLOC | SHF_EXECINSTR)) == SHF_ALLOC &&
	       (section->shdr.sh_type == SHT_PROGBITS || section->shdr.sh_type == SHT_STRTAB);
}

static void read_segments(const struct image *image, struct reading *reading)
{
	reading->place = LEAK_STRINGS;
	for (uint64_t i = 0; !image->separate_debug && i < image->n_segments; i++) {
		const GElf_Phdr *load = &image->segments[i];
		if (load->p_type == PT_LOAD && !(load->p_flags & PF_X))
			texts_visit_bytes(image->bytes + load->p_offset, load->p_filesz, take_text,
					  reading);
	}
}

void text_facts_read(const struct image *image, struct text_facts *ret)
{
	*ret = (struct text_facts){ 0 };
	struct reading reading = { .facts = ret };
	for (uint64_t i = 0; i < image->n_sections; i++) {
		uint64_t size;
		const uint8_t *bytes = image_section_bytes(image, &image->sections[i], &size);
		if (bytes && is_functions(&image->sections[i]))
			leaks_find_go_root(&ret->leaks, bytes, size);
	}
	for (uint64_t i = 0; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (is_functions(section))
			reading.place = LEAK_FUNCTIONS;
		else if (is_loaded_data(section))
			reading.place = LEAK_STRINGS;
		else if (has_debug_text(section))
			reading.place = LEAK_DEBUG;
		else
			continue;
		texts_visit(image, section, take_text, &reading);
	}
	if (!image->n_sections)
		read_segments(image, &reading);
}
