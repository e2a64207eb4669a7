/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "store/section_directory.h"
#include "store/seek_table.h"

#define MAGIC "DBGVSECT"
#define VERSION 1
#define HEADER_SIZE (SKIPPABLE_HEADER_SIZE + 16u) /* skippable frame's; magic, version, count */
#define ENTRY_SIZE 32u
#define CRC_SIZE 4u

static bool has_bytes(uint32_t type)
{
	return type != SHT_NOBITS && type != SHT_NULL;
}

static bool is_listed(const struct object_section *s, uint64_t content_size)
{
	return !has_bytes(s->type) || range_fits(s->offset, s->size_bytes, content_size);
}

/* Names may be long and share their bytes: what they would take here is bounded before it is added
 * up. */
static int measure(const struct object_layout *layout, size_t *ret_n, size_t *ret_size,
		   struct error *err)
{
	size_t n = 0, size = HEADER_SIZE + CRC_SIZE;
	for (size_t i = 0; i < layout->n_sections; i++) {
		const struct object_section *s = &layout->sections[i];
		if (!is_listed(s, layout->size_bytes))
			continue;
		n++;
		size += ENTRY_SIZE + strnlen(s->name, SECTION_DIRECTORY_LIMIT) + 1;
		if (size > SECTION_DIRECTORY_LIMIT)
			return error_set(
				err, -EFBIG,
				"the directory of %zu sections and their names takes more than %u bytes",
				layout->n_sections, SECTION_DIRECTORY_LIMIT);
	}
	*ret_n = n;
	*ret_size = size;
	return 0;
}

int section_directory_encode(const struct object_layout *layout, uint8_t **ret, size_t *ret_size,
			     struct error *err)
{
	int r;

	size_t n = 0, size = 0;
	r = measure(layout, &n, &size, err);
	if (r < 0)
		return r;
	if (!n) {
		*ret = NULL;
		*ret_size = 0;
		return 0;
	}
	uint8_t *frame = malloc(size);
	if (!frame)
		return error_no_memory(err);

	put_u32(frame, SKIPPABLE_DIRECTORY);
	put_u32(frame + 4, (uint32_t)(size - SKIPPABLE_HEADER_SIZE));
	memcpy(frame + 8, MAGIC, 8);
	put_u32(frame + 16, VERSION);
	put_u32(frame + 20, (uint32_t)n);
	uint8_t *entry = frame + HEADER_SIZE, *names = entry + n * ENTRY_SIZE, *name = names;
	for (size_t i = 0; i < layout->n_sections; i++) {
		const struct object_section *s = &layout->sections[i];
		if (!is_listed(s, layout->size_bytes))
			continue;
		size_t name_size = strlen(s->name) + 1;
		put_u32(entry, (uint32_t)(name - names));
		put_u32(entry + 4, s->type);
		put_u64(entry + 8, s->flags);
		put_u64(entry + 16, s->offset);
		put_u64(entry + 24, s->size_bytes);
		memcpy(name, s->name, name_size);
		entry += ENTRY_SIZE;
		name += name_size;
	}
	put_u32(name, libdeflate_crc32(0, frame, size - CRC_SIZE));
	*ret = frame;
	*ret_size = size;
	return 0;
}

static int parse_entry(const uint8_t *from, const char *names, size_t names_size,
		       uint64_t content_size, struct object_section *ret, struct error *err)
{
	uint32_t name = get_u32(from);
	if (name >= names_size)
		return error_set(err, -EBADMSG,
				 "name at 0x%" PRIx32 ", past the 0x%zx bytes of names", name,
				 names_size);
	*ret = (struct object_section){ .name = names + name,
					.type = get_u32(from + 4),
					.flags = get_u64(from + 8),
					.offset = get_u64(from + 16),
					.size_bytes = get_u64(from + 24) };
	if (!is_listed(ret, content_size))
		return error_set(err, -EBADMSG,
				 "0x%" PRIx64 " bytes at 0x%" PRIx64
				 ", past the content's 0x%" PRIx64,
				 ret->size_bytes, ret->offset, content_size);
	return 0;
}

int section_directory_parse(const uint8_t *frame, size_t size, uint64_t content_size,
			    struct object_section **ret, size_t *ret_n, struct error *err)
{
	int r;

	if (size < HEADER_SIZE + CRC_SIZE || size > SECTION_DIRECTORY_LIMIT)
		return error_set(err, -EBADMSG, "section directory: %zu bytes, %u to %u expected",
				 size, HEADER_SIZE + CRC_SIZE, SECTION_DIRECTORY_LIMIT);
	if (get_u32(frame) != SKIPPABLE_DIRECTORY ||
	    get_u32(frame + 4) != size - SKIPPABLE_HEADER_SIZE ||
	    memcmp(frame + 8, MAGIC, 8) != 0 || get_u32(frame + 16) != VERSION)
		return error_set(err, -EBADMSG, "section directory: not one of version %u",
				 VERSION);
	if (get_u32(frame + size - CRC_SIZE) != libdeflate_crc32(0, frame, size - CRC_SIZE))
		return error_set(err, -EBADMSG, "section directory: checksum does not match");

	size_t n = get_u32(frame + 20), space = size - HEADER_SIZE - CRC_SIZE;
	if (n > space / ENTRY_SIZE)
		return error_set(err, -EBADMSG, "section directory: %zu sections in %zu bytes", n,
				 space);
	const char *names = (const char *)frame + HEADER_SIZE + n * ENTRY_SIZE;
	size_t names_size = space - n * ENTRY_SIZE;
	if (n && (!names_size || names[names_size - 1]))
		return error_set(err, -EBADMSG, "section directory: the last name does not end");

	struct object_section *sections = calloc(n ? n : 1, sizeof(*sections));
	if (!sections)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		r = parse_entry(frame + HEADER_SIZE + i * ENTRY_SIZE, names, names_size,
				content_size, &sections[i], err);
		if (r < 0) {
			free(sections);
			return error_prefix(err, r, "section directory: section %zu", i);
		}
	}
	*ret = sections;
	*ret_n = n;
	return 0;
}
