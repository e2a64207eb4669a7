/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/digest.h"
#include "base/error.h"
#include "store/frame_pool.h"
#include "store/seek_table.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The frames of one object on their way into its file: hashed, compressed and written, in order, by
 * the pool's threads. The caller puts them in one after the other.
 *
 * Threads: one at a time, and the pool's
 */
struct frame_line;

/** Frames go to the start of @fd, which stays the caller's. @pool outlives the line. */
must_check int frame_line_new(struct frame_pool *pool, int fd, struct frame_line **ret,
			      struct error *err);
/** Frames that are still on their way are let go without further work. NULL is accepted. */
void frame_line_free(struct frame_line *line);

/** Is nothing on its way? */
bool frame_line_is_empty(struct frame_line *line);

/**
 * The next frame. Waits while too many are on their way in the whole pool.
 *
 * @bytes   readable and unchanged until frame_line_finish() or _free()
 * @buffer  holds @bytes, and is taken over, also on failure; NULL where they are lent
 * Errors:  also what failed with an earlier frame
 */
must_check int frame_line_put(struct frame_line *line, const uint8_t *bytes, size_t size,
			      struct frame_buffer *buffer, struct error *err);

/** The next frame, done here and now; nothing is on its way. @bytes are not needed afterwards. */
must_check int frame_line_put_now(struct frame_line *line, const uint8_t *bytes, size_t size,
				  struct error *err);

struct frame_line_result {
	struct digest digest; /* of the content */
	const struct seek_entry *entries; /* the line's own */
	size_t n_entries;
	uint64_t stored_bytes; /* where the last frame ends in the file */
};
/** Wait until all is written. Nothing may be put in afterwards. */
must_check int frame_line_finish(struct frame_line *line, struct frame_line_result *ret,
				 struct error *err);
