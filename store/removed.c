/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/tmpfile.h"
#include "store/internal.h"

/*
 * Tombstones. They are looked for by path from the store's folder, not by a folder's fd: a program that
 * runs for long sees the first one that another makes.
 */

#define TOMBSTONE_PATH_SIZE (sizeof("removed/sources/") + BUILD_ID_HEX_SIZE)

static bool is_marked(struct store *st, const char *folder, const char *name)
{
	char path[TOMBSTONE_PATH_SIZE];
	snprintf(path, sizeof(path), "removed/%s/%s", folder, name);
	return faccessat(st->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool removed_build(struct store *st, const struct build_id *id)
{
	return is_marked(st, "builds", BUILD_ID_HEX(id));
}

bool removed_source(struct store *st, const struct digest *source)
{
	return is_marked(st, "sources", DIGEST_HEX(source));
}

static int mark(struct store *st, const char *folder, const char *name, const json_t *text,
		struct error *err)
{
	int r;

	/* A folder has a temporary name at first, which a collector would take. */
	scoped(fd_close) int lock_fd = -1;
	r = store_lock_shared(st, &lock_fd, err);
	if (r < 0)
		return r;
	scoped(fd_close) int removed_fd = -1;
	r = store_open_folder(st, st->fd, "removed", &removed_fd, err);
	if (r < 0)
		return r;
	scoped(fd_close) int folder_fd = -1;
	r = store_open_folder(st, removed_fd, folder, &folder_fd, err);
	if (r < 0)
		return r;

	scoped(string_free) char *bytes = NULL;
	size_t size;
	r = json_format(text, true, &bytes, &size, err);
	if (r < 0)
		return r;
	scoped(tmpfile_discard) struct tmpfile t = TMPFILE_NONE;
	r = tmpfile_create(folder_fd, &t, err);
	if (r < 0)
		return r;
	r = file_write(t.fd, bytes, size, name, err);
	if (r < 0)
		return r;
	r = file_write(t.fd, "\n", 1, name, err);
	if (r < 0)
		return r;
	r = store_own_file(st, t.fd, err);
	if (r < 0)
		return r;
	r = tmpfile_publish(&t, folder_fd, name, err);
	if (r == -EEXIST) /* another's, and perhaps not yet durable */
		return file_sync(folder_fd, "removed", err);
	return r < 0 ? error_prefix(err, r, "removed/%s", folder) : 0;
}

int remove_build_mark(struct store *st, const struct build_id *id, struct error *err)
{
	scoped(json_scoped_decref) json_t *text =
		json_pack("{s:i, s:s, s:s}", "format", 1, "build_id", BUILD_ID_HEX(id), "time",
			  TIME_TEXT(time(NULL)));
	if (!text)
		return error_no_memory(err);
	return mark(st, "builds", BUILD_ID_HEX(id), text, err);
}

int remove_source_mark(struct store *st, const struct digest *source, const char *path,
		       struct error *err)
{
	scoped(json_scoped_decref) json_t *text =
		json_pack("{s:i, s:s, s:o*, s:s}", "format", 1, "source", DIGEST_HEX(source), "path",
			  path ? json_bytes_string(path) : NULL, "time", TIME_TEXT(time(NULL)));
	if (!text)
		return error_no_memory(err);
	return mark(st, "sources", DIGEST_HEX(source), text, err);
}
