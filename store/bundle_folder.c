/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "elf/source_names.h"
#include "store/bundle_folder.h"

static void folder_close(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static int check_empty(int fd, const char *path, struct error *err)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped(folder_close) DIR *folder = again < 0 ? NULL : fdopendir(again);
	if (!folder) {
		int r = -errno;
		if (again >= 0)
			close(again);
		return error_errno(err, r, "%s", ESCAPED(path));
	}
	for (struct dirent *entry; (entry = readdir(folder));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return error_set(err, -ENOTEMPTY, "%s: not empty", ESCAPED(path));
	return 0;
}

int bundle_folder_make(const char *path, int *ret_fd, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	r = folder_make(AT_FDCWD, path, 0777, err);
	if (r == 0)
		r = file_open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &fd, err);
	if (r == 0)
		r = check_empty(fd, path, err);
	static const char *const tops[] = { "root", "debug", "sources" };
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(tops); i++)
		r = folder_make(fd, tops[i], 0777, err);
	if (r == 0)
		*ret_fd = fd_take(&fd);
	return r;
}

int bundle_folder_name(const char *top, const char *path, char **ret, struct error *err)
{
	scoped(string_free) char *folded = malloc(strlen(path) + 1);
	if (!folded)
		return error_no_memory(err);
	source_path_fold(path, folded);
	const char *name = folded + strspn(folded, "/");
	size_t size = strlen(name);
	if (!size || name[size - 1] == '/')
		return error_set(err, -EINVAL, "\"%s\": no file's path", ESCAPED(path));
	return string_format(ret, err, "%s/%s", top, name);
}

static int make_parents(int dir_fd, const char *name, struct error *err)
{
	const char *slash = strrchr(name, '/');
	if (!slash)
		return 0;
	scoped(string_free) char *folder = strndup(name, (size_t)(slash - name));
	if (!folder)
		return error_no_memory(err);
	return folder_make(dir_fd, folder, 0777, err);
}

int bundle_folder_create(int dir_fd, const char *name, mode_t mode, int *ret_fd, struct error *err)
{
	int r = make_parents(dir_fd, name, err);
	if (r < 0)
		return r;
	return file_open_at(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode, ret_fd,
			    err);
}

int bundle_folder_alias(int dir_fd, const char *name, const char *alias, struct error *err)
{
	int r = make_parents(dir_fd, alias, err);
	if (r == 0 && linkat(dir_fd, name, dir_fd, alias, 0) < 0 && errno != EEXIST)
		r = error_errno(err, -errno, "linking %s", ESCAPED(alias));
	return r;
}

int bundle_folder_link(int dir_fd, const char *name, const char *target, struct error *err)
{
	int r = make_parents(dir_fd, name, err);
	if (r == 0 && symlinkat(target, dir_fd, name) < 0 && errno != EEXIST)
		r = error_errno(err, -errno, "linking %s", ESCAPED(name));
	return r;
}
