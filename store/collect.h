/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/maintain.h"
#include "store/marks.h"
#include <sys/stat.h>
#include <time.h>

/* What the parts of store_collect() share. */

struct collection {
	struct store *st;
	const struct collect_options *options;
	struct progress *progress;
	collect_report report;
	void *context;
	struct marks marks;
	struct timespec start; /* before the records were read */
	struct timespec now; /* when the lock was taken */
	int64_t clock_distance;
	struct collect_result result;
};

/** The store's exclusive lock, to look at times and remove under, and the time; in a dry run, no
 * lock. */
must_check int collection_lock(struct collection *c, int *ret_fd, struct error *err);

/** Has nobody touched it for that long, nor since the start? @ret_age is in seconds. */
bool collection_is_old(const struct collection *c, const struct stat *file, int64_t grace,
		       int64_t *ret_age);

/** Report what was removed, and count its bytes. */
void collection_tell(struct collection *c, const char *kind, const char *what, uint64_t bytes,
		     int64_t age);

/** What writers left that were killed, and what has been in quarantine for long enough. */
must_check int collect_litter(struct collection *c, struct error *err);
