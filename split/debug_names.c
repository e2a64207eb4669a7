/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	if (!info->decoded && debug->opaque[names->dirs.section / 64] >>
					       (names->dirs.section % 64) & 1)
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
