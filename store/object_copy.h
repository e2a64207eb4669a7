/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/object.h"

/** Sees each piece before it is written, and may change it. @offset is in the content. */
typedef int (*object_piece)(uint64_t offset, uint8_t *bytes, size_t size, void *context,
			    struct error *err);

/**
 * Write a range of an object's content to @fd.
 *
 * @pass  NULL: the bytes go as they are
 * @what  names the target in messages
 * Errors: -EBADMSG the content ends before the range does; those of object_read(), @pass and
 * write(2)
 */
must_check int object_copy(const struct object *object, struct object_range range,
			   object_piece pass, void *context, int fd, const char *what,
			   struct error *err);

/** All of an object, by its digest. */
must_check int object_copy_whole(struct store *st, const struct digest *digest, int fd,
				 const char *what, struct error *err);
