/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "store/format_line.h"
#include "store/frame_pool.h"
#include "store/internal.h"

#define DEFAULT_LEVEL 3
#define N_THREADS_LIMIT 256
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

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

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

/* ---- open and close ---- */

/* "root:dbgvault, mode 2770": for who wonders why they may not. */
static void describe_access(int fd, const char *path, char *ret, size_t ret_size)
{
	struct stat is;
	if ((fd >= 0 ? fstat(fd, &is) : stat(path, &is)) < 0) {
		snprintf(ret, ret_size, "it or a folder above it may not be entered");
		return;
	}
	char owner[64], members[64], text[1024];
	struct passwd user, *has_user = NULL;
	snprintf(owner, sizeof(owner), "%u", is.st_uid);
	if (getpwuid_r(is.st_uid, &user, text, sizeof(text), &has_user) == 0 && has_user)
		snprintf(owner, sizeof(owner), "%s", user.pw_name);
	struct group group, *has_group = NULL;
	snprintf(members, sizeof(members), "%u", is.st_gid);
	if (getgrgid_r(is.st_gid, &group, text, sizeof(text), &has_group) == 0 && has_group)
		snprintf(members, sizeof(members), "%s", group.gr_name);
	snprintf(ret, ret_size, "it belongs to %s:%s, mode %04o", owner, members,
		 is.st_mode & 07777);
}

static int no_access(int fd, const char *path, int r, const char *act, struct error *err)
{
	char why[256];
	describe_access(fd, path, why, sizeof(why));
	return error_errno(err, r, "store %s: no right to %s it: %s", ESCAPED(path), act, why);
}

static int open_format(struct store *st, struct error *err)
{
	int r;

	scoped(string_free) char *text = NULL;
	size_t size = 0;
	r = file_read_at(st->fd, "FORMAT", FORMAT_LINE_LIMIT, &text, &size, err);
	if (r == -ENOENT)
		return error_set(err, -EINVAL, "%s: a folder, but no store: it has no file FORMAT",
				 ESCAPED(st->path));
	if (r == -EACCES)
		return no_access(st->fd, st->path, r, "read", err);
	if (r == 0)
		r = format_line_check(text, size, st->access == STORE_WRITE, err);
	if (r < 0)
		return error_prefix(err, r, "store %s", ESCAPED(st->path));
	return 0;
}

static int open_folders(struct store *st, struct error *err)
{
	int r;

	const struct {
		const char *name;
		int *ret_fd;
		bool is_for_writers; /* a reader gets on without it */
	} folders[] = {
		{ "tmp", &st->tmp_fd, true },
		{ "objects", &st->objects_fd, false },
		{ "builds", &st->builds_fd, false },
		{ "catalog", &st->catalog_fd, false },
		{ "quarantine", &st->quarantine_fd, true },
		{ "removed", &st->removed_fd, true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		if (st->access == STORE_WRITE)
			r = store_open_folder(st, st->fd, folders[i].name, folders[i].ret_fd, err);
		else
			r = file_open_at(st->fd, folders[i].name, FOLDER_FLAGS, 0,
					 folders[i].ret_fd, err);
		if (r < 0 && st->access == STORE_READ &&
		    (r == -ENOENT || folders[i].is_for_writers))
			continue;
		if (r == -EACCES)
			return no_access(st->fd, st->path, r, "use", err);
		if (r < 0)
			return error_prefix(err, r, "store %s", ESCAPED(st->path));
	}
	return 0;
}

static unsigned n_usable_cores(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 ? (unsigned)n : 1;
}

int store_open(const char *path, enum store_access access, struct store **ret, struct error *err)
{
	int r;

	scoped(store_closep) struct store *st = calloc(1, sizeof(*st));
	if (!st)
		return error_no_memory(err);
	st->fd = st->objects_fd = st->builds_fd = st->catalog_fd = -1;
	st->tmp_fd = st->quarantine_fd = st->removed_fd = -1;
	st->access = access;
	pthread_mutex_init(&st->mutex, NULL);
	st->path = strdup(path);
	if (!st->path)
		return error_no_memory(err);
	store_set_effort(st, DEFAULT_LEVEL, n_usable_cores());

	st->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->fd < 0 && errno == EACCES)
		return no_access(-1, path, -EACCES, "enter", err);
	if (st->fd < 0)
		return error_errno(err, -errno, "store %s", ESCAPED(path));
	struct stat is;
	if (fstat(st->fd, &is) < 0)
		return error_errno(err, -errno, "store %s", ESCAPED(path));
	st->folder_mode = is.st_mode & 07777;
	st->file_mode = is.st_mode & 0666;
	st->group = is.st_gid;
	st->owner = is.st_uid;

	r = open_format(st, err);
	if (r < 0)
		return r;
	if (access == STORE_WRITE && faccessat(st->fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return errno == EACCES ? no_access(st->fd, path, -EACCES, "write", err)
				       : error_errno(err, -errno, "store %s", ESCAPED(path));
	r = open_folders(st, err);
	if (r < 0)
		return r;
	*ret = take(st);
	return 0;
}

void store_close(struct store *st)
{
	if (!st)
		return;
	frame_pool_free(st->pool);
	catalog_close(st->catalog);
	int *fds[] = { &st->fd,     &st->objects_fd,    &st->builds_fd, &st->catalog_fd,
		       &st->tmp_fd, &st->quarantine_fd, &st->removed_fd };
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fd_close(fds[i]);
	pthread_mutex_destroy(&st->mutex);
	free(st->path);
	free(st);
}

const char *store_path(const struct store *st)
{
	return st->path;
}

int store_fd(const struct store *st)
{
	return st->fd;
}

void store_set_effort(struct store *st, int level, unsigned n_threads)
{
	st->level = level < 1 ? 1 : level > 22 ? 22 : level;
	st->n_threads = n_threads < 1                 ? 1
			: n_threads > N_THREADS_LIMIT ? N_THREADS_LIMIT
						      : n_threads;
}

/* ---- locks ---- */

/* Each holder opens FORMAT anew: a flock(2) lock belongs to the open file, not to process or
 * thread. */
static int lock(struct store *st, int how, int *ret_fd, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	r = file_open_at(st->fd, "FORMAT", O_RDONLY | O_NOFOLLOW, 0, &fd, err);
	if (r < 0)
		return error_prefix(err, r, "locking store %s", ESCAPED(st->path));
	do
		r = flock(fd, how);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_errno(err, -errno, "locking store %s", ESCAPED(st->path));
	*ret_fd = fd_take(&fd);
	return 0;
}

int store_lock_shared(struct store *st, int *ret_fd, struct error *err)
{
	return lock(st, LOCK_SH, ret_fd, err);
}

int store_lock_exclusive(struct store *st, int *ret_fd, struct error *err)
{
	return lock(st, LOCK_EX, ret_fd, err);
}

int store_try_lock_exclusive(struct store *st, int *ret_fd, struct error *err)
{
	return lock(st, LOCK_EX | LOCK_NB, ret_fd, err);
}
