/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/file.h"
#include "store/object_copy.h"

#define PIECE_SIZE (1u << 20)

static void free_piece(uint8_t **piece)
{
	free(*piece);
}

int object_feed(const struct object *object, struct object_range range, object_piece put,
		void *context, struct error *err)
{
	int r;

	scoped(object_reader_freep) struct object_reader *reader = NULL;
	r = object_reader_new(object, &reader, err);
	if (r < 0)
		return r;
	scoped(free_piece) uint8_t *piece = malloc(PIECE_SIZE);
	if (!piece)
		return error_no_memory(err);
	while (range.size_bytes) {
		size_t n;
		r = object_read(reader, range.offset, piece,
				(size_t)min_u64(range.size_bytes, PIECE_SIZE), &n, err);
		if (r < 0)
			return r;
		if (!n)
			return error_set(
				err, -EBADMSG,
				"object %s: ends at 0x%" PRIx64 ", 0x%" PRIx64 " bytes too early",
				DIGEST_HEX(object_digest(object)), range.offset, range.size_bytes);
		r = put(piece, n, context, err);
		if (r < 0)
			return r;
		range.offset += n;
		range.size_bytes -= n;
	}
	return 0;
}

struct target {
	int fd;
	const char *what;
};

static int write_piece(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	const struct target *target = context;
	return file_write(target->fd, bytes, size, target->what, err);
}

int object_copy(const struct object *object, struct object_range range, int fd, const char *what,
		struct error *err)
{
	struct target target = { fd, what };
	return object_feed(object, range, write_piece, &target, err);
}

int object_copy_whole(struct store *st, const struct digest *digest, int fd, const char *what,
		      struct error *err)
{
	scoped(object_closep) struct object *object = NULL;
	int r = object_open(st, digest, &object, err);
	if (r < 0)
		return r;
	const struct object_range all = { 0, object_size(object) };
	return object_copy(object, all, fd, what, err);
}
