/* SPDX-License-Identifier: Apache-2.0 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/merge.h"

#define BLOCK_SIZE (256u << 10)

static void archive_close(struct archive **a)
{
	if (*a)
		archive_read_free(*a);
}

static const char *reason(struct archive *a)
{
	const char *text = archive_error_string(a);
	return text ? text : "unknown trouble";
}

/* The data of one entry. A hole would let a small tar fill our disk, and no store's file has one. */
struct entry_input {
	struct archive *a;
	const uint8_t *bytes; /* of the current block, that are left */
	size_t size;
	uint64_t offset; /* in the entry, behind the current block */
	int r;		 /* ARCHIVE_*: what reading came to */
};

static ssize_t read_entry(void *context, void *ret, size_t size, struct error *err)
{
	struct entry_input *input = context;
	while (!input->size) {
		const void *block;
		size_t block_size;
		la_int64_t at;
		input->r = archive_read_data_block(input->a, &block, &block_size, &at);
		if (input->r == ARCHIVE_EOF)
			return 0;
		if (input->r < ARCHIVE_WARN)
			return error_set(err, -EBADMSG, "the tar cannot be read on: %s", reason(input->a));
		if (at < 0 || (uint64_t)at != input->offset)
			return error_set(err, -EBADMSG, "a sparse file in the tar");
		input->bytes = block;
		input->size = block_size;
		input->offset += block_size;
	}
	size_t n = (size_t)min_u64(size, input->size);
	memcpy(ret, input->bytes, n);
	input->bytes += n;
	input->size -= n;
	return (ssize_t)n;
}

/* Those that libarchive decodes itself: none may start a program for what a stranger sent. */
static int open_archive(int fd, struct archive **ret, struct error *err)
{
	scoped(archive_close) struct archive *a = archive_read_new();
	if (!a)
		return error_no_memory(err);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_compress(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_lzip(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_format_tar(a);
	if (archive_read_open_fd(a, fd, BLOCK_SIZE) != ARCHIVE_OK)
		return error_set(err, -EBADMSG, "neither a store nor a tar: %s", reason(a));
	*ret = take(a);
	return 0;
}

int merge_tar(struct merge *m, int fd, const char *what, struct error *err)
{
	int r;

	scoped(archive_close) struct archive *a = NULL;
	r = open_archive(fd, &a, err);
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(what));
	bool is_store = false;
	for (uint64_t n = 0;; n++) {
		struct archive_entry *entry;
		int got = archive_read_next_header(a, &entry);
		/* The other end of a pipe may have failed before it wrote a byte. */
		if (got == ARCHIVE_EOF && !is_store)
			return error_set(err, -EINVAL,
					 "%s: nothing of a store is in it: no FORMAT, no objects/, no builds/",
					 ESCAPED(what));
		if (got == ARCHIVE_EOF)
			return 0;
		if (got < ARCHIVE_WARN && n == 0)
			return error_set(err, -EBADMSG, "%s: neither a store nor a tar: %s", ESCAPED(what),
					 reason(a));
		if (got < ARCHIVE_WARN) {
			merge_tell_damaged(m, what, reason(a));
			if (got == ARCHIVE_FATAL)
				return 0; /* what came before counts */
			continue;
		}
		const char *path = archive_entry_pathname(entry);
		if (!path || archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
			continue;
		struct merge_name name = merge_name_parse(path);
		if (name.kind == MERGE_NOTHING)
			continue;
		is_store = true;
		struct entry_input input = { .a = a };
		r = merge_take(m, &name, read_entry, &input, err);
		if (r < 0)
			return error_prefix(err, r, "%s", ESCAPED(what));
		if (input.r == ARCHIVE_FATAL)
			return 0; /* told with the entry */
	}
}
