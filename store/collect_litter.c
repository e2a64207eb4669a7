/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/tmpfile.h"
#include "store/collect.h"
#include "store/names.h"

#define DEPTH_LIMIT 4 /* of what a removal had moved to tmp/: a record, a folder of files */

/* A file, or a folder with all in it; the bytes of its files. */
static int remove_tree(int dir_fd, const char *name, unsigned depth, uint64_t *bytes,
		       struct error *err)
{
	int r;

	struct stat is;
	if (fstatat(dir_fd, name, &is, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_errno(err, -errno, "%s", ESCAPED(name));
	if (S_ISDIR(is.st_mode)) {
		if (depth == 0)
			return error_set(err, -ELOOP, "%s: folders too deep", ESCAPED(name));
		scoped(names_free) struct names names = { 0 };
		r = names_read(dir_fd, name, &names, err);
		if (r < 0)
			return r;
		scoped(fd_close) int fd = -1;
		r = file_open_at(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, err);
		for (size_t i = 0; r == 0 && i < names.n; i++)
			r = remove_tree(fd, names.names[i], depth - 1, bytes, err);
		if (r < 0)
			return r;
	}
	if (unlinkat(dir_fd, name, S_ISDIR(is.st_mode) ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
		return error_errno(err, -errno, "removing %s", ESCAPED(name));
	*bytes += S_ISDIR(is.st_mode) ? 0 : (uint64_t)is.st_size;
	return 0;
}

/* Old names of one folder of the store; of temporary files alone, unless @all. */
static int sweep(struct collection *c, const char *folder, bool all, int64_t grace,
		 const char *kind, uint64_t *count, struct error *err)
{
	int r;

	scoped(names_free) struct names names = { 0 };
	r = names_read(c->st->fd, folder, &names, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return error_prefix(err, r, "%s", folder);
	for (size_t i = 0; i < names.n; i++) {
		char what[512];
		struct stat is;
		int64_t age;
		snprintf(what, sizeof(what), "%s/%s", folder, names.names[i]);
		if ((!all && !tmpfile_is_name(names.names[i])) ||
		    fstatat(c->st->fd, what, &is, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !collection_is_old(c, &is, grace, &age))
			continue;
		uint64_t bytes = (uint64_t)is.st_size;
		if (!c->options->dry_run) {
			bytes = 0;
			r = remove_tree(c->st->fd, what, DEPTH_LIMIT, &bytes, err);
			if (r < 0)
				return error_prefix(err, r, "%s", folder);
		}
		++*count;
		collection_tell(c, kind, what, bytes, age);
	}
	return 0;
}

int collect_litter(struct collection *c, struct error *err)
{
	int r;

	/* Under it nobody makes folders, gives names or removes records, which pass through tmp/.
	 */
	scoped(fd_close) int lock_fd = -1;
	r = collection_lock(c, &lock_fd, err);
	if (r < 0)
		return r;
	int64_t grace = c->options->grace_seconds;
	static const char *const folders[] = {
		".", "objects", "builds", "catalog", "removed", "removed/builds", "removed/sources"
	};
	r = sweep(c, "tmp", true, grace, "unfinished", &c->result.n_unfinished, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(folders); i++)
		r = sweep(c, folders[i], false, grace, "unfinished", &c->result.n_unfinished, err);
	if (r < 0)
		return r;
	return sweep(c, "quarantine", true, c->options->quarantine_seconds, "quarantined",
		     &c->result.n_quarantined, err);
}
