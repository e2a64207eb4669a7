/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "store/internal.h"
#include "store/names.h"

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void folder_close(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

int names_read(int dir_fd, const char *folder, struct names *ret, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	r = file_open_at(dir_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, err);
	if (r < 0)
		return r;
	scoped(folder_close) DIR *dir = fdopendir(fd);
	if (!dir)
		return error_errno(err, -errno, "reading folder %s", ESCAPED(folder));
	fd = -1; /* the DIR's now */

	scoped(names_free) struct names names = { 0 };
	size_t n_places = 0;
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry && errno)
			return error_errno(err, -errno, "reading folder %s", ESCAPED(folder));
		if (!entry)
			break;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (names.n == n_places) {
			n_places = n_places ? 2 * n_places : 64;
			char **more = reallocarray(names.names, n_places, sizeof(*more));
			if (!more)
				return error_no_memory(err);
			names.names = more;
		}
		names.names[names.n] = strdup(entry->d_name);
		if (!names.names[names.n])
			return error_no_memory(err);
		names.n++;
	}
	if (names.n)
		qsort(names.names, names.n, sizeof(*names.names), by_bytes);
	*ret = names;
	names = (struct names){ 0 };
	return 0;
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct names){ 0 };
}

int object_list_open(int objects_fd, names_stray stray, void *context, struct object_list *ret,
		     struct error *err)
{
	int r;

	struct names folders = { 0 };
	if (objects_fd >= 0) {
		r = names_read(objects_fd, ".", &folders, err);
		if (r < 0)
			return error_prefix(err, r, "objects");
	}
	*ret = (struct object_list){ .objects_fd = objects_fd,
				     .stray = stray,
				     .context = context,
				     .folders = folders };
	pthread_mutex_init(&ret->mutex, NULL);
	return 0;
}

void object_list_close(struct object_list *list)
{
	names_free(&list->folders);
	names_free(&list->files);
	pthread_mutex_destroy(&list->mutex);
}

static void tell_stray(struct object_list *list, const char *folder, const char *name, const char *why)
{
	if (!list->stray)
		return;
	char path[2 * 256 + 16];
	snprintf(path, sizeof(path), "objects/%s%s%s", folder, *name ? "/" : "", name);
	list->stray(path, why, list->context);
}

bool is_unfinished(const char *name)
{
	return !strncmp(name, ".dbgvault.", strlen(".dbgvault."));
}

static int next_locked(struct object_list *list, struct digest *ret, struct error *err)
{
	int r;

	for (;;) {
		for (; list->file < list->files.n; list->file++) {
			const char *folder = list->folders.names[list->folder - 1];
			const char *name = list->files.names[list->file];
			if (object_name_parse(folder, name, ret)) {
				list->file++;
				return 1;
			}
			if (!is_unfinished(name))
				tell_stray(list, folder, name, "not the name of an object");
		}
		names_free(&list->files);
		list->file = 0;
		if (list->folder == list->folders.n)
			return 0;
		const char *folder = list->folders.names[list->folder++];
		if (is_unfinished(folder))
			continue;
		uint8_t byte;
		if (strlen(folder) != 2 || !hex_decode(folder, 2, &byte)) {
			tell_stray(list, folder, "", "not a folder of objects");
			continue;
		}
		r = names_read(list->objects_fd, folder, &list->files, err);
		if (r == -ENOTDIR || r == -ELOOP)
			tell_stray(list, folder, "", "not a folder of objects");
		else if (r < 0 && r != -ENOENT)
			return error_prefix(err, r, "objects");
	}
}

int object_list_next(struct object_list *list, struct digest *ret, struct error *err)
{
	pthread_mutex_lock(&list->mutex);
	int r = next_locked(list, ret, err);
	pthread_mutex_unlock(&list->mutex);
	return r;
}
