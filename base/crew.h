/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stddef.h>

/** Items 0 to n - 1, worked on by several threads, and told in order. */
struct crew_work {
	size_t n;
	unsigned n_threads; /* this one counts; at least 1 */
	/* Several at once. NULL: no memory, and no further item is begun. */
	void *(*run)(size_t item, void *context);
	/* One at a time, in the order of the items, whichever was ready first. @result is its own.
	 */
	void (*tell)(size_t item, void *result, void *context);
	void *context;
};

/** The cores that this process may use, at least 1. */
unsigned crew_cores(void);

/** Errors: -ENOMEM; what was done until then is told */
must_check int crew_run(const struct crew_work *work, struct error *err);
