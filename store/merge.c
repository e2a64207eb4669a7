/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/progress.h"
#include "base/tmpfile.h"
#include "store/digest_set.h"
#include "store/format_line.h"
#include "store/hold.h"
#include "store/lookup_internal.h"
#include "store/merge.h"
#include "store/needs.h"
#include "store/pack_check.h"
#include "store/pack_rewrite.h"
#include "store/remove.h"

/*
 * Objects go in as they come, each checked in a temporary file of ours, so that nobody changes it between
 * check and use. Contributions wait in another until all objects are there; then packs go into the catalog,
 * contributions into their records, and the builds into the catalog last: a reader never meets a record whose
 * objects are not there. The shared lock is held throughout, so that nothing is collected that a waiting
 * contribution will need.
 */

/* A content of more than the first may be at most the second times its file: no bomb keeps us decoding for
 * hours. DWARF and code reach about 10, and a file of zeros is not worth merging. */
#define RATIO_FREE_BYTES (64u << 20)
#define RATIO_LIMIT 4096u

#define TOMBSTONE_SIZE_LIMIT (64u << 10)
#define COPY_SIZE (1u << 20)

/* A contribution that waits. */
struct waiting {
	struct build_id id;
	struct digest digest;
	uint64_t offset; /* in the file they wait in */
	size_t size_bytes;
	bool published;
};

struct merge {
	struct store *st;
	struct progress *progress;
	verify_report report;
	void *context;
	struct merge_result result;
	uint64_t n_wrong; /* pieces that were left out */
	uint8_t *buffer;  /* COPY_SIZE */

	struct tmpfile waiting_file;
	uint64_t waiting_bytes;
	struct waiting *waiting;
	size_t n_waiting, n_waiting_allocated;

	struct digest_set taken; /* objects that were not there before, or not known to the catalog */
	struct digest_set refused;   /* of them, that a build needs which was removed for good */
	struct digest_set manifests; /* that were looked into */
	struct lookup *lookup;
	struct build_id *unindexed; /* builds of which contributions are there that the catalog does not know */
	size_t n_unindexed;
	/* What has a tombstone there and none here. */
	struct digest_set removed_ids, removed_sources; /* of builds: the digests of their IDs */
	struct build_id *removed_builds;
	struct tombstone *tombstones; /* of sources */
	size_t n_removed_builds, n_tombstones;
};

struct tombstone {
	struct digest source;
	char *path; /* for people; NULL: not known */
};

static void merge_free(struct merge *m)
{
	free(m->buffer);
	tmpfile_discard(&m->waiting_file);
	free(m->waiting);
	digest_set_free(&m->taken);
	free(m->unindexed);
	digest_set_free(&m->refused);
	digest_set_free(&m->manifests);
	lookup_free(m->lookup);
	digest_set_free(&m->removed_ids);
	digest_set_free(&m->removed_sources);
	free(m->removed_builds);
	for (size_t i = 0; i < m->n_tombstones; i++)
		free(m->tombstones[i].path);
	free(m->tombstones);
}

#define WHAT_SIZE 512

static void tell(struct merge *m, const char *verdict, const char *what, const char *why)
{
	if (m->report)
		m->report(verdict, what, why, m->context);
}

void merge_tell_damaged(struct merge *m, const char *what, const char *why)
{
	m->n_wrong++;
	tell(m, "damaged", what, why);
}

/* ---- for messages ---- */

static const char *object_what(const struct digest *digest, char ret[static WHAT_SIZE])
{
	char name[OBJECT_NAME_SIZE];
	snprintf(ret, WHAT_SIZE, "objects/%s", object_name(digest, name));
	return ret;
}

static const char *contribution_what(const struct build_id *id, const struct digest *digest,
				     char ret[static WHAT_SIZE])
{
	char name[RECORD_NAME_SIZE];
	snprintf(ret, WHAT_SIZE, "%s/%s.json", record_name(id, name), DIGEST_HEX(digest));
	return ret;
}

/* ---- objects ---- */

static int copy(struct merge *m, int fd, merge_read read, void *input, bool *ret_whole, struct error *why,
		struct error *err)
{
	int r;

	for (;;) {
		ssize_t size = read(input, m->buffer, COPY_SIZE, why);
		if (size <= 0) {
			*ret_whole = size == 0;
			return 0;
		}
		r = file_write(fd, m->buffer, (size_t)size, "object that is merged", err);
		if (r < 0)
			return r;
		progress_advance(m->progress, 0, (uint64_t)size);
	}
}

/* Is this file the object it is said to be? */
static int check_copy(int fd, const struct digest *digest, const char *what, struct error *err)
{
	int r;

	int own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own_fd < 0)
		return error_errno(err, -errno, "%s", what);
	scoped(object_closep) struct object *o = NULL;
	r = object_open_fd(own_fd, digest, what, &o, err);
	if (r < 0)
		return r;
	if (object_size(o) > RATIO_FREE_BYTES && object_size(o) / RATIO_LIMIT > object_stored_size(o))
		return error_set(err, -EFBIG,
				 "a file of %" PRIu64 " bytes says it holds %" PRIu64 ", over %u times as much",
				 object_stored_size(o), object_size(o), RATIO_LIMIT);
	return object_check(o, err);
}

/*
 * An object that was there is done with, but for a pack that the catalog does not know: a merge that was
 * killed has left it.
 */
static int take_again(struct merge *m, const struct digest *digest, struct error *err)
{
	int r;

	m->result.n_there++;
	bool is_pack, is_known = true;
	r = pack_is_one(m->st, digest, &is_pack, err);
	if (r == 0 && is_pack)
		r = catalog_has_pack(m->st, digest, &is_known, err);
	if (r < 0 || is_known)
		return r;
	return digest_set_add(&m->taken, digest, 0, NULL, err);
}

static int take_object(struct merge *m, const struct digest *digest, merge_read read, void *input,
		       struct error *err)
{
	int r;

	char what[WHAT_SIZE];
	object_what(digest, what);
	if (object_is_there(m->st, digest)) {
		r = object_verify(m->st, digest, err);
		if (r == 0)
			r = object_rely_on(m->st, digest, err);
		if (r == 0) {
			progress_advance(m->progress, 1, 0);
			return take_again(m, digest, err);
		}
		if (!is_damage(r) && r != -ENOENT)
			return r; /* else the one that comes takes its place */
	}

	scoped(tmpfile_discard) struct tmpfile t = TMPFILE_NONE;
	r = tmpfile_create(m->st->tmp_fd, &t, err);
	if (r < 0)
		return r;
	struct error why = ERROR_NONE;
	bool whole;
	r = copy(m, t.fd, read, input, &whole, &why, err);
	if (r < 0)
		return error_prefix(err, r, "%s", what);
	r = whole ? check_copy(t.fd, digest, what, &why) : -EBADMSG;
	if (is_damage(r)) {
		merge_tell_damaged(m, what, why.message);
		return 0;
	}
	if (r < 0)
		return error_set(err, r, "%s: %s", what, why.message);

	struct object_result result;
	r = object_adopt(m->st, &t, digest, &result, err);
	if (r < 0)
		return error_prefix(err, r, "%s", what);
	progress_advance(m->progress, 1, 0);
	if (result.was_there)
		return take_again(m, digest, err);
	m->result.n_objects++;
	m->result.bytes += result.stored_bytes;
	return digest_set_add(&m->taken, digest, 0, NULL, err);
}

/* ---- what is small ---- */

/* A whole piece of up to @limit bytes. -EBADMSG is the piece's fault. */
static int read_small(size_t limit, merge_read read, void *input, char **ret, size_t *ret_size,
		      struct error *err)
{
	scoped(string_free) char *bytes = NULL;
	size_t size = 0, n_places = 0;
	for (;;) {
		if (size == n_places) {
			if (size > limit)
				return error_set(err, -EBADMSG, "more than %zu bytes", limit);
			n_places = n_places ? 2 * n_places : 16384;
			char *more = realloc(bytes, n_places);
			if (!more)
				return error_no_memory(err);
			bytes = more;
		}
		ssize_t n = read(input, bytes + size, n_places - size, err);
		if (n < 0)
			return -EBADMSG;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	if (size > limit)
		return error_set(err, -EBADMSG, "more than %zu bytes", limit);
	*ret = take(bytes);
	*ret_size = size;
	return 0;
}

/* Is it in our store, with these very bytes? A damaged one of ours is moved aside. */
static int contribution_is_there(struct store *st, const struct build_id *id, const struct digest *digest,
				 bool *ret, struct error *err)
{
	int r;

	char path[WHAT_SIZE];
	contribution_what(id, digest, path);
	scoped(string_free) char *text = NULL;
	size_t size;
	r = file_read_at(st->fd, path, CONTRIBUTION_SIZE_LIMIT, &text, &size, err);
	if (r == -ENOENT || r == -ENOTDIR) {
		*ret = false;
		return 0;
	}
	if (r < 0 && !is_damage(r))
		return r;
	if (r == 0) {
		struct digest found = digest_of(text, size);
		*ret = digest_equal(&found, digest);
		if (*ret)
			return 0;
	}
	*ret = false;
	return store_quarantine(st, st->builds_fd, path + strlen("builds/"), err);
}

static int wait(struct merge *m, const struct build_id *id, const struct digest *digest, const char *text,
		size_t size, struct error *err)
{
	int r;

	if (m->n_waiting == m->n_waiting_allocated) {
		size_t n = m->n_waiting_allocated ? 2 * m->n_waiting_allocated : 64;
		struct waiting *more = reallocarray(m->waiting, n, sizeof(*more));
		if (!more)
			return error_no_memory(err);
		m->waiting = more;
		m->n_waiting_allocated = n;
	}
	r = file_pwrite(m->waiting_file.fd, text, size, m->waiting_bytes, "contributions that are merged", err);
	if (r < 0)
		return r;
	m->waiting[m->n_waiting++] = (struct waiting){ *id, *digest, m->waiting_bytes, size, false };
	m->waiting_bytes += size;
	return 0;
}

/* As take_again(): what a merge that was killed did not come to. */
static int contribution_again(struct merge *m, const struct build_id *id, struct error *err)
{
	int r;

	m->result.n_there++;
	uint32_t n;
	r = record_sync(m->st, id, err); /* another may have put it there just now */
	if (r == 0)
		r = record_count(m->st, id, &n, err);
	if (r < 0)
		return r;
	if (lookup_indexed(m->lookup, id) >= n)
		return 0;
	struct build_id *more = reallocarray(m->unindexed, m->n_unindexed + 1, sizeof(*more));
	if (!more)
		return error_no_memory(err);
	m->unindexed = more;
	m->unindexed[m->n_unindexed++] = *id;
	return 0;
}

static int take_contribution(struct merge *m, const struct build_id *id, const struct digest *digest,
			     merge_read read, void *input, struct error *err)
{
	int r;

	bool there;
	r = contribution_is_there(m->st, id, digest, &there, err);
	if (r < 0)
		return r;
	if (there)
		return contribution_again(m, id, err);

	char what[WHAT_SIZE];
	contribution_what(id, digest, what);
	struct error why = ERROR_NONE;
	scoped(string_free) char *text = NULL;
	size_t size;
	r = read_small(CONTRIBUTION_SIZE_LIMIT, read, input, &text, &size, &why);
	if (r == 0) {
		struct digest found = digest_of(text, size);
		if (!digest_equal(&found, digest))
			r = error_set(&why, -EBADMSG, "its bytes have the digest %s", DIGEST_HEX(&found));
	}
	scoped(contribution_free) struct contribution c = { 0 };
	if (r == 0)
		r = contribution_parse(text, size, &c, &why);
	if (r == 0 && !build_id_equal(&c.build_id, id))
		r = error_set(&why, -EBADMSG, "is about build %s", BUILD_ID_HEX(&c.build_id));
	if (is_damage(r)) {
		merge_tell_damaged(m, what, why.message);
		return 0;
	}
	if (r < 0)
		return error_set(err, r, "%s: %s", what, why.message);
	return wait(m, id, digest, text, size, err);
}

static struct digest digest_of_id(const struct build_id *id)
{
	return digest_of(id->bytes, id->size);
}

static int take_removed_build(struct merge *m, const struct build_id *id, struct error *err)
{
	int r;

	if (removed_build(m->st, id))
		return 0;
	struct digest key = digest_of_id(id);
	uint8_t seen;
	r = digest_set_add(&m->removed_ids, &key, 0, &seen, err);
	if (r < 0 || seen)
		return r;
	struct build_id *more = reallocarray(m->removed_builds, m->n_removed_builds + 1, sizeof(*more));
	if (!more)
		return error_no_memory(err);
	m->removed_builds = more;
	m->removed_builds[m->n_removed_builds++] = *id;
	return 0;
}

static int take_removed_source(struct merge *m, const struct digest *source, merge_read read, void *input,
			       struct error *err)
{
	int r;

	if (removed_source(m->st, source))
		return 0;
	uint8_t seen;
	r = digest_set_add(&m->removed_sources, source, 0, &seen, err);
	if (r < 0 || seen)
		return r;
	struct tombstone *more = reallocarray(m->tombstones, m->n_tombstones + 1, sizeof(*more));
	if (!more)
		return error_no_memory(err);
	m->tombstones = more;
	m->tombstones[m->n_tombstones] = (struct tombstone){ *source, NULL };

	/* Without its path the tombstone holds as well. */
	scoped(string_free) char *text = NULL;
	size_t size;
	scoped(json_scoped_decref) json_t *json = NULL;
	if (read_small(TOMBSTONE_SIZE_LIMIT, read, input, &text, &size, NULL) == 0 &&
	    json_parse(text, size, &json, NULL) == 0 &&
	    json_get_bytes(json, "path", &m->tombstones[m->n_tombstones].path, NULL) < 0)
		m->tombstones[m->n_tombstones].path = NULL;
	m->n_tombstones++;
	return 0;
}

static int check_format(merge_read read, void *input, struct error *err)
{
	int r;

	scoped(string_free) char *text = NULL;
	size_t size;
	r = read_small(FORMAT_LINE_LIMIT, read, input, &text, &size, err);
	if (r == 0)
		r = format_line_check(text, size, false, err);
	return r < 0 ? error_prefix(err, r, "FORMAT") : 0;
}

int merge_take(struct merge *m, const struct merge_name *name, merge_read read, void *input, struct error *err)
{
	switch (name->kind) {
	case MERGE_FORMAT:
		return check_format(read, input, err);
	case MERGE_OBJECT:
		return take_object(m, &name->digest, read, input, err);
	case MERGE_CONTRIBUTION:
		return take_contribution(m, &name->id, &name->digest, read, input, err);
	case MERGE_REMOVED_BUILD:
		return take_removed_build(m, &name->id, err);
	case MERGE_REMOVED_SOURCE:
		return take_removed_source(m, &name->digest, read, input, err);
	case MERGE_NOTHING:
		break;
	}
	return 0;
}

/* ---- when all has come ---- */

static bool is_removed(const struct digest *source, void *context)
{
	const struct merge *m = context;
	return digest_set_has(&m->removed_sources, source) || removed_source(m->st, source);
}

static int finish_pack(struct merge *m, const struct digest *object, struct error *err)
{
	int r;

	bool is_pack;
	r = pack_is_one(m->st, object, &is_pack, err);
	if (r == -ENOENT)
		return 0; /* another merge has rewritten it or moved it aside */
	if (r < 0 || !is_pack)
		return r;
	char name[OBJECT_NAME_SIZE], what[WHAT_SIZE];
	object_what(object, what);
	scoped(pack_members_free) struct pack_member *members = NULL;
	size_t n, n_wrong;
	r = pack_check(m->st, object, &members, &n, &n_wrong, err);
	if (r == 0 && n_wrong)
		r = error_set(err, -EBADMSG, "%zu of the files in this pack differ from their names", n_wrong);
	if (is_damage(r)) {
		/* The object is what its digest says, but no pack of ours, and nothing else names it. */
		merge_tell_damaged(m, what, err->message);
		return store_quarantine(m->st, m->st->objects_fd, object_name(object, name), err);
	}
	if (r < 0)
		return r;

	/* What was removed here does not come back in a pack from there. */
	scoped(pack_rewrites_free) struct pack_rewrites packs = { 0 };
	r = pack_rewrites_plan_one(m->st, object, is_removed, m, true, &packs, err);
	if (r < 0)
		return r;
	if (packs.n) {
		uint64_t freed;
		return pack_rewrite_finish(m->st, &packs.rewrites[0], &freed, err);
	}
	return catalog_put_pack(m->st, object, members, n, err);
}

static int by_id(const void *a, const void *b)
{
	const struct waiting *one = a, *other = b;
	int order = memcmp(one->id.bytes, other->id.bytes, BUILD_ID_MAX_SIZE);
	return order ? order : one->id.size - other->id.size;
}

/* A build without its sources is still worth having: it is taken, and what lacks is told. */
static int hold_sources(struct merge *m, const struct artifact *manifest, struct error *err)
{
	int r;

	uint8_t seen;
	if (!manifest->present)
		return 0;
	r = digest_set_add(&m->manifests, &manifest->digest, 0, &seen, err);
	if (r < 0 || seen)
		return r;
	char what[WHAT_SIZE], why[WHAT_SIZE];
	object_what(&manifest->digest, what);
	uint64_t n_missing, n;
	r = sources_hold(m->st, m->lookup, &manifest->digest, is_removed, m, &n_missing, &n, err);
	if (is_damage(r)) {
		merge_tell_damaged(m, what, err->message);
		return 0;
	}
	if (r < 0)
		return r;
	if (n_missing) {
		snprintf(why, sizeof(why), "%" PRIu64 " of the %" PRIu64 " sources that it names did not come",
			 n_missing, n);
		m->n_wrong++;
		tell(m, "missing", what, why);
	}
	return 0;
}

static int hold_needs(struct merge *m, const struct contribution *c, const char *what, bool *ret_complete,
		      struct error *err)
{
	int r;

	struct need needs[CONTRIBUTION_N_NEEDS];
	contribution_needs(c, needs);
	*ret_complete = true;
	for (size_t i = 0; i < CONTRIBUTION_N_NEEDS; i++) {
		if (!needs[i].artifact->present)
			continue;
		r = object_hold(m->st, &needs[i].artifact->digest, err);
		if (r == 0)
			continue;
		if (r != -ENOENT)
			return r;
		char missing[WHAT_SIZE], why[2 * WHAT_SIZE];
		snprintf(why, sizeof(why), "%s needs it (%s) and is left out", what, needs[i].role);
		m->n_wrong++;
		tell(m, "missing", object_what(&needs[i].artifact->digest, missing), why);
		*ret_complete = false;
	}
	return 0;
}

/* What was removed does not come back, and what came with it goes again. */
static int refuse(struct merge *m, const struct contribution *c, struct error *err)
{
	int r;

	m->result.n_refused++;
	struct need needs[CONTRIBUTION_N_NEEDS];
	contribution_needs(c, needs);
	for (size_t i = 0; i < CONTRIBUTION_N_NEEDS; i++) {
		if (!needs[i].artifact->present || !digest_set_has(&m->taken, &needs[i].artifact->digest))
			continue;
		r = digest_set_add(&m->refused, &needs[i].artifact->digest, 0, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int publish(struct merge *m, struct waiting *waiting, struct error *err)
{
	int r;

	char what[WHAT_SIZE];
	contribution_what(&waiting->id, &waiting->digest, what);
	scoped(string_free) char *text = malloc(waiting->size_bytes + 1);
	if (!text)
		return error_no_memory(err);
	r = file_pread(m->waiting_file.fd, text, waiting->size_bytes, waiting->offset, what, err);
	if (r < 0)
		return r;
	scoped(contribution_free) struct contribution c = { 0 };
	r = contribution_parse(text, waiting->size_bytes, &c, err);
	if (r < 0)
		return error_prefix(err, r, "%s", what);
	struct digest key = digest_of_id(&waiting->id);
	if (removed_build(m->st, &waiting->id) || digest_set_has(&m->removed_ids, &key))
		return refuse(m, &c, err);
	bool complete;
	r = hold_needs(m, &c, what, &complete, err);
	if (r < 0 || !complete)
		return r;
	r = hold_sources(m, &c.sources, err);
	if (r < 0)
		return r;
	bool was_there;
	r = contribution_publish(m->st, &waiting->id, text, waiting->size_bytes, &was_there, err);
	if (r < 0)
		return r;
	waiting->published = true;
	m->result.n_contributions += !was_there;
	m->result.n_there += was_there;
	return 0;
}

static int finish(struct merge *m, struct error *err)
{
	int r;

	struct digest digest;
	for (size_t at = 0; digest_set_next(&m->taken, &at, &digest, NULL);) {
		r = finish_pack(m, &digest, err);
		if (r < 0)
			return r;
	}
	if (m->n_waiting)
		qsort(m->waiting, m->n_waiting, sizeof(*m->waiting), by_id);
	for (size_t i = 0; i < m->n_waiting; i++) {
		r = publish(m, &m->waiting[i], err);
		if (r < 0)
			return r;
	}
	const struct waiting *last = NULL;
	for (size_t i = 0; i < m->n_waiting; i++) {
		const struct waiting *waiting = &m->waiting[i];
		if (!waiting->published || (last && build_id_equal(&last->id, &waiting->id)))
			continue;
		r = catalog_refresh_build(m->st, &waiting->id, NULL, err);
		if (r < 0)
			return r;
		last = waiting;
	}
	for (size_t i = 0; i < m->n_unindexed; i++) {
		r = catalog_refresh_build(m->st, &m->unindexed[i], NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What was removed there goes here too. The shared lock is let go before. */
static int remove_there(struct merge *m, struct error *err)
{
	int r;

	struct remove_result removed = { 0 };
	size_t n_here = 0;
	for (size_t i = 0; i < m->n_removed_builds; i++) {
		const struct build_id *id = &m->removed_builds[i];
		r = remove_build_mark(m->st, id, err);
		if (r < 0)
			return r;
		char name[RECORD_NAME_SIZE];
		if (faccessat(m->st->fd, record_name(id, name), F_OK, 0) == 0)
			m->removed_builds[n_here++] = *id;
	}
	if (n_here) {
		r = store_remove_builds(m->st, m->removed_builds, n_here, false, &removed, err);
		if (r < 0)
			return r;
		m->result.n_removed_builds = removed.n_builds;
	}
	for (size_t i = 0; i < m->n_tombstones; i++) {
		r = remove_source_mark(m->st, &m->tombstones[i].source, m->tombstones[i].path, err);
		if (r < 0)
			return r;
	}
	r = remove_unneeded(m->st, &m->refused, err);
	if (r < 0)
		return r;
	if (m->n_tombstones) {
		struct remove_result sources = { 0 };
		r = remove_sources(m->st, &m->removed_sources, false, &sources, err);
		if (r < 0)
			return r;
		m->result.n_removed_sources = sources.n_sources;
	}
	return 0;
}

int store_merge(struct store *st, const char *from, struct progress *progress, verify_report report,
		void *context, struct merge_result *ret, struct error *err)
{
	int r;
	struct error own;

	if (!err)
		err = &own; /* reports quote it */
	scoped(merge_free) struct merge m = {
		.st = st,
		.progress = progress,
		.report = report,
		.context = context,
		.waiting_file = TMPFILE_NONE,
	};
	m.buffer = malloc(COPY_SIZE);
	if (!m.buffer)
		return error_no_memory(err);
	r = tmpfile_create(st->tmp_fd, &m.waiting_file, err);
	if (r < 0)
		return r;
	r = lookup_new(st, &m.lookup, err);
	if (r < 0)
		return r;

	scoped(fd_close) int fd = -1;
	if (!strcmp(from, "-"))
		fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(from, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	if (fd < 0 || fstat(fd, &stat) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(from));

	scoped(fd_close) int lock_fd = -1;
	r = store_lock_shared(st, &lock_fd, err);
	if (r < 0)
		return r;
	if (S_ISDIR(stat.st_mode))
		r = merge_folder(&m, st, from, err);
	else
		r = merge_tar(&m, fd, from, err);
	if (r == 0)
		r = finish(&m, err);
	if (r < 0)
		return r;
	fd_close(&lock_fd);
	r = remove_there(&m, err);
	if (r < 0)
		return r;
	*ret = m.result;
	if (m.n_wrong)
		return error_set(err, -EBADMSG, "%s: %" PRIu64 " damaged or missing pieces were left out",
				 ESCAPED(from), m.n_wrong);
	return 0;
}
