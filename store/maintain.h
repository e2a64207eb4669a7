/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include "store/lookup.h"
#include "store/object.h"
#include "store/record.h"

struct progress;

/* What keeps a store healthy: checking, indexing, counting, merging, removing. */

/** Is this error of a piece's own, so that the others are gone on with? It is damaged, or (-ENOTSUP) a newer
 * release made it; either way, what is in it is not known. */
static inline bool is_damage(int r)
{
	return r == -EBADMSG || r == -EIO || r == -EFBIG || r == -ENOTSUP;
}

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
/** Counted from the files; a debug file is what contributions name as debug image, an executable what they name
 * as original or stripped. */
must_check int store_stats(struct store *st, struct store_stats *ret, struct error *err);

struct merge_result {
	uint64_t n_objects, n_contributions, n_there; /* taken, and those that were there already */
	uint64_t bytes;				      /* stored bytes taken */
	uint64_t n_refused; /* contributions to builds that were removed, here or there */
	uint64_t n_removed_builds, n_removed_sources; /* that went here, because they were removed there */
};

/**
 * Take all that another store has: a folder, or a tar of one, in any order and under any folder, compressed in
 * any way that libarchive itself decodes; "-" is a tar on standard input. Objects go in first, each decoded and
 * checked against its name; then contributions, each checked; the catalog last. What is damaged there is left
 * out and reported as in store_verify(), result -EBADMSG at the end, with @ret filled; a build whose sources alone
 * did not come is taken. Tombstones of both sides
 * hold: what was removed here is not taken, and what was removed there is removed here too.
 * Errors: -ENOENT, -EINVAL, -ENOTSUP as store_open(); -EBADMSG; what writing gives
 */
must_check int store_merge(struct store *st, const char *from, struct progress *progress,
			   verify_report report, void *context, struct merge_result *ret,
			   struct error *err);

struct remove_result {
	uint64_t n_builds, n_sources; /* sources: distinct contents, taken out of packs */
	uint64_t n_objects;	      /* files that went or were replaced by a smaller one */
	uint64_t freed_bytes;	      /* of files; a dry run guesses where a pack would be rewritten */
	bool unsure; /* something damaged hides what other builds need (objects were kept), or what it holds */
};

/**
 * Remove builds and what only they need; a tombstone each keeps them from coming back. Sources that only they
 * had leave their packs, unless a pack was written or relied on in the last hour. What an earlier call that was
 * cut short left over is done too.
 *
 * @dry_run  only tell
 * Errors: -ENOENT a build that neither is nor was there; nothing is removed
 */
must_check int store_remove_builds(struct store *st, const struct build_id *ids, size_t n, bool dry_run,
				   struct remove_result *ret, struct error *err);
/**
 * Remove what any build has under that source path. Each such content gets a tombstone and leaves all packs,
 * which are written anew without it; so it is gone under every other path too. Manifests keep the name: they
 * are what the builds were made of, and a source with a tombstone counts as absent, not as missing.
 * Errors: -ENOENT no build names it
 */
must_check int store_remove_source(struct store *st, const char *path, bool dry_run,
				   struct remove_result *ret, struct error *err);

struct collect_options {
	int64_t grace_seconds;	    /* what was touched in these stays */
	int64_t quarantine_seconds; /* the same, in quarantine/ */
	bool dry_run;		    /* only tell */
	int64_t ahead_seconds;	    /* as if it were so much later; for tests */
};

struct collect_result {
	uint64_t n_objects;		/* that no build needs; with those of builds below */
	uint64_t n_packs;		/* removed, or written anew without what no build needs */
	uint64_t n_sources;		/* that went with them */
	uint64_t n_builds;		/* that had a tombstone, and were not wholly removed */
	uint64_t n_unfinished;		/* files and folders that a writer left who was killed */
	uint64_t n_quarantined;		/* files in quarantine/ */
	uint64_t freed_bytes;		/* of files; a dry run guesses where a pack would be written anew */
	uint64_t n_young, young_bytes; /* objects that no build needs, still within the grace period */
	uint64_t n_unreadable;		/* that no build names, but might be packs: they stay */
};

/** What goes: "object", "pack", "pack-rewritten", "build", "unfinished" or "quarantined"; @what is its path in the
 * store. @age_seconds since somebody touched it, 0 for a build. */
typedef void (*collect_report)(const char *kind, const char *what, uint64_t bytes, int64_t age_seconds,
			       void *context);

/**
 * Remove what no build needs and nobody has touched for the grace period: objects, packs and files in packs,
 * what killed writers left, what has been in quarantine for long, and the rest of builds that were removed.
 * Tombstones stay. Writers go on meanwhile. With no grace at all, a writer who has not yet come to his record
 * may find an object gone: he fails then, and no record names what is not there.
 *
 * Where one record or manifest cannot be read in full, or one that the catalog knows is missing, nothing is removed:
 * it may need anything.
 *
 * Errors: of marks_read(), nothing removed; -ESTALE the clock was set back; what removing gives
 */
must_check int store_collect(struct store *st, const struct collect_options *options,
			     struct progress *progress, collect_report report, void *context,
			     struct collect_result *ret, struct error *err);
