/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/internal.h"
#include <sys/stat.h>

/* Removing objects that nobody needs. The caller holds the store's exclusive lock, and has looked.
 */

/** The object's file. False: there is none. */
bool object_stat(struct store *st, const struct digest *digest, struct stat *ret);

/** Was it written, or relied on by a writer, in the last @min_age seconds? Of the future: yes. */
bool object_is_young(struct store *st, const struct digest *digest, int64_t min_age);

struct removed_files {
	uint64_t n, bytes;
};

/**
 * Unlink an object's file, and have the catalog forget it first where it is a pack: one that the
 * catalog names and that is not there would be damage. Not there: no error, and nothing is counted.
 *
 * @removed  added to; may be NULL
 */
must_check int object_unlink(struct store *st, const struct digest *digest, bool is_pack,
			     struct removed_files *removed, struct error *err);

/** The same, so that it does not come back after a crash. */
must_check int object_unlink_durably(struct store *st, const struct digest *digest, bool is_pack,
				     struct removed_files *removed, struct error *err);
