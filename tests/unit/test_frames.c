/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/frames.h"
#include "store/store.h"

#define FRAME (64u << 10)
#define N_FRAMES 16

static char folder[] = "/tmp/dbgvault-frames.XXXXXX";
static struct store *st;
static struct cache *objects;
static uint8_t content[FRAME * N_FRAMES - 100];
static struct digest digest;

static void no_error(int r, const struct error *err)
{
	if (r < 0)
		fail_msg("%s", err->message);
}

static int make_store(void **state)
{
	(void)state;
	struct error err = ERROR_NONE;
	struct object_writer *w;
	struct object_result result;
	char path[64];

	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * i >> 11 ^ i >> 16);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/store", folder);
	no_error(store_init(path, STORE_PRIVATE, (gid_t)-1, &err), &err);
	no_error(store_open(path, STORE_WRITE, &st, &err), &err);
	no_error(object_writer_new(st, NULL, FRAME, &w, &err), &err);
	no_error(object_writer_write(w, content, sizeof(content), &err), &err);
	no_error(object_writer_finish(w, &result, &err), &err);
	object_writer_free(w);
	digest = result.digest;
	no_error(cache_new(sizeof(digest), 8, 8, 0, &objects, &err), &err);
	return 0;
}

static int remove_store(void **state)
{
	(void)state;
	char command[80];
	cache_free(objects);
	store_close(st);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* A reader that sleeps until it is woken. */
struct sleeper {
	struct frames_waiter waiter; /* first */
	pthread_mutex_t mutex;
	pthread_cond_t woken;
	bool awake;
};

static void wake(struct frames_waiter *waiter)
{
	struct sleeper *s = (struct sleeper *)waiter;
	pthread_mutex_lock(&s->mutex);
	s->awake = true;
	pthread_cond_signal(&s->woken);
	pthread_mutex_unlock(&s->mutex);
}

static void sleep_until_woken(struct sleeper *s)
{
	pthread_mutex_lock(&s->mutex);
	while (!s->awake)
		pthread_cond_wait(&s->woken, &s->mutex);
	s->awake = false;
	pthread_mutex_unlock(&s->mutex);
}

#define SLEEPER            \
	((struct sleeper){ \
		{ wake, NULL }, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false })

/* Copy from a frame, however often it has to be waited for. */
static ssize_t read_frame(struct frames *f, struct shared_object *o, size_t index, size_t offset,
			  void *ret, size_t size, struct error *err)
{
	struct sleeper s = SLEEPER;

	for (;;) {
		ssize_t n = frames_copy(f, o, index, offset, ret, size, err);
		if (n)
			return n;
		int r = frames_wait(f, o, index, &s.waiter);
		if (r < 0)
			return r;
		if (r == 1)
			sleep_until_woken(&s);
	}
}

static const char *read_all(struct frames *f, struct shared_object *o, size_t block)
{
	static _Thread_local uint8_t got[FRAME];
	size_t n_frames;
	const struct object_frame *frames = object_frames(o->object, &n_frames);

	for (size_t i = 0; i < n_frames; i++) {
		for (size_t at = 0; at < frames[i].size_bytes;) {
			ssize_t n = read_frame(f, o, i, at, got, block, NULL);
			if (n <= 0)
				return "a frame cannot be read";
			if (memcmp(got, content + frames[i].offset + at, (size_t)n) != 0)
				return "a frame's bytes are others";
			at += (size_t)n;
		}
		if (i + 1 < n_frames)
			frames_prefetch(f, o, i + 1);
	}
	return NULL;
}

static struct shared_object *open_object(void)
{
	struct shared_object *o;
	struct error err = ERROR_NONE;
	no_error(objects_get(objects, st, &digest, &o, &err), &err);
	return o;
}

static void content_is_handed_out(void **state)
{
	(void)state;
	struct workers *workers;
	struct frames *f;
	struct shared_object *o = open_object();
	size_t n_frames;

	object_frames(o->object, &n_frames);
	assert_int_equal(n_frames, N_FRAMES);
	assert_int_equal(workers_new(2, &workers, NULL), 0);
	assert_int_equal(frames_new(64 << 20, workers, &f, NULL), 0);
	assert_null(read_all(f, o, 1000));
	assert_null(read_all(f, o, FRAME));
	assert_int_equal(frames_stats(f).n_decoded, N_FRAMES); /* once each */
	assert_int_equal(frames_stats(f).bytes, sizeof(content));
	workers_free(workers);
	frames_free(f);
	shared_object_release(o);
}

struct reader {
	struct frames *frames;
	struct shared_object *object;
	size_t block;
};

static void *read_in_thread(void *context)
{
	struct reader *r = context;
	return (void *)read_all(r->frames, r->object, r->block);
}

/* Room for three frames and eight readers at different places: all get on, within the room. */
static void memory_is_bounded(void **state)
{
	(void)state;
	struct workers *workers;
	struct frames *f;
	struct shared_object *o = open_object();
	pthread_t threads[8];
	struct reader readers[8];
	bool alive = true;

	assert_int_equal(workers_new(2, &workers, NULL), 0);
	assert_int_equal(frames_new(3 * FRAME, workers, &f, NULL), 0);
	for (size_t i = 0; i < 8; i++) {
		readers[i] = (struct reader){ f, o, 700 + 9000 * i };
		assert_int_equal(pthread_create(&threads[i], NULL, read_in_thread, &readers[i]), 0);
	}
	for (size_t i = 0; i < 8; i++) {
		while (alive) { /* what the server's main loop does */
			void *wrong;
			assert_true(frames_stats(f).bytes <= 3 * FRAME);
			frames_tick(f);
			usleep(1000);
			alive = pthread_tryjoin_np(threads[i], &wrong) == EBUSY;
			if (!alive)
				assert_null(wrong);
		}
		alive = true;
	}
	assert_int_equal(frames_stats(f).n_waiting_for_room, 0);
	workers_free(workers);
	frames_free(f);
	shared_object_release(o);
}

static void damage_is_not_handed_out(void **state)
{
	(void)state;
	struct workers *workers;
	struct frames *f;
	struct shared_object *o = open_object();
	struct error err = ERROR_NONE;
	uint8_t got[100], byte;
	char name[40], path[160];
	size_t n_frames;
	const struct object_frame *frame = &object_frames(o->object, &n_frames)[5];

	snprintf(name, sizeof(name), "objects/%.2s", DIGEST_HEX(&digest));
	snprintf(path, sizeof(path), "%s/store/%s/%s.zst", folder, name, DIGEST_HEX(&digest) + 2);
	assert_int_equal(chmod(path, 0600), 0);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	off_t at = (off_t)(frame->stored_offset + frame->stored_bytes / 2);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);

	assert_int_equal(workers_new(1, &workers, NULL), 0);
	assert_int_equal(frames_new(64 << 20, workers, &f, NULL), 0);
	assert_int_equal(read_frame(f, o, 4, 0, got, sizeof(got), &err), sizeof(got));
	assert_int_equal(read_frame(f, o, 5, 0, got, sizeof(got), &err), -EBADMSG);
	assert_non_null(strstr(err.message, DIGEST_HEX(&digest)));
	assert_int_equal(read_frame(f, o, 6, 0, got, sizeof(got), &err), sizeof(got));
	workers_free(workers);
	frames_free(f);

	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
	shared_object_release(o);
}

static void stopping_wakes_everyone(void **state)
{
	(void)state;
	struct workers *workers;
	struct frames *f;
	struct shared_object *o = open_object();
	struct sleeper sleepers[3] = { SLEEPER, SLEEPER, SLEEPER };
	uint8_t got[10];

	assert_int_equal(workers_new(1, &workers, NULL), 0);
	assert_int_equal(frames_new(1, workers, &f, NULL), 0); /* one at a time */
	assert_int_equal(read_frame(f, o, 0, 0, got, sizeof(got), NULL), sizeof(got));
	for (size_t i = 0; i < 3;
	     i++) /* frame 0 was read just now, so there is no room for these */
		assert_int_equal(frames_wait(f, o, 1 + i / 2, &sleepers[i].waiter), 1);
	assert_int_equal(frames_stats(f).n_waiting_for_room, 2);
	frames_stop(f);
	for (size_t i = 0; i < 3; i++)
		sleep_until_woken(&sleepers[i]);
	assert_int_equal(frames_wait(f, o, 3, &sleepers[0].waiter), -ECANCELED);
	assert_int_equal(frames_copy(f, o, 0, 0, got, sizeof(got), NULL), -ECANCELED);
	workers_free(workers);
	frames_free(f);
	shared_object_release(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_is_handed_out),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(damage_is_not_handed_out),
		cmocka_unit_test(stopping_wakes_everyone),
	};
	return cmocka_run_group_tests(tests, make_store, remove_store);
}
