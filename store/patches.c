/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/patches.h"

void patches_free(struct patches *patches)
{
	free(patches->offsets);
	*patches = (struct patches){ 0 };
}

static int malformed(const char *what, struct error *err)
{
	return error_set(err, -EBADMSG, "build record: change names-patched: %s", what);
}

static bool read_byte(const json_t *change, const char *key, uint8_t *ret)
{
	const json_t *value = json_object_get(change, key);
	return json_is_string(value) && json_string_length(value) == 2 &&
	       hex_decode(json_string_value(value), 2, ret);
}

static int read_change(const json_t *change, const struct artifact *debug, struct patches *ret,
		       struct error *err)
{
	const json_t *offsets = json_object_get(change, "offsets");
	const json_t *hex = json_object_get(change, "original");
	scoped(patches_free) struct patches patches = { .n = json_array_size(offsets) };
	if (!read_byte(change, "old", &patches.old_byte) ||
	    !read_byte(change, "new", &patches.new_byte))
		return malformed("old and new are not two hex digits each", err);
	if (!json_is_string(hex) || digest_parse(json_string_value(hex), json_string_length(hex),
						 &patches.original.digest, NULL) < 0)
		return malformed("original is no digest", err);
	patches.original.present = true;
	patches.original.size_bytes = debug->size_bytes;
	patches.offsets = calloc(patches.n + 1, sizeof(*patches.offsets));
	if (!patches.offsets)
		return error_no_memory(err);
	for (size_t i = 0; i < patches.n; i++) {
		json_int_t offset = json_integer_value(json_array_get(offsets, i));
		if (offset <= 0 || (uint64_t)offset >= debug->size_bytes ||
		    (i && (uint64_t)offset <= patches.offsets[i - 1]))
			return malformed("offsets are not numbers that rise in the image", err);
		patches.offsets[i] = (uint64_t)offset;
	}
	*ret = patches;
	patches = (struct patches){ 0 };
	return 0;
}

int patches_read(const struct record *record, const struct artifact *debug, struct patches *ret,
		 struct error *err)
{
	for (size_t i = 0; i < record->n_contributions; i++) {
		const struct contribution *c = &record->contributions[i];
		if (!c->debug.present || !digest_equal(&c->debug.digest, &debug->digest))
			continue;
		size_t k;
		json_t *change;
		json_array_foreach(c->changes, k, change)
		{
			const char *kind = json_string_value(json_object_get(change, "kind"));
			if (kind && !strcmp(kind, "names-patched"))
				return read_change(change, debug, ret, err);
		}
	}
	*ret = (struct patches){ .original = *debug };
	return 0;
}

int patches_undo(const struct patches *patches, uint64_t offset, uint8_t *bytes, size_t size,
		 struct error *err)
{
	for (size_t i = 0; i < patches->n; i++) {
		uint64_t at = patches->offsets[i];
		if (at < offset || at - offset >= size)
			continue;
		if (bytes[at - offset] != patches->new_byte)
			return error_set(err, -EBADMSG,
					 "debug image: 0x%02x at 0x%" PRIx64
					 ", not 0x%02x as the build record says",
					 bytes[at - offset], at, patches->new_byte);
		bytes[at - offset] = patches->old_byte;
	}
	return 0;
}
