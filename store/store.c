/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/format_line.h"
#include "store/frame_pool.h"
#include "store/internal.h"

#define DEFAULT_LEVEL 3
#define N_THREADS_LIMIT 256

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
