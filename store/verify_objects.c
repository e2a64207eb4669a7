/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "base/progress.h"
#include "store/pack_check.h"
#include "store/sources.h"
#include "store/verification.h"

/* The first pass: every object decodes to its name, and every pack holds what its names say. */

static void tell_stray(const char *path, const char *why, void *context)
{
	verify_tell(context, STRAY, path, why);
}

static int count_objects(struct verification *v, struct error *err)
{
	int r;

	struct object_list list;
	r = object_list_open(v->st->objects_fd, NULL, NULL, &list, err);
	if (r < 0)
		return r;
	struct digest digest;
	while ((r = object_list_next(&list, &digest, err)) > 0) {
		struct stat stat;
		char name[OBJECT_NAME_SIZE];
		if (fstatat(v->st->objects_fd, object_name(&digest, name), &stat, AT_SYMLINK_NOFOLLOW) == 0)
			progress_expect(v->progress, 1, (uint64_t)stat.st_size);
	}
	object_list_close(&list);
	return r;
}

/* Does the catalog know where this member lies? */
static int check_place(struct verification *v, const struct digest *pack, const struct pack_member *member,
		       uint8_t *ret_flags, struct error *err)
{
	if (!v->has_catalog)
		return 0;
	struct source_place place;
	int r = lookup_source(v->lookup, &member->digest, &place, err);
	if (r == -ENOENT || r == -ENXIO) {
		*ret_flags = SOURCE_UNINDEXED; /* or only just written: asked again at the end */
		return 0;
	}
	if (r == 0 && digest_equal(&place.object, pack))
		v->n_misplaced += place.offset != member->offset || place.size_bytes != member->size_bytes;
	else if (r == 0)
		v->n_misplaced += !object_is_there(v->st, &place.object);
	return is_damage(r) ? 0 : r;
}

/* Remember what a pack holds. One that is damaged is asked too: what it holds is not missing besides. */
static int check_pack(struct verification *v, const struct digest *digest, bool whole, struct error *err)
{
	int r;

	bool is_pack;
	r = pack_is_one(v->st, digest, &is_pack, err);
	if (r < 0 || !is_pack)
		return whole ? r : 0;

	scoped(pack_members_free) struct pack_member *members = NULL;
	size_t n;
	if (whole) {
		size_t n_wrong;
		r = pack_check(v->st, digest, &members, &n, &n_wrong, err);
		if (r == 0 && n_wrong) {
			char why[128];
			snprintf(why, sizeof(why), "%zu of the files in this pack differ from their names",
				 n_wrong);
			verify_tell(v, DAMAGED, OBJECT_PATH(digest), why);
		}
	} else {
		r = pack_members(v->st, digest, &members, &n, err);
	}
	if (r < 0)
		return whole ? r : 0;

	bool holds_removed = false;
	pthread_mutex_lock(&v->mutex);
	for (size_t i = 0; i < n && r == 0; i++) {
		bool removed = removed_source(v->st, &members[i].digest);
		holds_removed |= removed;
		uint8_t flags = 0;
		if (whole && !removed)
			r = check_place(v, digest, &members[i], &flags, err);
		if (r == 0)
			r = digest_set_add(&v->sources, &members[i].digest, flags, NULL, err);
	}
	pthread_mutex_unlock(&v->mutex);
	if (holds_removed)
		verify_tell(v, STRAY, OBJECT_PATH(digest),
		     "holds a source that was removed: dbgstore rm --source finishes it");
	return r;
}

static int check_object(struct verification *v, const struct digest *digest, struct error *err)
{
	int r;

	scoped(object_closep) struct object *o = NULL;
	r = object_open(v->st, digest, &o, err);
	if (r == -ENOENT) /* moved aside by a writer, who puts a whole one there */
		return 0;
	if (r == 0)
		r = object_check(o, err);
	bool whole = r == 0;
	if (is_damage(r))
		verify_tell_error(v, r, OBJECT_PATH(digest), err);
	else if (r < 0)
		return r;

	uint64_t stored = o ? object_stored_size(o) : 0;
	progress_advance(v->progress, 1, stored);
	pthread_mutex_lock(&v->mutex);
	v->result.n_objects++;
	v->result.bytes += stored;
	pthread_mutex_unlock(&v->mutex);

	r = check_pack(v, digest, whole, err);
	if (is_damage(r)) {
		verify_tell_error(v, r, OBJECT_PATH(digest), err);
		return 0;
	}
	return r;
}

static void *check_objects_thread(void *context)
{
	struct verification *v = context;
	for (;;) {
		struct digest digest;
		struct error err = ERROR_NONE;
		int r = object_list_next(&v->objects, &digest, &err);
		if (r == 0)
			return NULL;
		if (r > 0)
			r = check_object(v, &digest, &err);
		if (r < 0)
			verify_trouble(v, r, &err);
	}
}

int verify_objects(struct verification *v, struct error *err)
{
	int r;

	r = count_objects(v, err);
	if (r < 0)
		return r;
	r = object_list_open(v->st->objects_fd, tell_stray, v, &v->objects, err);
	if (r < 0)
		return r;

	/* This thread is one of them, so that the check goes on where no other can be made. */
	pthread_t threads[64];
	size_t n_threads = 0;
	while (n_threads + 1 < min_u64(v->st->n_threads, ARRAY_SIZE(threads)) &&
	       pthread_create(&threads[n_threads], NULL, check_objects_thread, v) == 0)
		n_threads++;
	check_objects_thread(v);
	while (n_threads > 0)
		pthread_join(threads[--n_threads], NULL);
	object_list_close(&v->objects);
	return 0;
}
