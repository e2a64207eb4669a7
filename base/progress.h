/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>
#include "base/attributes.h"

/**
 * A progress bar on stderr: "split [=====>    ] 12/40 files, 1.2 GB of 3.0 GB". Shown only where
 * stderr is a terminal, at most ten times a second; log_line() clears and redraws it.
 */
struct progress;

/** @wanted false (-q, --json to a terminal): a progress that shows nothing; NULL is never returned
 * for want of a terminal, only for want of memory, and every function takes NULL. */
struct progress *progress_new(const char *verb, int wanted);
void progress_free(struct progress *p); /* clears the bar */
define_scoped(struct progress *, progress_free)

/** Threads: any number may call at once. */
void progress_expect(struct progress *p, uint64_t n_files, uint64_t bytes); /* adds to the totals */
void progress_advance(struct progress *p, uint64_t n_files, uint64_t bytes);
/** For log_line(): hide the bar that is shown, if any, and show it again. */
void progress_hide_shown(void);
void progress_show_again(void);
