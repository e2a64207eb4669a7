/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mapping.h"
#include "elf/notes.h"
#include "server/kept.h"
#include "store/add.h"
#include "store/maintain.h"
#include "store/store.h"

#define N_AT_ONCE 256 /* builds that are let go together: removing looks at every record */

struct kept_build {
	struct build_id id;
	uint64_t bytes;
	uint64_t used; /* a running number: larger is later */
};

struct kept {
	struct shelf shelf;
	uint64_t bytes_max;
	pthread_mutex_t removing; /* by one thread at a time */
	pthread_mutex_t mutex; /* guards all below */
	struct kept_build *builds; /* by ID */
	size_t n_builds, n_room;
	uint64_t bytes, n_uses, n_let_go;
};

/* ---- what is there, and how recently used ---- */

/* The index of a build, or where it would be. */
static size_t find(const struct kept *k, const struct build_id *id, bool *ret_found)
{
	size_t low = 0, high = k->n_builds;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(&k->builds[middle].id, id, sizeof(*id));
		if (!order) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

static uint64_t stored_bytes(struct store *st, const struct artifact *artifact)
{
	scoped(object_closep) struct object *o = NULL;
	if (!artifact->present || object_open(st, &artifact->digest, &o, NULL) < 0)
		return 0;
	return object_stored_size(o);
}

static int note(struct kept *k, const struct build *build, struct error *err)
{
	uint64_t bytes = stored_bytes(k->shelf.store, &build->debug);
	bool found;

	if (!build->debug.present || !build->executable.present ||
	    !digest_equal(&build->debug.digest, &build->executable.digest))
		bytes += stored_bytes(k->shelf.store, &build->executable);

	pthread_mutex_lock(&k->mutex);
	size_t at = find(k, &build->id, &found);
	if (!found) {
		if (k->n_builds == k->n_room) {
			size_t n_room = k->n_room ? 2 * k->n_room : 64;
			struct kept_build *grown = reallocarray(k->builds, n_room, sizeof(*grown));
			if (!grown) {
				pthread_mutex_unlock(&k->mutex);
				return error_no_memory(err);
			}
			k->builds = grown;
			k->n_room = n_room;
		}
		memmove(&k->builds[at + 1], &k->builds[at],
			(k->n_builds - at) * sizeof(*k->builds));
		k->builds[at] = (struct kept_build){ .id = build->id };
		k->n_builds++;
	}
	k->bytes += bytes - k->builds[at].bytes;
	k->builds[at].bytes = bytes;
	k->builds[at].used = ++k->n_uses;
	pthread_mutex_unlock(&k->mutex);
	return 0;
}

void kept_touch(struct kept *k, const struct build_id *id)
{
	bool found;

	pthread_mutex_lock(&k->mutex);
	size_t at = find(k, id, &found);
	if (found)
		k->builds[at].used = ++k->n_uses;
	pthread_mutex_unlock(&k->mutex);
}

/* ---- letting go ---- */

static int by_use(const void *a, const void *b)
{
	uint64_t x = ((const struct kept_build *)a)->used, y = ((const struct kept_build *)b)->used;
	return x < y ? -1 : x > y;
}

/* The least recently used, until nine tenths of the room are enough; none where it is enough
 * already. */
static size_t choose(struct kept *k, struct build_id ids[static N_AT_ONCE])
{
	size_t n = 0;

	pthread_mutex_lock(&k->mutex);
	struct kept_build *all = NULL;
	if (k->bytes > k->bytes_max)
		all = reallocarray(NULL, k->n_builds, sizeof(*all));
	if (all) {
		memcpy(all, k->builds, k->n_builds * sizeof(*all));
		qsort(all, k->n_builds, sizeof(*all), by_use);
		uint64_t bytes = k->bytes;
		/* The last one used stays, however large. */
		for (; n + 1 < k->n_builds && n < N_AT_ONCE && bytes > k->bytes_max / 10 * 9; n++) {
			ids[n] = all[n].id;
			bytes -= all[n].bytes;
		}
	}
	pthread_mutex_unlock(&k->mutex);
	free(all);
	return n;
}

static void forget(struct kept *k, const struct build_id *id)
{
	bool found;

	pthread_mutex_lock(&k->mutex);
	size_t at = find(k, id, &found);
	if (found) {
		k->bytes -= k->builds[at].bytes;
		k->n_builds--;
		memmove(&k->builds[at], &k->builds[at + 1],
			(k->n_builds - at) * sizeof(*k->builds));
		k->n_let_go++;
	}
	pthread_mutex_unlock(&k->mutex);
}

static int let_go(struct kept *k, struct error *err)
{
	int r = 0;
	struct build_id ids[N_AT_ONCE];
	size_t n;

	pthread_mutex_lock(&k->removing);
	while (r == 0 && (n = choose(k, ids)) != 0) {
		struct remove_result removed = { 0 };
		r = store_remove_builds(k->shelf.store, ids, n, false, &removed, err);
		for (size_t i = 0; i < n; i++) {
			/* It may come back: the tombstone is for what is not wanted any more. */
			char tombstone[32 + BUILD_ID_HEX_SIZE];
			snprintf(tombstone, sizeof(tombstone), "removed/builds/%s",
				 BUILD_ID_HEX(&ids[i]));
			unlinkat(store_fd(k->shelf.store), tombstone, 0);
			forget(k, &ids[i]);
		}
	}
	pthread_mutex_unlock(&k->removing);
	return r;
}

/* ---- taking in ---- */

static int add_image(struct kept *k, const struct image *image, const struct mapping *mapping,
		     const struct build_id *id, const char *upstream, const char *path,
		     struct error *err)
{
	int r;
	struct build_id own;

	r = image_build_id(image, &own, NULL, err);
	if (r < 0)
		return error_set(err, -EINVAL, "it has no build ID");
	if (!build_id_equal(&own, id))
		return error_set(err, -EINVAL, "it has build ID %s", BUILD_ID_HEX(&own));

	scoped(string_free) char *tag = NULL;
	r = string_format(&tag, err, "upstream=%s", upstream);
	if (r < 0)
		return r;
	struct origin origin = { .path = (char *)path, .tags = &tag, .n_tags = 1 };
	struct object_result object;
	struct build build;
	r = store_add_image(k->shelf.store, image, mapping, &origin, NULL, &object, &build, err);
	return r < 0 ? r : note(k, &build, err);
}

int kept_add(struct kept *k, int fd, const struct build_id *id, const char *origin,
	     const char *path, struct error *err)
{
	int r;

	scoped(mapping_closep) struct mapping *mapping = NULL;
	r = mapping_open(fd, "the answer", &mapping, err);
	if (r < 0)
		return r;
	scoped(image_close) struct image image = { 0 };
	r = image_open(mapping_bytes(mapping), mapping_size(mapping), &image, err);
	if (r < 0)
		return r;
	r = add_image(k, &image, mapping, id, origin, path, err);
	if (r < 0)
		return r;

	/* It is there: that others could not go is another matter. */
	struct error why = ERROR_NONE;
	if (let_go(k, &why) < 0)
		log_warning("what upstreams gave, letting go of the oldest: %s", why.message);
	return 0;
}

/* ---- opening ---- */

static int note_found(const struct build *build, const char *path, void *context, struct error *err)
{
	(void)path;
	return note(context, build, err);
}

int kept_open(const char *path, uint64_t bytes_max, struct kept **ret, struct error *err)
{
	int r;

	scoped(kept_closep) struct kept *k = calloc(1, sizeof(*k));
	if (!k)
		return error_no_memory(err);
	k->bytes_max = bytes_max;
	pthread_mutex_init(&k->mutex, NULL);
	pthread_mutex_init(&k->removing, NULL);

	r = store_init(path, STORE_PRIVATE, (gid_t)-1, err);
	if (r == 0 || r == -EEXIST)
		r = store_open(path, STORE_WRITE, &k->shelf.store, err);
	if (r < 0)
		return r;
	lookups_open(&k->shelf.lookups, k->shelf.store);

	struct lookup *lookup;
	r = lookups_get(&k->shelf.lookups, &lookup, err);
	if (r == 0)
		r = lookup_each(lookup, note_found, k, err);
	if (r == 0)
		r = let_go(k, err);
	if (r < 0)
		return r;
	*ret = take(k);
	return 0;
}

void kept_close(struct kept *k)
{
	if (!k)
		return;
	if (k->shelf.store)
		lookups_close(&k->shelf.lookups);
	store_close(k->shelf.store);
	pthread_mutex_destroy(&k->mutex);
	pthread_mutex_destroy(&k->removing);
	free(k->builds);
	free(k);
}

struct shelf *kept_shelf(struct kept *k)
{
	return &k->shelf;
}

struct kept_stats kept_stats(struct kept *k)
{
	pthread_mutex_lock(&k->mutex);
	struct kept_stats stats = { k->n_builds, k->bytes, k->n_let_go };
	pthread_mutex_unlock(&k->mutex);
	return stats;
}
