/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/objects.h"

static void free_object(struct cached *cached)
{
	struct shared_object *o = (struct shared_object *)cached;
	object_close(o->object);
	free(o);
}

int objects_get(struct cache *cache, struct store *st, const struct digest *digest,
		struct shared_object **ret, struct error *err)
{
	int r;

	struct cached *found = cache_get(cache, digest);
	if (found) {
		*ret = (struct shared_object *)found;
		return 0;
	}

	struct shared_object *o = calloc(1, sizeof(*o));
	if (!o)
		return error_no_memory(err);
	r = object_open(st, digest, &o->object, err);
	if (r < 0) {
		free(o);
		return r;
	}
	cached_init(&o->cached, free_object);
	cache_put(cache, digest, &o->cached, 1);
	*ret = o;
	return 0;
}

static void free_manifest(struct cached *cached)
{
	struct shared_manifest *m = (struct shared_manifest *)cached;
	manifest_close(m->manifest);
	free(m);
}

struct shared_manifest *manifests_find(struct cache *cache, const struct digest *digest)
{
	return (struct shared_manifest *)cache_get(cache, digest);
}

int manifests_load(struct cache *cache, struct store *st, const struct artifact *manifest,
		   struct shared_manifest **ret, struct error *err)
{
	int r;

	/* Another thread may have been faster. */
	struct shared_manifest *m = manifests_find(cache, &manifest->digest);
	if (m) {
		*ret = m;
		return 0;
	}

	m = calloc(1, sizeof(*m));
	if (!m)
		return error_no_memory(err);
	r = manifest_open(st, &manifest->digest, &m->manifest, err);
	if (r < 0) {
		free(m);
		return r;
	}
	cached_init(&m->cached, free_manifest);
	/* What a manifest takes in memory is its text, and an entry of pointers and digest for each
	 * file. */
	cache_put(cache, &manifest->digest, &m->cached,
		  manifest->size_bytes + 64 * manifest_n_entries(m->manifest));
	*ret = m;
	return 0;
}
