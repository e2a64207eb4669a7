/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/breaker.h"
#include "server/misses.h"
#include "server/transfer.h"
#include "server/upstreams.h"
#include <pthread.h>

/* What is asked of upstreams, from the first transfer to the waking of who waits. */

struct upstream {
	char *url;
	struct breaker breaker;
	uint64_t n_found, n_missing, n_failed;
};

/** What is asked for once for all who want it. */
struct fetch {
	struct work work; /* first: a worker judges an answer */
	struct upstreams *all;
	struct fetch *next;
	struct digest key;
	enum kind kind;
	struct build_id id;
	char *name, *forwarded, *via;
	uint64_t began_ms;
	bool begun;

	/* Guarded by the mutex. */
	struct upstream_waiter *waiters;
	struct fetch *next_judged;

	/* The thread's own. */
	struct transfer *transfers; /* one for each upstream */
	struct transfer *taken; /* whose answer is coming, or is judged */
	bool judging;
	size_t n_missing; /* said so */

	/* The worker's. */
	int judged_r;
	struct error judged_err;
	struct shared_bytes *bytes;
};

struct upstreams {
	struct upstream *each;
	size_t n;
	uint64_t budget_ms, bytes_max;
	struct kept *kept;
	struct workers *workers;
	struct misses *misses;
	struct cache *sources; /* digest -> shared_bytes */
	int tmp_fd; /* of the kept store */
	CURLM *multi;
	pthread_t thread;
	bool started;

	pthread_mutex_t mutex; /* guards what follows, and each upstream's counters and breaker */
	struct fetch *fetches;
	size_t n_fetches;
	struct fetch *judged;
	bool ending;
};

/** NULL: no memory. */
struct fetch *fetch_new(struct upstreams *u, const struct upstream_wish *wish,
			const struct digest *key);

/** The thread that serves all fetches of these upstreams, until their end is asked for and all are
 * done. */
void *fetches_serve(void *upstreams);
