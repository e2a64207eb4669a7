/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tmpfile.h"
#include "store/frame_plan.h"
#include "store/frame_pool.h"
#include "store/internal.h"
#include "store/object_place.h"
#include "store/section_directory.h"
#include "store/seek_table.h"

/*
 * The caller's thread cuts the content into frames; the pool's threads hash and compress them.
 * Hashing and writing go in order, each by one thread at a time: a worker hashes its frame first,
 * while it is about to read it anyway, if it is its turn; and whoever completes a frame does what
 * has become possible, so no thread of the pool ever waits for another.
 */

#define INLINE_FRAME_LIMIT \
	(64u << 10) /* the caller compresses this itself where nothing is before it */

struct frame {
	struct frame_job job; /* first: the pool hands it back */
	struct object_writer *writer;
	struct frame *next; /* in the content's order */
	const uint8_t *bytes;
	size_t size;
	struct frame_buffer *raw; /* holds the bytes; NULL where they are lent */
	struct frame_buffer *stored; /* compressed, and waiting for its turn */
	size_t stored_size;
	bool is_hashed, is_compressed, is_written;
};

struct object_writer {
	struct store *st;
	struct frame_pool *pool;
	struct tmpfile tmp;
	struct digester *digester;
	bool has_plan;
	struct frame_plan plan;
	uint64_t frame_limit;
	uint64_t size_limit; /* with a plan: of the content */
	uint8_t *directory;
	size_t directory_size;

	/* The caller's side: the frame that is being filled, as a lent range or in a buffer. */
	uint64_t n_frames, frame_start;
	size_t frame_size; /* when it is full */
	size_t filled;
	const uint8_t *lent;
	struct frame_buffer *gathered;

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t settled; /* no frame is in flight */
	struct frame *first, *last;
	struct frame *to_hash, *to_write; /* the next ones; NULL: all that are in flight */
	bool is_hashing, is_writing;
	struct seek_entry *entries;
	size_t n_entries, entries_capacity;
	uint64_t stored_offset;
	int r; /* < 0: something failed, and all that is in flight is let go */
	struct error error;
};

/* ---- frames in flight; functions called with the writer's mutex held may let it go for a while
 * ---- */

static void fail(struct object_writer *w, int r, const struct error *error)
{
	if (w->r == 0) {
		w->r = r;
		w->error = *error;
	}
}

static int add_entry(struct object_writer *w, const struct seek_entry *entry, struct error *err)
{
	if (w->n_entries > SEEK_FRAMES_LIMIT)
		return error_set(err, -EFBIG, "the content has more than %u frames of %llu bytes",
				 SEEK_FRAMES_LIMIT, (unsigned long long)w->frame_limit);
	if (w->n_entries == w->entries_capacity) {
		size_t capacity = w->entries_capacity ? 2 * w->entries_capacity : 32;
		struct seek_entry *entries = reallocarray(w->entries, capacity, sizeof(*entries));
		if (!entries)
			return error_no_memory(err);
		w->entries = entries;
		w->entries_capacity = capacity;
	}
	w->entries[w->n_entries++] = *entry;
	return 0;
}

/* A compressed frame's next place in the file. Its last four bytes are its content's checksum. */
static int write_frame(struct object_writer *w, const uint8_t *stored, size_t stored_size,
		       size_t size, uint64_t offset, struct seek_entry *ret, struct error *err)
{
	*ret = (struct seek_entry){ .stored_bytes = (uint32_t)stored_size,
				    .size_bytes = (uint32_t)size,
				    .checksum = get_u32(stored + stored_size - 4) };
	return file_pwrite(w->tmp.fd, stored, stored_size, offset, "a new object", err);
}

static void hash_frame(struct object_writer *w, struct frame *f)
{
	assert(w->to_hash == f && !w->is_hashing);
	w->is_hashing = true;
	if (w->r == 0) {
		pthread_mutex_unlock(&w->mutex);
		digester_add(w->digester, f->bytes, f->size);
		pthread_mutex_lock(&w->mutex);
	}
	w->is_hashing = false;
	f->is_hashed = true;
	w->to_hash = f->next;
}

static void write_next(struct object_writer *w, struct frame *f, const uint8_t *stored)
{
	assert(w->to_write == f && !w->is_writing);
	w->is_writing = true;
	if (w->r == 0) {
		uint64_t offset = w->stored_offset;
		pthread_mutex_unlock(&w->mutex);
		struct error error = ERROR_NONE;
		struct seek_entry entry;
		int r = write_frame(w, stored, f->stored_size, f->size, offset, &entry, &error);
		pthread_mutex_lock(&w->mutex);
		if (r == 0)
			r = add_entry(w, &entry, &error);
		if (r < 0)
			fail(w, r, &error);
		w->stored_offset += f->stored_size;
	}
	w->is_writing = false;
	f->is_written = true;
	w->to_write = f->next;
}

/* Let go what a frame no longer needs, and the frames that are through. */
static void settle(struct object_writer *w, struct frame *f)
{
	if (f->is_hashed && f->is_compressed)
		frame_buffer_put(w->pool, take(f->raw));
	if (f->is_written)
		frame_buffer_put(w->pool, take(f->stored));
	while (w->first && w->first->is_hashed && w->first->is_written) {
		struct frame *through = w->first;
		w->first = through->next;
		if (!w->first)
			w->last = NULL;
		free(through);
		frame_pool_give_slot(w->pool);
	}
	if (!w->first)
		pthread_cond_signal(&w->settled);
}

/* Do all that has become possible. A frame that is hashed here was compressed before its turn came.
 */
static void advance(struct object_writer *w)
{
	for (;;) {
		struct frame *f = w->to_write;
		if (f && f->is_compressed && !w->is_writing) {
			write_next(w, f, f->stored ? f->stored->bytes : NULL);
			settle(w, f);
			continue;
		}
		f = w->to_hash;
		if (f && f->is_compressed && !w->is_hashing) {
			hash_frame(w, f);
			settle(w, f);
			continue;
		}
		return;
	}
}

static void run_frame(struct frame_job *job, struct compressor *c)
{
	struct frame *f = (struct frame *)job;
	struct object_writer *w = f->writer;
	struct error error = ERROR_NONE;
	int r = 0;

	pthread_mutex_lock(&w->mutex);
	if (w->to_hash == f && !w->is_hashing)
		hash_frame(w, f);
	if (w->r == 0) {
		pthread_mutex_unlock(&w->mutex);
		r = compressor_run(c, f->bytes, f->size, &f->stored_size, &error);
		pthread_mutex_lock(&w->mutex);
	}
	if (r < 0)
		fail(w, r, &error);
	if (w->r == 0 && w->to_write == f && !w->is_writing)
		write_next(w, f, compressor_output(c));
	else if (w->r == 0)
		f->stored = compressor_take_output(c);
	f->is_compressed = true;
	settle(w, f);
	advance(w);
	pthread_mutex_unlock(&w->mutex);
}

/* ---- the caller's side ---- */

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
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->settled, NULL);
	w->frame_limit =
		frame_limit && frame_limit < OBJECT_FRAME_LIMIT ? frame_limit : OBJECT_FRAME_LIMIT;

	r = pool_of(st, &w->pool, err);
	if (r < 0)
		return r;
	r = digester_new(&w->digester, err);
	if (r < 0)
		return r;
	if (layout) {
		w->has_plan = true;
		w->size_limit = layout->size_bytes;
		r = frame_plan_new(layout, w->frame_limit, &w->plan, err);
		if (r < 0)
			return r;
		r = section_directory_encode(layout, &w->directory, &w->directory_size, err);
		if (r < 0)
			return r;
	}
	r = tmpfile_create(st->tmp_fd, &w->tmp, err);
	if (r < 0)
		return error_prefix(err, r, "store %s", ESCAPED(st->path));
	*ret = take(w);
	return 0;
}

/* What has failed in another thread. */
static int check_failure(struct object_writer *w, struct error *err)
{
	pthread_mutex_lock(&w->mutex);
	int r = w->r;
	if (r < 0 && err)
		*err = w->error;
	pthread_mutex_unlock(&w->mutex);
	return r;
}

static bool nothing_in_flight(struct object_writer *w)
{
	pthread_mutex_lock(&w->mutex);
	bool ret = !w->first;
	pthread_mutex_unlock(&w->mutex);
	return ret;
}

static int put_inline(struct object_writer *w, const uint8_t *bytes, size_t size, struct error *err)
{
	int r;

	digester_add(w->digester, bytes, size);
	struct compressor *c = compressor_borrow(w->pool);
	size_t stored_size = 0;
	struct seek_entry entry;
	r = compressor_run(c, bytes, size, &stored_size, err);
	if (r == 0)
		r = write_frame(w, compressor_output(c), stored_size, size, w->stored_offset,
				&entry, err);
	compressor_give_back(w->pool, c);
	if (r == 0)
		r = add_entry(w, &entry, err);
	if (r < 0) {
		w->r = r; /* nothing is in flight: no other thread looks */
		if (err)
			w->error = *err;
		return r;
	}
	w->stored_offset += stored_size;
	return 0;
}

static int put_in_flight(struct object_writer *w, const uint8_t *bytes, size_t size,
			 struct error *err)
{
	struct frame *f = calloc(1, sizeof(*f));
	if (!f)
		return error_no_memory(err);
	f->job.run = run_frame;
	f->writer = w;
	f->bytes = bytes;
	f->size = size;
	f->raw = take(w->gathered);

	frame_pool_take_slot(w->pool);
	pthread_mutex_lock(&w->mutex);
	if (w->last)
		w->last->next = f;
	else
		w->first = f;
	w->last = f;
	if (!w->to_hash)
		w->to_hash = f;
	if (!w->to_write)
		w->to_write = f;
	pthread_mutex_unlock(&w->mutex);
	frame_pool_submit(w->pool, &f->job);
	return 0;
}

/* @is_only: the content ends here, with its first frame. No thread is worth starting for that. */
static int put_frame(struct object_writer *w, bool is_only, struct error *err)
{
	int r;

	const uint8_t *bytes = w->gathered ? w->gathered->bytes : w->lent;
	if (nothing_in_flight(w) && (is_only || w->filled <= INLINE_FRAME_LIMIT)) {
		r = put_inline(w, bytes, w->filled, err);
		frame_buffer_put(w->pool, take(w->gathered));
	} else {
		r = put_in_flight(w, bytes, w->filled, err);
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
			r = check_failure(w, err);
			if (r == 0)
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

static void wait_until_settled(struct object_writer *w)
{
	pthread_mutex_lock(&w->mutex);
	while (w->first)
		pthread_cond_wait(&w->settled, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
}

/* What is behind the frames: section directory, seek table. */
static int write_tail(struct object_writer *w, struct error *err)
{
	int r;

	if (w->directory) {
		struct seek_entry entry = { .stored_bytes = (uint32_t)w->directory_size,
					    .checksum = SEEK_CHECKSUM_OF_NOTHING };
		r = add_entry(w, &entry, err);
		if (r < 0)
			return r;
	}
	size_t table_size = seek_table_size(w->n_entries), size = w->directory_size + table_size;
	scoped(string_free) char *tail = malloc(size);
	if (!tail)
		return error_no_memory(err);
	if (w->directory)
		memcpy(tail, w->directory, w->directory_size);
	seek_table_encode(w->entries, w->n_entries, (uint8_t *)tail + w->directory_size);
	r = file_pwrite(w->tmp.fd, tail, size, w->stored_offset, "a new object", err);
	if (r < 0)
		return r;
	w->stored_offset += size;
	return 0;
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
		r = check_failure(w, err);
		if (r == 0)
			r = put_frame(w, !w->n_frames, err);
		if (r < 0)
			return r;
	}
	wait_until_settled(w);
	r = check_failure(w, err);
	if (r < 0)
		return r;
	r = write_tail(w, err);
	if (r < 0)
		return r;

	struct object_result result = { .size_bytes = size };
	result.digest = digester_finish(w->digester);
	r = object_publish(w->st, &w->tmp, &result, err);
	if (r < 0)
		return r;
	*ret = result;
	return 0;
}

void object_writer_free(struct object_writer *w)
{
	if (!w)
		return;
	/* Frames in flight refer to us and to lent bytes: they are let go without further work. */
	pthread_mutex_lock(&w->mutex);
	fail(w, -ECANCELED, &ERROR_NONE);
	pthread_mutex_unlock(&w->mutex);
	wait_until_settled(w);

	if (w->pool)
		frame_buffer_put(w->pool, w->gathered);
	tmpfile_discard(&w->tmp);
	digester_free(w->digester);
	frame_plan_free(&w->plan);
	free(w->directory);
	free(w->entries);
	pthread_cond_destroy(&w->settled);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

int object_put(struct store *st, const void *bytes, size_t size, struct object_result *ret,
	       struct error *err)
{
	int r;

	scoped(object_writer_freep) struct object_writer *w = NULL;
	r = object_writer_new(st, NULL, 0, &w, err);
	if (r < 0)
		return r;
	r = object_writer_lend(w, bytes, size, err);
	if (r < 0)
		return r;
	return object_writer_finish(w, ret, err);
}
