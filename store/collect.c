/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"
#include "base/tmpfile.h"
#include "store/collect.h"
#include "store/names.h"
#include "store/object_remove.h"
#include "store/pack_rewrite.h"

/*
 * First the time, taken from the store's own file system while nobody holds the store for writing;
 * then the records are read, beside the writers; then what they do not need is removed. Whoever
 * publishes a record after that time has held all it names since then (hold.h), so that one look at
 * an object's times, under the exclusive lock and right before it goes, tells that no record which
 * was not read names it: where it has not changed since, none does. The lock is let go every few
 * objects, so that no writer waits for long.
 *
 * Killed at any point, it leaves garbage for the next time, and nothing else: an object goes after
 * the catalog has forgotten it, and a pack after the one that takes its place is durable.
 */

#define BATCH 64 /* objects that are removed under one lock */
#define N_WAITS                                                                                    \
	50 /* for a tick of the clock, 1 ms each; a file system that has no finer one takes longer \
	    */

struct digest_list {
	struct digest *digests;
	size_t n, n_places;
};

static void digest_list_free(struct digest_list *list)
{
	free(list->digests);
}

static int digest_list_add(struct digest_list *list, const struct digest *digest, struct error *err)
{
	if (list->n == list->n_places) {
		size_t n = list->n_places ? 2 * list->n_places : 256;
		struct digest *more = reallocarray(list->digests, n, sizeof(*more));
		if (!more)
			return error_no_memory(err);
		list->digests = more;
		list->n_places = n;
	}
	list->digests[list->n++] = *digest;
	return 0;
}

/* ---- times ---- */

static int64_t seconds_between(struct timespec from, struct timespec to)
{
	return (int64_t)to.tv_sec - from.tv_sec - (to.tv_nsec < from.tv_nsec);
}

static bool is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

/* By the clock that gives files their times, which on a network file system is another's. */
static int store_now(struct collection *c, struct timespec *ret, struct error *err)
{
	int r;

	if (c->options->dry_run) {
		clock_gettime(CLOCK_REALTIME, ret);
		return 0;
	}
	scoped(tmpfile_discard) struct tmpfile t = TMPFILE_NONE;
	r = tmpfile_create(c->st->tmp_fd, &t, err);
	if (r < 0)
		return r;
	struct stat is;
	if (fstat(t.fd, &is) < 0)
		return error_errno(err, -errno, "a temporary file");
	*ret = is.st_ctim;
	return 0;
}

/* How far the clock is from one that is never set, in ns. */
static int64_t clock_distance(void)
{
	struct timespec real, steady;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &steady);
	return (int64_t)(real.tv_sec - steady.tv_sec) * 1000000000 + real.tv_nsec - steady.tv_nsec;
}

/* Where the clock was set back, what a writer touches now looks as if it had not been touched since
 * the start. */
static int check_clock(struct collection *c, struct error *err)
{
	int64_t distance = clock_distance();
	if (distance < c->clock_distance - 50000000)
		return error_set(
			err, -ESTALE,
			"the clock was set back by %.1f s meanwhile: nothing more is removed; run it again",
			(double)(c->clock_distance - distance) / 1e9);
	return 0;
}

int collection_lock(struct collection *c, int *ret_fd, struct error *err)
{
	int r;

	if (c->options->dry_run)
		return store_now(c, &c->now, err);
	scoped(fd_close) int fd = -1;
	r = store_lock_exclusive(c->st, &fd, err);
	if (r == 0)
		r = store_now(c, &c->now, err);
	if (r == 0)
		r = check_clock(c, err);
	if (r < 0)
		return r;
	*ret_fd = fd_take(&fd);
	return 0;
}

bool collection_is_old(const struct collection *c, const struct stat *file, int64_t grace,
		       int64_t *ret_age)
{
	struct timespec last =
		is_before(file->st_mtim, file->st_ctim) ? file->st_ctim : file->st_mtim;
	int64_t age = seconds_between(last, c->now) + c->options->ahead_seconds;
	*ret_age = age;
	return age >= grace && is_before(last, c->start);
}

void collection_tell(struct collection *c, const char *kind, const char *what, uint64_t bytes,
		     int64_t age)
{
	c->result.freed_bytes += bytes;
	if (c->report)
		c->report(kind, what, bytes, age, c->context);
}

/* ---- objects ---- */

static bool object_is_old(struct collection *c, const struct digest *digest, struct stat *ret,
			  int64_t *ret_age)
{
	return object_stat(c->st, digest, ret) &&
	       collection_is_old(c, ret, c->options->grace_seconds, ret_age);
}

/* Sort what nobody needs into packs and others. */
static int judge_object(struct collection *c, const struct digest *digest,
			struct digest_list *objects, struct digest_list *packs, struct error *err)
{
	int r;

	if (digest_set_has(&c->marks.needed, digest))
		return 0;
	struct stat is;
	int64_t age;
	bool is_pack;
	r = pack_is_one(c->st, digest, &is_pack, err);
	if (r == -ENOENT)
		return 0;
	if (is_damage(r)) {
		c->result.n_unreadable++; /* it may be a pack, and hold what is needed */
		return 0;
	}
	if (r < 0)
		return r;
	if (!object_stat(c->st, digest, &is))
		return 0;
	if (collection_is_old(c, &is, c->options->grace_seconds, &age))
		return digest_list_add(is_pack ? packs : objects, digest, err);
	if (!is_pack) { /* a pack is needed, most likely */
		c->result.n_young++;
		c->result.young_bytes += (uint64_t)is.st_size;
	}
	return 0;
}

static int judge_objects(struct collection *c, struct digest_list *objects,
			 struct digest_list *packs, struct error *err)
{
	int r;

	r = store_now(c, &c->now, err);
	if (r < 0)
		return r;
	struct object_list list;
	r = object_list_open(c->st->objects_fd, NULL, NULL, &list, err);
	if (r < 0)
		return r;
	struct digest digest;
	while ((r = object_list_next(&list, &digest, err)) > 0) {
		progress_expect(c->progress, 1, 0);
		r = judge_object(c, &digest, objects, packs, err);
		progress_advance(c->progress, 1, 0);
		if (r < 0)
			break;
	}
	object_list_close(&list);
	return r;
}

static const char *object_what(const struct digest *digest, char ret[static OBJECT_NAME_SIZE + 8])
{
	char name[OBJECT_NAME_SIZE];
	snprintf(ret, OBJECT_NAME_SIZE + 8, "objects/%s", object_name(digest, name));
	return ret;
}

static int remove_object(struct collection *c, const struct digest *digest, struct error *err)
{
	int r;

	struct stat is;
	int64_t age;
	if (!object_is_old(c, digest, &is, &age))
		return 0; /* somebody has come to need it, or it is gone */
	r = c->options->dry_run ? 0 : object_unlink(c->st, digest, false, NULL, err);
	if (r < 0)
		return r;
	c->result.n_objects++;
	char what[OBJECT_NAME_SIZE + 8];
	collection_tell(c, "object", object_what(digest, what), (uint64_t)is.st_size, age);
	return 0;
}

static int remove_objects(struct collection *c, const struct digest_list *objects,
			  struct error *err)
{
	int r;

	for (size_t i = 0; i < objects->n;) {
		scoped(fd_close) int lock_fd = -1;
		r = collection_lock(c, &lock_fd, err);
		for (size_t end = i + BATCH; r == 0 && i < objects->n && i < end; i++)
			r = remove_object(c, &objects->digests[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- packs ---- */

static bool source_goes(const struct digest *source, void *context)
{
	const struct collection *c = context;
	return !digest_set_has(&c->marks.needed, source) || removed_source(c->st, source);
}

/* As much of the file as of the content: nobody knows better before writing it. */
static uint64_t guess_freed(const struct pack_rewrite *rewrite)
{
	return (uint64_t)((double)rewrite->old_stored_bytes *
			  ((double)rewrite->dropped_bytes / (double)rewrite->old_bytes));
}

static int finish_pack(struct collection *c, const struct pack_rewrite *rewrite, struct error *err)
{
	int r;

	scoped(fd_close) int lock_fd = -1;
	r = collection_lock(c, &lock_fd, err);
	if (r < 0)
		return r;
	struct stat is;
	int64_t age;
	if (!object_is_old(c, &rewrite->old, &is, &age))
		return 0;
	uint64_t freed = rewrite->n_kept ? guess_freed(rewrite) : rewrite->old_stored_bytes;
	r = c->options->dry_run ? 0 : pack_rewrite_finish(c->st, rewrite, &freed, err);
	if (r < 0)
		return r;
	c->result.n_packs++;
	c->result.n_sources += rewrite->n_dropped;
	char what[OBJECT_NAME_SIZE + 8];
	collection_tell(c, rewrite->has_new ? "pack-rewritten" : "pack",
			object_what(&rewrite->old, what), freed, age);
	return 0;
}

static int collect_pack(struct collection *c, const struct digest *digest, struct error *err)
{
	int r;

	/* The new pack is written before the lock is taken, for that takes the shared one. */
	scoped(pack_rewrites_free) struct pack_rewrites list = { 0 };
	r = pack_rewrites_plan_one(c->st, digest, source_goes, c, !c->options->dry_run, &list, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (list.n_unreadable || list.n_lost) {
		c->result.n_unreadable++; /* what can still be read of it stays with it */
		return 0;
	}
	return list.n ? finish_pack(c, &list.rewrites[0], err) : 0;
}

static int collect_objects(struct collection *c, struct error *err)
{
	int r;

	scoped(digest_list_free) struct digest_list objects = { 0 }, packs = { 0 };
	r = judge_objects(c, &objects, &packs, err);
	if (r == 0)
		r = remove_objects(c, &objects,
				   err); /* first: a full disk has no room for a new pack */
	for (size_t i = 0; r == 0 && i < packs.n; i++)
		r = collect_pack(c, &packs.digests[i], err);
	return r;
}

/* ---- all of it ---- */

/* A build with a tombstone that still has its record: what removed it did not come to the end. */
static int finish_removals(struct collection *c, struct error *err)
{
	int r;

	scoped(names_free) struct names names = { 0 };
	r = names_read(c->st->fd, "removed/builds", &names, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return error_prefix(err, r, "removed/builds");
	for (size_t i = 0; i < names.n; i++) {
		struct build_id id;
		char name[RECORD_NAME_SIZE];
		if (build_id_parse(names.names[i], strlen(names.names[i]), &id, NULL) < 0 ||
		    faccessat(c->st->fd, record_name(&id, name), F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		struct remove_result removed;
		r = store_remove_builds(c->st, &id, 1, c->options->dry_run, &removed, err);
		if (r < 0)
			return r;
		c->result.n_builds += removed.n_builds;
		c->result.n_objects += removed.n_objects;
		c->result.n_sources += removed.n_sources;
		collection_tell(c, "build", name, removed.freed_bytes, 0);
	}
	if (!c->result.n_builds || c->options->dry_run)
		return 0;
	marks_free(&c->marks); /* they needed sources that may go now */
	return marks_read(c->st, c->progress, &c->marks, err);
}

/* A record that the catalog knows and that is not there was lost, not removed: it may come back
 * from a copy. */
static int check_row(const struct build *row, const char *path, void *context, struct error *err)
{
	int r;
	struct store *st = context;
	(void)path;

	uint32_t n = 0;
	char name[RECORD_NAME_SIZE];
	r = record_count(st, &row->id, &n, err);
	if ((r < 0 && r != -ENOENT) || n >= row->n_contributions || removed_build(st, &row->id))
		return r == -ENOENT ? 0 : r;
	return error_set(err, -EBADMSG,
			 "%s: the catalog knows of %" PRIu32 " contributions, %" PRIu32
			 " are there; dbgstore reindex gives up the others",
			 record_name(&row->id, name), row->n_contributions, n);
}

static int read_marks(struct collection *c, struct error *err)
{
	int r;

	scoped(lookup_freep) struct lookup *l = NULL;
	r = marks_read(c->st, c->progress, &c->marks, err);
	if (r == 0)
		r = lookup_new(c->st, &l, err);
	if (r == 0)
		r = lookup_each(l, check_row, c->st, err);
	return r;
}

static int take_time(struct collection *c, struct error *err)
{
	int r;

	/* Whoever publishes a record does it wholly before, or wholly after. */
	scoped(fd_close) int lock_fd = -1;
	c->clock_distance = clock_distance();
	r = collection_lock(c, &lock_fd, err);
	c->start = c->now;
	/* What was touched just before is to be told from what will be: the clock of file times has
	 * ticks. */
	for (int i = 0;
	     i < N_WAITS && r == 0 && !is_before(c->start, c->now) && !c->options->dry_run; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		r = store_now(c, &c->now, err);
	}
	c->start = c->now;
	return r;
}

static void collection_free(struct collection *c)
{
	marks_free(&c->marks);
}

int store_collect(struct store *st, const struct collect_options *options,
		  struct progress *progress, collect_report report, void *context,
		  struct collect_result *ret, struct error *err)
{
	int r;

	scoped(collection_free) struct collection c = {
		.st = st,
		.options = options,
		.progress = progress,
		.report = report,
		.context = context,
	};
	r = take_time(&c, err);
	if (r == 0)
		r = read_marks(&c, err);
	if (r < 0)
		return error_prefix(err, r,
				    "nothing is removed, for what builds need is not known");
	r = finish_removals(&c, err);
	if (r == 0)
		r = collect_objects(&c, err);
	if (r == 0)
		r = collect_litter(&c, err);
	if (r < 0)
		return r;
	*ret = c.result;
	return 0;
}
