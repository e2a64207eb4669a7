/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "store/digest_set.h"
#include "store/maintain.h"
#include "store/names.h"
#include "store/needs.h"
#include "store/object_remove.h"
#include "store/pack_rewrite.h"
#include "store/remove.h"
#include "store/sources.h"

/*
 * Removing a build: the tombstone, from which on nobody finds it; the catalog's row; sources that only it had
 * leave their packs; then the objects that no other record names; and the record last, in one rename. So after
 * a kill in between, the record still says what is to go, and doing it again goes on. Packs are left alone
 * while they are young: a writer may have found a source in one and not yet written the record that will name
 * it.
 */

#define PACK_GRACE (60 * 60) /* seconds since a pack was written or last relied on */

/* Flags of objects and sources. */
#define GOES 1
#define NEEDED 2

#define COUNTED 1 /* flag of a build's ID */

struct removal {
	struct store *st;
	struct digest_set ids;	     /* of the builds that go, their digests */
	struct digest_set objects;   /* that they name */
	struct digest_set sources;   /* that their manifests name */
	struct digest_set manifests; /* of the others, that were read */
	bool unsure;		     /* what some other build needs cannot be read */
};

static void removal_free(struct removal *removal)
{
	digest_set_free(&removal->ids);
	digest_set_free(&removal->objects);
	digest_set_free(&removal->sources);
	digest_set_free(&removal->manifests);
}

static struct digest digest_of_id(const struct build_id *id)
{
	return digest_of(id->bytes, id->size);
}

/* ---- what goes, and what others need of it ---- */

static int mark_sources(struct removal *removal, const struct digest *manifest, uint8_t flag,
			struct error *err)
{
	int r;

	scoped(manifest_closep) struct manifest *m = NULL;
	r = manifest_open(removal->st, manifest, &m, err);
	if (r == -ENOENT)
		return 0;
	if (is_damage(r)) {
		removal->unsure |= flag == NEEDED;
		return 0;
	}
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < manifest_n_entries(m); i++) {
		struct manifest_entry entry = manifest_entry_at(m, i);
		if (flag == NEEDED && !digest_set_has(&removal->sources, &entry.digest))
			continue;
		r = digest_set_add(&removal->sources, &entry.digest, flag, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int mark_contribution(struct removal *removal, const struct contribution *c, uint8_t flag,
			     struct error *err)
{
	int r;

	struct need needs[CONTRIBUTION_N_NEEDS];
	contribution_needs(c, needs);
	for (size_t i = 0; i < CONTRIBUTION_N_NEEDS; i++) {
		if (!needs[i].artifact->present)
			continue;
		const struct digest *digest = &needs[i].artifact->digest;
		if (flag == NEEDED && !digest_set_has(&removal->objects, digest))
			continue;
		r = digest_set_add(&removal->objects, digest, flag, NULL, err);
		if (r < 0)
			return r;
	}

	/* Of the others' manifests, each is read once, and only where there is something to keep. */
	if (!c->sources.present || (flag == NEEDED && !removal->sources.n))
		return 0;
	if (flag == NEEDED) {
		uint8_t seen;
		r = digest_set_add(&removal->manifests, &c->sources.digest, 0, &seen, err);
		if (r < 0 || seen)
			return r;
	}
	return mark_sources(removal, &c->sources.digest, flag, err);
}

static int mark_record(struct removal *removal, const struct build_id *id, uint8_t flag, struct error *err)
{
	int r;

	scoped(record_free) struct record record = { 0 };
	r = record_read(removal->st, id, &record, err);
	if (r == -ENOENT && flag == NEEDED)
		return 0;
	if (is_damage(r)) {
		removal->unsure |= flag == NEEDED;
		return 0;
	}
	if (r < 0)
		return r;
	removal->unsure |= flag == NEEDED && record.n_damaged;
	for (size_t i = 0; i < record.n_contributions; i++) {
		r = mark_contribution(removal, &record.contributions[i], flag, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int mark_other(const struct build_id *id, void *context, struct error *err)
{
	struct removal *removal = context;
	struct digest key = digest_of_id(id);
	return digest_set_has(&removal->ids, &key) ? 0 : mark_record(removal, id, NEEDED, err);
}

/* Errors: -ENOENT none of the builds is there, and none was */
static int removal_plan(struct removal *removal, struct store *st, const struct build_id *ids, size_t n,
			struct error *err)
{
	int r;

	*removal = (struct removal){ .st = st };
	for (size_t i = 0; i < n; i++) {
		struct digest key = digest_of_id(&ids[i]);
		r = digest_set_add(&removal->ids, &key, 0, NULL, err);
		if (r < 0)
			return r;
		r = mark_record(removal, &ids[i], GOES, err);
		/* With a tombstone, what an earlier call did not come to is done now. */
		if (r < 0 && !(r == -ENOENT && removed_build(st, &ids[i])))
			return r;
	}
	return record_each(st, mark_other, removal, err);
}

/* Only of what the builds need now: between two plans a source may have found other users. */
static bool source_goes(const struct digest *source, void *context)
{
	const struct removal *removal = context;
	uint8_t flags = digest_set_flags(&removal->sources, source);
	return !removal->unsure && (flags & GOES) && !(flags & NEEDED);
}

/* In a dry run: is there a record to remove, that was not named before? */
static int count_record(struct removal *removal, const struct build_id *id, struct remove_result *ret,
			struct error *err)
{
	char name[RECORD_NAME_SIZE];
	uint8_t flags;
	struct digest key = digest_of_id(id);
	int r = digest_set_add(&removal->ids, &key, COUNTED, &flags, err);
	if (r < 0)
		return r;
	if (!(flags & COUNTED) && faccessat(removal->st->fd, record_name(id, name), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		ret->n_builds++;
	return 0;
}

/* ---- doing it ---- */

/* Move the record away in one step, then take it apart. */
static int remove_record(struct store *st, const struct build_id *id, struct remove_result *ret,
			 struct error *err)
{
	int r;

	uint64_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_errno(err, -EIO, "getrandom");
	char path[RECORD_NAME_SIZE], aside[64];
	snprintf(aside, sizeof(aside), ".dbgvault.%016" PRIx64 ".tmp", random);
	if (renameat(st->fd, record_name(id, path), st->tmp_fd, aside) < 0)
		return errno == ENOENT ? 0 : error_errno(err, -errno, "removing %s", path);
	ret->n_builds++;

	*strrchr(path, '/') = 0;
	scoped(fd_close) int shelf_fd = -1;
	r = file_open_at(st->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &shelf_fd, err);
	if (r < 0)
		return r;
	r = file_sync(shelf_fd, path, err);
	if (r < 0)
		return r;

	scoped(names_free) struct names names = { 0 };
	r = names_read(st->tmp_fd, aside, &names, err);
	if (r < 0)
		return r;
	scoped(fd_close) int fd = -1;
	r = file_open_at(st->tmp_fd, aside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		struct stat stat;
		if (fstatat(fd, names.names[i], &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
		    unlinkat(fd, names.names[i], 0) == 0)
			ret->freed_bytes += (uint64_t)stat.st_size;
	}
	if (unlinkat(st->tmp_fd, aside, AT_REMOVEDIR) < 0)
		return error_errno(err, -errno, "removing what was %s/%s", path, BUILD_ID_HEX(id));
	return 0;
}

static int remove_objects(struct removal *removal, bool dry_run, struct remove_result *ret, struct error *err)
{
	int r;

	struct store *st = removal->st;
	struct removed_files removed = { 0 };
	struct digest digest;
	uint8_t flags;
	for (size_t at = 0; digest_set_next(&removal->objects, &at, &digest, &flags);) {
		if (removal->unsure || (flags & NEEDED))
			continue;
		struct stat stat;
		if (!dry_run) {
			r = object_unlink_durably(st, &digest, false, &removed, err);
			if (r < 0)
				return r;
		} else if (object_stat(st, &digest, &stat)) {
			removed.n++;
			removed.bytes += (uint64_t)stat.st_size;
		}
	}
	ret->n_objects += removed.n;
	ret->freed_bytes += removed.bytes;
	return 0;
}

int store_remove_builds(struct store *st, const struct build_id *ids, size_t n, bool dry_run,
			struct remove_result *ret, struct error *err)
{
	int r;

	/* Writing new packs takes the shared lock, so it comes first, and the plan is made again after. */
	struct remove_result result = { 0 };
	scoped(pack_rewrites_free) struct pack_rewrites packs = { 0 };
	scoped(removal_free) struct removal before = { 0 };
	r = removal_plan(&before, st, ids, n, err);
	if (r < 0)
		return r;
	if (!dry_run) {
		for (size_t i = 0; i < n; i++) {
			r = remove_build_mark(st, &ids[i], err);
			if (r < 0)
				return r;
		}
	}
	if (before.sources.n && !before.unsure) {
		r = pack_rewrites_plan(st, PACK_GRACE, source_goes, &before, !dry_run, &packs, err);
		if (r < 0)
			return r;
	}

	scoped(fd_close) int lock_fd = -1;
	if (!dry_run) {
		r = store_lock_exclusive(st, &lock_fd, err);
		if (r < 0)
			return r;
	}
	scoped(removal_free) struct removal removal = { 0 };
	r = removal_plan(&removal, st, ids, n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; !dry_run && i < n; i++) {
		r = catalog_forget_build(st, &ids[i], err);
		if (r < 0)
			return r;
	}
	/* The manifests after the packs, the record after all: after a kill they say what is left to do. */
	r = remove_packs(st, &packs, PACK_GRACE, source_goes, &removal, dry_run, &result, err);
	if (r < 0)
		return r;
	r = remove_objects(&removal, dry_run, &result, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = dry_run ? count_record(&removal, &ids[i], &result, err) :
			      remove_record(st, &ids[i], &result, err);
		if (r < 0)
			return r;
	}
	result.unsure = removal.unsure || packs.n_unreadable;
	*ret = result;
	return 0;
}

int remove_unneeded(struct store *st, const struct digest_set *objects, struct error *err)
{
	int r;

	if (!objects->n)
		return 0;
	scoped(fd_close) int lock_fd = -1;
	r = store_lock_exclusive(st, &lock_fd, err);
	if (r < 0)
		return r;
	scoped(removal_free) struct removal removal = { .st = st };
	struct digest digest;
	for (size_t at = 0; digest_set_next(objects, &at, &digest, NULL);) {
		r = digest_set_add(&removal.objects, &digest, GOES, NULL, err);
		if (r < 0)
			return r;
	}
	r = record_each(st, mark_other, &removal, err);
	if (r < 0)
		return r;
	struct remove_result result = { 0 };
	return remove_objects(&removal, false, &result, err);
}
