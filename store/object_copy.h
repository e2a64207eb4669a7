/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/object.h"

/** Takes the next bytes; they are gone afterwards. A result < 0 ends it with that. */
typedef int (*object_piece)(const uint8_t *bytes, size_t size, void *context, struct error *err);

/**
 * Hand a range of an object's content to @put, from its start to its end.
 * Errors: -EBADMSG the content ends before the range does; those of object_read() and @put
 */
must_check int object_feed(const struct object *object, struct object_range range,
			   object_piece put, void *context, struct error *err);

/**
 * Write such a range to @fd.
 *
 * @what  names the target in messages
 * Errors: those of object_feed() and write(2)
 */
must_check int object_copy(const struct object *object, struct object_range range, int fd,
			   const char *what, struct error *err);

/** All of an object, by its digest. */
must_check int object_copy_whole(struct store *st, const struct digest *digest, int fd,
				 const char *what, struct error *err);
