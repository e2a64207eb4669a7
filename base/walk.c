/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tmpfile.h"
#include "base/walk.h"

#define DEPTH_LIMIT 256 /* folders: each holds a file descriptor while it is walked */

struct walker {
	const struct walk_options *options;
	dev_t device;
	size_t relative_at; /* where in a path the part below the named folder begins */
	int depth;
};

static void tell_trouble(const struct walker *w, const char *path, const struct error *trouble)
{
	if (w->options->trouble)
		w->options->trouble(path, trouble, w->options->context);
}

struct names {
	char **list;
	size_t n, n_allocated;
};

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

static int names_add(struct names *names, const char *name, struct error *err)
{
	if (names->n == names->n_allocated) {
		size_t n_allocated = names->n_allocated ? 2 * names->n_allocated : 64;
		char **list = reallocarray(names->list, n_allocated, sizeof(*list));
		if (!list)
			return error_no_memory(err);
		names->list = list;
		names->n_allocated = n_allocated;
	}
	char *copy = strdup(name);
	if (!copy)
		return error_no_memory(err);
	names->list[names->n++] = copy;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* All names first: what is made while the walk goes on, our own temporary files among it, is not
 * met. */
static int names_read(int folder_fd, const char *path, struct names *names, struct error *err)
{
	int r;

	scoped(fd_close) int fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	scoped(close_dir) DIR *dir = fdopendir(fd);
	if (!dir)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	fd_take(&fd); /* closed with @dir */
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry && errno)
			return error_errno(err, -errno, "reading folder %s", ESCAPED(path));
		if (!entry)
			break;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    tmpfile_is_name(entry->d_name))
			continue;
		r = names_add(names, entry->d_name, err);
		if (r < 0)
			return r;
	}
	if (names->n)
		qsort(names->list, names->n, sizeof(*names->list), compare_names);
	return 0;
}

static int walk_folder(struct walker *w, int folder_fd, const char *path, struct error *err);

/* A folder found in a folder. What cannot be entered is told, and passed over. */
static int walk_subfolder(struct walker *w, int parent_fd, const char *name, const char *path,
			  const struct stat *st, struct error *err)
{
	int r;

	if (st->st_dev != w->device)
		return 0;
	if (w->options->skip_folder && w->options->skip_folder(path, st, w->options->context))
		return 0;
	struct error trouble = ERROR_NONE;
	if (w->depth >= DEPTH_LIMIT) {
		error_set(&trouble, -ELOOP, "%s: deeper than %d folders", ESCAPED(path),
			  DEPTH_LIMIT);
		tell_trouble(w, path, &trouble);
		return 0;
	}

	scoped(fd_close) int fd = -1;
	r = file_open_at(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, NULL);
	struct stat opened;
	if (r == 0 && fstat(fd, &opened) < 0)
		r = -errno;
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return 0; /* gone meanwhile, or something else now */
	if (r < 0) {
		error_errno(&trouble, r, "%s", ESCAPED(path));
		tell_trouble(w, path, &trouble);
		return 0;
	}
	if (opened.st_dev != w->device)
		return 0; /* an automount that the opening set off */

	w->depth++;
	r = walk_folder(w, fd, path, err);
	w->depth--;
	return r;
}

static int walk_entry(struct walker *w, int folder_fd, const char *name, const char *path,
		      struct error *err)
{
	struct stat st;
	if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0; /* gone meanwhile */
		struct error trouble = ERROR_NONE;
		error_errno(&trouble, -errno, "%s", ESCAPED(path));
		tell_trouble(w, path, &trouble);
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return walk_subfolder(w, folder_fd, name, path, &st, err);
	/* Not compared for files: where file systems are laid over one another, theirs may be the
	 * lower's. */
	if (!S_ISREG(st.st_mode))
		return 0;
	struct walk_file file = {
		.path = path,
		.relative = path + w->relative_at,
		.dir_fd = folder_fd,
		.name = name,
		.st = &st,
	};
	return w->options->file(&file, w->options->context, err);
}

static int walk_folder(struct walker *w, int folder_fd, const char *path, struct error *err)
{
	int r;

	scoped(names_free) struct names names = { 0 };
	struct error trouble = ERROR_NONE;
	r = names_read(folder_fd, path, &names, &trouble);
	if (r == -ENOMEM)
		return error_no_memory(err);
	if (r < 0)
		tell_trouble(w, path, &trouble); /* and go on with what there is */

	size_t path_length = strlen(path);
	const char *slash = path_length && path[path_length - 1] == '/' ? "" : "/";
	for (size_t i = 0; i < names.n; i++) {
		scoped(string_free) char *entry_path = NULL;
		r = string_format(&entry_path, err, "%s%s%s", path, slash, names.list[i]);
		if (r < 0)
			return r;
		r = walk_entry(w, folder_fd, names.list[i], entry_path, err);
		if (r)
			return r;
	}
	return 0;
}

static bool is_same_folder(const struct stat *st, const char *path)
{
	struct stat other;
	return path && stat(path, &other) == 0 && st->st_dev == other.st_dev &&
	       st->st_ino == other.st_ino;
}

/* By device and inode, so that no other spelling, link or bind mount gets around it. */
static int refuse_large_folders(const struct stat *st, const char *path, struct error *err)
{
	if (is_same_folder(st, "/"))
		return error_set(err, -EPERM,
				 "%s: the root folder is not walked; name a folder in it",
				 ESCAPED(path));
	char buffer[4096];
	struct passwd entry, *user = NULL;
	getpwuid_r(geteuid(), &entry, buffer, sizeof(buffer), &user); /* or none */
	if (is_same_folder(st, getenv("HOME")) || (user && is_same_folder(st, user->pw_dir)))
		return error_set(err, -EPERM,
				 "%s: a home folder is not walked; name a folder in it",
				 ESCAPED(path));
	return 0;
}

static int walk_named_folder(const char *path, int fd, const struct walk_options *options,
			     struct error *err)
{
	int r;

	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	r = refuse_large_folders(&st, path, err);
	if (r < 0)
		return r;

	scoped(string_free) char *trimmed = strdup(path);
	if (!trimmed)
		return error_no_memory(err);
	size_t length = strlen(trimmed);
	while (length > 1 && trimmed[length - 1] == '/')
		trimmed[--length] = 0;

	struct walker w = { .options = options, .device = st.st_dev, .depth = 1 };
	w.relative_at = length + 1;
	return walk_folder(&w, fd, trimmed, err);
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* @real is @path without a link in its last component. */
static int walk_named_file(const char *path, const char *real, const struct walk_options *options,
			   struct error *err)
{
	int r;

	const char *name = last_component(real);
	scoped(string_free) char *folder = NULL;
	r = string_format(&folder, err, "%.*s%s", (int)(name - real), real,
			  name == real ? "." : "");
	if (r < 0)
		return r;
	scoped(fd_close) int dir_fd = -1;
	r = file_open_at(AT_FDCWD, folder, O_PATH | O_DIRECTORY, 0, &dir_fd, err);
	if (r < 0)
		return r;
	struct stat st;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s: neither a regular file nor a folder",
				 ESCAPED(path));
	struct walk_file file = {
		.path = path,
		.relative = last_component(path),
		.dir_fd = dir_fd,
		.name = name,
		.st = &st,
		.named = true,
	};
	return options->file(&file, options->context, err);
}

int walk(const char *path, const struct walk_options *options, struct error *err)
{
	int r;

	/* O_DIRECTORY decides what it is and holds on to it at once. */
	scoped(fd_close) int fd = -1;
	r = file_open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &fd, err);
	if (r == 0)
		return walk_named_folder(path, fd, options, err);
	if (r != -ENOTDIR)
		return r;

	struct stat st;
	if (lstat(path, &st) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	if (!S_ISLNK(st.st_mode))
		return walk_named_file(path, path, options, err);
	scoped(string_free) char *real = realpath(path, NULL);
	if (!real)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	return walk_named_file(path, real, options, err);
}
