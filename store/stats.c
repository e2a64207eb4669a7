/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/digest_set.h"
#include "store/maintain.h"
#include "store/names.h"
#include "store/needs.h"
#include "store/pack_check.h"

/* Counted from the files alone: the catalog is what a recount is to be compared with. */

/* Flags: what an object is, by the contributions that name it; and a file that du has seen. */
#define IS_DEBUG 1
#define IS_EXECUTABLE 2
#define IS_OTHER 4

struct counting {
	struct store *st;
	struct store_stats stats;
	struct digest_set objects; /* that contributions name */
	struct digest_set sources; /* in packs */
	struct digest_set linked;  /* files with several names that were counted */
};

static void counting_free(struct counting *c)
{
	digest_set_free(&c->objects);
	digest_set_free(&c->sources);
	digest_set_free(&c->linked);
}

static int count_record(const struct build_id *id, void *context, struct error *err)
{
	int r;
	struct counting *counting = context;

	scoped(record_free) struct record record = { 0 };
	r = record_read(counting->st, id, &record, err);
	if (r == -ENOENT || r == -EBADMSG)
		return 0; /* store_verify() tells */
	if (r < 0)
		return r;
	counting->stats.n_builds++;
	counting->stats.n_contributions += record.n_contributions;
	struct build build;
	record_merge(&record, &build);
	counting->stats.n_collisions += build.collision;

	static const uint8_t flags[CONTRIBUTION_N_NEEDS] = { IS_DEBUG, IS_EXECUTABLE, IS_EXECUTABLE, IS_OTHER,
							     IS_OTHER, IS_DEBUG };
	for (size_t i = 0; i < record.n_contributions; i++) {
		struct need needs[CONTRIBUTION_N_NEEDS];
		contribution_needs(&record.contributions[i], needs);
		for (size_t j = 0; j < CONTRIBUTION_N_NEEDS; j++) {
			if (!needs[j].artifact->present)
				continue;
			r = digest_set_add(&counting->objects, &needs[j].artifact->digest, flags[j], NULL, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int count_pack(struct counting *counting, const struct digest *digest, uint64_t stored,
		      struct error *err)
{
	int r;

	bool is_pack;
	r = pack_is_one(counting->st, digest, &is_pack, err);
	if (r < 0 || !is_pack)
		return r;
	scoped(pack_members_free) struct pack_member *members = NULL;
	size_t n;
	r = pack_members(counting->st, digest, &members, &n, err);
	if (r < 0)
		return r;
	counting->stats.n_packs++;
	counting->stats.pack_stored_bytes += stored;
	for (size_t i = 0; i < n; i++) {
		uint8_t seen;
		r = digest_set_add(&counting->sources, &members[i].digest, 0, &seen, err);
		if (r < 0)
			return r;
		counting->stats.n_sources += !seen;
		counting->stats.source_bytes += seen ? 0 : members[i].size_bytes;
	}
	return 0;
}

static int count_object(struct counting *counting, const struct digest *digest, struct error *err)
{
	int r;

	struct store_stats *stats = &counting->stats;
	scoped(object_closep) struct object *o = NULL;
	r = object_open(counting->st, digest, &o, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	uint64_t size = object_size(o), stored = object_stored_size(o);
	stats->n_objects++;
	stats->object_bytes += size;
	stats->object_stored_bytes += stored;

	uint8_t flags = digest_set_flags(&counting->objects, digest);
	if (flags & IS_DEBUG) {
		stats->n_debug++;
		stats->debug_bytes += size;
		stats->debug_stored_bytes += stored;
	}
	if (flags & IS_EXECUTABLE) {
		stats->n_executables++;
		stats->executable_bytes += size;
		stats->executable_stored_bytes += stored;
	}
	return flags ? 0 : count_pack(counting, digest, stored, err);
}

static int count_objects(struct counting *counting, struct error *err)
{
	int r;

	struct object_list list;
	r = object_list_open(counting->st->objects_fd, NULL, NULL, &list, err);
	if (r < 0)
		return r;
	struct digest digest;
	while ((r = object_list_next(&list, &digest, err)) > 0) {
		r = count_object(counting, &digest, err);
		if (r < 0 && r != -EBADMSG && r != -ENOENT)
			break;
	}
	object_list_close(&list);
	return r;
}

/* As du(1): blocks of each file and folder, a file of several names once. */
static int count_blocks(struct counting *counting, int dir_fd, const char *name, unsigned depth,
			struct error *err)
{
	int r;

	struct stat stat;
	if (fstatat(dir_fd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_errno(err, -errno, "%s", ESCAPED(name));
	if (stat.st_nlink > 1 && !S_ISDIR(stat.st_mode)) {
		uint64_t key[2] = { (uint64_t)stat.st_dev, (uint64_t)stat.st_ino };
		struct digest digest = digest_of(key, sizeof(key));
		uint8_t seen;
		r = digest_set_add(&counting->linked, &digest, 0, &seen, err);
		if (r < 0 || seen)
			return r;
	}
	counting->stats.disk_bytes += (uint64_t)stat.st_blocks * 512;
	if (!S_ISDIR(stat.st_mode))
		return 0;
	if (depth == 0)
		return error_set(err, -ELOOP, "%s: folders too deep for a store", ESCAPED(name));

	scoped(names_free) struct names names = { 0 };
	r = names_read(dir_fd, name, &names, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	scoped(fd_close) int fd = -1;
	r = file_open_at(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < names.n; i++) {
		r = count_blocks(counting, fd, names.names[i], depth - 1, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int store_stats(struct store *st, struct store_stats *ret, struct error *err)
{
	int r;

	scoped(counting_free) struct counting counting = { .st = st };
	r = record_each(st, count_record, &counting, err);
	if (r < 0)
		return r;
	r = count_objects(&counting, err);
	if (r < 0)
		return r;
	r = count_blocks(&counting, st->fd, ".", 64, err);
	if (r < 0)
		return error_prefix(err, r, "store %s", ESCAPED(st->path));
	r = file_free_space(st->fd, &counting.stats.free_bytes, err);
	if (r < 0)
		return r;
	*ret = counting.stats;
	return 0;
}
