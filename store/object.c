/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/internal.h"
#include "store/section_directory.h"
#include "store/seek_table.h"

#define TAIL_SIZE 4096 /* bytes read at once: the tables of most objects */

struct object {
	struct digest digest;
	int fd;
	uint64_t stored_size;
	struct seek_table table;
	uint8_t *directory;
	struct object_section *sections; /* names point into the directory */
	size_t n_sections;
};

/* A file's last bytes, at most so many. */
struct tail {
	uint8_t bytes[TAIL_SIZE];
	size_t size;
};

/* @size bytes at @offset: from the tail where they are there, else from the file. */
static int read_near_end(const struct object *o, const struct tail *tail, uint64_t offset,
			 size_t size, uint8_t *ret, struct error *err)
{
	uint64_t tail_start = o->stored_size - tail->size;
	if (offset < tail_start)
		return file_pread(o->fd, ret, size, offset, "object", err);
	memcpy(ret, tail->bytes + (offset - tail_start), size);
	return 0;
}

static int read_table(struct object *o, const struct tail *tail, struct error *err)
{
	int r;

	size_t size = 0;
	r = seek_table_measure(tail->bytes + tail->size - SEEK_FOOTER_SIZE, o->stored_size, &size,
			       err);
	if (r < 0)
		return r;
	if (size <= tail->size)
		return seek_table_parse(tail->bytes + tail->size - size, size, o->stored_size,
					&o->table, err);

	scoped(string_free) char *bytes = malloc(size);
	if (!bytes)
		return error_no_memory(err);
	r = read_near_end(o, tail, o->stored_size - size, size, (uint8_t *)bytes, err);
	if (r < 0)
		return r;
	return seek_table_parse((const uint8_t *)bytes, size, o->stored_size, &o->table, err);
}

static int read_directory(struct object *o, const struct tail *tail, struct error *err)
{
	int r;

	size_t size = o->table.directory_size;
	if (!size)
		return 0;
	if (size > SECTION_DIRECTORY_LIMIT)
		return error_set(err, -EBADMSG,
				 "section directory: %zu bytes, over the limit of %u", size,
				 SECTION_DIRECTORY_LIMIT);
	o->directory = malloc(size);
	if (!o->directory)
		return error_no_memory(err);
	r = read_near_end(o, tail, o->table.directory_offset, size, o->directory, err);
	if (r < 0)
		return r;
	return section_directory_parse(o->directory, size, o->table.size_bytes, &o->sections,
				       &o->n_sections, err);
}

static int read_tables(struct object *o, struct error *err)
{
	int r;

	struct stat is;
	if (fstat(o->fd, &is) < 0)
		return error_errno(err, -errno, "fstat");
	if (!S_ISREG(is.st_mode))
		return error_set(err, -EBADMSG, "not a regular file");
	o->stored_size = (uint64_t)is.st_size;
	if (o->stored_size < seek_table_size(0))
		return error_set(err, -EBADMSG, "%" PRIu64 " bytes: too short for an object",
				 o->stored_size);

	struct tail tail = { .size = (size_t)min_u64(TAIL_SIZE, o->stored_size) };
	r = file_pread(o->fd, tail.bytes, tail.size, o->stored_size - tail.size, "object", err);
	if (r < 0)
		return r;
	r = read_table(o, &tail, err);
	if (r < 0)
		return r;
	return read_directory(o, &tail, err);
}

int object_open_fd(int fd, const struct digest *digest, const char *what, struct object **ret,
		   struct error *err)
{
	int r;

	scoped(fd_close) int own_fd = fd;
	scoped(object_closep) struct object *o = calloc(1, sizeof(*o));
	if (!o)
		return error_no_memory(err);
	o->digest = *digest;
	o->fd = fd_take(&own_fd);
	r = read_tables(o, err);
	if (r < 0)
		return error_prefix(err, r, "object %s", ESCAPED(what));
	*ret = take(o);
	return 0;
}

int object_open(struct store *st, const struct digest *digest, struct object **ret,
		struct error *err)
{
	if (st->objects_fd < 0)
		return error_set(err, -ENOENT, "store %s holds no objects", ESCAPED(st->path));
	char name[OBJECT_NAME_SIZE];
	object_name(digest, name);
	int fd;
	do
		fd = openat(st->objects_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return error_errno(err, errno == ELOOP ? -EBADMSG : -errno, "object %s", name);
	return object_open_fd(fd, digest, name, ret, err);
}

void object_close(struct object *o)
{
	if (!o)
		return;
	fd_close(&o->fd);
	free(o->table.frames);
	free(o->sections);
	free(o->directory);
	free(o);
}

const struct digest *object_digest(const struct object *o)
{
	return &o->digest;
}

uint64_t object_size(const struct object *o)
{
	return o->table.size_bytes;
}

uint64_t object_stored_size(const struct object *o)
{
	return o->stored_size;
}

int object_fd(const struct object *o)
{
	return o->fd;
}

const struct object_frame *object_frames(const struct object *o, size_t *ret_n)
{
	*ret_n = o->table.n_frames;
	return o->table.frames;
}

uint64_t object_encoding_hash(const struct object *o)
{
	return o->table.hash;
}

const struct object_section *object_sections(const struct object *o, size_t *ret_n)
{
	*ret_n = o->n_sections;
	return o->sections;
}

const struct object_section *object_find_section(const struct object *o, const char *name)
{
	for (size_t i = 0; i < o->n_sections; i++)
		if (!strcmp(o->sections[i].name, name))
			return &o->sections[i];
	return NULL;
}

size_t object_frame_at(const struct object *o, uint64_t offset)
{
	size_t low = 0, high = o->table.n_frames;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (o->table.frames[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool object_stored_range(const struct object *o, uint64_t offset, uint64_t size,
			 struct object_range *ret)
{
	if (!size || !range_fits(offset, size, o->table.size_bytes))
		return false;
	const struct object_frame *first = &o->table.frames[object_frame_at(o, offset)];
	const struct object_frame *last = &o->table.frames[object_frame_at(o, offset + size - 1)];
	if (first->offset != offset || last->offset + last->size_bytes != offset + size)
		return false;
	*ret = (struct object_range){
		.offset = first->stored_offset,
		.size_bytes = last->stored_offset + last->stored_bytes - first->stored_offset,
	};
	return true;
}
