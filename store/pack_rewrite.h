/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/internal.h"

/*
 * Packs that lose some of their members. The new pack is durable, and known to the catalog, before the old
 * one goes; writing it takes the store's shared lock, so planning and writing come before the exclusive
 * lock, and only pack_rewrites_finish() is called under it.
 */

struct pack_rewrite {
	struct digest old, new;
	bool has_new; /* false: no member is left */
	struct digest *dropped;
	size_t n_dropped;
	struct pack_member *kept; /* in the new pack */
	size_t n_kept;
	uint64_t old_stored_bytes, new_stored_bytes, old_bytes, dropped_bytes;
};

struct pack_rewrites {
	struct pack_rewrite *rewrites;
	size_t n;
	size_t n_unreadable; /* objects that may be packs, and cannot be read */
	uint64_t n_lost;     /* members that were damaged, and went with an old pack */
};

void pack_rewrites_free(struct pack_rewrites *list); /* a guard: scoped(pack_rewrites_free) */

/** Is this source to go? */
typedef bool (*pack_drop)(const struct digest *source, void *context);

/**
 * Find the packs that hold what is to go and are not in the list, and, if @write, write what stays of each
 * into a new one.
 *
 * @min_age  seconds: packs that are younger, or were relied on since, are left alone
 */
must_check int pack_rewrites_plan(struct store *st, int64_t min_age, pack_drop drop, void *context,
				  bool write, struct pack_rewrites *list, struct error *err);

/** The same for one object, whatever its age. */
must_check int pack_rewrites_plan_one(struct store *st, const struct digest *object, pack_drop drop,
				      void *context, bool write, struct pack_rewrites *list,
				      struct error *err);

/** Forget and unlink an old pack. @ret_freed  bytes of files, less those of the new pack */
must_check int pack_rewrite_finish(struct store *st, const struct pack_rewrite *rewrite,
				   uint64_t *ret_freed, struct error *err);
