/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "split/sink.h"

/* A sink that keeps what it is given, up to a limit that no seed comes near: a stream may promise
 * gigabytes. */

#define COLLECTED_LIMIT (16u << 20)

struct collected {
	uint8_t *bytes;
	size_t size, allocated;
};

static inline int collected_put(const uint8_t *bytes, size_t size, bool lent, void *context,
				struct error *err)
{
	struct collected *c = context;
	(void)lent;
	if (size > COLLECTED_LIMIT - c->size)
		return error_set(err, -EFBIG, "over the harness's limit");
	if (size > c->allocated - c->size) {
		c->allocated = 2 * (c->size + size);
		c->bytes = realloc(c->bytes, c->allocated);
		if (!c->bytes)
			abort();
	}
	if (size)
		memcpy(c->bytes + c->size, bytes, size);
	c->size += size;
	return 0;
}

static inline struct sink collected_sink(struct collected *c)
{
	return (struct sink){ collected_put, c };
}

/** A guard: scoped(collected_free). */
static inline void collected_free(struct collected *c)
{
	free(c->bytes);
}
