/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/names.h"
#include "store/object_remove.h"
#include "store/pack_check.h"
#include "store/pack_rewrite.h"
#include "store/sources.h"

static void rewrite_free(struct pack_rewrite *rewrite)
{
	free(rewrite->dropped);
	free(rewrite->kept);
}

void pack_rewrites_free(struct pack_rewrites *list)
{
	for (size_t i = 0; i < list->n; i++)
		rewrite_free(&list->rewrites[i]);
	free(list->rewrites);
	*list = (struct pack_rewrites){ 0 };
}

/* Copy the members that stay. One that cannot be read, or is not what its name says, is of no use to anyone. */
static int write_kept(struct store *st, const struct object *old, struct pack_rewrite *rewrite,
		      uint64_t *n_lost, struct error *err)
{
	int r;

	scoped(object_reader_freep) struct object_reader *reader = NULL;
	r = object_reader_new(old, &reader, err);
	if (r < 0)
		return r;
	scoped(pack_writer_free) struct pack_writer writer = { 0 };
	for (size_t i = 0; i < rewrite->n_kept; i++) {
		const struct pack_member *member = &rewrite->kept[i];
		if (member->size_bytes > SOURCE_SIZE_LIMIT) {
			++*n_lost;
			continue;
		}
		size_t size = (size_t)member->size_bytes;
		scoped(string_free) char *bytes = malloc(size + 1);
		if (!bytes)
			return error_no_memory(err);
		r = object_read(reader, member->offset, bytes, size, &size, err);
		if (r < 0 && r != -EBADMSG && r != -EIO)
			return r;
		struct digest digest = digest_of(bytes, r < 0 ? 0 : size);
		if (r < 0 || !digest_equal(&digest, &member->digest)) {
			++*n_lost;
			continue;
		}
		r = pack_writer_add(&writer, st, &digest, bytes, size, err);
		if (r < 0)
			return r;
	}
	rewrite->has_new = writer.list.n_members > 0;
	if (!rewrite->has_new)
		return 0;

	struct object_result result;
	r = pack_writer_finish(&writer, st, &result, err);
	if (r < 0)
		return r;
	rewrite->new = result.digest;
	rewrite->new_stored_bytes = result.stored_bytes;
	free(rewrite->kept);
	rewrite->kept = take(writer.list.members);
	rewrite->n_kept = writer.list.n_members;
	writer.list = (struct pack_list){ 0 };
	return 0;
}

static int list_add(struct pack_rewrites *list, struct pack_rewrite *rewrite, struct error *err)
{
	struct pack_rewrite *more = reallocarray(list->rewrites, list->n + 1, sizeof(*more));
	if (!more)
		return error_no_memory(err);
	list->rewrites = more;
	list->rewrites[list->n++] = *rewrite;
	*rewrite = (struct pack_rewrite){ 0 };
	return 0;
}

static bool is_listed(const struct pack_rewrites *list, const struct digest *object)
{
	for (size_t i = 0; i < list->n; i++)
		if (digest_equal(&list->rewrites[i].old, object))
			return true;
	return false;
}

static int plan_members(struct store *st, const struct digest *object, pack_drop drop, void *context,
			struct pack_rewrite *rewrite, struct error *err)
{
	int r;

	scoped(pack_members_free) struct pack_member *members = NULL;
	size_t n;
	r = pack_members(st, object, &members, &n, err);
	if (r < 0)
		return r;
	rewrite->dropped = calloc(n + 1, sizeof(*rewrite->dropped));
	rewrite->kept = calloc(n + 1, sizeof(*rewrite->kept));
	if (!rewrite->dropped || !rewrite->kept)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		if (!drop(&members[i].digest, context)) {
			rewrite->kept[rewrite->n_kept++] = members[i];
			continue;
		}
		rewrite->dropped[rewrite->n_dropped++] = members[i].digest;
		rewrite->dropped_bytes += members[i].size_bytes;
	}
	return 0;
}

int pack_rewrites_plan_one(struct store *st, const struct digest *digest, pack_drop drop, void *context,
			   bool write, struct pack_rewrites *list, struct error *err)
{
	int r;

	if (is_listed(list, digest))
		return 0;
	bool is_pack;
	r = pack_is_one(st, digest, &is_pack, err);
	if (r == -ENOENT || (r == 0 && !is_pack))
		return 0;
	scoped(rewrite_free) struct pack_rewrite rewrite = { .old = *digest };
	if (r == 0)
		r = plan_members(st, digest, drop, context, &rewrite, err);
	if (r == -EBADMSG || r == -EIO) {
		list->n_unreadable++;
		return 0;
	}
	if (r < 0)
		return r;
	if (!rewrite.n_dropped)
		return 0;

	scoped(object_closep) struct object *old = NULL;
	r = object_open(st, digest, &old, err);
	if (r < 0)
		return r;
	rewrite.old_stored_bytes = object_stored_size(old);
	rewrite.old_bytes = object_size(old);
	rewrite.has_new = rewrite.n_kept > 0;
	if (write && rewrite.has_new) {
		r = write_kept(st, old, &rewrite, &list->n_lost, err);
		if (r < 0)
			return error_prefix(err, r, "rewriting pack %s", DIGEST_HEX(digest));
	}
	return list_add(list, &rewrite, err);
}

int pack_rewrites_plan(struct store *st, int64_t min_age, pack_drop drop, void *context, bool write,
		       struct pack_rewrites *list, struct error *err)
{
	int r;

	struct object_list objects;
	r = object_list_open(st->objects_fd, NULL, NULL, &objects, err);
	if (r < 0)
		return r;
	struct digest digest;
	while ((r = object_list_next(&objects, &digest, err)) > 0) {
		if (object_is_young(st, &digest, min_age))
			continue;
		r = pack_rewrites_plan_one(st, &digest, drop, context, write, list, err);
		if (r < 0)
			break;
	}
	object_list_close(&objects);
	return r;
}

int pack_rewrite_finish(struct store *st, const struct pack_rewrite *rewrite, uint64_t *ret_freed,
			struct error *err)
{
	int r;

	/* A pack of which nothing goes any more, and one that another rewrite made of the same files. */
	if (rewrite->has_new && digest_equal(&rewrite->new, &rewrite->old)) {
		*ret_freed = 0;
		return 0;
	}
	struct removed_files removed = { 0 };
	r = object_unlink_durably(st, &rewrite->old, true, &removed, err);
	if (r < 0)
		return r;
	*ret_freed = removed.bytes - min_u64(removed.bytes, rewrite->new_stored_bytes);
	return 0;
}
