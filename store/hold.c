/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "store/digest_set.h"
#include "store/hold.h"
#include "store/needs.h"

int object_hold(struct store *st, const struct digest *digest, struct error *err)
{
	char name[OBJECT_NAME_SIZE];
	object_name(digest, name);
	if (!object_is_there(st, digest))
		return error_set(err, -ENOENT, "object %s is not in the store", DIGEST_HEX(digest));
	/*
	 * The time of change alone: that of the content stays what its writer left, who goes by it
	 * to see whether others have relied on it (fresh.h). Another user's file cannot be touched
	 * like that, and is nobody's of ours.
	 */
	static const struct timespec change_alone[2] = { { .tv_nsec = UTIME_NOW },
							 { .tv_nsec = UTIME_OMIT } };
	if (utimensat(st->objects_fd, name, change_alone, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno == EPERM || errno == EACCES) {
		if (utimensat(st->objects_fd, name, NULL, AT_SYMLINK_NOFOLLOW) == 0)
			return 0;
	}
	return error_errno(err, -errno, "renewing the time of object %s", DIGEST_HEX(digest));
}

static int hold_source(struct store *st, struct lookup *l, const struct digest *source,
		       struct digest_set *held, struct error *err)
{
	int r;

	struct source_place place;
	r = lookup_source(l, source, &place, err);
	if (r < 0 || digest_set_has(held, &place.object))
		return r;
	r = object_hold(st, &place.object, err);
	return r < 0 ? r : digest_set_add(held, &place.object, 0, NULL, err);
}

int sources_hold(struct store *st, struct lookup *l, const struct digest *manifest,
		 pack_drop is_removed, void *context, uint64_t *ret_n_missing, uint64_t *ret_n,
		 struct error *err)
{
	int r;

	scoped(manifest_closep) struct manifest *m = NULL;
	r = manifest_open(st, manifest, &m, err);
	if (r < 0)
		return r;
	scoped(digest_set_free) struct digest_set held = DIGEST_SET_NONE;
	uint64_t n_missing = 0;
	for (uint64_t i = 0; i < manifest_n_entries(m); i++) {
		struct manifest_entry entry = manifest_entry_at(m, i);
		if (is_removed(&entry.digest, context))
			continue;
		r = hold_source(st, l, &entry.digest, &held, err);
		if (r < 0 && r != -ENOENT && r != -ENXIO)
			return r;
		n_missing += r < 0;
	}
	*ret_n_missing = n_missing;
	*ret_n = manifest_n_entries(m);
	return 0;
}

static bool is_removed(const struct digest *source, void *context)
{
	return removed_source(context, source);
}

static int hold_all_sources(struct store *st, const struct digest *manifest, struct error *err)
{
	int r;

	scoped(lookup_freep) struct lookup *l = NULL;
	r = lookup_new(st, &l, err);
	if (r < 0)
		return r;
	uint64_t n_missing, n;
	r = sources_hold(st, l, manifest, is_removed, st, &n_missing, &n, err);
	if (r < 0)
		return r;
	if (n_missing)
		return error_set(err, -ENOENT,
				 "%" PRIu64 " of the %" PRIu64
				 " sources in manifest %s are not in the store any more: try again",
				 n_missing, n, DIGEST_HEX(manifest));
	return 0;
}

int contribution_hold(struct store *st, const struct contribution *c, struct error *err)
{
	int r;

	struct need needs[CONTRIBUTION_N_NEEDS];
	contribution_needs(c, needs);
	for (size_t i = 0; i < CONTRIBUTION_N_NEEDS; i++) {
		r = needs[i].artifact->present ? object_hold(st, &needs[i].artifact->digest, err)
					       : 0;
		if (r < 0)
			return error_prefix(err, r, "%s of %s", needs[i].role,
					    BUILD_ID_HEX(&c->build_id));
	}
	if (!c->sources.present)
		return 0;
	r = hold_all_sources(st, &c->sources.digest, err);
	return r < 0 ? error_prefix(err, r, "%s", BUILD_ID_HEX(&c->build_id)) : 0;
}
