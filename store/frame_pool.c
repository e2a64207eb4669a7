/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <zstd.h>

#include "store/frame_pool.h"
#include "store/object.h"

#define SMALL_BUFFER \
	(OBJECT_SMALL_FRAME_LIMIT + (4u << 10)) /* up to this size from malloc, not kept */
#define STACK_SIZE (512u << 10)
#define MIB (1u << 20)
#define HUGE_PAGE (2 * MIB) /* of most machines; where it is another size, a hint fails */

struct compressor {
	struct compressor *next;
	struct frame_pool *pool;
	ZSTD_CCtx *context; /* made by the first run */
	struct frame_buffer *output;
};

struct frame_pool {
	int level;
	pthread_mutex_t mutex;
	pthread_cond_t work_there; /* a job is queued, or a compressor is free, or it ends */
	pthread_cond_t compressor_free; /* for those outside */
	pthread_cond_t slot_free;
	struct frame_job *first_job, **last_job;
	struct compressor *compressors; /* the free ones */
	struct frame_buffer *buffers; /* the free ones, each for any frame */
	unsigned n_slots; /* free */
	unsigned n_started, n_idle, n_waiting_outside;
	bool ends;
	unsigned n_workers; /* threads and compressors at most */
	struct compressor *all_compressors;
	pthread_t threads[];
};

/*
 * What a compressor takes, in MiB, rounded up from ZSTD_sizeof_CCtx() with a frame of 4 MiB and the
 * limits that configure() sets.
 */
static unsigned compressor_mib(int level)
{
	return level <= 4 ? 4 : level <= 8 ? 10 : level <= 12 ? 16 : 28;
}

/*
 * A worker takes its compressor, a buffer for its output and, while it is busy, the frame it works
 * on; slots beyond the workers' let the next frames be made meanwhile.
 */
static void set_limits(struct frame_pool *pool, unsigned n_threads)
{
	unsigned frame_mib = OBJECT_FRAME_LIMIT / MIB;
	unsigned each = compressor_mib(pool->level) + 2 * frame_mib;
	unsigned spare = pool->level <= 4 ? n_threads + 2 : 2;
	unsigned budget = 64 + 3 * frame_mib * n_threads - spare * frame_mib;
	unsigned n = budget / each;
	pool->n_workers = n < 1 ? 1 : n > n_threads ? n_threads : n;
	unsigned n_slots = pool->n_workers + spare;
	pool->n_slots = n_slots > 3 * n_threads ? 3 * n_threads : n_slots;
}

int frame_pool_new(int level, unsigned n_threads, struct frame_pool **ret, struct error *err)
{
	struct frame_pool *pool = calloc(1, sizeof(*pool) + n_threads * sizeof(pool->threads[0]));
	if (!pool)
		return error_no_memory(err);
	pool->level = level;
	pool->last_job = &pool->first_job;
	set_limits(pool, n_threads);
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->work_there, NULL);
	pthread_cond_init(&pool->compressor_free, NULL);
	pthread_cond_init(&pool->slot_free, NULL);

	pool->all_compressors = calloc(pool->n_workers, sizeof(*pool->all_compressors));
	if (!pool->all_compressors) {
		frame_pool_free(pool);
		return error_no_memory(err);
	}
	for (unsigned i = 0; i < pool->n_workers; i++) {
		struct compressor *c = &pool->all_compressors[i];
		c->pool = pool;
		c->next = pool->compressors;
		pool->compressors = c;
	}
	*ret = pool;
	return 0;
}

static void buffer_free(struct frame_buffer *b)
{
	if (b)
		free(b->bytes);
	free(b);
}

void frame_pool_free(struct frame_pool *pool)
{
	if (!pool)
		return;
	assert(!pool->first_job);
	pthread_mutex_lock(&pool->mutex);
	pool->ends = true;
	pthread_cond_broadcast(&pool->work_there);
	pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->n_started; i++)
		pthread_join(pool->threads[i], NULL);

	for (unsigned i = 0; pool->all_compressors && i < pool->n_workers; i++) {
		ZSTD_freeCCtx(pool->all_compressors[i].context);
		buffer_free(pool->all_compressors[i].output);
	}
	free(pool->all_compressors);
	while (pool->buffers) {
		struct frame_buffer *b = pool->buffers;
		pool->buffers = b->next;
		buffer_free(b);
	}
	pthread_cond_destroy(&pool->slot_free);
	pthread_cond_destroy(&pool->compressor_free);
	pthread_cond_destroy(&pool->work_there);
	pthread_mutex_destroy(&pool->mutex);
	free(pool);
}

/* ---- buffers ---- */

/* zstd's matches lie all over a frame: with huge pages, measured, 3 to 5 % less time goes to
 * looking them up. */
static uint8_t *allocate_large(size_t size)
{
	uint8_t *bytes = aligned_alloc(HUGE_PAGE, align_up(size, HUGE_PAGE));
#ifdef MADV_HUGEPAGE
	if (bytes) /* only a hint; and none for the rest, which is smaller than a page of that size
		    */
		(void)madvise(bytes, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
	return bytes;
}

struct frame_buffer *frame_buffer_get(struct frame_pool *pool, size_t size)
{
	struct frame_buffer *b = NULL;
	bool is_large = size > SMALL_BUFFER;
	if (is_large) {
		size = ZSTD_compressBound(OBJECT_FRAME_LIMIT);
		pthread_mutex_lock(&pool->mutex);
		b = pool->buffers;
		if (b)
			pool->buffers = b->next;
		pthread_mutex_unlock(&pool->mutex);
		if (b)
			return b;
	}
	b = malloc(sizeof(*b));
	if (!b)
		return NULL;
	*b = (struct frame_buffer){ .capacity = size };
	b->bytes = is_large ? allocate_large(size) : malloc(size ? size : 1);
	if (!b->bytes) {
		free(b);
		return NULL;
	}
	return b;
}

void frame_buffer_put(struct frame_pool *pool, struct frame_buffer *b)
{
	if (!b)
		return;
	if (b->capacity <= SMALL_BUFFER) {
		buffer_free(b);
		return;
	}
	pthread_mutex_lock(&pool->mutex);
	b->next = pool->buffers;
	pool->buffers = b;
	pthread_mutex_unlock(&pool->mutex);
}

/* ---- compressors ---- */

struct compressor *compressor_borrow(struct frame_pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->n_waiting_outside++;
	while (!pool->compressors)
		pthread_cond_wait(&pool->compressor_free, &pool->mutex);
	pool->n_waiting_outside--;
	struct compressor *c = pool->compressors;
	pool->compressors = c->next;
	if (pool->first_job && pool->compressors && pool->n_idle)
		pthread_cond_signal(&pool->work_there); /* who stood back for us goes on */
	pthread_mutex_unlock(&pool->mutex);
	return c;
}

/* With the mutex held. Those outside go first, for workers stand back: theirs are small frames. */
static void give_back(struct frame_pool *pool, struct compressor *c)
{
	c->next = pool->compressors;
	pool->compressors = c;
	if (pool->n_waiting_outside)
		pthread_cond_signal(&pool->compressor_free);
	else if (pool->first_job && pool->n_idle)
		pthread_cond_signal(&pool->work_there);
}

void compressor_give_back(struct frame_pool *pool, struct compressor *c)
{
	pthread_mutex_lock(&pool->mutex);
	give_back(pool, c);
	pthread_mutex_unlock(&pool->mutex);
}

/* zstd fits all of these to the frame's size, so they are what a full frame may have at most. */
static bool configure(struct compressor *c)
{
	int level = c->pool->level;
	c->context = ZSTD_createCCtx();
	if (!c->context)
		return false;
	size_t z = ZSTD_CCtx_setParameter(c->context, ZSTD_c_compressionLevel, level);
	if (!ZSTD_isError(z))
		z = ZSTD_CCtx_setParameter(c->context, ZSTD_c_checksumFlag, 1);
	if (!ZSTD_isError(z) &&
	    level >= 10) /* tables for more than a frame's positions are waste */
		z = ZSTD_CCtx_setParameter(c->context, ZSTD_c_hashLog, 21);
	if (!ZSTD_isError(z) && level >= 13)
		z = ZSTD_CCtx_setParameter(c->context, ZSTD_c_chainLog, 22);
	if (!ZSTD_isError(z) && level >= 17)
		z = ZSTD_CCtx_setParameter(c->context, ZSTD_c_windowLog, 22);
	if (!ZSTD_isError(z))
		return true;
	ZSTD_freeCCtx(c->context);
	c->context = NULL;
	return false;
}

int compressor_run(struct compressor *c, const uint8_t *bytes, size_t size, size_t *ret_size,
		   struct error *err)
{
	assert(size <= OBJECT_FRAME_LIMIT);
	if (!c->context && !configure(c))
		return error_no_memory(err);
	size_t needed = ZSTD_compressBound(size);
	if (c->output && c->output->capacity < needed)
		frame_buffer_put(c->pool, take(c->output));
	if (!c->output)
		c->output = frame_buffer_get(c->pool, needed);
	if (!c->output)
		return error_no_memory(err);
	size_t z = ZSTD_compress2(c->context, c->output->bytes, c->output->capacity, bytes, size);
	if (ZSTD_isError(z))
		return error_set(err, -ENOMEM, "compressing a frame of %zu bytes: %s", size,
				 ZSTD_getErrorName(z));
	*ret_size = z;
	return 0;
}

const uint8_t *compressor_output(const struct compressor *c)
{
	return c->output->bytes;
}

struct frame_buffer *compressor_take_output(struct compressor *c)
{
	return take(c->output);
}

/* ---- jobs ---- */

void frame_pool_take_slot(struct frame_pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	while (!pool->n_slots)
		pthread_cond_wait(&pool->slot_free, &pool->mutex);
	pool->n_slots--;
	pthread_mutex_unlock(&pool->mutex);
}

void frame_pool_give_slot(struct frame_pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->n_slots++;
	pthread_cond_signal(&pool->slot_free);
	pthread_mutex_unlock(&pool->mutex);
}

static void *work(void *arg)
{
	struct frame_pool *pool = arg;
	pthread_mutex_lock(&pool->mutex);
	for (;;) {
		/* A job is taken only with a compressor at hand: its frame comes before those
		 * behind it. */
		while (!pool->ends &&
		       (!pool->first_job || !pool->compressors || pool->n_waiting_outside)) {
			pool->n_idle++;
			pthread_cond_wait(&pool->work_there, &pool->mutex);
			pool->n_idle--;
		}
		if (pool->ends)
			break;
		struct compressor *c = pool->compressors;
		pool->compressors = c->next;
		struct frame_job *job = pool->first_job;
		pool->first_job = job->next;
		if (!pool->first_job)
			pool->last_job = &pool->first_job;
		pthread_mutex_unlock(&pool->mutex);

		job->run(job, c);

		pthread_mutex_lock(&pool->mutex);
		give_back(pool, c);
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

/* Signals are for the program's own threads; but a SIGBUS of lent bytes comes to who reads them. */
static void start_thread(struct frame_pool *pool)
{
	sigset_t blocked, before;
	sigfillset(&blocked);
	sigdelset(&blocked, SIGBUS);
	sigdelset(&blocked, SIGSEGV);
	sigdelset(&blocked, SIGFPE);
	sigdelset(&blocked, SIGILL);
	pthread_attr_t attributes;
	if (pthread_attr_init(&attributes) != 0)
		return;
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	if (pthread_create(&pool->threads[pool->n_started], &attributes, work, pool) == 0)
		pool->n_started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

void frame_pool_submit(struct frame_pool *pool, struct frame_job *job)
{
	pthread_mutex_lock(&pool->mutex);
	/* A thread that cannot be started is no trouble while there is another, even if it is this
	 * one. */
	if (!pool->n_idle && pool->n_started < pool->n_workers)
		start_thread(pool);
	bool is_queued = pool->n_started > 0;
	if (is_queued) {
		job->next = NULL;
		*pool->last_job = job;
		pool->last_job = &job->next;
		pthread_cond_signal(&pool->work_there);
	}
	pthread_mutex_unlock(&pool->mutex);
	if (is_queued)
		return;
	struct compressor *c = compressor_borrow(pool);
	job->run(job, c);
	compressor_give_back(pool, c);
}
