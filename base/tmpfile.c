/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tmpfile.h"

/* Leading dot: no walk and no glob takes it for a binary. */
static int random_name(char ret[static 64], struct error *err)
{
	uint64_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_errno(err, -EIO, "getrandom");
	snprintf(ret, 64, ".dbgvault.%016" PRIx64 ".tmp", random);
	return 0;
}

int tmpfile_create(int dir_fd, struct tmpfile *ret, struct error *err)
{
	int r;

	struct tmpfile t = { .dir_fd = dir_fd };
	t.fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (t.fd >= 0) {
		*ret = t;
		return 0;
	}
	/* Old kernels and some file systems have no O_TMPFILE, and say so in three ways. */
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
		return error_errno(err, -errno, "making a temporary file");

	r = random_name(t.name, err);
	if (r < 0)
		return r;
	r = file_open_at(dir_fd, t.name, O_RDWR | O_CREAT | O_EXCL, 0600, &t.fd, err);
	if (r < 0)
		return error_prefix(err, r, "making a temporary file");
	*ret = t;
	return 0;
}

/* Give an unnamed file a name: by /proc where it is mounted, else by the capability-bound way. */
static int link_unnamed(const struct tmpfile *t, int dir_fd, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t->fd);
	if (linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	return linkat(t->fd, "", dir_fd, name, AT_EMPTY_PATH) == 0 ? 0 : -errno;
}

int tmpfile_publish_unsynced(struct tmpfile *t, int dir_fd, const char *name, struct error *err)
{
	int r;

	r = file_sync(t->fd, name, err);
	if (r < 0)
		return r;
	if (!t->name[0])
		r = link_unnamed(t, dir_fd, name);
	else
		r = linkat(t->dir_fd, t->name, dir_fd, name, 0) == 0 ? 0 : -errno;
	if (r < 0)
		return error_errno(err, r, "naming %s", ESCAPED(name));
	if (t->name[0]) {
		unlinkat(t->dir_fd, t->name, 0);
		t->name[0] = 0;
	}
	return 0;
}

int tmpfile_publish(struct tmpfile *t, int dir_fd, const char *name, struct error *err)
{
	int r;

	r = tmpfile_publish_unsynced(t, dir_fd, name, err);
	if (r < 0)
		return r;
	return file_sync(dir_fd, "folder", err);
}

int tmpfile_replace(struct tmpfile *t, int dir_fd, const char *name, struct error *err)
{
	int r;

	r = file_sync(t->fd, name, err);
	if (r < 0)
		return r;
	/* linkat cannot replace, so an unnamed file takes a temporary name first. */
	if (!t->name[0]) {
		char temporary[64];
		r = random_name(temporary, err);
		if (r < 0)
			return r;
		r = link_unnamed(t, t->dir_fd, temporary);
		if (r < 0)
			return error_errno(err, r, "naming a temporary file");
		memcpy(t->name, temporary, sizeof(t->name));
	}
	if (renameat(t->dir_fd, t->name, dir_fd, name) < 0)
		return error_errno(err, -errno, "replacing %s", ESCAPED(name));
	t->name[0] = 0;
	return file_sync(dir_fd, "folder", err);
}

void tmpfile_discard(struct tmpfile *t)
{
	if (t->name[0])
		unlinkat(t->dir_fd, t->name, 0);
	if (t->fd >= 0)
		close(t->fd);
	*t = TMPFILE_NONE;
}
