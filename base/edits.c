/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/edits.h"

#define MAGIC "dbgvedit"
#define NUMBER_SIZE 10 /* at most, in unsigned LEB128 */

/* The last bytes of a stream: little-endian. */
struct trailer {
	uint64_t list_size, original_size;
	char magic[8];
};
_Static_assert(sizeof(struct trailer) == EDITS_TRAILER_SIZE, "no padding");

int edits_add(struct edits *edits, const struct edit *edit, struct error *err)
{
	if (edits->n == edits->n_allocated) {
		size_t n = edits->n_allocated ? 2 * edits->n_allocated : 256;
		struct edit *items = reallocarray(edits->items, n, sizeof(*items));
		if (!items)
			return error_no_memory(err);
		edits->items = items;
		edits->n_allocated = n;
	}
	edits->items[edits->n++] = *edit;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->n_old > 0) - (y->n_old > 0);
}

void edits_sort(struct edits *edits)
{
	if (edits->n)
		qsort(edits->items, edits->n, sizeof(*edits->items), compare);
}

void edits_free(struct edits *edits)
{
	free(edits->items);
	*edits = (struct edits){ 0 };
}

static size_t put_number(uint8_t ret[static NUMBER_SIZE], uint64_t number)
{
	size_t n = 0;
	for (; number >= 0x80; number >>= 7)
		ret[n++] = (uint8_t)(number | 0x80);
	ret[n++] = (uint8_t)number;
	return n;
}

static bool get_number(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	uint64_t number = 0;
	for (unsigned shift = 0; *at < end && shift < 63; shift += 7) {
		uint8_t byte = *(*at)++;
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret = number;
			return true;
		}
	}
	return false;
}

/* ---- made ---- */

/* An entry of the list, but for the old bytes that end it: bytes that stay since the entry before,
 * new ones, old ones. */
static size_t put_entry(uint8_t ret[static 3 * NUMBER_SIZE], const struct edits *edits, size_t i)
{
	const struct edit *edit = &edits->items[i];
	uint64_t from = i ? edits->items[i - 1].at + edits->items[i - 1].n_old : 0;
	size_t n = put_number(ret, edit->at - from);
	n += put_number(ret + n, (uint64_t)edit->n_new + edit->n_zeros);
	return n + put_number(ret + n, edit->n_old);
}

uint64_t edits_growth(const struct edits *edits)
{
	uint64_t growth = EDITS_TRAILER_SIZE;
	uint8_t entry[3 * NUMBER_SIZE];
	/* The list has the old bytes, so that what they leave in the stream comes on top. */
	for (size_t i = 0; i < edits->n; i++)
		growth += put_entry(entry, edits, i) + edits->items[i].n_new +
			  edits->items[i].n_zeros;
	return growth;
}

static int list_room(struct edits_pass *pass, size_t size, struct error *err)
{
	if (pass->list_allocated - pass->list_size >= size)
		return 0;
	size_t allocated = 2 * pass->list_allocated + 4096;
	uint8_t *list = realloc(pass->list, allocated);
	if (!list)
		return error_no_memory(err);
	pass->list = list;
	pass->list_allocated = allocated;
	return 0;
}

static int begin(struct edits_pass *pass, struct error *err)
{
	static const uint8_t zeros[256];
	const struct edit *edit = &pass->edits->items[pass->next];
	int r = list_room(pass, 3 * NUMBER_SIZE + EDIT_BYTES, err);
	if (r < 0)
		return r;
	pass->list_size += put_entry(pass->list + pass->list_size, pass->edits, pass->next);
	if (edit->n_new)
		r = pass->put(edit->bytes, edit->n_new, false, pass->context, err);
	for (size_t left = edit->n_zeros; r == 0 && left;) {
		size_t n = left < sizeof(zeros) ? left : sizeof(zeros);
		r = pass->put(zeros, n, true, pass->context, err);
		left -= n;
	}
	pass->n_left = edit->n_old;
	pass->begun = true;
	return r;
}

int edits_pass(struct edits_pass *pass, const uint8_t *bytes, size_t size, bool lent,
	       struct error *err)
{
	int r = 0;

	while (r == 0) {
		uint64_t kept = size;
		if (pass->next < pass->edits->n && !pass->begun)
			kept = min_u64(size, pass->edits->items[pass->next].at - pass->at);
		if (pass->begun) {
			size_t n = min_u64(pass->n_left, size);
			if (n)
				memcpy(pass->list + pass->list_size, bytes, n);
			pass->list_size += n;
			pass->n_left -= (unsigned)n;
			pass->begun = pass->n_left;
			pass->next += !pass->begun;
			pass->at += n;
			bytes += n;
			size -= n;
			if (pass->begun)
				return 0;
		} else if (kept) {
			r = pass->put(bytes, (size_t)kept, lent, pass->context, err);
			pass->at += kept;
			bytes += kept;
			size -= (size_t)kept;
		} else if (pass->next < pass->edits->n &&
			   pass->edits->items[pass->next].at == pass->at) {
			r = begin(pass, err);
		} else {
			return 0;
		}
	}
	return r;
}

int edits_pass_finish(struct edits_pass *pass, struct error *err)
{
	int r;

	r = edits_pass(pass, NULL, 0, false, err); /* one at the very end */
	if (r < 0)
		return r;
	if (pass->next < pass->edits->n)
		return error_set(err, -EINVAL, "an edit lies beyond the end");
	struct trailer trailer = { .list_size = htole64(pass->list_size),
				   .original_size = htole64(pass->at) };
	memcpy(trailer.magic, MAGIC, sizeof(trailer.magic));
	r = pass->list_size ? pass->put(pass->list, pass->list_size, false, pass->context, err) : 0;
	return r == 0 ? pass->put((const uint8_t *)&trailer, sizeof(trailer), false, pass->context,
				  err)
		      : r;
}

void edits_pass_close(struct edits_pass *pass)
{
	free(pass->list);
	pass->list = NULL;
}

/* ---- undone ---- */

static int damaged(struct error *err)
{
	return error_set(err, -EBADMSG, "the list of what was changed is damaged");
}

bool edits_find(const uint8_t bytes[static EDITS_TRAILER_SIZE], uint64_t size, uint64_t *ret_size)
{
	struct trailer trailer;
	memcpy(&trailer, bytes, sizeof(trailer));
	uint64_t list_size = le64toh(trailer.list_size);
	if (memcmp(trailer.magic, MAGIC, sizeof(trailer.magic)) != 0 || size < sizeof(trailer) ||
	    list_size > size - sizeof(trailer))
		return false;
	*ret_size = list_size + sizeof(trailer);
	return true;
}

static int next_edit(struct edits_undo *undo, struct error *err)
{
	uint64_t n_old;
	undo->at_end = undo->list == undo->end;
	if (undo->at_end)
		return 0;
	if (!get_number(&undo->list, undo->end, &undo->n_kept) ||
	    !get_number(&undo->list, undo->end, &undo->n_new) ||
	    !get_number(&undo->list, undo->end, &n_old) ||
	    n_old > (uint64_t)(undo->end - undo->list))
		return damaged(err);
	undo->old = undo->list;
	undo->n_old = (size_t)n_old;
	undo->list += n_old;
	return 0;
}

int edits_undo_open(struct edits_undo *undo, const uint8_t *list, size_t size, struct error *err)
{
	struct trailer trailer;
	if (size < sizeof(trailer))
		return damaged(err);
	memcpy(&trailer, list + size - sizeof(trailer), sizeof(trailer));
	undo->list = list;
	undo->end = list + size - sizeof(trailer);
	undo->size_left = le64toh(trailer.original_size);
	return next_edit(undo, err);
}

static int give(struct edits_undo *undo, const uint8_t *bytes, uint64_t size, struct error *err)
{
	if (size > undo->size_left)
		return damaged(err);
	undo->size_left -= size;
	return size ? undo->put(bytes, (size_t)size, false, undo->context, err) : 0;
}

int edits_undo(struct edits_undo *undo, const uint8_t *bytes, size_t size, struct error *err)
{
	int r = 0;

	while (r == 0 && !undo->at_end) {
		uint64_t n = min_u64(undo->n_kept ? undo->n_kept : undo->n_new, size);
		if (undo->n_kept) {
			r = give(undo, bytes, n, err);
			undo->n_kept -= n;
		} else {
			undo->n_new -= n;
		}
		bytes += n;
		size -= (size_t)n;
		if (r < 0 || (!size && (undo->n_kept || undo->n_new)))
			break;
		if (undo->n_kept || undo->n_new)
			continue;
		r = give(undo, undo->old, undo->n_old, err);
		if (r == 0)
			r = next_edit(undo, err);
	}
	return r == 0 && undo->at_end ? give(undo, bytes, size, err) : r;
}

int edits_undo_finish(const struct edits_undo *undo, struct error *err)
{
	return undo->at_end && !undo->size_left ? 0 : damaged(err);
}
