/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/object_copy.h"
#include "store/original.h"

#define LIST_LIMIT (256u << 20) /* bytes: a list is a small part of its image */

static int read_change(const json_t *change, struct artifact *ret, struct error *err)
{
	const json_t *hex = json_object_get(change, "original");
	json_int_t size = json_integer_value(json_object_get(change, "original_bytes"));
	struct artifact original = { .present = true, .size_bytes = (uint64_t)size };
	if (!json_is_string(hex) || digest_parse(json_string_value(hex), json_string_length(hex),
						 &original.digest, NULL) < 0)
		return error_set(err, -EBADMSG,
				 "build record: change names-changed: original is no digest");
	if (size <= 0)
		return error_set(err, -EBADMSG,
				 "build record: change names-changed: original_bytes is no size");
	*ret = original;
	return 0;
}

int original_of(const struct record *record, const struct artifact *debug, struct artifact *ret,
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
			if (kind && !strcmp(kind, "names-changed"))
				return read_change(change, ret, err);
		}
	}
	*ret = *debug;
	return 0;
}

/* ---- undone ---- */

struct bytes {
	uint8_t *bytes;
	size_t size;
};

static void bytes_free(struct bytes *bytes)
{
	free(bytes->bytes);
}

static int keep(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	(void)err;
	struct bytes *kept = context;
	memcpy(kept->bytes + kept->size, bytes, size);
	kept->size += size;
	return 0;
}

/* The end of the content. */
static int read_end(const struct object *object, uint64_t size, struct bytes *ret,
		    struct error *err)
{
	*ret = (struct bytes){ .bytes = malloc((size_t)size) };
	if (!ret->bytes)
		return error_no_memory(err);
	const struct object_range range = { object_size(object) - size, size };
	return object_feed(object, range, keep, ret, err);
}

static int undo_piece(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	return edits_undo(context, bytes, size, err);
}

int original_read(const struct object *object, edits_put put, void *context, struct error *err)
{
	int r = 0;

	scoped(bytes_free) struct bytes trailer = { 0 }, list = { 0 };
	uint64_t size = object_size(object), list_size = 0;
	if (size >= EDITS_TRAILER_SIZE)
		r = read_end(object, EDITS_TRAILER_SIZE, &trailer, err);
	if (r < 0)
		return r;
	if (!trailer.size || !edits_find(trailer.bytes, size, &list_size) ||
	    list_size > LIST_LIMIT)
		return error_set(err, -EBADMSG,
				 "object %s: does not end in a list of what was changed",
				 DIGEST_HEX(object_digest(object)));
	struct edits_undo undo = { .put = put, .context = context };
	const struct object_range changed = { 0, size - list_size };
	r = read_end(object, list_size, &list, err);
	if (r == 0)
		r = edits_undo_open(&undo, list.bytes, list.size, err);
	if (r == 0)
		r = object_feed(object, changed, undo_piece, &undo, err);
	return r == 0 ? edits_undo_finish(&undo, err) : r;
}
