/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/add.h"

static void add_table(struct object_layout *layout, uint64_t offset, uint64_t size)
{
	if (size)
		layout->tables[layout->n_tables++] = (struct object_range){ offset, size };
}

int object_layout_of_image(const struct image *image, struct object_layout *ret, struct error *err)
{
	struct object_layout layout = { .size_bytes = image->size_bytes };
	/* The null section is none. */
	size_t n = image->n_sections ? (size_t)image->n_sections - 1 : 0;
	struct object_section *sections = calloc(n ? n : 1, sizeof(*sections));
	if (!sections)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		const struct section *s = &image->sections[i + 1];
		sections[i] = (struct object_section){ .name = s->name,
						       .type = s->shdr.sh_type,
						       .flags = s->shdr.sh_flags,
						       .offset = s->shdr.sh_offset,
						       .size_bytes = s->shdr.sh_size };
	}
	layout.sections = sections;
	layout.n_sections = n;

	add_table(&layout, 0, image->ehdr.e_ehsize);
	add_table(&layout, image->ehdr.e_phoff, image->n_segments * image->ehdr.e_phentsize);
	add_table(&layout, image->ehdr.e_shoff, image->n_sections * image->ehdr.e_shentsize);
	if (image->names_index) {
		const GElf_Shdr *names = &image->sections[image->names_index].shdr;
		add_table(&layout, names->sh_offset, names->sh_size);
	}
	*ret = layout;
	return 0;
}

void object_layout_free(struct object_layout *layout)
{
	free((void *)layout->sections);
}
