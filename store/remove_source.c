/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/file.h"
#include "store/digest_set.h"
#include "store/maintain.h"
#include "store/object_remove.h"
#include "store/remove.h"
#include "store/sources.h"

/*
 * Removing sources: the tombstones, from which on nothing serves or adds them; then all packs that hold one are
 * written anew without it, and the old ones go.
 */

/* ---- packs ---- */

static bool all_go(const struct pack_rewrite *rewrite, pack_drop drop, void *context)
{
	for (size_t i = 0; i < rewrite->n_dropped; i++)
		if (!drop(&rewrite->dropped[i], context))
			return false;
	return true;
}

int remove_packs(struct store *st, const struct pack_rewrites *packs, int64_t min_age,
			pack_drop drop, void *context, bool dry_run, struct remove_result *ret,
			struct error *err)
{
	int r;

	scoped(digest_set_free) struct digest_set dropped = DIGEST_SET_NONE;
	for (size_t i = 0; i < packs->n; i++) {
		const struct pack_rewrite *rewrite = &packs->rewrites[i];
		if (!all_go(rewrite, drop, context) || object_is_young(st, &rewrite->old, min_age))
			continue;
		uint64_t freed;
		if (dry_run) {
			/* As much of the file as of the content; nobody knows better before writing it. */
			freed = (uint64_t)((double)rewrite->old_stored_bytes *
					   ((double)rewrite->dropped_bytes / (double)rewrite->old_bytes));
		} else {
			r = pack_rewrite_finish(st, rewrite, &freed, err);
			if (r < 0)
				return r;
		}
		ret->freed_bytes += freed;
		ret->n_objects++;
		for (size_t j = 0; j < rewrite->n_dropped; j++) {
			r = digest_set_add(&dropped, &rewrite->dropped[j], 0, NULL, err);
			if (r < 0)
				return r;
		}
	}
	ret->n_sources += dropped.n;
	return 0;
}

/* ---- sources ---- */

static bool is_in_set(const struct digest *source, void *context)
{
	return digest_set_has(context, source);
}

int remove_sources(struct store *st, const struct digest_set *sources, bool dry_run,
		   struct remove_result *ret, struct error *err)
{
	int r;

	/* A writer that looked before the tombstone was there may still bring a pack: once more, then. */
	scoped(pack_rewrites_free) struct pack_rewrites packs = { 0 };
	scoped(fd_close) int lock_fd = -1;
	void *set = (void *)(uintptr_t)sources; /* read only */
	for (;;) {
		packs.n_unreadable = 0;
		r = pack_rewrites_plan(st, 0, is_in_set, set, !dry_run, &packs, err);
		if (r < 0)
			return r;
		if (dry_run)
			break;
		r = store_lock_exclusive(st, &lock_fd, err);
		if (r < 0)
			return r;
		scoped(pack_rewrites_free) struct pack_rewrites since = { 0 };
		r = pack_rewrites_plan(st, 0, is_in_set, set, false, &since, err);
		if (r < 0)
			return r;
		size_t n_new = 0;
		for (size_t i = 0; i < since.n; i++) {
			bool known = false;
			for (size_t j = 0; j < packs.n && !known; j++)
				known = digest_equal(&since.rewrites[i].old, &packs.rewrites[j].old);
			n_new += !known;
		}
		if (!n_new)
			break;
		fd_close(&lock_fd);
	}
	r = remove_packs(st, &packs, 0, is_in_set, set, dry_run, ret, err);
	if (r < 0)
		return r;
	ret->unsure |= packs.n_unreadable > 0;
	return 0;
}

struct search {
	struct store *st;
	const char *path;
	struct digest_set manifests; /* read */
	struct digest_set sources;   /* found */
	bool unsure;
};

static void search_free(struct search *search)
{
	digest_set_free(&search->manifests);
	digest_set_free(&search->sources);
}

static int search_manifest(struct search *search, const struct digest *manifest, struct error *err)
{
	int r;

	uint8_t seen;
	r = digest_set_add(&search->manifests, manifest, 0, &seen, err);
	if (r < 0 || seen)
		return r;
	scoped(manifest_closep) struct manifest *m = NULL;
	r = manifest_open(search->st, manifest, &m, err);
	if (r == -ENOENT || is_damage(r)) {
		search->unsure = true;
		return 0;
	}
	if (r < 0)
		return r;
	struct manifest_entry entry;
	if (!manifest_find(m, search->path, &entry))
		return 0;
	return digest_set_add(&search->sources, &entry.digest, 0, NULL, err);
}

static int search_record(const struct build_id *id, void *context, struct error *err)
{
	int r;
	struct search *search = context;

	scoped(record_free) struct record record = { 0 };
	r = record_read(search->st, id, &record, err);
	if (is_damage(r))
		search->unsure = true;
	if (r == -ENOENT || is_damage(r))
		return 0;
	if (r < 0)
		return r;
	search->unsure |= record.n_damaged > 0;
	for (size_t i = 0; i < record.n_contributions; i++) {
		const struct artifact *sources = &record.contributions[i].sources;
		r = sources->present ? search_manifest(search, &sources->digest, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int store_remove_source(struct store *st, const char *path, bool dry_run, struct remove_result *ret,
			struct error *err)
{
	int r;

	scoped(search_free) struct search search = { .st = st, .path = path };
	r = record_each(st, search_record, &search, err);
	if (r < 0)
		return r;
	if (!search.sources.n)
		return error_set(err, -ENOENT, "%s: no build names such a source%s", ESCAPED(path),
				 search.unsure ? ", but not all could be read: see dbgstore verify" : "");

	struct remove_result result = { .unsure = search.unsure };
	struct digest digest;
	for (size_t at = 0; !dry_run && digest_set_next(&search.sources, &at, &digest, NULL);) {
		r = remove_source_mark(st, &digest, path, err);
		if (r < 0)
			return r;
	}
	r = remove_sources(st, &search.sources, dry_run, &result, err);
	if (r < 0)
		return r;
	*ret = result;
	return 0;
}
