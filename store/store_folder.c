/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "store/internal.h"

/* Files and folders of a store: their modes and owners, making them, and moving them aside. */

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1 /* linux/fs.h; musl has no renameat2() of old */
#endif

/* ---- modes and owners ---- */

static int own(struct store *st, int fd, mode_t mode, const char *what, struct error *err)
{
	struct stat is;
	if (fstat(fd, &is) < 0)
		return error_errno(err, -errno, "a new %s in the store", what);

	/*
	 * Where the group or others may look in, the group is what lets them. In a private store
	 * only root has something to give away: to the person whose store it is.
	 */
	bool is_private = !(st->folder_mode & (S_IRWXG | S_IRWXO));
	bool is_roots = is_private && geteuid() == 0;
	uid_t owner = is_roots && is.st_uid != st->owner ? st->owner : (uid_t)-1;
	gid_t group = (!is_private || is_roots) && is.st_gid != st->group ? st->group : (gid_t)-1;
	if ((owner != (uid_t)-1 || group != (gid_t)-1) && fchown(fd, owner, group) < 0)
		return error_errno(err, -errno,
				   "giving a new %s to the store's owner and group (%u, %u)", what,
				   st->owner, st->group);

	/* After chown, which clears bits. */
	if ((is.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return error_errno(err, -errno, "giving a new %s the store's mode %04o", what,
				   mode);
	return 0;
}

int store_own_file(struct store *st, int fd, struct error *err)
{
	return own(st, fd, st->file_mode, "file", err);
}

int store_own_folder(struct store *st, int fd, struct error *err)
{
	return own(st, fd, st->folder_mode, "folder", err);
}

/* ---- folders ---- */

static int random_suffix(char ret[static 17], struct error *err)
{
	uint64_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_errno(err, -EIO, "getrandom");
	snprintf(ret, 17, "%016" PRIx64, random);
	return 0;
}

/* Put a folder that is ready in place, unless there is one: -EEXIST. */
static int folder_name(int from_fd, const char *temporary, int dir_fd, const char *name)
{
	if (syscall(SYS_renameat2, from_fd, temporary, dir_fd, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* Some network file systems. rename(2) would take the place of an empty folder in use. */
	struct stat there;
	if (fstatat(dir_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(from_fd, temporary, dir_fd, name) == 0 ? 0 : -errno;
}

/*
 * A folder gets its mode and group under a temporary name: under the right one, another user of the
 * store could meet it with the umask's mode.
 */
static int folder_create(struct store *st, int dir_fd, const char *name, struct error *err)
{
	int r;

	char suffix[17], temporary[40];
	r = random_suffix(suffix, err);
	if (r < 0)
		return r;
	snprintf(temporary, sizeof(temporary), ".dbgvault.%s.tmp", suffix);
	int from_fd = st->tmp_fd >= 0 ? st->tmp_fd : dir_fd;
	if (mkdirat(from_fd, temporary, 0700) < 0)
		return error_errno(err, -errno, "making folder %s in the store", ESCAPED(name));

	scoped(fd_close) int fd = -1;
	r = file_open_at(from_fd, temporary, FOLDER_FLAGS, 0, &fd, err);
	if (r == 0)
		r = store_own_folder(st, fd, err);
	if (r == 0) {
		r = folder_name(from_fd, temporary, dir_fd, name);
		if (r < 0 && r != -EEXIST)
			error_errno(err, r, "making folder %s in the store", ESCAPED(name));
	}
	if (r < 0)
		unlinkat(from_fd, temporary, AT_REMOVEDIR);
	if (r < 0 && r != -EEXIST)
		return r;
	/* Also where another was faster: its name must be durable before what we put into it
	 * counts. */
	return file_sync(dir_fd, "folder", err);
}

int store_open_folder(struct store *st, int dir_fd, const char *name, int *ret_fd,
		      struct error *err)
{
	int r;

	r = file_open_at(dir_fd, name, FOLDER_FLAGS, 0, ret_fd, err);
	if (r != -ENOENT)
		return r;
	r = folder_create(st, dir_fd, name, err);
	if (r < 0)
		return r;
	return file_open_at(dir_fd, name, FOLDER_FLAGS, 0, ret_fd, err);
}

int store_quarantine(struct store *st, int dir_fd, const char *name, struct error *err)
{
	int r;

	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	char aside[256];
	int size = snprintf(aside, sizeof(aside), "%s.%lld.%09ld", name, (long long)now.tv_sec,
			    now.tv_nsec);
	if (size < 0 || (size_t)size >= sizeof(aside))
		return error_set(err, -ENAMETOOLONG, "quarantine: %s", ESCAPED(name));
	for (char *at = aside; *at; at++)
		if (*at == '/')
			*at = '-';

	if (renameat(dir_fd, name, st->quarantine_fd, aside) < 0)
		return error_errno(err, -errno, "moving %s to quarantine", ESCAPED(name));
	r = file_sync(st->quarantine_fd, "quarantine", err);
	if (r < 0)
		return r;

	const char *slash = strrchr(name, '/');
	if (!slash)
		return file_sync(dir_fd, "folder", err);
	scoped(string_free) char *parent = strndup(name, (size_t)(slash - name));
	if (!parent)
		return error_no_memory(err);
	scoped(fd_close) int parent_fd = -1;
	r = file_open_at(dir_fd, parent, FOLDER_FLAGS, 0, &parent_fd, err);
	if (r < 0)
		return r;
	return file_sync(parent_fd, parent, err);
}
