/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/file.h"
#include "store/pack_check.h"

#define PIECE_SIZE OBJECT_SMALL_FRAME_LIMIT

void pack_members_free(struct pack_member **members)
{
	free(*members);
}

static int check_member(struct object_reader *reader, const struct pack_member *member, uint8_t *piece,
			bool *ret_right, struct error *err)
{
	int r;

	scoped(digester_freep) struct digester *digester = NULL;
	r = digester_new(&digester, err);
	if (r < 0)
		return r;
	for (uint64_t done = 0; done < member->size_bytes;) {
		size_t size = (size_t)min_u64(member->size_bytes - done, PIECE_SIZE);
		r = object_read(reader, member->offset + done, piece, size, &size, err);
		if (r < 0)
			return r;
		if (!size)
			break; /* pack_members() has checked that it fits; a wrong digest is told */
		digester_add(digester, piece, size);
		done += size;
	}
	struct digest found = digester_finish(digester);
	*ret_right = digest_equal(&found, &member->digest);
	return 0;
}

int pack_check(struct store *st, const struct digest *pack, struct pack_member **ret, size_t *ret_n,
	       size_t *ret_n_wrong, struct error *err)
{
	int r;

	scoped(pack_members_free) struct pack_member *members = NULL;
	size_t n;
	r = pack_members(st, pack, &members, &n, err);
	if (r < 0)
		return r;
	scoped(object_closep) struct object *o = NULL;
	r = object_open(st, pack, &o, err);
	if (r < 0)
		return r;
	scoped(object_reader_freep) struct object_reader *reader = NULL;
	r = object_reader_new(o, &reader, err);
	if (r < 0)
		return r;
	scoped(string_free) char *piece = malloc(PIECE_SIZE);
	if (!piece)
		return error_no_memory(err);

	size_t n_right = 0;
	for (size_t i = 0; i < n; i++) {
		bool right;
		r = check_member(reader, &members[i], (uint8_t *)piece, &right, err);
		if (r < 0)
			return r;
		if (right)
			members[n_right++] = members[i];
	}
	*ret = take(members);
	*ret_n = n_right;
	if (ret_n_wrong)
		*ret_n_wrong = n - n_right;
	return 0;
}

int pack_check_object(struct store *st, const struct digest *object, bool *ret_is_pack,
		      struct pack_member **ret, size_t *ret_n, struct error *err)
{
	int r;

	bool is_pack;
	r = pack_is_one(st, object, &is_pack, err);
	if (r < 0)
		return r;
	*ret_n = 0;
	if (is_pack) {
		r = pack_check(st, object, ret, ret_n, NULL, err);
		if (r < 0)
			return r;
	}
	*ret_is_pack = is_pack;
	return 0;
}
