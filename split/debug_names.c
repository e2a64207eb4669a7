/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "elf/go_info.h"
#include "split/debug_names.h"

#define NAMES_LIMIT 100000u /* units: the record lists each. More are left alone */

void debug_names_free(struct debug_names *names)
{
	compilation_dirs_free(&names->dirs);
	free(names->offsets);
	*names = (struct debug_names){ 0 };
}

static int is_trimmed(const struct image *image, bool *ret, struct error *err)
{
	scoped(go_info_free) struct go_info info = { 0 };
	int r = go_info_read(image, &info, err);
	if (r == -ENOMEM)
		return r;
	*ret = r == 0 && strstr(info.module_text, "build\t-trimpath=true");
	return 0;
}

int debug_names_find(const struct image *image, struct debug_names *ret, struct error *err)
{
	bool trimmed = false;
	int r = is_trimmed(image, &trimmed, err);
	if (r < 0 || !trimmed)
		return r;
	const char dir[] = { DEBUG_NAMES_OLD, 0 };
	r = compilation_dirs_find(image, dir, &ret->dirs, err);
	if (r == 0 && ret->dirs.n > NAMES_LIMIT)
		compilation_dirs_free(&ret->dirs);
	return r == -ENOMEM ? r : 0; /* DWARF that cannot be read is left alone */
}

static int put(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	struct names_sink *s = context;
	static const uint8_t slash = DEBUG_NAMES_NEW;
	const struct debug_names *names = s->names;
	digester_add(s->digester, bytes, size);
	while (size) {
		uint64_t room = s->next < names->dirs.n ? names->offsets[s->next] - s->at : size;
		int r;
		if (room == 0) {
			r = sink_take(&s->to, &slash, 1, true, err);
			room = 1;
			s->next++;
		} else {
			room = min_u64(room, size);
			r = sink_take(&s->to, bytes, room, lent, err);
		}
		if (r < 0)
			return r;
		bytes += room;
		size -= (size_t)room;
		s->at += room;
	}
	return 0;
}

int names_sink_open(struct debug_names *names, const struct debug_image *debug,
		    const struct sink *to, struct names_sink *ret, struct sink *ret_sink,
		    struct error *err)
{
	const struct debug_section *info = &debug->sections[names->dirs.section];
	names->written = false;
	free(names->offsets);
	names->offsets = calloc(names->dirs.n + 1, sizeof(*names->offsets));
	if (!names->offsets)
		return error_no_memory(err);
	/* One that is carried as it came, compressed, has no bytes to change. */
	if (!debug_image_has_content(debug, names->dirs.section))
		names->dirs.n = 0;
	for (size_t i = 0; i < names->dirs.n; i++)
		names->offsets[i] = info->shdr.sh_offset + names->dirs.offsets[i];
	struct names_sink s = { .to = *to, .names = names };
	int r = digester_new(&s.digester, err);
	if (r < 0)
		return r;
	*ret = s;
	*ret_sink = (struct sink){ .put = put, .context = ret };
	return 0;
}

void names_sink_finish(struct names_sink *s)
{
	s->names->original = digester_finish(s->digester);
	s->names->written = true;
}

void names_sink_close(struct names_sink *s)
{
	digester_free(s->digester);
}

/* ---- found again ---- */

int changed_names_find(const struct image *image, struct changed_names *ret, struct error *err)
{
	const char dir[] = { DEBUG_NAMES_NEW, 0 };
	scoped(compilation_dirs_free) struct compilation_dirs dirs = { 0 };
	int r = compilation_dirs_find(image, dir, &dirs, err);
	if (r < 0 || !dirs.n)
		return r == -ENOMEM ? r : 0;
	const GElf_Shdr *shdr = &image->sections[dirs.section].shdr;
	if (shdr->sh_flags & SHF_COMPRESSED)
		return 0;
	struct changed_names names = { .places = take(dirs.offsets), .n = dirs.n };
	for (size_t i = 0; i < names.n; i++)
		names.places[i] += shdr->sh_offset;
	*ret = names;
	return 0;
}

void changed_names_free(struct changed_names *names)
{
	free(names->places);
	*names = (struct changed_names){ 0 };
}

size_t changed_names_next(const struct changed_names *names, uint64_t offset)
{
	size_t low = 0, high = names->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (names->places[middle] < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void changed_names_restore(const struct changed_names *names, uint64_t offset, uint8_t *bytes,
			   uint64_t size)
{
	for (size_t i = changed_names_next(names, offset);
	     i < names->n && names->places[i] - offset < size; i++)
		bytes[names->places[i] - offset] = DEBUG_NAMES_OLD;
}

uint32_t changed_names_crc(const struct changed_names *names, const uint8_t *bytes, uint64_t size)
{
	static const uint8_t old = DEBUG_NAMES_OLD;
	uint32_t crc = 0;
	uint64_t at = 0;
	for (size_t i = 0; i < names->n && names->places[i] < size; i++) {
		crc = libdeflate_crc32(crc, bytes + at, names->places[i] - at);
		crc = libdeflate_crc32(crc, &old, 1);
		at = names->places[i] + 1;
	}
	return libdeflate_crc32(crc, bytes + at, size - at);
}
