/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/merge.h"
#include "store/names.h"

/* The pieces of another store that is a folder, fed into merge_take(). */

struct file_input {
	int fd;
	uint64_t offset;
};

static ssize_t read_file(void *context, void *ret, size_t size, struct error *err)
{
	struct file_input *input = context;
	ssize_t n;
	do
		n = pread(input->fd, ret, size, (off_t)input->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		error_errno(err, -errno, "cannot be read");
		return -EBADMSG;
	}
	input->offset += (uint64_t)n;
	return n;
}

/* A file below a folder of the other store, known by its name's meaning. */
static int take_file(struct merge *m, int dir_fd, const char *path, struct error *err)
{
	int r;

	struct merge_name name = merge_name_parse(path);
	if (name.kind == MERGE_NOTHING)
		return 0;
	scoped(fd_close) int fd = -1;
	struct error why = ERROR_NONE;
	r = file_open_at(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, &why);
	if (r == -ENOENT)
		return 0;
	struct stat stat;
	if (r == 0 && (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode)))
		r = error_set(&why, -EBADMSG, "not a regular file");
	if (r < 0) {
		merge_tell_damaged(m, path, why.message);
		return 0;
	}
	struct file_input input = { .fd = fd };
	return merge_take(m, &name, read_file, &input, err);
}

/* Every file two folders down from @folder: builds/ab/ID/x, or one down: removed/builds/x. */
static int take_files(struct merge *m, int dir_fd, const char *folder, unsigned depth, struct error *err)
{
	int r;

	scoped(names_free) struct names names = { 0 };
	struct error why = ERROR_NONE;
	r = names_read(dir_fd, folder, &names, &why);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0) {
		merge_tell_damaged(m, folder, why.message);
		return 0;
	}
	for (size_t i = 0; i < names.n; i++) {
		char path[1024];
		int size = snprintf(path, sizeof(path), "%s/%s", folder, names.names[i]);
		if (size < 0 || (size_t)size >= sizeof(path))
			continue; /* no name of ours is as long */
		r = depth ? take_files(m, dir_fd, path, depth - 1, err) : take_file(m, dir_fd, path, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int merge_folder(struct merge *m, const struct store *st, const char *from, struct error *err)
{
	int r;

	scoped(store_closep) struct store *other = NULL;
	r = store_open(from, STORE_READ, &other, err);
	if (r < 0)
		return r;
	struct stat ours, theirs;
	if (fstat(st->fd, &ours) < 0 || fstat(other->fd, &theirs) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(from));
	if (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)
		return error_set(err, -EINVAL, "%s: is the store itself", ESCAPED(from));
	/* Nothing is collected there while we read. */
	scoped(fd_close) int lock_fd = -1;
	r = store_lock_shared(other, &lock_fd, err);
	if (r < 0)
		return r;

	/* Records before objects: what a record needs that was there, is there later too. */
	static const struct {
		const char *folder;
		unsigned depth;
	} folders[] = { { "removed", 1 }, { "builds", 2 }, { "objects", 1 } };
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		r = take_files(m, other->fd, folders[i].folder, folders[i].depth, err);
		if (r < 0)
			return r;
	}
	return 0;
}
