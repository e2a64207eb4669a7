/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/cache.h"
#include "store/object.h"
#include "store/sources.h"

/* Open objects and manifests, shared by requests and threads. */

struct shared_object {
	struct cached cached; /* first */
	struct object *object;
};

/** From the cache, or opened. @ret is held for the caller. Errors: as object_open() */
must_check int objects_get(struct cache *cache, struct store *st, const struct digest *digest,
			   struct shared_object **ret, struct error *err);

static inline void shared_object_release(struct shared_object *o)
{
	cached_release(o ? &o->cached : NULL);
}
define_scoped(struct shared_object *, shared_object_release)

	struct shared_manifest {
	struct cached cached; /* first */
	struct manifest *manifest;
};

/** Only from the cache; NULL: not there. Held for the caller. */
struct shared_manifest *manifests_find(struct cache *cache, const struct digest *digest);
/** Opened and put into the cache: reads and decodes all of it, so not on an event loop. */
must_check int manifests_load(struct cache *cache, struct store *st,
			      const struct artifact *manifest, struct shared_manifest **ret,
			      struct error *err);

static inline void shared_manifest_release(struct shared_manifest *m)
{
	cached_release(m ? &m->cached : NULL);
}
define_scoped(struct shared_manifest *, shared_manifest_release)
