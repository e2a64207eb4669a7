/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/edits.h"

struct text {
	char bytes[4096];
	size_t size;
	size_t room; /* what is over it is refused; 0: all is taken */
};

static int put(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	(void)lent;
	struct text *text = context;
	assert_true(text->size + size <= sizeof(text->bytes));
	if (text->room && text->size + size > text->room)
		return error_set(err, -ENOSPC, "full");
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	return 0;
}

#define ORIGINAL "lines: fmt os net; table at 0010"
#define CHANGED "lines: /fmt /os /net\0\0; table at 0016!"

static struct edits some_edits(void)
{
	static const struct edit items[] = {
		{ .at = 32, .n_new = 1, .bytes = "!" }, /* at the very end */
		{ .at = 11, .n_new = 1, .bytes = "/" },
		{ .at = 7, .n_new = 1, .bytes = "/" },
		{ .at = 28, .n_old = 4, .n_new = 4, .bytes = "0016" },
		{ .at = 14, .n_new = 1, .bytes = "/" },
		{ .at = 17, .n_zeros = 2 },
	};
	struct edits edits = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		assert_int_equal(edits_add(&edits, &items[i], NULL), 0);
	edits_sort(&edits);
	return edits;
}

static void pass(const struct edits *edits, size_t piece, struct text *ret)
{
	scoped(edits_pass_close) struct edits_pass p = {
		.edits = edits, .put = put, .context = ret
	};
	const uint8_t *from = (const uint8_t *)ORIGINAL;
	size_t size = sizeof(ORIGINAL) - 1;
	for (size_t at = 0; at < size; at += piece)
		assert_int_equal(
			edits_pass(&p, from + at, min_u64(piece, size - at), false, NULL), 0);
	assert_int_equal(edits_pass_finish(&p, NULL), 0);
}

static int undo(const struct text *changed, size_t piece, struct text *ret)
{
	const uint8_t *bytes = (const uint8_t *)changed->bytes;
	uint64_t list_size;
	if (!edits_find(bytes + changed->size - EDITS_TRAILER_SIZE, changed->size, &list_size))
		return -ENOENT;
	size_t end = changed->size - (size_t)list_size;
	struct edits_undo u = { .put = put, .context = ret };
	int r = edits_undo_open(&u, bytes + end, (size_t)list_size, NULL);
	for (size_t at = 0; r == 0 && at < end; at += piece)
		r = edits_undo(&u, bytes + at, min_u64(piece, end - at), NULL);
	return r == 0 ? edits_undo_finish(&u, NULL) : r;
}

static void edits_are_made_and_undone(void **state)
{
	(void)state;
	struct edits edits = some_edits();
	for (size_t piece = 1; piece < sizeof(ORIGINAL) + 1; piece++) {
		struct text changed = { 0 }, original = { 0 };
		pass(&edits, piece, &changed);
		assert_memory_equal(changed.bytes, CHANGED, sizeof(CHANGED) - 1);
		assert_int_equal(changed.size, sizeof(ORIGINAL) - 1 + edits_growth(&edits));
		for (size_t back = 1; back < sizeof(CHANGED) + 1; back++) {
			original.size = 0;
			assert_int_equal(undo(&changed, back, &original), 0);
			assert_int_equal(original.size, sizeof(ORIGINAL) - 1);
			assert_memory_equal(original.bytes, ORIGINAL, sizeof(ORIGINAL) - 1);
		}
	}
	edits_free(&edits);
}

static void a_stream_without_edits_is_undone_to_itself(void **state)
{
	(void)state;
	const struct edits none = { 0 };
	struct text changed = { 0 }, original = { 0 };
	pass(&none, 5, &changed);
	assert_int_equal(changed.size, sizeof(ORIGINAL) - 1 + EDITS_TRAILER_SIZE);
	assert_int_equal(undo(&changed, 5, &original), 0);
	assert_memory_equal(original.bytes, ORIGINAL, sizeof(ORIGINAL) - 1);
}

/* Whatever is wrong with the list: no byte too many comes out, and nothing is read past an end. */
static void damaged_lists_are_told(void **state)
{
	(void)state;
	struct edits edits = some_edits();
	struct text changed = { 0 };
	pass(&edits, 64, &changed);
	edits_free(&edits);
	size_t list_at = sizeof(CHANGED) - 1;
	for (size_t at = list_at; at < changed.size; at++) {
		for (unsigned flip = 1; flip < 256; flip += 2) {
			struct text damaged = changed, original = { 0 };
			damaged.bytes[at] ^= (char)flip;
			int r = undo(&damaged, 7, &original);
			assert_true(r == 0 || r == -EBADMSG || r == -ENOENT);
			assert_true(original.size <= sizeof(original.bytes));
		}
	}
	/* One entry less, or bytes less: the sum does not come out. */
	struct text original = { 0 };
	struct text less = changed;
	memmove(less.bytes + list_at - 1, less.bytes + list_at, less.size - list_at);
	less.size--;
	assert_int_equal(undo(&less, 7, &original), -EBADMSG);
	less.size = EDITS_TRAILER_SIZE - 1;
	uint64_t list_size;
	assert_false(edits_find((const uint8_t *)less.bytes, less.size, &list_size));
}

static void a_failure_on_the_way_ends_it(void **state)
{
	(void)state;
	struct edits edits = some_edits();
	for (size_t room = 1; room < sizeof(CHANGED); room++) {
		struct text changed = { .room = room };
		scoped(edits_pass_close) struct edits_pass p = {
			.edits = &edits, .put = put, .context = &changed
		};
		int r = edits_pass(&p, (const uint8_t *)ORIGINAL, sizeof(ORIGINAL) - 1, true,
				   NULL);
		if (r == 0)
			r = edits_pass_finish(&p, NULL);
		assert_int_equal(r, -ENOSPC);
	}
	edits_free(&edits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_are_made_and_undone),
		cmocka_unit_test(a_stream_without_edits_is_undone_to_itself),
		cmocka_unit_test(damaged_lists_are_told),
		cmocka_unit_test(a_failure_on_the_way_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
