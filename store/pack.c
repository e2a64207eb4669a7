/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "store/fresh.h"
#include "store/internal.h"

/*
 * POSIX.1-2017, pax utility, "ustar Interchange Format". All numbers are octal digits; those that
 * tell about a file's owner and time are zero, so that a pack depends on its members and their
 * order alone.
 */
struct ustar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6];
	char version[2];
	char user[32];
	char group[32];
	char device_major[8];
	char device_minor[8];
	char prefix[155];
	char unused[12];
};
_Static_assert(sizeof(struct ustar_header) == PACK_BLOCK_SIZE, "a header is one block");

#define END_SIZE (2 * PACK_BLOCK_SIZE) /* two zero blocks end an archive */
#define MEMBER_SIZE_LIMIT ((UINT64_C(1) << 33) - 1) /* 11 octal digits */

static const uint8_t zeros[END_SIZE];

/* Without snprintf(): this runs once for each member that is read, too. */
static void put_octal(char *field, size_t n_digits, uint64_t value)
{
	for (size_t i = n_digits; i--; value >>= 3)
		field[i] = (char)('0' + (value & 7));
	field[n_digits] = 0;
}

void pack_header_format(const struct digest *source, uint64_t size_bytes,
			uint8_t ret[static PACK_BLOCK_SIZE])
{
	struct ustar_header h = { .type = '0', .magic = "ustar", .version = { '0', '0' } };
	digest_hex(source, h.name);
	put_octal(h.mode, 7, 0444);
	put_octal(h.uid, 7, 0);
	put_octal(h.gid, 7, 0);
	put_octal(h.size, 11, size_bytes);
	put_octal(h.mtime, 11, 0);
	put_octal(h.device_major, 7, 0);
	put_octal(h.device_minor, 7, 0);

	/* The sum counts its own field as blanks, and has six digits, NUL and a blank. */
	memset(h.checksum, ' ', sizeof(h.checksum));
	uint32_t sum = 0;
	for (size_t i = 0; i < sizeof(h); i++)
		sum += ((const uint8_t *)&h)[i];
	put_octal(h.checksum, 6, sum);

	memcpy(ret, &h, sizeof(h));
}

int pack_header_parse(const uint8_t block[static PACK_BLOCK_SIZE], struct digest *ret_source,
		      uint64_t *ret_size_bytes, struct error *err)
{
	struct ustar_header h;
	memcpy(&h, block, sizeof(h));

	struct digest source;
	if (digest_parse(h.name, 2 * (size_t)DIGEST_SIZE, &source, NULL) < 0 ||
	    h.name[2 * DIGEST_SIZE])
		return error_set(err, -EBADMSG, "member's name is not a digest of 64 hex digits");

	uint64_t size = 0;
	for (size_t i = 0; i < 11; i++) {
		if (h.size[i] < '0' || h.size[i] > '7')
			return error_set(err, -EBADMSG, "member's size is not 11 octal digits");
		size = size << 3 | (uint64_t)(h.size[i] - '0');
	}

	/* All else is fixed, the sum too: whatever is damaged shows. */
	uint8_t expected[PACK_BLOCK_SIZE];
	pack_header_format(&source, size, expected);
	for (size_t i = 0; i < sizeof(expected); i++)
		if (block[i] != expected[i])
			return error_set(
				err, -EBADMSG,
				"member's header has 0x%02x at byte %zu where a pack has 0x%02x",
				block[i], i, expected[i]);
	*ret_source = source;
	*ret_size_bytes = size;
	return 0;
}

static void list_free(struct pack_list *list)
{
	free(list->members);
}

static int list_add(struct pack_list *list, const struct pack_member *member, struct error *err)
{
	if (list->n_members == PACK_MEMBERS_LIMIT)
		return error_set(err, -EFBIG, "more than %u members", PACK_MEMBERS_LIMIT);
	if (list->n_members == list->n_allocated) {
		size_t n = list->n_allocated ? 2 * list->n_allocated : 64;
		struct pack_member *members = reallocarray(list->members, n, sizeof(*members));
		if (!members)
			return error_no_memory(err);
		list->members = members;
		list->n_allocated = n;
	}
	list->members[list->n_members++] = *member;
	return 0;
}

/* ---- writing ---- */

void pack_writer_free(struct pack_writer *w)
{
	object_writer_free(w->object);
	list_free(&w->list);
	*w = (struct pack_writer){ 0 };
}

static int append(struct pack_writer *w, const void *bytes, size_t size, struct error *err)
{
	if (!size)
		return 0;
	int r = object_writer_write(w->object, bytes, size, err);
	if (r < 0)
		return error_prefix(err, r, "pack of sources");
	w->offset += size;
	return 0;
}

int pack_writer_add(struct pack_writer *w, struct store *st, const struct digest *source,
		    const void *bytes, size_t size, struct error *err)
{
	int r;

	if (size > MEMBER_SIZE_LIMIT)
		return error_set(err, -EFBIG, "pack: a member of %zu bytes", size);
	if (!w->object) {
		r = object_writer_new(st, NULL, OBJECT_SMALL_FRAME_LIMIT, &w->object, err);
		if (r < 0)
			return r;
	}

	struct pack_member member = { *source, w->offset + PACK_BLOCK_SIZE, size };
	r = list_add(&w->list, &member, err);
	if (r < 0)
		return r;

	uint8_t header[PACK_BLOCK_SIZE];
	pack_header_format(source, size, header);
	r = append(w, header, sizeof(header), err);
	if (r == 0)
		r = append(w, bytes, size, err);
	if (r == 0)
		r = append(w, zeros, (size_t)align_up(size, PACK_BLOCK_SIZE) - size, err);
	return r;
}

int pack_writer_finish(struct pack_writer *w, struct store *st, struct object_result *ret,
		       struct error *err)
{
	int r;

	if (!w->object)
		return error_set(err, -EINVAL, "pack: has no members");
	r = append(w, zeros, END_SIZE, err);
	if (r < 0)
		return r;

	/* Over both: nobody who removes sources comes in between, and finds a pack that is about to be indexed. */
	scoped(fd_close) int lock_fd = -1;
	r = store_lock_shared(st, &lock_fd, err);
	if (r < 0)
		return r;
	struct object_result result;
	object_writer_note(w->object, w->fresh);
	r = object_writer_finish(w->object, &result, err);
	if (r < 0)
		return error_prefix(err, r, "pack of sources");
	/* Durable: now it may be found. A crash in between leaves a pack that reindexing finds. */
	fresh_note_pack(w->fresh, &result.digest);
	r = catalog_put_pack(st, &result.digest, w->list.members, w->list.n_members, err);
	if (r < 0)
		return r;
	*ret = result;
	return 0;
}

int pack_write(struct store *st, const struct digest *sources, size_t n_sources, pack_read read,
	       void *context, struct object_result *ret, struct error *err)
{
	int r;

	scoped(pack_writer_free) struct pack_writer w = { 0 };
	for (size_t i = 0; i < n_sources; i++) {
		scoped(string_free) char *bytes = NULL;
		size_t size;
		r = read(&sources[i], &bytes, &size, context, err);
		if (r < 0)
			return r;
		struct digest digest = digest_of(bytes, size);
		if (!digest_equal(&digest, &sources[i]))
			return error_set(err, -EBADMSG, "source %s: its bytes have the digest %s",
					 DIGEST_HEX(&sources[i]), DIGEST_HEX(&digest));
		r = pack_writer_add(&w, st, &sources[i], bytes, size, err);
		if (r < 0)
			return r;
	}
	return pack_writer_finish(&w, st, ret, err);
}

/* ---- reading ---- */

static int read_block(struct object_reader *reader, uint64_t offset,
		      uint8_t ret[static PACK_BLOCK_SIZE], struct error *err)
{
	size_t n;
	int r = object_read(reader, offset, ret, PACK_BLOCK_SIZE, &n, err);
	if (r < 0)
		return r;
	if (n < PACK_BLOCK_SIZE)
		return error_set(err, -EBADMSG, "ends within the block at 0x%" PRIx64, offset);
	return 0;
}

/* From the first header to the two zero blocks, which are the content's last. */
static int read_members(struct object_reader *reader, uint64_t content_size, struct pack_list *ret,
			struct error *err)
{
	int r;

	uint8_t block[PACK_BLOCK_SIZE];
	for (uint64_t at = 0;;) {
		r = read_block(reader, at, block, err);
		if (r < 0)
			return r;
		if (at > 0 && !memcmp(block, zeros, sizeof(block))) {
			r = read_block(reader, at + PACK_BLOCK_SIZE, block, err);
			if (r < 0)
				return r;
			if (memcmp(block, zeros, sizeof(block)) || content_size - at != END_SIZE)
				return error_set(
					err, -EBADMSG,
					"no two zero blocks at its end, but one at 0x%" PRIx64, at);
			return 0;
		}

		struct pack_member member;
		r = pack_header_parse(block, &member.digest, &member.size_bytes, err);
		if (r < 0)
			return error_prefix(err, r, "at 0x%" PRIx64, at);
		member.offset = at + PACK_BLOCK_SIZE;
		uint64_t room = align_up(member.size_bytes, PACK_BLOCK_SIZE);
		if (!range_fits(member.offset, room, content_size))
			return error_set(err, -EBADMSG,
					 "member of 0x%" PRIx64 " bytes at 0x%" PRIx64
					 " ends past the 0x%" PRIx64 " bytes of the pack",
					 member.size_bytes, member.offset, content_size);
		r = list_add(ret, &member, err);
		if (r < 0)
			return r;
		at = member.offset + room;
	}
}

int pack_members(struct store *st, const struct digest *pack, struct pack_member **ret,
		 size_t *ret_n, struct error *err)
{
	int r;

	scoped(object_closep) struct object *object = NULL;
	r = object_open(st, pack, &object, err);
	if (r < 0)
		return r;
	scoped(object_reader_freep) struct object_reader *reader = NULL;
	r = object_reader_new(object, &reader, err);
	if (r < 0)
		return r;

	scoped(list_free) struct pack_list list = { 0 };
	r = read_members(reader, object_size(object), &list, err);
	if (r < 0)
		return error_prefix(err, r, "pack %s", DIGEST_HEX(pack));
	*ret = take(list.members);
	*ret_n = list.n_members;
	return 0;
}

int pack_is_one(struct store *st, const struct digest *digest, bool *ret, struct error *err)
{
	int r;

	scoped(object_closep) struct object *object = NULL;
	r = object_open(st, digest, &object, err);
	if (r < 0)
		return r;
	if (object_size(object) < PACK_BLOCK_SIZE) {
		*ret = false;
		return 0;
	}
	scoped(object_reader_freep) struct object_reader *reader = NULL;
	r = object_reader_new(object, &reader, err);
	if (r < 0)
		return r;
	uint8_t block[PACK_BLOCK_SIZE];
	r = read_block(reader, 0, block, err);
	if (r < 0)
		return r;
	struct digest source;
	uint64_t size;
	*ret = pack_header_parse(block, &source, &size, NULL) == 0;
	return 0;
}
