/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mapping.h"
#include "elf/identity.h"
#include "elf/notes.h"
#include "split/debug_file.h"

void debug_file_close(struct debug_file *d)
{
	tmpfile_discard(&d->file);
	fd_close(&d->dir_fd);
	free(d->path);
	free(d->name);
	*d = DEBUG_FILE_NONE;
}

int debug_file_choose(const char *file, const char *dir, const struct build_id *id,
		      const char *relative, struct debug_file *ret, struct error *err)
{
	int r;

	scoped(debug_file_close) struct debug_file d = DEBUG_FILE_NONE;
	const char *hex = BUILD_ID_HEX(id);
	if (file)
		r = string_format(&d.path, err, "%s", file);
	else if (id->size > 1)
		r = string_format(&d.path, err, "%s/.build-id/%.2s/%s.debug", dir, hex, hex + 2);
	else
		r = string_format(&d.path, err, "%s/%s.debug", dir, relative);
	if (r < 0)
		return r;
	const char *slash = strrchr(d.path, '/');
	r = string_format(&d.name, err, "%s", slash ? slash + 1 : d.path);
	if (r < 0)
		return r;
	if (!*d.name || !strcmp(d.name, ".") || !strcmp(d.name, ".."))
		return error_set(err, -EISDIR, "%s: the name of a file is expected",
				 ESCAPED(d.path));
	*ret = d;
	d = DEBUG_FILE_NONE;
	return 0;
}

int debug_file_look(const struct debug_file *d, bool wants_crc, struct debug_file_found *ret,
		    struct error *err)
{
	int r;

	*ret = (struct debug_file_found){ 0 };
	scoped(fd_close) int fd = -1;
	struct stat st;
	r = file_open_at(AT_FDCWD, d->path, O_RDONLY | O_NONBLOCK, 0, &fd, err);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, -EEXIST, "%s: there, and not a regular file",
				 ESCAPED(d->path));
	scoped(mapping_closep) struct mapping *mapping = NULL;
	r = mapping_open(fd, d->path, &mapping, err);
	if (r < 0)
		return r;
	scoped(image_close) struct image image = { 0 };
	r = image_open(mapping_bytes(mapping), mapping_size(mapping), &image, NULL);
	if (r == -ENOMEM)
		return error_no_memory(err);
	/* An empty file is what mktemp(1) makes. */
	if (r < 0 && mapping_size(mapping) == 0)
		return 0;
	if (r < 0 || !image_is_separate_debug(&image))
		return error_set(err, -EEXIST,
				 "%s: there, and no debug file: it is not overwritten",
				 ESCAPED(d->path));
	ret->is_there = true;
	ret->has_dwarf = image_has_dwarf(&image);
	ret->has_memory_layout = image_memory_layout(&image, &ret->memory_layout, NULL) == 0;
	if (image_build_id(&image, &ret->id, NULL, NULL) < 0)
		ret->id = (struct build_id){ 0 };
	if (wants_crc)
		ret->crc = libdeflate_crc32(0, mapping_bytes(mapping), mapping_size(mapping));
	return 0;
}

int debug_file_create(struct debug_file *d, struct error *err)
{
	int r;

	size_t length = strlen(d->path) - strlen(d->name);
	scoped(string_free) char *folder = length ? strndup(d->path, length) : strdup(".");
	if (!folder)
		return error_no_memory(err);
	r = folder_make(AT_FDCWD, folder, 0777, err);
	if (r < 0)
		return r;
	r = file_open_at(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &d->dir_fd, err);
	if (r == 0)
		r = tmpfile_create(d->dir_fd, &d->file, err);
	return r < 0 ? error_prefix(err, r, "%s", ESCAPED(d->path)) : 0;
}

int debug_file_publish(struct debug_file *d, mode_t mode, struct error *err)
{
	int r;

	if (fchmod(d->file.fd, mode) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(d->path));
	r = tmpfile_replace(&d->file, d->dir_fd, d->name, err);
	return r < 0 ? error_prefix(err, r, "%s", ESCAPED(d->path)) : 0;
}
