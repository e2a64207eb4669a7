/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What compresses the frames of all of a store's writers: threads, compressors, buffers, and slots
 * that bound what is in flight. With N threads asked for, all that the pool holds stays within 64
 * MiB and three frames a thread; where a level's compressors are large, fewer threads than asked
 * for work.
 *
 * Threads: all of it may be called from any thread.
 */
struct frame_pool;

/** No thread is started yet. */
must_check int frame_pool_new(int level, unsigned n_threads, struct frame_pool **ret,
			      struct error *err);
/** All jobs are done by now. NULL is accepted. */
void frame_pool_free(struct frame_pool *pool);

/* ---- buffers: of a frame's raw or compressed bytes ---- */

struct frame_buffer {
	struct frame_buffer *next;
	size_t capacity;
	uint8_t *bytes;
};

/** Room for @size bytes, at most of a compressed frame. NULL: no memory */
struct frame_buffer *frame_buffer_get(struct frame_pool *pool, size_t size);
/** NULL is accepted. */
void frame_buffer_put(struct frame_pool *pool, struct frame_buffer *b);

/* ---- compressors ---- */

struct compressor;

/** Waits for one that is free; whoever holds one waits for nothing else than files. */
struct compressor *compressor_borrow(struct frame_pool *pool);
void compressor_give_back(struct frame_pool *pool, struct compressor *c);

/**
 * Compress one frame: content size and checksum in it, window of at most 8 MiB.
 * @ret_size  bytes in compressor_output()
 */
must_check int compressor_run(struct compressor *c, const uint8_t *bytes, size_t size,
			      size_t *ret_size, struct error *err);
const uint8_t *compressor_output(const struct compressor *c);
/** Take the output away; the next run gets another buffer. */
struct frame_buffer *compressor_take_output(struct compressor *c);

/* ---- jobs ---- */

/** The caller's, until @run is called, which may free it. */
struct frame_job {
	struct frame_job *next;
	void (*run)(struct frame_job *job, struct compressor *c);
};

/** Wait until one more frame may be in flight. Each job needs a slot, and its owner gives it back.
 */
void frame_pool_take_slot(struct frame_pool *pool);
void frame_pool_give_slot(struct frame_pool *pool);

/** Queue a job; it is run by a thread of the pool or, where none can be started, now. */
void frame_pool_submit(struct frame_pool *pool, struct frame_job *job);
