/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/frames.h"

#define N_BUCKETS 1024

/* A frame that was read so lately is left to its reader, even where another waits for room. */
#define HOLD_MS 1000
/* A frame that nobody reads is let go after this, room or not. */
#define IDLE_MS 3000

enum state {
	WAITING, /* for room */
	DECODING, /* a worker has it, or will */
	READY,
	FAILED,
};

struct frame_key {
	struct digest object;
	uint64_t encoding;
	uint64_t index;
};

struct frame {
	struct work work; /* first */
	struct frames *owner;
	struct frame *next; /* of its bucket */
	struct frame *newer, *older; /* READY and FAILED: by last use; WAITING: by arrival */
	struct frame_key key;
	enum state state;
	int r; /* of FAILED */
	struct error error;
	struct shared_object *object; /* held until decoded */
	struct frames_waiter *waiters;
	unsigned n_users; /* that copy from it right now */
	uint64_t used_at_ms;
	bool finished; /* read to its end by someone */
	size_t size;
	uint8_t *bytes;
};

/* A list by @newer and @older. */
struct frame_list {
	struct frame *newest, *oldest;
};

struct frames {
	pthread_mutex_t mutex;
	struct workers *workers;
	uint64_t bytes_max;
	struct frames_stats stats;
	bool stopped;
	struct frame_list done, waiting;
	struct frame *buckets[N_BUCKETS];
};

int frames_new(uint64_t bytes_max, struct workers *workers, struct frames **ret, struct error *err)
{
	struct frames *f = calloc(1, sizeof(*f));
	if (!f)
		return error_no_memory(err);
	pthread_mutex_init(&f->mutex, NULL);
	f->workers = workers;
	f->bytes_max = bytes_max;
	*ret = f;
	return 0;
}

static void list_remove(struct frame_list *list, struct frame *e)
{
	*(e->newer ? &e->newer->older : &list->newest) = e->older;
	*(e->older ? &e->older->newer : &list->oldest) = e->newer;
}

static void list_put_newest(struct frame_list *list, struct frame *e)
{
	e->newer = NULL;
	e->older = list->newest;
	*(list->newest ? &list->newest->newer : &list->oldest) = e;
	list->newest = e;
}

static void list_put_oldest(struct frame_list *list, struct frame *e)
{
	e->older = NULL;
	e->newer = list->oldest;
	*(list->oldest ? &list->oldest->older : &list->newest) = e;
	list->oldest = e;
}

static struct frame **bucket_of(struct frames *f, const struct frame_key *key)
{
	uint64_t hash;
	memcpy(&hash, key->object.bytes, sizeof(hash));
	hash += key->encoding + key->index * UINT64_C(0x9e3779b97f4a7c15);
	return &f->buckets[(hash ^ hash >> 32) % N_BUCKETS];
}

static struct frame *find(struct frames *f, const struct frame_key *key)
{
	struct frame *e = *bucket_of(f, key);
	while (e && !(e->key.index == key->index && e->key.encoding == key->encoding &&
		      digest_equal(&e->key.object, &key->object)))
		e = e->next;
	return e;
}

static struct frame_key key_of(const struct shared_object *o, size_t index)
{
	return (struct frame_key){ *object_digest(o->object), object_encoding_hash(o->object),
				   index };
}

/* Out of table and list; used by nobody. Gives its room back. */
static void drop(struct frames *f, struct frame *e)
{
	struct frame **at = bucket_of(f, &e->key);
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	list_remove(e->state == WAITING ? &f->waiting : &f->done, e);
	f->stats.n_frames--;
	if (e->state == WAITING)
		f->stats.n_waiting_for_room--;
	else
		f->stats.bytes -= e->size;
	shared_object_release(e->object);
	free(e->bytes);
	free(e);
}

void frames_free(struct frames *f)
{
	if (!f)
		return;
	while (f->done.oldest)
		drop(f, f->done.oldest);
	while (f->waiting.oldest)
		drop(f, f->waiting.oldest);
	pthread_mutex_destroy(&f->mutex);
	free(f);
}

/* Two threads' clocks readings may come in either order. */
static bool idle_for(const struct frame *e, uint64_t now, int64_t ms)
{
	return (int64_t)(now - e->used_at_ms) >= ms;
}

static bool make_room(struct frames *f, uint64_t size, uint64_t now)
{
	for (struct frame *e = f->done.oldest; e && f->stats.bytes + size > f->bytes_max;) {
		struct frame *newer = e->newer;
		if (!e->n_users && (e->finished || idle_for(e, now, HOLD_MS)))
			drop(f, e);
		e = newer;
	}
	/* One frame must always be possible. */
	return f->stats.bytes + size <= f->bytes_max || !f->stats.bytes;
}

static void wake_all(struct frames_waiter *waiters)
{
	while (waiters) {
		struct frames_waiter *next = waiters->next; /* gone once it is woken */
		waiters->wake(waiters);
		waiters = next;
	}
}

static int decode(struct frame *e)
{
	int r;

	e->bytes = malloc(e->size ? e->size : 1);
	if (!e->bytes)
		return error_no_memory(&e->error);

	const struct object *o = e->object->object;
	size_t n_frames, got;
	const struct object_frame *frame = &object_frames(o, &n_frames)[e->key.index];

	scoped(object_reader_freep) struct object_reader *reader = NULL;
	r = object_reader_new(o, &reader, &e->error);
	if (r < 0)
		return r;
	r = object_read(reader, frame->offset, e->bytes, e->size, &got, &e->error);
	if (r < 0)
		return r;
	if (got != e->size)
		return error_set(&e->error, -EBADMSG, "frame %llu ends early",
				 (unsigned long long)e->key.index);
	return 0;
}

static void run(struct work *work)
{
	struct frame *e = (struct frame *)work;
	struct frames *f = e->owner;

	int r = decode(e);
	uint64_t now = monotonic_ms();

	pthread_mutex_lock(&f->mutex);
	e->state = r < 0 ? FAILED : READY;
	e->r = r;
	e->used_at_ms = now;
	struct frames_waiter *waiters = take(e->waiters);
	struct shared_object *object = take(e->object);
	list_put_newest(&f->done, e);
	f->stats.n_decoded++;
	pthread_mutex_unlock(&f->mutex);

	shared_object_release(object);
	wake_all(waiters);
}

/* Begin what waits for room, in order of arrival. */
static void begin_waiting(struct frames *f, uint64_t now)
{
	struct frame *e;
	while ((e = f->waiting.oldest) && !f->stopped && make_room(f, e->size, now)) {
		list_remove(&f->waiting, e);
		f->stats.n_waiting_for_room--;
		f->stats.bytes += e->size;
		e->state = DECODING;
		workers_post(f->workers, &e->work);
	}
}

static struct frame *add(struct frames *f, const struct frame_key *key, struct shared_object *o)
{
	struct frame *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;

	size_t n_frames;
	e->work.run = run;
	e->owner = f;
	e->key = *key;
	e->size = object_frames(o->object, &n_frames)[key->index].size_bytes;
	e->object = o;
	cached_hold(&o->cached);

	struct frame **bucket = bucket_of(f, key);
	e->next = *bucket;
	*bucket = e;
	f->stats.n_frames++;
	e->state = WAITING;
	list_put_newest(&f->waiting, e);
	f->stats.n_waiting_for_room++;
	return e;
}

ssize_t frames_copy(struct frames *f, const struct shared_object *o, size_t index, size_t offset,
		    void *ret, size_t size, struct error *err)
{
	struct frame_key key = key_of(o, index);
	uint64_t now = monotonic_ms();

	pthread_mutex_lock(&f->mutex);
	struct frame *e = f->stopped ? NULL : find(f, &key);
	if (!e || e->state != READY) {
		int r = f->stopped ? -ECANCELED : 0;
		if (e && e->state == FAILED) {
			r = e->r;
			if (err)
				*err = e->error;
		}
		pthread_mutex_unlock(&f->mutex);
		return r;
	}
	e->n_users++;
	pthread_mutex_unlock(&f->mutex);

	size_t n = offset < e->size ? min_u64(size, e->size - offset) : 0;
	memcpy(ret, e->bytes + offset, n);

	pthread_mutex_lock(&f->mutex);
	e->n_users--;
	e->used_at_ms = now;
	list_remove(&f->done, e);
	if (offset + n == e->size) { /* done with: the first to go */
		e->finished = true;
		list_put_oldest(&f->done, e);
		begin_waiting(f, now);
	} else {
		list_put_newest(&f->done, e);
	}
	pthread_mutex_unlock(&f->mutex);
	return (ssize_t)n;
}

int frames_wait(struct frames *f, struct shared_object *o, size_t index,
		struct frames_waiter *waiter)
{
	struct frame_key key = key_of(o, index);
	int r = 1;

	pthread_mutex_lock(&f->mutex);
	struct frame *e = f->stopped ? NULL : find(f, &key);
	if (f->stopped) {
		r = -ECANCELED;
	} else if (e && (e->state == READY || e->state == FAILED)) {
		r = 0;
	} else if (!e && !(e = add(f, &key, o))) {
		r = -ENOMEM;
	} else {
		waiter->next = e->waiters;
		e->waiters = waiter;
		begin_waiting(f, monotonic_ms());
	}
	pthread_mutex_unlock(&f->mutex);
	return r;
}

void frames_prefetch(struct frames *f, struct shared_object *o, size_t index)
{
	struct frame_key key = key_of(o, index);
	size_t n_frames;
	size_t size = object_frames(o->object, &n_frames)[index].size_bytes;

	pthread_mutex_lock(&f->mutex);
	if (!f->stopped && !f->waiting.oldest && f->stats.bytes + size <= f->bytes_max &&
	    !find(f, &key) && add(f, &key, o))
		begin_waiting(f, monotonic_ms());
	pthread_mutex_unlock(&f->mutex);
}

void frames_tick(struct frames *f)
{
	uint64_t now = monotonic_ms();

	pthread_mutex_lock(&f->mutex);
	for (struct frame *e = f->done.oldest; e;) {
		struct frame *newer = e->newer;
		/* A damaged object may be mended by now. */
		if (!e->n_users && idle_for(e, now, e->state == FAILED ? HOLD_MS : IDLE_MS))
			drop(f, e);
		e = newer;
	}
	begin_waiting(f, now);
	pthread_mutex_unlock(&f->mutex);
}

void frames_stop(struct frames *f)
{
	struct frames_waiter *waiters = NULL, **last = &waiters;

	pthread_mutex_lock(&f->mutex);
	f->stopped = true;
	for (size_t i = 0; i < N_BUCKETS; i++) {
		for (struct frame *e = f->buckets[i]; e; e = e->next) {
			*last = take(e->waiters);
			while (*last)
				last = &(*last)->next;
		}
	}
	pthread_mutex_unlock(&f->mutex);
	wake_all(waiters);
}

struct frames_stats frames_stats(struct frames *f)
{
	pthread_mutex_lock(&f->mutex);
	struct frames_stats stats = f->stats;
	pthread_mutex_unlock(&f->mutex);
	return stats;
}
