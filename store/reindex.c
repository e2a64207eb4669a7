/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/file.h"
#include "base/progress.h"
#include "store/maintain.h"
#include "store/names.h"
#include "store/pack_check.h"

/*
 * The store's exclusive lock is held: a writer waits for it as long as it takes, while one that waited for
 * SQLite's own lock would give up after a minute. Readers see the old rows until the new ones are there.
 */

struct reindexing {
	struct progress *progress;
};

static int put_record(const struct build_id *id, void *context, struct error *err)
{
	int r;
	struct store *st = context;

	if (removed_build(st, id))
		return 0; /* dbgstore rm finishes it */
	scoped(record_free) struct record record = { 0 };
	r = record_read(st, id, &record, err);
	if (r == -ENOENT || r == -EBADMSG)
		return 0; /* an empty folder, or nothing in it that can be read: store_verify() tells */
	if (r < 0)
		return r;
	return catalog_put_build(st, &record, err);
}

static int put_packs(struct store *st, struct progress *progress, struct error *err)
{
	int r;

	struct object_list list;
	r = object_list_open(st->objects_fd, NULL, NULL, &list, err);
	if (r < 0)
		return r;
	struct digest digest;
	while ((r = object_list_next(&list, &digest, err)) > 0) {
		bool is_pack;
		scoped(pack_members_free) struct pack_member *members = NULL;
		size_t n;
		r = pack_check_object(st, &digest, &is_pack, &members, &n, err);
		progress_advance(progress, 1, 0);
		if (r == -EBADMSG || r == -EIO || r == -ENOENT)
			continue; /* damaged: store_verify() tells, and what can be read is indexed */
		if (r < 0)
			break;
		/* What is removed and still in a pack stays unknown. */
		size_t n_kept = 0;
		for (size_t i = 0; i < n; i++)
			if (!removed_source(st, &members[i].digest))
				members[n_kept++] = members[i];
		if (is_pack)
			r = catalog_put_pack(st, &digest, members, n_kept, err);
		if (r < 0)
			break;
	}
	object_list_close(&list);
	return r;
}

static int fill(struct store *st, void *context, struct error *err)
{
	int r;
	const struct reindexing *reindexing = context;

	r = record_each(st, put_record, st, err);
	if (r < 0)
		return r;
	return put_packs(st, reindexing->progress, err);
}

int store_reindex(struct store *st, struct progress *progress, struct error *err)
{
	int r;

	scoped(fd_close) int lock_fd = -1;
	r = store_lock_exclusive(st, &lock_fd, err);
	if (r < 0)
		return r;
	struct reindexing reindexing = { .progress = progress };
	return catalog_rebuild(st, fill, &reindexing, err);
}
