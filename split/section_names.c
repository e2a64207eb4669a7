/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "split/section_names.h"

void section_names_free(struct section_names *names)
{
	free(names->bytes);
	free(names->offsets);
	*names = (struct section_names){ 0 };
}

static const uint8_t *old_table(const struct image *image, uint64_t *ret_size)
{
	*ret_size = 0;
	return image->names_index
		       ? image_section_bytes(image, &image->sections[image->names_index], ret_size)
		       : NULL;
}

/* As in the input: every section keeps its sh_name. */
static int start_as_input(const struct image *image, struct section_names *names, struct error *err)
{
	old_table(image, &names->size_bytes);
	names->offsets = calloc(image->n_sections + 1, sizeof(*names->offsets));
	if (!names->offsets)
		return error_no_memory(err);
	for (uint64_t i = 0; i < image->n_sections; i++)
		names->offsets[i] = image->sections[i].shdr.sh_name;
	return 0;
}

/* Copy the old table to bytes of our own, with room for @more behind. */
static int copy_table(const struct image *image, uint64_t more, struct section_names *names,
		      struct error *err)
{
	uint64_t size;
	const uint8_t *old = old_table(image, &size);
	names->bytes = malloc(size + more + 2);
	if (!names->bytes)
		return error_no_memory(err);
	if (size)
		memcpy(names->bytes, old, size);
	/* The first byte is the empty name, and the last name ends. */
	if (!size || names->bytes[size - 1] != 0)
		names->bytes[size++] = 0;
	names->size_bytes = size;
	return 0;
}

static int add_name(struct section_names *names, const char *name, uint32_t *ret, struct error *err)
{
	size_t size = strlen(name) + 1;
	if (names->size_bytes + size > UINT32_MAX)
		return error_set(err, -EFBIG, "section names take more than 4 GiB");
	memcpy(names->bytes + names->size_bytes, name, size);
	*ret = (uint32_t)names->size_bytes;
	names->size_bytes += size;
	return 0;
}

/* The input's table lacks them. */
static uint64_t added_names_size(const struct image *image)
{
	uint64_t size = 0;
	for (uint64_t i = image->n_sections - image->n_added; i < image->n_sections; i++)
		size += strlen(image->sections[i].name) + 1;
	return size;
}

/* Is the name table also the string table of something else that stays? (clang's assembler does
 * so.) */
static bool is_shared(const struct plan *plan)
{
	const struct image *image = plan->image;
	for (uint64_t i = 1; i < image->n_sections; i++)
		if (image->sections[i].shdr.sh_link == image->names_index &&
		    plan->sections[i].fate != FATE_TAKE)
			return true;
	return false;
}

struct use {
	uint32_t offset; /* in the old table */
	uint32_t section;
};

static int compare_uses(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->section < y->section ? -1 : x->section > y->section;
}

/*
 * Copy the strings that are still used, each run once: in order of their places, a name that begins
 * inside the one before is its end, and moves with it.
 */
static int compact(const struct plan *plan, uint64_t more, struct section_names *names,
		   struct error *err)
{
	const struct image *image = plan->image;
	uint64_t old_size;
	const uint8_t *old = old_table(image, &old_size);

	struct use *uses = calloc(image->n_sections + 1, sizeof(*uses));
	names->bytes = malloc(old_size + more + 2);
	if (!uses || !names->bytes) {
		free(uses);
		return error_no_memory(err);
	}
	size_t n_uses = 0;
	for (uint64_t i = 1; i < image->n_sections - image->n_added; i++)
		if (plan->sections[i].fate != FATE_TAKE)
			uses[n_uses++] =
				(struct use){ image->sections[i].shdr.sh_name, (uint32_t)i };
	qsort(uses, n_uses, sizeof(*uses), compare_uses);

	names->bytes[0] = 0;
	names->size_bytes = 1;
	uint64_t run_start = 0, run_end = 0, run_at = 0;
	for (size_t k = 0; k < n_uses; k++) {
		uint64_t at = uses[k].offset;
		if (at >= old_size || !old[at]) {
			names->offsets[uses[k].section] = 0;
			continue;
		}
		if (at >= run_end) {
			size_t length = strnlen((const char *)old + at, old_size - at);
			run_start = at;
			run_end = at + length + 1;
			run_at = names->size_bytes;
			memcpy(names->bytes + run_at, old + at, length);
			names->bytes[run_at + length] = 0;
			names->size_bytes += length + 1;
		}
		names->offsets[uses[k].section] = (uint32_t)(run_at + at - run_start);
	}
	free(uses);
	return 0;
}

int section_names_of_kept(const struct plan *plan, const char *extra, struct section_names *ret,
			  struct error *err)
{
	int r;

	const struct image *image = plan->image;
	scoped(section_names_free) struct section_names names = { 0 };
	r = start_as_input(image, &names, err);
	if (r < 0)
		return r;

	bool loaded =
		image->names_index && image->sections[image->names_index].shdr.sh_flags & SHF_ALLOC;
	if (loaded && extra)
		return error_set(
			err, -ENOTSUP,
			"the section names are loaded with the program, and have no room for %s",
			extra);
	if (!loaded && image->names_index) {
		uint64_t more = (extra ? strlen(extra) + 1 : 0) + added_names_size(image);
		r = is_shared(plan) ? copy_table(image, more, &names, err)
				    : compact(plan, more, &names, err);
		for (uint64_t i = image->n_sections - image->n_added;
		     r == 0 && i < image->n_sections; i++)
			r = add_name(&names, image->sections[i].name, &names.offsets[i], err);
		if (r < 0)
			return r;
		if (extra) {
			r = add_name(&names, extra, &names.extra, err);
			if (r < 0)
				return r;
		}
	}
	*ret = names;
	names = (struct section_names){ 0 };
	return 0;
}

int section_names_renamed(const struct image *image, const char *const *renamed,
			  struct section_names *ret, struct error *err)
{
	int r;

	scoped(section_names_free) struct section_names names = { 0 };
	r = start_as_input(image, &names, err);
	if (r < 0)
		return r;

	uint64_t more = 0;
	for (uint64_t i = 0; i < image->n_sections; i++)
		more += renamed[i] ? strlen(renamed[i]) + 1 : 0;
	if (more) {
		r = copy_table(image, more, &names, err);
		for (uint64_t i = 0; r == 0 && i < image->n_sections; i++)
			if (renamed[i])
				r = add_name(&names, renamed[i], &names.offsets[i], err);
		if (r < 0)
			return r;
	}
	*ret = names;
	names = (struct section_names){ 0 };
	return 0;
}
