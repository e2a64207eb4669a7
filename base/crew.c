/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/crew.h"

struct crew {
	const struct crew_work *work;
	pthread_mutex_t mutex; /* guards what follows */
	size_t next; /* to be taken */
	size_t n_told; /* all before this one */
	void **done; /* by item; NULL: not yet, or told */
	bool no_memory;
};

unsigned crew_cores(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return n > 0 ? (unsigned)n : 1;
}

static void tell(struct crew *crew, size_t item)
{
	void *result = crew->done[item];
	crew->done[item] = NULL;
	crew->work->tell(item, result, crew->work->context);
}

static void *work(void *context)
{
	struct crew *crew = context;
	pthread_mutex_lock(&crew->mutex);
	while (crew->next < crew->work->n && !crew->no_memory) {
		size_t item = crew->next++;
		pthread_mutex_unlock(&crew->mutex);
		void *result = crew->work->run(item, crew->work->context);
		pthread_mutex_lock(&crew->mutex);
		crew->done[item] = result;
		crew->no_memory |= !result;
		while (crew->n_told < crew->work->n && crew->done[crew->n_told])
			tell(crew, crew->n_told++);
	}
	pthread_mutex_unlock(&crew->mutex);
	return NULL;
}

int crew_run(const struct crew_work *crew_work, struct error *err)
{
	struct crew crew = { .work = crew_work };
	size_t n_threads = min_u64(crew_work->n_threads, crew_work->n);
	pthread_t *threads = calloc(n_threads + 1, sizeof(*threads));
	crew.done = calloc(crew_work->n + 1, sizeof(*crew.done));
	if (!threads || !crew.done) {
		free(threads);
		free(crew.done);
		return error_no_memory(err);
	}
	pthread_mutex_init(&crew.mutex, NULL);
	/* Where threads are refused, those that there are do it all. */
	size_t n_started = 0;
	while (n_started + 1 < n_threads &&
	       pthread_create(&threads[n_started], NULL, work, &crew) == 0)
		n_started++;
	work(&crew);
	for (size_t i = 0; i < n_started; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = crew.n_told; i < crew_work->n; i++)
		if (crew.done[i])
			tell(&crew, i);
	pthread_mutex_destroy(&crew.mutex);
	free(threads);
	free(crew.done);
	return crew.no_memory ? error_no_memory(err) : 0;
}
