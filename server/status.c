/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "server/internal.h"
#include "store/store.h"

/* Counting ten million builds takes a while: no more often than this, and by a worker. */
#define COUNT_EVERY_MS 10000

int count_store(struct server *s, struct error *err)
{
	int r;
	struct lookup *lookup;
	struct lookup_counts counts;

	r = lookups_get(&s->own.lookups, &lookup, err);
	if (r == 0)
		r = lookup_count_artifacts(lookup, &counts, err);
	if (r < 0)
		return r;
	atomic_store(&s->n_builds, counts.n_builds);
	atomic_store(&s->n_debug, counts.n_debug);
	atomic_store(&s->n_executables, counts.n_executables);
	atomic_store(&s->n_sources, counts.n_sources);
	atomic_store(&s->counted_at_ms, monotonic_ms());
	return 0;
}

static void count_again(struct work *work)
{
	struct request *rq = (struct request *)work;
	struct error err = ERROR_NONE;

	rq->prepared = true;
	rq->prepared_r = count_store(rq->server, &err);
	if (rq->prepared_r < 0) {
		log_error("counting builds: %s", err.message);
		metrics_trouble(rq->server->metrics, TROUBLE_STORE);
	}
	request_resume(rq);
}

static int format_all(struct server *s, struct gauges *gauges, char **ret, size_t *ret_size,
		      struct error *err)
{
	if (!s->upstreams)
		return metrics_format(s->metrics, gauges, NULL, 0, ret, ret_size, err);

	size_t n = upstreams_count(s->upstreams);
	struct upstream_figures *each = calloc(n, sizeof(*each));
	if (!each)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct upstream_stats stats = upstreams_stats(s->upstreams, i);
		each[i] = (struct upstream_figures){ stats.url, stats.n_found, stats.n_missing,
						     stats.n_failed, stats.open };
	}
	struct kept_stats kept = kept_stats(s->kept);
	gauges->has_upstreams = true;
	gauges->n_kept = kept.n_builds;
	gauges->kept_bytes = kept.bytes;
	gauges->n_let_go = kept.n_let_go;
	upstreams_load(s->upstreams, &gauges->n_fetches, &gauges->n_misses);
	int r = metrics_format(s->metrics, gauges, each, n, ret, ret_size, err);
	free(each);
	return r;
}

enum MHD_Result metrics_answer(struct request *rq)
{
	struct server *s = rq->server;
	struct error err = ERROR_NONE;

	uint64_t counted_at = atomic_load(&s->counted_at_ms);
	bool fresh = counted_at && monotonic_ms() - counted_at < COUNT_EVERY_MS;
	if (!fresh && !rq->prepared) {
		if (request_suspend(rq, count_again))
			return MHD_YES;
		return text_answer(rq, MHD_HTTP_SERVICE_UNAVAILABLE, "ending\n", 7);
	}

	struct cache_stats objects = cache_stats(s->objects), answers = cache_stats(s->answers);
	struct frames_stats frames = frames_stats(s->frames);
	struct workers_stats workers = workers_stats(s->workers),
			     searches = workers_stats(s->searchers);
	struct gauges gauges = {
		.n_builds = atomic_load(&s->n_builds),
		.n_debug = atomic_load(&s->n_debug),
		.n_executables = atomic_load(&s->n_executables),
		.n_sources = atomic_load(&s->n_sources),
		.n_active = atomic_load(&s->n_active),
		.n_loops = s->n_loops,
		.n_searching = searches.n_busy,
		.n_waiting_searches = searches.n_waiting,
		.builds_known = fresh || rq->prepared_r == 0,
		.n_open_objects = objects.n_values,
		.n_answers = answers.n_values,
		.answer_bytes = answers.bytes,
		.n_frames = frames.n_frames,
		.frame_bytes = frames.bytes,
		.n_frames_waiting = frames.n_waiting_for_room,
		.n_workers = workers.n_threads,
		.n_busy_workers = workers.n_busy,
		.n_waiting_work = workers.n_waiting,
	};
	for (unsigned i = 0; i < s->n_loops; i++)
		gauges.n_connections += atomic_load(&s->loops[i].n_connections);

	scoped(string_free) char *text = NULL;
	size_t size;
	int r = format_all(s, &gauges, &text, &size, &err);
	if (r < 0)
		return text_answer(rq, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory\n", 10);
	return text_answer(rq, MHD_HTTP_OK, text, size);
}

/* Can the store be read? Its objects must be reachable, and an ID that no build has is looked for:
 * that takes the catalog and the records. */
enum MHD_Result health_answer(struct request *rq)
{
	struct error err = ERROR_NONE;
	struct lookup *lookup;
	struct build build;
	static const struct build_id nobody = { .size = 20 };
	char *format = NULL;
	size_t size;

	int r = file_read_at(store_fd(rq->server->own.store), "FORMAT", 4096, &format, &size, &err);
	free(format);
	if (r == 0 &&
	    faccessat(store_fd(rq->server->own.store), "objects", R_OK | X_OK, AT_EACCESS) < 0)
		r = error_errno(&err, -errno, "objects");
	if (r == 0)
		r = lookups_get(&rq->server->own.lookups, &lookup, &err);
	if (r == 0) {
		r = lookup_build(lookup, &nobody, &build, &err);
		if (r == -ENOENT)
			r = 0;
	}
	if (r == 0)
		return fixed_answer(rq, FIXED_HEALTHY, MHD_HTTP_OK);

	metrics_trouble(rq->server->metrics, TROUBLE_STORE);
	log_error("not healthy: %s", err.message);
	char text[ERROR_MESSAGE_SIZE + 32];
	int n = snprintf(text, sizeof(text), "the store cannot be read: %s\n", err.message);
	return text_answer(rq, MHD_HTTP_SERVICE_UNAVAILABLE, text, (size_t)n);
}
