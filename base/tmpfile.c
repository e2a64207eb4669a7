/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tmpfile.h"

#define NAME_START ".dbgvault."
#define NAME_DIGITS 16
#define NAME_END ".tmp"

static int random_name(char ret[static 64], struct error *err)
{
	uint64_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_errno(err, -EIO, "getrandom");
	snprintf(ret, 64, NAME_START "%016" PRIx64 NAME_END, random);
	return 0;
}

bool tmpfile_is_name(const char *name)
{
	size_t start = strlen(NAME_START);
	return !strncmp(name, NAME_START, start) &&
	       strspn(name + start, "0123456789abcdef") == NAME_DIGITS &&
	       !strcmp(name + start + NAME_DIGITS, NAME_END);
}

/* Only with /proc can anyone name an unnamed file; without it, who has CAP_DAC_READ_SEARCH. */
static bool has_proc(void)
{
	static atomic_int answer; /* 0: not asked yet */
	int known = answer;
	if (!known)
		answer = known = access("/proc/self/fd", X_OK) == 0 ? 1 : -1;
	return known > 0;
}

int tmpfile_create_named(int dir_fd, struct tmpfile *ret, struct error *err)
{
	int r;

	struct tmpfile t = { .dir_fd = dir_fd };
	r = random_name(t.name, err);
	if (r < 0)
		return r;
	r = file_open_at(dir_fd, t.name, O_RDWR | O_CREAT | O_EXCL, 0600, &t.fd, err);
	if (r < 0)
		return error_prefix(err, r, "making a temporary file");
	*ret = t;
	return 0;
}

int tmpfile_create(int dir_fd, struct tmpfile *ret, struct error *err)
{
	int r;

	if (!has_proc())
		return tmpfile_create_named(dir_fd, ret, err);
	struct tmpfile t = { .dir_fd = dir_fd };
	r = file_open_at(dir_fd, ".", O_TMPFILE | O_RDWR, 0600, &t.fd, NULL);
	/* Old kernels and some file systems have no O_TMPFILE, and say so in three ways. */
	if (r == -EOPNOTSUPP || r == -EISDIR || r == -EINVAL)
		return tmpfile_create_named(dir_fd, ret, err);
	if (r < 0)
		return error_errno(err, r, "making a temporary file");
	*ret = t;
	return 0;
}

static int link_unnamed(const struct tmpfile *t, int dir_fd, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t->fd);
	return linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : -errno;
}

/*
 * In one step where the file system can refuse to replace (not NFS, for one), else by a second
 * name; by the system call's number, for not every libc has the function.
 */
static int rename_named(struct tmpfile *t, int dir_fd, const char *name)
{
	if (syscall(SYS_renameat2, t->dir_fd, t->name, dir_fd, name, RENAME_NOREPLACE) < 0) {
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
		if (linkat(t->dir_fd, t->name, dir_fd, name, 0) < 0)
			return -errno;
		unlinkat(t->dir_fd, t->name, 0);
	}
	t->name[0] = 0;
	return 0;
}

int tmpfile_publish_unsynced(struct tmpfile *t, int dir_fd, const char *name, struct error *err)
{
	int r;

	r = file_sync(t->fd, name, err);
	if (r < 0)
		return r;
	r = t->name[0] ? rename_named(t, dir_fd, name) : link_unnamed(t, dir_fd, name);
	if (r < 0)
		return error_errno(err, r, "naming %s", ESCAPED(name));
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
