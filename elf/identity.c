/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "elf/identity.h"
#include "elf/notes.h"

/* The texts that the digests begin with: what is hashed, and in which way. */
#define IDENTITY_TEXT "dbgvault identity 1"
#define MEMORY_LAYOUT_TEXT "dbgvault memory layout 1"

static void add_number(struct digester *d, uint64_t number)
{
	number = htole64(number);
	digester_add(d, &number, sizeof(number));
}

static void add_zeros(struct digester *d, uint64_t n)
{
	static const uint8_t zeros[256];
	for (; n > sizeof(zeros); n -= sizeof(zeros))
		digester_add(d, zeros, sizeof(zeros));
	digester_add(d, zeros, (size_t)n);
}

/* Bytes of the file that count as zeros. */
struct mask {
	uint64_t offset, size;
};

static void add_bytes(struct digester *d, const struct image *image, uint64_t offset, uint64_t size,
		      const struct mask *mask)
{
	uint64_t end = offset + size;
	uint64_t mask_from = min_u64(max_u64(mask->offset, offset), end);
	uint64_t mask_to = max_u64(min_u64(mask->offset + mask->size, end), mask_from);
	digester_add(d, image->bytes + offset, (size_t)(mask_from - offset));
	add_zeros(d, mask_to - mask_from);
	digester_add(d, image->bytes + mask_to, (size_t)(end - mask_to));
}

/* The description of the build ID, wherever it was found. */
static struct mask build_id_mask(const struct image *image)
{
	struct build_id id;
	struct build_id_place place;
	if (image_build_id(image, &id, &place, NULL) < 0)
		return (struct mask){ 0 };
	return (struct mask){ place.desc_offset, id.size };
}

static bool is_build_id(const struct note *note)
{
	return note->type == NT_GNU_BUILD_ID && note->name_size == sizeof(ELF_NOTE_GNU) &&
	       !memcmp(note->name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU));
}

/* More than any linker writes; sections of a hostile file may all cover the same endless notes. */
#define BUILD_ID_SECTION_LIMIT 4096

/* A section of nothing but build ID notes is as good as absent: it may have been added. */
static bool holds_only_build_id(const struct image *image, const GElf_Shdr *shdr)
{
	if (shdr->sh_type != SHT_NOTE || shdr->sh_size > BUILD_ID_SECTION_LIMIT)
		return false;
	uint64_t at = shdr->sh_offset, end = at + shdr->sh_size;
	struct note note;
	int r;
	while ((r = note_next(image, &at, end, shdr->sh_addralign, &note, NULL)) == 0)
		if (!is_build_id(&note))
			return false;
	return r == -ENOENT;
}

static bool counts(const struct image *image, const struct section *section)
{
	const GElf_Shdr *shdr = &section->shdr;
	return shdr->sh_flags & SHF_ALLOC && shdr->sh_type != SHT_NULL && shdr->sh_size &&
	       !holds_only_build_id(image, shdr);
}

/* By address, then as in the table: tools that strip keep both (an object file has addresses of 0).
 */
static int compare_sections(const void *left, const void *right)
{
	const struct section *a = *(const struct section *const *)left;
	const struct section *b = *(const struct section *const *)right;
	if (a->shdr.sh_addr != b->shdr.sh_addr)
		return a->shdr.sh_addr < b->shdr.sh_addr ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void free_sections(const struct section ***sections)
{
	free(*sections);
}

/* @ret_any  false: no allocated section has bytes in the file, so nothing was hashed */
static int add_sections(struct digester *d, const struct image *image, bool *ret_any,
			struct error *err)
{
	scoped(free_sections) const struct section **sections =
		calloc(image->n_sections + 1, sizeof(*sections));
	if (!sections)
		return error_no_memory(err);
	uint64_t n = 0, size_bytes = 0;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (!counts(image, section))
			continue;
		sections[n++] = section;
		if (section->shdr.sh_type == SHT_NOBITS)
			continue;
		/* Sections that overlap without end would be hashed without end. */
		if (section->shdr.sh_size > image->size_bytes - size_bytes)
			return error_set(
				err, -EBADMSG,
				"section %" PRIu64
				" (%s): allocated sections up to here have more bytes than the 0x%" PRIx64
				"-byte file",
				i, ESCAPED(section->name), image->size_bytes);
		size_bytes += section->shdr.sh_size;
	}
	*ret_any = size_bytes != 0;
	if (!size_bytes)
		return 0;

	qsort(sections, n, sizeof(*sections), compare_sections);
	struct mask mask = build_id_mask(image);
	for (uint64_t i = 0; i < n; i++) {
		const GElf_Shdr *shdr = &sections[i]->shdr;
		bool in_file = shdr->sh_type != SHT_NOBITS;
		add_number(d, shdr->sh_addr);
		add_number(d, shdr->sh_size);
		add_number(d, in_file);
		if (in_file)
			add_bytes(d, image, shdr->sh_offset, shdr->sh_size, &mask);
	}
	return 0;
}

static int compare_segments(const void *left, const void *right)
{
	const GElf_Phdr *a = *(const GElf_Phdr *const *)left, *b = *(const GElf_Phdr *const *)right;
	if (a->p_offset != b->p_offset)
		return a->p_offset < b->p_offset ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void free_segments(const GElf_Phdr ***segments)
{
	free(*segments);
}

/* Without section headers nothing says what may differ, and nothing splits such a file. */
static int add_segments(struct digester *d, const struct image *image, bool *ret_any,
			struct error *err)
{
	scoped(free_segments) const GElf_Phdr **segments =
		calloc(image->n_segments + 1, sizeof(*segments));
	if (!segments)
		return error_no_memory(err);
	uint64_t n = 0;
	for (uint64_t i = 0; i < image->n_segments; i++)
		if (image->segments[i].p_type == PT_LOAD && image->segments[i].p_filesz)
			segments[n++] = &image->segments[i];
	*ret_any = n != 0;
	qsort(segments, n, sizeof(*segments), compare_segments);
	/* Where two overlap, the bytes count once. */
	struct mask mask = build_id_mask(image);
	uint64_t done = 0;
	for (uint64_t i = 0; i < n; i++) {
		const GElf_Phdr *segment = segments[i];
		uint64_t end = segment->p_offset + segment->p_filesz;
		uint64_t from = min_u64(max_u64(segment->p_offset, done), end);
		add_number(d, segment->p_vaddr);
		add_number(d, segment->p_filesz);
		add_number(d, segment->p_memsz);
		add_bytes(d, image, from, end - from, &mask);
		done = max_u64(done, end);
	}
	return 0;
}

int image_identity(const struct image *image, struct digest *ret, struct error *err)
{
	int r;

	if (image->separate_debug)
		return error_set(err, -ENOENT, "a separate debug file has no loadable bytes");
	scoped(digester_freep) struct digester *d = NULL;
	r = digester_new(&d, err);
	if (r < 0)
		return r;
	digester_add(d, IDENTITY_TEXT, sizeof(IDENTITY_TEXT));
	add_number(d, image->class);
	add_number(d, image->encoding);
	add_number(d, image->ehdr.e_machine);
	add_number(d, image->ehdr.e_type);
	add_number(d, image->ehdr.e_entry);
	bool any;
	r = add_sections(d, image, &any, err);
	if (r == 0 && !any)
		r = add_segments(d, image, &any, err);
	if (r < 0)
		return r;
	if (!any)
		return error_set(err, -ENOENT, "no loadable bytes");
	*ret = digester_finish(d);
	return 0;
}

int image_memory_layout(const struct image *image, struct digest *ret, struct error *err)
{
	scoped(digester_freep) struct digester *d = NULL;
	int r = digester_new(&d, err);
	if (r < 0)
		return r;
	digester_add(d, MEMORY_LAYOUT_TEXT, sizeof(MEMORY_LAYOUT_TEXT));
	add_number(d, image->ehdr.e_machine);
	add_number(d, image->class);
	add_number(d, image->encoding);
	bool any = false;
	for (uint64_t i = 0; i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type != PT_LOAD)
			continue;
		any = true;
		add_number(d, segment->p_vaddr);
		add_number(d, segment->p_memsz);
		add_number(d, segment->p_flags);
	}
	if (!any)
		return error_set(err, -ENOENT, "no PT_LOAD segment");
	*ret = digester_finish(d);
	return 0;
}
