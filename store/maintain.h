/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/lookup.h"
#include "store/object.h"
#include "store/record.h"

struct progress;

/* What keeps a store healthy: checking, indexing, counting, merging, removing. */

/** One finding of a check: "damaged", "missing" or "stray"; @what names the file relative to the store. */
typedef void (*verify_report)(const char *verdict, const char *what, const char *why, void *context);

struct verify_result {
	uint64_t n_objects, n_contributions, n_builds, bytes, n_damaged, n_missing, n_stray;
};

/**
 * Decode every object and compare its digest, parse every contribution and compare its name, see that each
 * object and source that a record needs is there, and that the catalog agrees with the records (a build that
 * only the catalog knows is a missing record). Changes nothing.
 */
must_check int store_verify(struct store *st, struct progress *progress, verify_report report,
			    void *context, struct verify_result *ret, struct error *err);

/** Make the catalog again from records and packs, and put it in place in one step. */
must_check int store_reindex(struct store *st, struct progress *progress, struct error *err);

struct store_stats {
	uint64_t n_builds, n_collisions, n_contributions;
	uint64_t n_objects, object_bytes, object_stored_bytes; /* contents, and files */
	uint64_t n_debug, debug_bytes, debug_stored_bytes;
	uint64_t n_executables, executable_bytes, executable_stored_bytes;
	uint64_t n_sources, source_bytes, n_packs, pack_stored_bytes; /* distinct files in packs */
	uint64_t disk_bytes; /* st_blocks of all below the store, as du -s --block-size=1 counts */
	uint64_t free_bytes; /* on its file system */
};
must_check int store_stats(struct store *st, struct store_stats *ret, struct error *err);

struct merge_result {
	uint64_t n_objects, n_contributions, n_there; /* taken, and those that were there already */
	uint64_t bytes;				      /* stored bytes taken */
};

/**
 * Take all that another store has: a folder, or a tar (any compression that libarchive reads) of one.
 * Objects go in first, each decoded and checked against its name; then contributions, each checked; the
 * catalog last. What is damaged there is left out and reported as in store_verify(), result -EBADMSG at
 * the end. Tombstones of both sides hold.
 */
must_check int store_merge(struct store *st, const char *from, struct progress *progress,
			   verify_report report, void *context, struct merge_result *ret,
			   struct error *err);

struct remove_result {
	uint64_t n_builds, n_sources, n_objects, freed_bytes;
};

/** Remove a build and what only it needs; a tombstone keeps it from coming back. Errors: -ENOENT */
must_check int store_remove_build(struct store *st, const struct build_id *id, struct remove_result *ret,
				  struct error *err);
/** Remove every source file of that path from all builds: packs are rewritten, manifests say so, and a
 * tombstone for each digest keeps it from coming back. */
must_check int store_remove_source(struct store *st, const char *path, struct remove_result *ret,
				   struct error *err);
