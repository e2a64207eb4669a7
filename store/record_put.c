/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/tmpfile.h"
#include "store/hold.h"
#include "store/internal.h"

/* Putting contributions into records; record.c reads them. */

/* Has the record this very contribution, but for the time? */
static int is_known(const struct record *record, const struct contribution *c, bool *ret,
		    struct error *err)
{
	int r;

	scoped(string_free) char *text = NULL;
	size_t size;
	r = contribution_format(c, &text, &size, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < record->n_contributions; i++) {
		struct contribution other = record->contributions[i]; /* borrows */
		other.time = c->time;
		scoped(string_free) char *other_text = NULL;
		size_t other_size;
		r = contribution_format(&other, &other_text, &other_size, err);
		if (r < 0)
			return r;
		if (size == other_size && !memcmp(text, other_text, size)) {
			*ret = true;
			return 0;
		}
	}
	*ret = false;
	return 0;
}

int contribution_publish(struct store *st, const struct build_id *id, const char *text, size_t size,
			 bool *ret_was_there, struct error *err)
{
	int r;

	scoped(fd_close) int shelf_fd = -1, fd = -1;
	r = store_open_folder(st, st->builds_fd,
			      (char[3]){ BUILD_ID_HEX(id)[0], BUILD_ID_HEX(id)[1] }, &shelf_fd,
			      err);
	if (r < 0)
		return r;
	r = store_open_folder(st, shelf_fd, BUILD_ID_HEX(id), &fd, err);
	if (r < 0)
		return r;

	scoped(tmpfile_discard) struct tmpfile tmp = TMPFILE_NONE;
	r = tmpfile_create(st->tmp_fd, &tmp, err);
	if (r < 0)
		return r;
	struct digest digest = digest_of(text, size);
	char name[CONTRIBUTION_NAME_SIZE];
	contribution_name(&digest, name);
	r = file_write(tmp.fd, text, size, name, err);
	if (r < 0)
		return r;
	r = store_own_file(st, tmp.fd, err);
	if (r < 0)
		return r;
	r = tmpfile_publish_unsynced(&tmp, fd, name, err);
	if (r < 0 && r != -EEXIST)
		return error_prefix(err, r, "build record of %s", BUILD_ID_HEX(id));
	*ret_was_there = r == -EEXIST;
	return record_sync(st, id, err);
}

int record_sync(struct store *st, const struct build_id *id, struct error *err)
{
	int r;

	/* Another writer may have made folder or file just now and not have synced it yet. */
	char path[RECORD_NAME_SIZE];
	for (const char *end = record_name(id, path) + strlen(path);;) {
		scoped(fd_close) int fd = -1;
		path[end - path] = 0;
		r = file_open_at(st->fd, path, O_RDONLY | O_DIRECTORY, 0, &fd, err);
		if (r < 0)
			return r;
		r = file_sync(fd, path, err);
		if (r < 0)
			return r;
		end = strrchr(path, '/');
		if (!end)
			return 0;
	}
}

int record_put(struct store *st, const struct contribution *c, struct build *ret_build,
	       struct error *err)
{
	int r;

	scoped(fd_close) int lock_fd = -1;
	r = store_lock_shared(st, &lock_fd, err);
	if (r < 0)
		return r;
	if (removed_build(st, &c->build_id))
		return error_set(err, -EEXIST, "%s was removed from this store for good",
				 BUILD_ID_HEX(&c->build_id));
	r = contribution_hold(st, c, err);
	if (r < 0)
		return r;

	bool known = false;
	scoped(record_free) struct record record = { 0 };
	r = record_read(st, &c->build_id, &record, err);
	if (r == 0)
		r = is_known(&record, c, &known, err);
	if (r < 0 && r != -ENOENT && r != -EBADMSG) /* damaged ones do not keep a good one out */
		return r;

	if (known) {
		r = record_sync(st, &c->build_id, err);
	} else {
		scoped(string_free) char *text = NULL;
		size_t size;
		r = contribution_format(c, &text, &size, err);
		if (r < 0)
			return r;
		bool was_there;
		r = contribution_publish(st, &c->build_id, text, size, &was_there, err);
	}
	if (r < 0)
		return r;
	return catalog_refresh_build(st, &c->build_id, ret_build, err);
}
