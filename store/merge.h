/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sys/types.h>
#include "store/internal.h"
#include "store/maintain.h"

/*
 * What a merge takes in, piece by piece and in any order, from a folder or a tar. The names there are
 * hostile: they are only ever parsed into digests and build IDs, and no path is made of one.
 */

struct merge;

/** What a name in a store stands for; its last components alone are looked at, for a tar of a store may have
 * folders above. */
enum merge_kind {
	MERGE_NOTHING, /* passed over */
	MERGE_FORMAT,
	MERGE_OBJECT,
	MERGE_CONTRIBUTION,
	MERGE_REMOVED_BUILD,
	MERGE_REMOVED_SOURCE,
};

struct merge_name {
	enum merge_kind kind;
	struct digest digest; /* of an object, contribution or source */
	struct build_id id;
};
struct merge_name merge_name_parse(const char *path);

/** More bytes of a piece: how many (0: the end), or -EBADMSG with a message: they cannot be had. */
typedef ssize_t (*merge_read)(void *input, void *ret, size_t size, struct error *err);

/** Take one piece. What is wrong with it is reported, and no error: errors are our own store's. */
must_check int merge_take(struct merge *m, const struct merge_name *name, merge_read read, void *input,
			  struct error *err);

/** Something there cannot be read. */
void merge_tell_damaged(struct merge *m, const char *what, const char *why);

/** Feed all of a store's folder into merge_take(), under its own shared lock. @st: ours. Errors: as store_open();
 * -EINVAL it is ours */
must_check int merge_folder(struct merge *m, const struct store *st, const char *from, struct error *err);

/** Feed all of a tar into merge_take(). A tar that is cut or damaged is reported. Errors: our store's;
 * -ENOTSUP a store of a newer release */
must_check int merge_tar(struct merge *m, int fd, const char *what, struct error *err);
