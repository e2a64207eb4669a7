/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/file.h"
#include "store/frame_line.h"

/*
 * Hashing and writing go in order, each by one thread at a time: a worker hashes its frame first,
 * while it is about to read it anyway, if it is its turn; and whoever completes a frame does what
 * has become possible, so no thread of the pool ever waits for another.
 */

#define EARLY_SYNC_SIZE (256u << 10)

struct frame {
	struct frame_job job; /* first: the pool hands it back */
	struct frame_line *line;
	struct frame *next; /* in the content's order */
	const uint8_t *bytes;
	size_t size;
	struct frame_buffer *raw; /* holds the bytes; NULL where they are lent */
	struct frame_buffer *stored; /* compressed, and waiting for its turn */
	size_t stored_size;
	bool is_hashed, is_compressed, is_written;
};

struct frame_line {
	struct frame_pool *pool;
	int fd;
	struct digester *digester; /* whoever hashes has it */
	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t settled; /* nothing is on its way */
	struct frame *first, *last;
	struct frame *to_hash, *to_write; /* the next ones; NULL: all that are on their way */
	bool is_hashing, is_writing;
	struct seek_entry *entries;
	size_t n_entries, entries_capacity;
	uint64_t stored_offset;
	int r; /* < 0: something failed, and all that is on its way is let go */
	struct error error;
};

/* ---- the pool's side; functions called with the line's mutex held may let it go for a while
 * ---- */

static void fail(struct frame_line *line, int r, const struct error *error)
{
	if (line->r == 0) {
		line->r = r;
		line->error = *error;
	}
}

static int add_entry(struct frame_line *line, const struct seek_entry *entry, struct error *err)
{
	if (line->n_entries == SEEK_FRAMES_LIMIT)
		return error_set(err, -EFBIG, "the content has more than %u frames",
				 SEEK_FRAMES_LIMIT);
	if (line->n_entries == line->entries_capacity) {
		size_t capacity = line->entries_capacity ? 2 * line->entries_capacity : 32;
		struct seek_entry *entries =
			reallocarray(line->entries, capacity, sizeof(*entries));
		if (!entries)
			return error_no_memory(err);
		line->entries = entries;
		line->entries_capacity = capacity;
	}
	line->entries[line->n_entries++] = *entry;
	return 0;
}

/* A compressed frame's next place in the file. Its last four bytes are its content's checksum. */
static int write_frame(struct frame_line *line, const uint8_t *stored, size_t stored_size,
		       size_t size, uint64_t offset, struct seek_entry *ret, struct error *err)
{
	*ret = (struct seek_entry){ .stored_bytes = (uint32_t)stored_size,
				    .size_bytes = (uint32_t)size,
				    .checksum = get_u32(stored + stored_size - 4) };
	int r = file_pwrite(line->fd, stored, stored_size, offset, "a new object", err);
	/* Let the disk begin now, so that there is less to wait for in the end. A hint: it may
	 * fail. */
	if (r == 0 && stored_size >= EARLY_SYNC_SIZE)
		(void)sync_file_range(line->fd, (off_t)offset, (off_t)stored_size,
				      SYNC_FILE_RANGE_WRITE);
	return r;
}

static void hash_frame(struct frame_line *line, struct frame *f)
{
	assert(line->to_hash == f && !line->is_hashing);
	line->is_hashing = true;
	if (line->r == 0) {
		pthread_mutex_unlock(&line->mutex);
		digester_add(line->digester, f->bytes, f->size);
		pthread_mutex_lock(&line->mutex);
	}
	line->is_hashing = false;
	f->is_hashed = true;
	line->to_hash = f->next;
}

static void write_next(struct frame_line *line, struct frame *f, const uint8_t *stored)
{
	assert(line->to_write == f && !line->is_writing);
	line->is_writing = true;
	if (line->r == 0) {
		uint64_t offset = line->stored_offset;
		pthread_mutex_unlock(&line->mutex);
		struct error error = ERROR_NONE;
		struct seek_entry entry;
		int r = write_frame(line, stored, f->stored_size, f->size, offset, &entry, &error);
		pthread_mutex_lock(&line->mutex);
		if (r == 0)
			r = add_entry(line, &entry, &error);
		if (r < 0)
			fail(line, r, &error);
		line->stored_offset += f->stored_size;
	}
	line->is_writing = false;
	f->is_written = true;
	line->to_write = f->next;
}

/* Let go what a frame no longer needs, and the frames that are through. */
static void settle(struct frame_line *line, struct frame *f)
{
	if (f->is_hashed && f->is_compressed)
		frame_buffer_put(line->pool, take(f->raw));
	if (f->is_written)
		frame_buffer_put(line->pool, take(f->stored));
	while (line->first && line->first->is_hashed && line->first->is_written) {
		struct frame *through = line->first;
		line->first = through->next;
		if (!line->first)
			line->last = NULL;
		free(through);
		frame_pool_give_slot(line->pool);
	}
	if (!line->first)
		pthread_cond_signal(&line->settled);
}

/* Do all that has become possible. A frame that is hashed here was compressed before its turn came.
 */
static void advance(struct frame_line *line)
{
	for (;;) {
		struct frame *f = line->to_write;
		if (f && f->is_compressed && !line->is_writing) {
			write_next(line, f, f->stored ? f->stored->bytes : NULL);
			settle(line, f);
			continue;
		}
		f = line->to_hash;
		if (f && f->is_compressed && !line->is_hashing) {
			hash_frame(line, f);
			settle(line, f);
			continue;
		}
		return;
	}
}

static void run_frame(struct frame_job *job, struct compressor *c)
{
	struct frame *f = (struct frame *)job;
	struct frame_line *line = f->line;
	struct error error = ERROR_NONE;
	int r = 0;

	pthread_mutex_lock(&line->mutex);
	if (line->to_hash == f && !line->is_hashing)
		hash_frame(line, f);
	if (line->r == 0) {
		pthread_mutex_unlock(&line->mutex);
		r = compressor_run(c, f->bytes, f->size, &f->stored_size, &error);
		pthread_mutex_lock(&line->mutex);
	}
	if (r < 0)
		fail(line, r, &error);
	if (line->r == 0 && line->to_write == f && !line->is_writing)
		write_next(line, f, compressor_output(c));
	else if (line->r == 0)
		f->stored = compressor_take_output(c);
	f->is_compressed = true;
	settle(line, f);
	advance(line);
	pthread_mutex_unlock(&line->mutex);
}

/* ---- the caller's side ---- */

int frame_line_new(struct frame_pool *pool, int fd, struct frame_line **ret, struct error *err)
{
	int r;

	struct frame_line *line = calloc(1, sizeof(*line));
	if (!line)
		return error_no_memory(err);
	line->pool = pool;
	line->fd = fd;
	r = digester_new(&line->digester, err);
	if (r < 0) {
		free(line);
		return r;
	}
	pthread_mutex_init(&line->mutex, NULL);
	pthread_cond_init(&line->settled, NULL);
	*ret = line;
	return 0;
}

static void wait_until_settled(struct frame_line *line)
{
	pthread_mutex_lock(&line->mutex);
	while (line->first)
		pthread_cond_wait(&line->settled, &line->mutex);
	pthread_mutex_unlock(&line->mutex);
}

void frame_line_free(struct frame_line *line)
{
	if (!line)
		return;
	/* Frames refer to us and to lent bytes: none may be left. */
	pthread_mutex_lock(&line->mutex);
	fail(line, -ECANCELED, &ERROR_NONE);
	pthread_mutex_unlock(&line->mutex);
	wait_until_settled(line);
	digester_free(line->digester);
	free(line->entries);
	pthread_cond_destroy(&line->settled);
	pthread_mutex_destroy(&line->mutex);
	free(line);
}

bool frame_line_is_empty(struct frame_line *line)
{
	pthread_mutex_lock(&line->mutex);
	bool ret = !line->first;
	pthread_mutex_unlock(&line->mutex);
	return ret;
}

/* What failed in any thread. */
static int check_failure(struct frame_line *line, struct error *err)
{
	pthread_mutex_lock(&line->mutex);
	int r = line->r;
	if (r < 0 && err)
		*err = line->error;
	pthread_mutex_unlock(&line->mutex);
	return r;
}

int frame_line_put(struct frame_line *line, const uint8_t *bytes, size_t size,
		   struct frame_buffer *buffer, struct error *err)
{
	int r;

	r = check_failure(line, err);
	struct frame *f = r == 0 ? calloc(1, sizeof(*f)) : NULL;
	if (!f) {
		frame_buffer_put(line->pool, buffer);
		return r < 0 ? r : error_no_memory(err);
	}
	f->job.run = run_frame;
	f->line = line;
	f->bytes = bytes;
	f->size = size;
	f->raw = buffer;

	frame_pool_take_slot(line->pool);
	pthread_mutex_lock(&line->mutex);
	if (line->last)
		line->last->next = f;
	else
		line->first = f;
	line->last = f;
	if (!line->to_hash)
		line->to_hash = f;
	if (!line->to_write)
		line->to_write = f;
	pthread_mutex_unlock(&line->mutex);
	frame_pool_submit(line->pool, &f->job);
	return 0;
}

int frame_line_put_now(struct frame_line *line, const uint8_t *bytes, size_t size,
		       struct error *err)
{
	int r;

	assert(!line->first);
	r = check_failure(line, err);
	if (r < 0)
		return r;
	digester_add(line->digester, bytes, size);
	struct compressor *c = compressor_borrow(line->pool);
	size_t stored_size = 0;
	struct seek_entry entry;
	struct error error = ERROR_NONE;
	r = compressor_run(c, bytes, size, &stored_size, &error);
	if (r == 0)
		r = write_frame(line, compressor_output(c), stored_size, size, line->stored_offset,
				&entry, &error);
	compressor_give_back(line->pool, c);
	if (r == 0)
		r = add_entry(line, &entry, &error);
	if (r < 0) {
		fail(line, r, &error); /* nothing is on its way: no other thread looks */
		return check_failure(line, err);
	}
	line->stored_offset += stored_size;
	return 0;
}

int frame_line_finish(struct frame_line *line, struct frame_line_result *ret, struct error *err)
{
	int r;

	wait_until_settled(line);
	r = check_failure(line, err);
	if (r < 0)
		return r;
	*ret = (struct frame_line_result){ .digest = digester_finish(line->digester),
					   .entries = line->entries,
					   .n_entries = line->n_entries,
					   .stored_bytes = line->stored_offset };
	return 0;
}
