/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include "base/digest.h"

#define FRESH_LIMIT 8 /* debug image, executable, settings, pack, manifest; what is more stays */

/**
 * The objects that one act of adding has newly published, so that it can take them back where it
 * fails: those that were there before, or that took the place of a damaged one, are not among them.
 * FRESH_NONE: none yet.
 *
 * Threads: any number may note at once
 */
struct fresh {
	pthread_mutex_t mutex;
	struct fresh_object {
		struct digest digest;
		dev_t device;
		ino_t inode;
		struct timespec time;
		bool is_pack;
	} objects[FRESH_LIMIT];
	size_t n;
	bool has_record; /* set by the caller: record_put() was called */
};

#define FRESH_NONE ((struct fresh){ .mutex = PTHREAD_MUTEX_INITIALIZER })

/** @fresh may be NULL. @stat of the file, with the time that it was published with */
void fresh_note(struct fresh *fresh, const struct digest *digest, const struct stat *stat);
/** It is a pack, and the catalog is about to know it. */
void fresh_note_pack(struct fresh *fresh, const struct digest *digest);
