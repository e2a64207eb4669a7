/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/progress.h"
#include "store/format_line.h"
#include "store/lookup_internal.h"
#include "store/merge_state.h"

/* Pieces as they come. */

/* A content of more than the first may be at most the second times its file: no bomb keeps us decoding for
 * hours. DWARF and code reach about 10, and a file of zeros is not worth merging. */
#define RATIO_FREE_BYTES (64u << 20)
#define RATIO_LIMIT 4096u

#define TOMBSTONE_SIZE_LIMIT (64u << 10)

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
	merge_object_what(digest, what);
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
	merge_contribution_what(id, digest, path);
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
	merge_contribution_what(id, digest, what);
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

static int take_removed_build(struct merge *m, const struct build_id *id, struct error *err)
{
	int r;

	if (removed_build(m->st, id))
		return 0;
	struct digest key = merge_id_key(id);
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
