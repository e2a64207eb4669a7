/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "server/workers.h"

struct workers {
	pthread_mutex_t mutex;
	pthread_cond_t posted;
	struct work *first, **last;
	struct workers_stats stats;
	bool ending;
	pthread_t threads[];
};

static void *work_on(void *context)
{
	struct workers *w = context;

	pthread_mutex_lock(&w->mutex);
	for (;;) {
		while (!w->first && !w->ending)
			pthread_cond_wait(&w->posted, &w->mutex);
		struct work *work = w->first;
		if (!work)
			break;
		w->first = work->next;
		if (!w->first)
			w->last = &w->first;
		w->stats.n_waiting--;
		w->stats.n_busy++;
		pthread_mutex_unlock(&w->mutex);

		work->run(work); /* may free it, or post it again */

		pthread_mutex_lock(&w->mutex);
		w->stats.n_busy--;
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

int workers_new(unsigned n_threads, struct workers **ret, struct error *err)
{
	struct workers *w = calloc(1, sizeof(*w) + n_threads * sizeof(w->threads[0]));
	if (!w)
		return error_no_memory(err);
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->posted, NULL);
	w->last = &w->first;

	for (; w->stats.n_threads < n_threads; w->stats.n_threads++) {
		int r = -pthread_create(&w->threads[w->stats.n_threads], NULL, work_on, w);
		if (r < 0) {
			workers_free(w);
			return error_errno(err, r, "starting a worker thread");
		}
	}
	*ret = w;
	return 0;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->mutex);
	w->ending = true;
	pthread_cond_broadcast(&w->posted);
	pthread_mutex_unlock(&w->mutex);

	for (unsigned i = 0; i < w->stats.n_threads; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cond_destroy(&w->posted);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

void workers_post(struct workers *w, struct work *work)
{
	work->next = NULL;
	pthread_mutex_lock(&w->mutex);
	*w->last = work;
	w->last = &work->next;
	w->stats.n_waiting++;
	pthread_cond_signal(&w->posted);
	pthread_mutex_unlock(&w->mutex);
}

struct workers_stats workers_stats(struct workers *w)
{
	pthread_mutex_lock(&w->mutex);
	struct workers_stats stats = w->stats;
	pthread_mutex_unlock(&w->mutex);
	return stats;
}
