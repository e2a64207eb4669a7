/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/tmpfile.h"
#include "store/frame_line.h"
#include "store/frame_plan.h"
#include "store/internal.h"
#include "store/object_place.h"
#include "store/section_directory.h"

#define INLINE_FRAME_LIMIT \
	(64u << 10) /* the caller compresses this itself where nothing is before it */

struct object_writer {
	struct store *st;
	struct fresh *fresh; /* NULL: nobody takes it back */
	struct frame_pool *pool;
	struct tmpfile tmp;
	struct frame_line *line;
	bool has_plan;
	struct frame_plan plan;
	uint64_t frame_limit;
	uint64_t size_limit; /* with a plan: of the content */
	uint8_t *directory;
	size_t directory_size;

	/* The frame that is being filled, as a lent range or in a buffer. */
	uint64_t n_frames, frame_start;
	size_t frame_size; /* when it is full; 0: not begun */
	size_t filled;
	const uint8_t *lent;
	struct frame_buffer *gathered;
};

static int pool_of(struct store *st, struct frame_pool **ret, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&st->mutex);
	if (!st->pool)
		r = frame_pool_new(st->level, st->n_threads, &st->pool, err);
	*ret = st->pool;
	pthread_mutex_unlock(&st->mutex);
	return r;
}

static int plan(struct object_writer *w, const struct object_layout *layout, struct error *err)
{
	int r;

	w->has_plan = true;
	w->size_limit = layout->size_bytes;
	r = frame_plan_new(layout, w->frame_limit, &w->plan, err);
	if (r < 0)
		return r;
	return section_directory_encode(layout, &w->directory, &w->directory_size, err);
}

int object_writer_new(struct store *st, const struct object_layout *layout, uint64_t frame_limit,
		      struct object_writer **ret, struct error *err)
{
	int r;

	if (st->access != STORE_WRITE)
		return error_set(err, -EINVAL, "store %s is open for reading alone",
				 ESCAPED(st->path));
	scoped(object_writer_freep) struct object_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return error_no_memory(err);
	w->st = st;
	w->tmp = TMPFILE_NONE;
	w->frame_limit =
		frame_limit && frame_limit < OBJECT_FRAME_LIMIT ? frame_limit : OBJECT_FRAME_LIMIT;
	if (layout) {
		r = plan(w, layout, err);
		if (r < 0)
			return r;
	}
	r = pool_of(st, &w->pool, err);
	if (r < 0)
		return r;
	r = tmpfile_create(st->tmp_fd, &w->tmp, err);
	if (r < 0)
		return error_prefix(err, r, "store %s", ESCAPED(st->path));
	r = frame_line_new(w->pool, w->tmp.fd, &w->line, err);
	if (r < 0)
		return r;
	*ret = take(w);
	return 0;
}

/* @is_only: the content ends here, with its first frame. No thread is worth starting for that. */
static int put_frame(struct object_writer *w, bool is_only, struct error *err)
{
	int r;

	const uint8_t *bytes = w->gathered ? w->gathered->bytes : w->lent;
	if (frame_line_is_empty(w->line) && (is_only || w->filled <= INLINE_FRAME_LIMIT)) {
		r = frame_line_put_now(w->line, bytes, w->filled, err);
		frame_buffer_put(w->pool, take(w->gathered));
	} else {
		r = frame_line_put(w->line, bytes, w->filled, take(w->gathered), err);
	}
	if (r < 0)
		return r;
	w->frame_start += w->filled;
	w->n_frames++;
	w->filled = w->frame_size = 0;
	w->lent = NULL;
	return 0;
}

static int begin_frame(struct object_writer *w, struct error *err)
{
	if (!w->has_plan) {
		w->frame_size = w->frame_limit;
		return 0;
	}
	if (w->n_frames == w->plan.n_frames)
		return error_set(err, -EINVAL, "the content is longer than its layout's %llu bytes",
				 (unsigned long long)w->size_limit);
	w->frame_size = (size_t)(w->plan.ends[w->n_frames] - w->frame_start);
	return 0;
}

/* Take bytes into the frame that is being filled: as they are, or copied where they do not join. */
static int fill_frame(struct object_writer *w, const uint8_t *bytes, size_t size, bool is_lent,
		      struct error *err)
{
	if (is_lent && !w->gathered && (!w->filled || w->lent + w->filled == bytes)) {
		if (!w->filled)
			w->lent = bytes;
		w->filled += size;
		return 0;
	}
	if (!w->gathered) {
		w->gathered = frame_buffer_get(w->pool, w->frame_size);
		if (!w->gathered)
			return error_no_memory(err);
		if (w->filled)
			memcpy(w->gathered->bytes, w->lent, w->filled);
		w->lent = NULL;
	}
	memcpy(w->gathered->bytes + w->filled, bytes, size);
	w->filled += size;
	return 0;
}

static int add(struct object_writer *w, const uint8_t *bytes, size_t size, bool is_lent,
	       struct error *err)
{
	int r;

	while (size) {
		/* A frame that is full goes off only when more comes: the only one of an object
		 * stays here. */
		if (w->frame_size && w->filled == w->frame_size) {
			r = put_frame(w, false, err);
			if (r < 0)
				return r;
		}
		if (!w->frame_size) {
			r = begin_frame(w, err);
			if (r < 0)
				return r;
		}
		size_t part = (size_t)min_u64(size, w->frame_size - w->filled);
		r = fill_frame(w, bytes, part, is_lent, err);
		if (r < 0)
			return r;
		bytes += part;
		size -= part;
	}
	return 0;
}

int object_writer_write(struct object_writer *w, const void *bytes, size_t size, struct error *err)
{
	return add(w, bytes, size, false, err);
}

int object_writer_lend(struct object_writer *w, const void *bytes, size_t size, struct error *err)
{
	return add(w, bytes, size, true, err);
}

static void entries_free(struct seek_entry **entries)
{
	free(*entries);
}

/* What is behind the frames: section directory, seek table. */
static int write_tail(struct object_writer *w, const struct frame_line_result *frames,
		      struct error *err)
{
	size_t n = frames->n_entries, n_all = n + (w->directory ? 1 : 0);
	scoped(entries_free) struct seek_entry *entries =
		calloc(n_all ? n_all : 1, sizeof(*entries));
	size_t size = w->directory_size + seek_table_size(n_all);
	scoped(string_free) char *tail = malloc(size);
	if (!entries || !tail)
		return error_no_memory(err);
	if (n)
		memcpy(entries, frames->entries, n * sizeof(*entries));
	if (w->directory) {
		entries[n] = (struct seek_entry){ .stored_bytes = (uint32_t)w->directory_size,
						  .checksum = SEEK_CHECKSUM_OF_NOTHING };
		memcpy(tail, w->directory, w->directory_size);
	}
	seek_table_encode(entries, n_all, (uint8_t *)tail + w->directory_size);
	return file_pwrite(w->tmp.fd, tail, size, frames->stored_bytes, "a new object", err);
}

void object_writer_note(struct object_writer *w, struct fresh *fresh)
{
	w->fresh = fresh;
}

int object_writer_finish(struct object_writer *w, struct object_result *ret, struct error *err)
{
	int r;

	uint64_t size = w->frame_start + w->filled;
	if (w->has_plan && size != w->size_limit)
		return error_set(err, -EINVAL,
				 "the content ends after %llu bytes, and its layout has %llu",
				 (unsigned long long)size, (unsigned long long)w->size_limit);
	if (w->filled) {
		r = put_frame(w, !w->n_frames, err);
		if (r < 0)
			return r;
	}
	struct frame_line_result frames = { 0 };
	r = frame_line_finish(w->line, &frames, err);
	if (r < 0)
		return r;
	r = write_tail(w, &frames, err);
	if (r < 0)
		return r;

	struct object_result result = { .digest = frames.digest, .size_bytes = size };
	r = object_publish(w->st, &w->tmp, w->fresh, &result, err);
	if (r < 0)
		return r;
	*ret = result;
	return 0;
}

void object_writer_free(struct object_writer *w)
{
	if (!w)
		return;
	frame_line_free(w->line);
	if (w->pool)
		frame_buffer_put(w->pool, w->gathered);
	tmpfile_discard(&w->tmp);
	frame_plan_free(&w->plan);
	free(w->directory);
	free(w);
}

int object_put(struct store *st, const void *bytes, size_t size, struct object_result *ret,
	       struct error *err)
{
	return object_put_noted(st, bytes, size, NULL, ret, err);
}

int object_put_noted(struct store *st, const void *bytes, size_t size, struct fresh *fresh,
		     struct object_result *ret, struct error *err)
{
	int r;

	scoped(object_writer_freep) struct object_writer *w = NULL;
	r = object_writer_new(st, NULL, 0, &w, err);
	if (r < 0)
		return r;
	object_writer_note(w, fresh);
	r = object_writer_lend(w, bytes, size, err);
	if (r < 0)
		return r;
	return object_writer_finish(w, ret, err);
}
