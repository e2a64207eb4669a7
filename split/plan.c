/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "split/plan.h"

void plan_free(struct plan *plan)
{
	free(plan->sections);
	*plan = (struct plan){ 0 };
}

bool plan_has_work(const struct plan *plan)
{
	return plan->has_debug;
}

uint32_t plan_map_index(const struct plan *plan, uint32_t index)
{
	if (index == 0 || index >= plan->image->n_sections)
		return index;
	return plan->sections[index].stripped_index;
}

static bool is_allocated(const struct section *section)
{
	return section->shdr.sh_flags & SHF_ALLOC;
}

static bool is_relocations(const struct section *section)
{
	return section->shdr.sh_type == SHT_REL || section->shdr.sh_type == SHT_RELA;
}

/* Symbols and names stay whatever they are called. */
static bool is_indispensable(const struct image *image, uint64_t i)
{
	switch (image->sections[i].shdr.sh_type) {
	case SHT_NULL:
	case SHT_SYMTAB:
	case SHT_SYMTAB_SHNDX:
	case SHT_DYNSYM:
		return true;
	default:
		return i == image->names_index || is_allocated(&image->sections[i]);
	}
}

static bool is_removed(const struct plan_options *options, const char *name)
{
	for (size_t i = 0; options && i < options->n_removed; i++)
		if (!strcmp(options->removed[i], name))
			return true;
	return false;
}

static void take_section(struct plan *plan, uint64_t i)
{
	plan->sections[i].fate = FATE_TAKE;
}

static bool is_taken(const struct plan *plan, uint64_t i)
{
	return plan->sections[i].fate == FATE_TAKE;
}

/* What is debug information by its name, and the link to a debug file that is out of date with it.
 */
static void take_debug(struct plan *plan, const struct plan_options *options)
{
	const struct image *image = plan->image;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (is_indispensable(image, i))
			continue;
		if (section_is_debug(section)) {
			uint64_t size =
				section->shdr.sh_type == SHT_NOBITS ? 0 : section->shdr.sh_size;
			take_section(plan, i);
			plan->taken_bytes += size;
			/* strip(1) leaves dwz's link behind: alone it is no debug information, and
			 * the debug link beside it is a good one. */
			if (size && strcmp(section->name, ".gnu_debugaltlink") != 0)
				plan->has_debug = true;
		} else if (is_removed(options, section->name)) {
			take_section(plan, i);
		}
	}
}

static void take_stale_link(struct plan *plan)
{
	const struct image *image = plan->image;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (is_indispensable(image, i) || strcmp(section->name, ".gnu_debuglink") != 0)
			continue;
		take_section(plan, i);
		plan->stale_link = (uint32_t)i;
	}
}

/* A string table stays with a section that stays and draws on it. */
static void keep_string_tables(struct plan *plan)
{
	const struct image *image = plan->image;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		uint64_t link = image->sections[i].shdr.sh_link;
		if (!is_taken(plan, i) && is_taken(plan, link) &&
		    image->sections[link].shdr.sh_type == SHT_STRTAB)
			plan->sections[link].fate = FATE_BOTH;
	}
}

/* Relocations go with the section they are for. */
static void take_relocations(struct plan *plan)
{
	const struct image *image = plan->image;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const GElf_Shdr *shdr = &image->sections[i].shdr;
		if (is_relocations(&image->sections[i]) && !is_indispensable(image, i) &&
		    shdr->sh_info < image->n_sections && is_taken(plan, shdr->sh_info))
			take_section(plan, i);
	}
}

/* A section group goes when none of its members stays. */
static void take_empty_groups(struct plan *plan)
{
	const struct image *image = plan->image;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (section->shdr.sh_type != SHT_GROUP || is_indispensable(image, i))
			continue;
		uint64_t size;
		const uint8_t *words = image_section_bytes(image, section, &size);
		uint64_t n_members = size / 4, n_left = 0;
		/* The first word is flags: gABI, "Section Groups". */
		for (uint64_t k = 1; k < n_members; k++) {
			uint32_t member = image_decode_word(image, words + 4 * k);
			n_left += member < image->n_sections && is_taken(plan, member);
		}
		if (n_members > 1 && n_left == n_members - 1)
			take_section(plan, i);
	}
}

/* Of a file that is not linked yet: a debugger has no use for the relocations of code. */
static void keep_relocations(struct plan *plan)
{
	const struct image *image = plan->image;
	for (uint64_t i = 1; image_is_relocatable(image) && i < image->n_sections; i++)
		if (is_relocations(&image->sections[i]) && !is_taken(plan, i))
			plan->sections[i].fate = FATE_KEEP;
}

static void give_indexes(struct plan *plan)
{
	const struct image *image = plan->image;
	uint32_t next = 1;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		struct plan_section *section = &plan->sections[i];
		if (section->fate == FATE_TAKE) {
			plan->n_taken++;
			continue;
		}
		if (next != i)
			plan->moves_indexes = true;
		section->stripped_index = next++;
	}
	plan->n_kept = next;
}

int plan_make(const struct image *image, const struct plan_options *options, struct plan *ret,
	      struct error *err)
{
	if (image->n_sections >= UINT32_MAX)
		return error_set(err, -EFBIG, "more than 2^32 sections");

	scoped(plan_free) struct plan plan = { .image = image };
	plan.sections = calloc(image->n_sections + 1, sizeof(*plan.sections));
	if (!plan.sections)
		return error_no_memory(err);

	/* What is not loaded, notes and the section names, both images have: small, and debuggers
	 * look for them in both. */
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (!is_allocated(section) || section->shdr.sh_type == SHT_NOTE ||
		    i == image->names_index)
			plan.sections[i].fate = FATE_BOTH;
	}

	take_debug(&plan, options);
	if (plan_has_work(&plan))
		take_stale_link(&plan);
	keep_string_tables(&plan);
	take_relocations(&plan);
	keep_relocations(&plan);
	take_empty_groups(&plan);
	give_indexes(&plan);

	*ret = plan;
	plan = (struct plan){ 0 };
	return 0;
}

void plan_leave_symbols(struct plan *plan)
{
	const struct image *image = plan->image;
	if (image_is_relocatable(image) || image_find_section(image, ".go.buildinfo"))
		return;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const GElf_Shdr *shdr = &image->sections[i].shdr;
		if (shdr->sh_type != SHT_SYMTAB && shdr->sh_type != SHT_SYMTAB_SHNDX)
			continue;
		plan->sections[i].fate = FATE_KEEP;
		if (shdr->sh_type == SHT_SYMTAB && shdr->sh_link != image->names_index &&
		    image->sections[shdr->sh_link].shdr.sh_type == SHT_STRTAB)
			plan->sections[shdr->sh_link].fate = FATE_KEEP;
	}
	/* Names that something else in the debug image draws on stay there. */
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const GElf_Shdr *shdr = &image->sections[i].shdr;
		if (is_taken(plan, i) && plan->sections[shdr->sh_link].fate == FATE_KEEP &&
		    image->sections[shdr->sh_link].shdr.sh_type == SHT_STRTAB)
			plan->sections[shdr->sh_link].fate = FATE_BOTH;
	}
}
