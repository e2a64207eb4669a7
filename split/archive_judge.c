/* SPDX-License-Identifier: Apache-2.0 */
#include <ar.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "split/archive.h"

/* A member as it was written: read anew, without what was planned. */
struct written {
	const uint8_t *header, *data;
	uint64_t at, size_bytes;
};

static int read_written(const uint8_t *bytes, uint64_t size, uint64_t at, struct written *ret,
			struct error *err)
{
	struct ar_hdr header;
	if (size < sizeof(header) || at > size - sizeof(header))
		return error_set(err, -EIO, "a member is missing at 0x%" PRIx64, at);
	memcpy(&header, bytes + at, sizeof(header));
	char digits[sizeof(header.ar_size) + 1] = { 0 };
	memcpy(digits, header.ar_size, sizeof(header.ar_size));
	char *rest;
	uint64_t length = strtoull(digits, &rest, 10);
	if (rest == digits || rest[strspn(rest, " ")] ||
	    memcmp(header.ar_fmag, ARFMAG, sizeof(header.ar_fmag)) != 0 ||
	    length > size - at - sizeof(header))
		return error_set(err, -EIO, "no member header at 0x%" PRIx64, at);
	*ret = (struct written){ bytes + at, bytes + at + sizeof(header), at, length };
	return 0;
}

static int judge_member(const struct archive *archive, const struct archive_member *member,
			const struct written *out, const struct judge_options *options,
			struct error *err)
{
	const uint8_t *in = archive->bytes + member->data_at;
	if (memcmp(archive->bytes + member->header_at, out->header,
		   sizeof(((struct ar_hdr *)0)->ar_name)))
		return error_set(err, -EIO, "member %s has another name", member->name);
	if (member->is_stripped) {
		int r = judge_stripped(&member->image, out->data, out->size_bytes, options, err);
		return r < 0 ? error_prefix(err, r, "member %s", member->name) : 0;
	}
	if (member->size_bytes != out->size_bytes)
		return error_set(err, -EIO, "member %s: %" PRIu64 " bytes, expected %" PRIu64,
				 member->name, out->size_bytes, member->size_bytes);
	bool is_index = member->kind == MEMBER_INDEX || member->kind == MEMBER_INDEX64;
	if (!is_index && memcmp(in, out->data, (size_t)member->size_bytes) != 0)
		return error_set(err, -EIO, "member %s differs from the input", member->name);
	return 0;
}

static uint64_t read_place(const uint8_t *bytes, unsigned width)
{
	uint64_t value = 0;
	for (unsigned k = 0; k < width; k++)
		value = value << 8 | bytes[k];
	return value;
}

struct pair {
	uint64_t in, out; /* header of one member, before and after */
};

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	return x->in < y->in ? -1 : x->in > y->in;
}

static int judge_index(const struct archive *archive, const struct archive_member *index,
		       const struct written *out, const struct pair *pairs, struct error *err)
{
	unsigned width = index->kind == MEMBER_INDEX64 ? 8 : 4;
	const uint8_t *in = archive->bytes + index->data_at;
	uint64_t n = read_place(in, width), done = width * (n + 1);
	if (memcmp(in, out->data, width) != 0 ||
	    memcmp(in + done, out->data + done, (size_t)(index->size_bytes - done)) != 0)
		return error_set(err, -EIO, "the symbol index has other symbols");
	for (uint64_t k = 1; k <= n; k++) {
		struct pair key = { .in = read_place(in + width * k, width) };
		const struct pair *pair =
			bsearch(&key, pairs, archive->n_members, sizeof(key), compare_pairs);
		if (!pair || pair->out != read_place(out->data + width * k, width))
			return error_set(err, -EIO,
					 "symbol %" PRIu64 " of the index is in another member", k);
	}
	return 0;
}

static void free_pairs(struct pair **pairs)
{
	free(*pairs);
}

static int judge_members(const struct archive *archive, const uint8_t *bytes, uint64_t size,
			 const struct judge_options *options, struct error *err)
{
	int r;

	scoped(free_pairs) struct pair *pairs = calloc(archive->n_members + 1, sizeof(*pairs));
	if (!pairs)
		return error_no_memory(err);
	if (size < SARMAG || memcmp(bytes, ARMAG, SARMAG) != 0)
		return error_set(err, -EIO, "it is no archive");
	uint64_t at = SARMAG;
	struct written index = { 0 };
	const struct archive_member *in_index = NULL;
	for (size_t i = 0; i < archive->n_members; i++) {
		const struct archive_member *member = &archive->members[i];
		struct written out;
		r = read_written(bytes, size, at, &out, err);
		if (r == 0)
			r = judge_member(archive, member, &out, options, err);
		if (r < 0)
			return r;
		if (member->kind == MEMBER_INDEX || member->kind == MEMBER_INDEX64) {
			index = out;
			in_index = member;
		}
		pairs[i] = (struct pair){ member->header_at, at };
		at += sizeof(struct ar_hdr) + out.size_bytes;
		at += at % 2;
	}
	if (at != size)
		return error_set(err, -EIO, "0x%" PRIx64 " bytes, expected 0x%" PRIx64, size, at);
	return in_index ? judge_index(archive, in_index, &index, pairs, err) : 0;
}

int archive_judge(const struct archive *archive, const uint8_t *written, uint64_t size,
		  const struct judge_options *options, struct error *err)
{
	int r = judge_members(archive, written, size, options, err);
	return r < 0 ? error_prefix(err, r, "the written archive failed its check, and is not used")
		     : 0;
}
