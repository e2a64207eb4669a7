/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "server/objects.h"
#include "server/workers.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Decoded frames, for clients that do not take zstd: decoded and checked by workers, shared by all
 * who read the same object, and bounded in memory however many and however slow the readers are. A
 * frame that a slow reader has not finished may have to be decoded again; no reader can hold one
 * for ever.
 *
 * Threads: any
 */
struct frames;

/** @workers  outlive the frames' last call but frames_free() */
must_check int frames_new(uint64_t bytes_max, struct workers *workers, struct frames **ret,
			  struct error *err);
/** After the workers have ended. */
void frames_free(struct frames *f);
define_scoped(struct frames *, frames_free)

	/** Who waits for a frame. @wake is called once, by any thread, without a lock. */
	struct frames_waiter {
	void (*wake)(struct frames_waiter *waiter);
	struct frames_waiter *next;
};

/**
 * Copy bytes of a frame that is there.
 *
 * @index   of object_frames(); @offset in the frame's content, less than its size
 * @return  bytes copied; 0: the frame is not there, frames_wait(); -EBADMSG damaged, -ECANCELED
 *	    frames_stop(), or what else decoding gave; the message says more
 */
ssize_t frames_copy(struct frames *f, const struct shared_object *o, size_t index, size_t offset,
		    void *ret, size_t size, struct error *err);

/**
 * Have a frame decoded, and be woken when it is there, or could not be.
 * @return  1: @waiter will be woken; 0: it is there already; -ENOMEM, -ECANCELED: will not be woken
 */
int frames_wait(struct frames *f, struct shared_object *o, size_t index,
		struct frames_waiter *waiter);

/** Have a frame decoded ahead, if there is room. */
void frames_prefetch(struct frames *f, struct shared_object *o, size_t index);

/** To be called some times a second: lets go of what nobody reads, begins what waited for room. */
void frames_tick(struct frames *f);

/** Wake everyone, and wait for nothing any more. */
void frames_stop(struct frames *f);

struct frames_stats {
	uint64_t n_frames, bytes, n_decoded, n_waiting_for_room;
};
struct frames_stats frames_stats(struct frames *f);
