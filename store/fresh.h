/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include "base/digest.h"
#include "elf/build_id.h"

struct store;

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

/**
 * The act has failed: remove what it published, unless somebody else has relied on it since. A writer that
 * finds an object renews its time, under the shared lock; so what, under the exclusive lock, still is the
 * very file with the very time has no other user. Where a record of @id names one, the act had come that far, and all stay.
 *
 * Best effort: where the lock is not to be had within a second, or the disk refuses, it stays as
 * garbage for the collector. The caller holds no lock of the store. Empties @fresh.
 *
 * @id  of the build that it was for; of no size: none is known, and no record can name them
 */
void fresh_take_back(struct store *st, struct fresh *fresh, const struct build_id *id);
