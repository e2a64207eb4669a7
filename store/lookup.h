/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/object.h"
#include "store/record.h"

/**
 * A thread's way into the catalog: a read-only connection with its statements prepared and a read
 * transaction that is renewed when something was committed, or after 100 ms. A miss is only told after
 * looking past the open snapshot and for a record that the catalog does not have.
 * Works without a catalog too (read-only media): then from the records alone.
 *
 * Threads: one at a time
 */
struct lookup;

/** @st outlives it. */
must_check int lookup_new(struct store *st, struct lookup **ret, struct error *err);
void lookup_free(struct lookup *l);
define_scoped(struct lookup *, lookup_free)

/** Errors: -ENOENT no such build */
must_check int lookup_build(struct lookup *l, const struct build_id *id, struct build *ret,
			    struct error *err);

/** Where the bytes of a source file lie: in a pack object, or an object of their own (offset 0). */
struct source_place {
	struct digest object;
	uint64_t offset;
	uint64_t size_bytes;
};
/** Errors: -ENOENT not in the store */
must_check int lookup_source(struct lookup *l, const struct digest *source, struct source_place *ret,
			     struct error *err);

typedef int (*lookup_visit)(const struct build *build, const char *path, void *context,
			    struct error *err);

/** Builds whose ID begins with these hex digits (6 or more, any number), in order. @path of the origin or "". */
must_check int lookup_prefix(struct lookup *l, const char *hex, lookup_visit visit, void *context,
			     struct error *err);
/** Builds whose origin path is, or ends in "/", @path. */
must_check int lookup_path(struct lookup *l, const char *path, lookup_visit visit, void *context,
			   struct error *err);
/** All builds, in order of ID. */
must_check int lookup_each(struct lookup *l, lookup_visit visit, void *context, struct error *err);
must_check int lookup_count(struct lookup *l, uint64_t *ret_n_builds, struct error *err);
