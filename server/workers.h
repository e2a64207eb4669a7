/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"

/** A few threads for what must not hold an event loop: first come, first served. */
struct workers;

/** One thing to do; part of the struct that it is about. It belongs to the workers until it runs.
 */
struct work {
	void (*run)(struct work *work);
	struct work *next;
};

must_check int workers_new(unsigned n_threads, struct workers **ret, struct error *err);
/** Does what was posted, then ends the threads. */
void workers_free(struct workers *w);
define_scoped(struct workers *, workers_free)

	/** Threads: any */
	void workers_post(struct workers *w, struct work *work);

struct workers_stats {
	unsigned n_threads, n_busy;
	unsigned n_waiting; /* posted, not begun */
};
struct workers_stats workers_stats(struct workers *w);
