/* SPDX-License-Identifier: Apache-2.0 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check/internal.h"
#include "check/vulndb.h"

#define READ_SIZE (64u << 10) /* at a time */

static void close_archive(struct archive **archive)
{
	if (*archive)
		archive_read_free(*archive);
}

static int damaged(struct archive *archive, struct error *err)
{
	const char *why = archive_error_string(archive);
	return error_set(err, -EBADMSG, "as a zip: %s", why ? why : "damaged");
}

/* What the headers say of the size is a hint at best. */
static int read_file(struct archive *archive, uint64_t *room, struct vuln_file *ret,
		     struct error *err)
{
	for (size_t allocated = 0;;) {
		if (ret->size + READ_SIZE > allocated) {
			allocated = allocated ? allocated * 2 : 2 * READ_SIZE;
			char *bytes = realloc(ret->bytes, allocated);
			if (!bytes)
				return error_no_memory(err);
			ret->bytes = bytes;
		}
		ssize_t n = archive_read_data(archive, ret->bytes + ret->size, READ_SIZE);
		if (n < 0)
			return damaged(archive, err);
		ret->size += (size_t)n;
		if (ret->size > VULNDB_FILE_LIMIT || (uint64_t)n > *room)
			return error_set(err, -EFBIG,
					 "over %u bytes in a file, or %llu in all of them",
					 VULNDB_FILE_LIMIT, VULNDB_ZIP_LIMIT);
		*room -= (uint64_t)n;
		if (!n)
			break;
	}
	char *fitted = realloc(ret->bytes, ret->size + 1);
	ret->bytes = fitted ? fitted : ret->bytes;
	return 0;
}

int vulndb_zip_read(int fd, struct text_map *ret, struct error *err)
{
	int r;

	scoped(close_archive) struct archive *archive = archive_read_new();
	if (!archive)
		return error_no_memory(err);
	if (archive_read_support_format_zip(archive) != ARCHIVE_OK ||
	    archive_read_open_fd(archive, fd, READ_SIZE) != ARCHIVE_OK)
		return damaged(archive, err);
	uint64_t room = VULNDB_ZIP_LIMIT;
	for (;;) {
		struct archive_entry *entry;
		int status = archive_read_next_header(archive, &entry);
		if (status == ARCHIVE_EOF)
			return 0;
		if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
			return damaged(archive, err);
		const char *path = archive_entry_pathname(entry);
		if (!path || archive_entry_filetype(entry) != AE_IFREG)
			continue;
		void **value;
		r = text_map_add(ret, path, strlen(path), &value, err);
		if (r < 0)
			return r;
		if (*value)
			return error_set(err, -EBADMSG, "as a zip: %s is in it twice",
					 ESCAPED(path));
		struct vuln_file *file = calloc(1, sizeof(*file));
		if (!file)
			return error_no_memory(err);
		*value = file;
		r = read_file(archive, &room, file, err);
		if (r < 0)
			return r;
	}
}
