/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tmpfile.h"
#include "store/format_line.h"
#include "store/internal.h"

/* tmp first: the others are made in it. */
static const char *const folders[] = { "tmp",     "objects",    "builds",
				       "catalog", "quarantine", "removed" };

static mode_t sharing_mode(enum store_sharing sharing)
{
	switch (sharing) {
	case STORE_GROUP:
		return 02770;
	case STORE_WORLD:
		return 02775;
	case STORE_PRIVATE:
		break;
	}
	return 0700;
}

/* FORMAT comes last, so our own folders without it are an init that was cut short: it is done
 * again. */
static bool is_ours(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (!strcmp(name, folders[i]))
			return true;
	return !strcmp(name, ".") || !strcmp(name, "..") || !strncmp(name, ".dbgvault.", 10);
}

static void dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int check_empty(int fd, const char *path, struct error *err)
{
	int r;

	scoped(fd_close) int list_fd = -1;
	r = file_open_at(fd, ".", O_RDONLY | O_DIRECTORY, 0, &list_fd, err);
	if (r < 0)
		return r;
	scoped(dir_close) DIR *dir = fdopendir(list_fd);
	if (!dir)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	list_fd = -1;

	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry && errno)
			return error_errno(err, -errno, "reading %s", ESCAPED(path));
		if (!entry)
			return 0;
		if (!strcmp(entry->d_name, "FORMAT"))
			return error_set(err, -EEXIST, "%s: there is a store already",
					 ESCAPED(path));
		if (!is_ours(entry->d_name))
			return error_set(
				err, -ENOTEMPTY,
				"%s: not empty, and no store: it holds %s; a store wants a folder of its own",
				ESCAPED(path), ESCAPED(entry->d_name));
	}
}

/* The store's mode and group are the folder's own; all that comes later follows them. */
static int set_sharing(int fd, const char *path, mode_t mode, gid_t group, struct error *err)
{
	struct stat is;
	if (fstat(fd, &is) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	if (group != (gid_t)-1 && group != is.st_gid && fchown(fd, (uid_t)-1, group) < 0)
		return error_errno(err, -EPERM,
				   "%s: the group %u cannot be set (are you a member?)",
				   ESCAPED(path), group);
	/* The kernel drops setgid without a word where the caller is no member of the group. */
	if (fchmod(fd, mode) < 0 || fstat(fd, &is) < 0)
		return error_errno(err, -errno, "%s: setting mode %04o", ESCAPED(path), mode);
	if ((is.st_mode & 07777) != mode)
		return error_set(
			err, -EPERM,
			"%s: mode %04o cannot be set, it became %04o (are you a member of group %u?)",
			ESCAPED(path), mode, is.st_mode & 07777, is.st_gid);
	return 0;
}

static int make_folder(const char *path, int *ret_fd, struct error *err)
{
	int r;

	scoped(string_free) char *copy = strdup(path);
	if (!copy)
		return error_no_memory(err);
	for (size_t size = strlen(copy); size > 1 && copy[size - 1] == '/';)
		copy[--size] = 0;
	char *slash = strrchr(copy, '/');
	if (slash && slash != copy) {
		*slash = 0;
		r = folder_make(AT_FDCWD, copy, 0777, err);
		if (r < 0)
			return r;
		*slash = '/';
	}
	/* Nobody but us may look in before the sharing is set. */
	bool is_new = mkdir(copy, 0700) == 0;
	if (!is_new && errno != EEXIST)
		return error_errno(err, -errno, "making folder %s", ESCAPED(path));
	r = file_open_at(AT_FDCWD, copy, O_RDONLY | O_DIRECTORY, 0, ret_fd, err);
	if (r < 0 || !is_new)
		return r;

	scoped(fd_close) int parent_fd = -1;
	r = file_open_at(*ret_fd, "..", O_RDONLY | O_DIRECTORY, 0, &parent_fd, err);
	if (r == -EACCES) /* one may pass through it, but not read it */
		return 0;
	if (r == 0)
		r = file_sync(parent_fd, "folder", err);
	return r;
}

static int fill(struct store *st, struct error *err)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		scoped(fd_close) int fd = -1;
		r = store_open_folder(st, st->fd, folders[i], &fd, err);
		if (r < 0)
			return r;
		/* What an earlier try left may have another mode. */
		r = store_own_folder(st, fd, err);
		if (r < 0)
			return r;
		if (!strcmp(folders[i], "tmp"))
			st->tmp_fd = fd_take(&fd);
	}

	scoped(tmpfile_discard) struct tmpfile format = TMPFILE_NONE;
	r = tmpfile_create(st->tmp_fd, &format, err);
	if (r < 0)
		return r;
	r = store_own_file(st, format.fd, err);
	if (r < 0)
		return r;
	r = file_write(format.fd, FORMAT_LINE, strlen(FORMAT_LINE), "FORMAT", err);
	if (r < 0)
		return r;
	return tmpfile_publish(&format, st->fd, "FORMAT", err);
}

int store_init(const char *path, enum store_sharing sharing, gid_t group, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	r = make_folder(path, &fd, err);
	if (r < 0)
		return error_prefix(err, r, "making a store");
	r = check_empty(fd, path, err);
	if (r < 0)
		return r;
	r = set_sharing(fd, path, sharing_mode(sharing), group, err);
	if (r < 0)
		return r;

	struct stat is;
	if (fstat(fd, &is) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	struct store st = { .fd = fd, .tmp_fd = -1, .group = is.st_gid, .owner = is.st_uid };
	st.folder_mode = is.st_mode & 07777;
	st.file_mode = is.st_mode & 0666;
	r = fill(&st, err);
	fd_close(&st.tmp_fd);
	if (r == -EEXIST)
		return error_set(err, r, "%s: there is a store already", ESCAPED(path));
	if (r < 0)
		return error_prefix(err, r, "making store %s", ESCAPED(path));
	return 0;
}
