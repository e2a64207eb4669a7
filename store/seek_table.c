/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "store/seek_table.h"

#define SEEK_MAGIC 0x8F92EAB1u
#define DESCRIPTOR_CHECKSUMS 0x80 /* all other bits are reserved or unused: 0 */
#define FRAME_SIZE_MIN \
	12 /* magic, descriptor, content size, one block header, checksum: even more */

uint32_t get_u32(const uint8_t *from)
{
	uint32_t value;
	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

uint64_t get_u64(const uint8_t *from)
{
	uint64_t value;
	memcpy(&value, from, sizeof(value));
	return le64toh(value);
}

void put_u32(uint8_t *ret, uint32_t value)
{
	value = htole32(value);
	memcpy(ret, &value, sizeof(value));
}

void put_u64(uint8_t *ret, uint64_t value)
{
	value = htole64(value);
	memcpy(ret, &value, sizeof(value));
}

size_t seek_table_size(size_t n_entries)
{
	return SKIPPABLE_HEADER_SIZE + n_entries * SEEK_ENTRY_SIZE + SEEK_FOOTER_SIZE;
}

void seek_table_encode(const struct seek_entry *entries, size_t n_entries, uint8_t *ret)
{
	assert(n_entries <= SEEK_FRAMES_LIMIT + 1);
	put_u32(ret, SKIPPABLE_SEEK_TABLE);
	put_u32(ret + 4, (uint32_t)(seek_table_size(n_entries) - SKIPPABLE_HEADER_SIZE));
	uint8_t *at = ret + SKIPPABLE_HEADER_SIZE;
	for (size_t i = 0; i < n_entries; i++, at += SEEK_ENTRY_SIZE) {
		put_u32(at, entries[i].stored_bytes);
		put_u32(at + 4, entries[i].size_bytes);
		put_u32(at + 8, entries[i].checksum);
	}
	put_u32(at, (uint32_t)n_entries);
	at[4] = DESCRIPTOR_CHECKSUMS;
	put_u32(at + 5, SEEK_MAGIC);
}

int seek_table_measure(const uint8_t footer[static SEEK_FOOTER_SIZE], uint64_t file_size,
		       size_t *ret_size, struct error *err)
{
	if (get_u32(footer + 5) != SEEK_MAGIC)
		return error_set(err, -EBADMSG,
				 "seek table: magic 0x%08" PRIx32
				 " at the end of the file, 0x%08x expected",
				 get_u32(footer + 5), SEEK_MAGIC);
	if (footer[4] != DESCRIPTOR_CHECKSUMS)
		return error_set(err, -EBADMSG, "seek table: descriptor 0x%02x, 0x%02x expected",
				 footer[4], DESCRIPTOR_CHECKSUMS);
	uint32_t n = get_u32(footer);
	if (n > SEEK_FRAMES_LIMIT + 1 || seek_table_size(n) > file_size)
		return error_set(err, -EBADMSG,
				 "seek table: %" PRIu32 " frames in a file of %" PRIu64 " bytes", n,
				 file_size);
	*ret_size = seek_table_size(n);
	return 0;
}

/* No secret and no hostile input to withstand: it only has to change when the table does. */
static uint64_t hash_of(const uint8_t *bytes, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325u ^ size;
	for (; size >= 8; bytes += 8, size -= 8) {
		hash = (hash ^ get_u64(bytes)) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	for (; size; bytes++, size--)
		hash = (hash ^ *bytes) * 0x100000001b3u;
	return hash ^ hash >> 32;
}

static int check_entry(const struct seek_entry *e, size_t i, uint64_t stored_end, uint64_t limit,
		       struct error *err)
{
	if (!e->size_bytes)
		return error_set(err, -EBADMSG, "seek table: frame %zu is empty", i);
	if (e->size_bytes > SEEK_FRAME_SIZE_LIMIT)
		return error_set(err, -EBADMSG,
				 "seek table: frame %zu has %" PRIu32
				 " bytes, over the limit of %u",
				 i, e->size_bytes, SEEK_FRAME_SIZE_LIMIT);
	if (e->stored_bytes < FRAME_SIZE_MIN || e->stored_bytes > 2 * SEEK_FRAME_SIZE_LIMIT)
		return error_set(err, -EBADMSG,
				 "seek table: frame %zu takes %" PRIu32
				 " bytes, which no frame does",
				 i, e->stored_bytes);
	if (stored_end > limit)
		return error_set(err, -EBADMSG,
				 "seek table: frame %zu ends at 0x%" PRIx64 ", past the 0x%" PRIx64
				 " bytes before the table",
				 i, stored_end, limit);
	return 0;
}

int seek_table_parse(const uint8_t *table, size_t size, uint64_t file_size, struct seek_table *ret,
		     struct error *err)
{
	int r;

	assert(size >= seek_table_size(0) && size <= file_size);
	size_t n = (size - seek_table_size(0)) / SEEK_ENTRY_SIZE;
	if (get_u32(table) != SKIPPABLE_SEEK_TABLE)
		return error_set(err, -EBADMSG,
				 "seek table: magic 0x%08" PRIx32 ", 0x%08x expected",
				 get_u32(table), SKIPPABLE_SEEK_TABLE);
	if (get_u32(table + 4) != size - SKIPPABLE_HEADER_SIZE)
		return error_set(err, -EBADMSG, "seek table: its size is %" PRIu32 ", %zu expected",
				 get_u32(table + 4), size - SKIPPABLE_HEADER_SIZE);

	struct seek_table t = { 0 };
	struct object_frame *frames = calloc(n ? n : 1, sizeof(*frames));
	if (!frames)
		return error_no_memory(err);
	t.frames = frames;
	uint64_t stored = 0;
	const uint8_t *at = table + SKIPPABLE_HEADER_SIZE;
	r = 0;
	for (size_t i = 0; i < n; i++, at += SEEK_ENTRY_SIZE) {
		struct seek_entry e = { get_u32(at), get_u32(at + 4), get_u32(at + 8) };
		if (i + 1 == n && !e.size_bytes && e.stored_bytes > SKIPPABLE_HEADER_SIZE &&
		    e.checksum == SEEK_CHECKSUM_OF_NOTHING) {
			t.directory_offset = stored;
			t.directory_size = e.stored_bytes;
			stored += e.stored_bytes;
			break;
		}
		r = check_entry(&e, i, stored + e.stored_bytes, file_size - size, err);
		if (r < 0)
			break;
		frames[t.n_frames++] = (struct object_frame){ .offset = t.size_bytes,
							      .size_bytes = e.size_bytes,
							      .stored_bytes = e.stored_bytes,
							      .stored_offset = stored,
							      .checksum = e.checksum };
		stored += e.stored_bytes; /* 2^20 numbers of 32 bits: no sum can wrap */
		t.size_bytes += e.size_bytes;
	}
	if (r == 0 && stored != file_size - size)
		r = error_set(err, -EBADMSG,
			      "seek table: its frames take 0x%" PRIx64 " bytes, and 0x%" PRIx64
			      " lie before it",
			      stored, file_size - size);
	if (r < 0) {
		free(frames);
		return r;
	}
	t.hash = hash_of(table, size);
	*ret = t;
	return 0;
}
