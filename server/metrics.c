/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/metrics.h"

/* Statuses that are ever answered; the first is a dropped connection, the last any other. */
static const unsigned statuses[] = { 0, 200, 206, 304, 400, 404, 405, 406, 416, 503, 1 };
#define N_STATUSES ARRAY_SIZE(statuses)

static const char *status_code(size_t i)
{
	static const char *const codes[N_STATUSES] = { "dropped", "200", "206", "304", "400", "404",
						       "405",     "406", "416", "503", "other" };
	return codes[i];
}

static const char *status_result(size_t i)
{
	static const char *const results[N_STATUSES] = {
		"dropped",   "file",   "range",     "not-modified", "bad-request",
		"not-found", "method", "too-large", "range",        "error",
		"error"
	};
	return results[i];
}

/* Upper ends of the buckets of durations, in microseconds. */
static const uint64_t bucket_ends_us[] = { 100,    250,     1000,    2500,     10000,    50000,
					   250000, 1000000, 5000000, 30000000, 120000000 };
#define N_BUCKETS (ARRAY_SIZE(bucket_ends_us) + 1) /* and all above */

struct responses {
	atomic_uint_fast64_t n, bytes, duration_us;
	atomic_uint_fast64_t buckets[N_BUCKETS];
};

struct metrics {
	atomic_uint_fast64_t n_requests[N_KINDS];
	atomic_uint_fast64_t n_cut;
	atomic_uint_fast64_t n_upstream; /* of those with status 200 */
	atomic_uint_fast64_t n_troubles[N_TROUBLES];
	struct responses responses[N_KINDS][N_STATUSES];
};

int metrics_new(struct metrics **ret, struct error *err)
{
	struct metrics *m = calloc(1, sizeof(*m)); /* zero bits are counters of zero */
	if (!m)
		return error_no_memory(err);
	*ret = m;
	return 0;
}

void metrics_free(struct metrics *m)
{
	free(m);
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void metrics_request(struct metrics *m, enum kind kind)
{
	add(&m->n_requests[kind], 1);
}

void metrics_upstream(struct metrics *m)
{
	add(&m->n_upstream, 1);
}

void metrics_trouble(struct metrics *m, enum trouble trouble)
{
	add(&m->n_troubles[trouble], 1);
}

void metrics_response(struct metrics *m, enum kind kind, unsigned status, uint64_t bytes,
		      uint64_t duration_us, bool cut)
{
	size_t i = 0, bucket = 0;
	while (i < N_STATUSES - 1 && statuses[i] != status)
		i++;
	while (bucket < N_BUCKETS - 1 && duration_us > bucket_ends_us[bucket])
		bucket++;

	struct responses *r = &m->responses[kind][i];
	add(&r->n, 1);
	add(&r->bytes, bytes);
	add(&r->duration_us, duration_us);
	add(&r->buckets[bucket], 1);
	if (cut)
		add(&m->n_cut, 1);
}

static const char *trouble_type(size_t i)
{
	static const char *const types[N_TROUBLES] = {
		[TROUBLE_STORE] = "store",
		[TROUBLE_DAMAGED] = "damaged",
		[TROUBLE_COLLISION] = "collision",
		[TROUBLE_MEMORY] = "memory",
		[TROUBLE_HTTP] = "http",
		[TROUBLE_UPSTREAM] = "upstream",
		[TROUBLE_SLOW_HEADER] = "slow-header",
		[TROUBLE_SLOW_READER] = "slow-reader",
		[TROUBLE_TOO_MANY] = "too-many",
	};
	return types[i];
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void format_results(FILE *out, const struct metrics *m)
{
	head(out, "http_responses_total", "counter", "Answers, by what came of the request.");
	fprintf(out, "http_responses_total{result=\"upstream\"} %" PRIu64 "\n",
		get(&m->n_upstream));
	for (size_t i = 0; i < N_STATUSES; i++) {
		uint64_t n = 0;
		bool said_before = false;
		for (size_t j = 0; j < i; j++)
			said_before |= status_result(j) == status_result(i);
		if (said_before)
			continue;
		for (size_t j = i; j < N_STATUSES; j++)
			for (size_t kind = 0;
			     kind < N_KINDS && status_result(j) == status_result(i); kind++)
				n += get(&m->responses[kind][j].n);
		if (statuses[i] == 200)
			n -= min_u64(n, get(&m->n_upstream));
		fprintf(out, "http_responses_total{result=\"%s\"} %" PRIu64 "\n", status_result(i),
			n);
	}
}

static void sample(FILE *out, const char *name, size_t status, size_t kind, uint64_t value)
{
	fprintf(out, "%s{code=\"%s\",type=\"%s\"} %" PRIu64 "\n", name, status_code(status),
		kind_name((enum kind)kind), value);
}

static void format_transfers(FILE *out, const struct metrics *m)
{
	static const char sum[] = "http_responses_transfer_bytes_sum";
	static const char count[] = "http_responses_transfer_bytes_count";

	head(out, "http_responses_transfer_bytes", "summary", "Bytes of answers' bodies.");
	for (size_t kind = 0; kind < N_KINDS; kind++) {
		for (size_t i = 0; i < N_STATUSES; i++) {
			const struct responses *r = &m->responses[kind][i];
			if (!get(&r->n))
				continue;
			sample(out, sum, i, kind, get(&r->bytes));
			sample(out, count, i, kind, get(&r->n));
		}
	}
}

static void format_durations(FILE *out, const struct metrics *m)
{
	static const char name[] = "http_responses_duration_milliseconds";

	head(out, name, "histogram", "From the request line to the last byte sent.");
	for (size_t kind = 0; kind < N_KINDS; kind++) {
		for (size_t i = 0; i < N_STATUSES; i++) {
			const struct responses *r = &m->responses[kind][i];
			uint64_t n = 0;
			if (!get(&r->n))
				continue;
			for (size_t b = 0; b < N_BUCKETS; b++) {
				char end[16] = "+Inf";
				if (b < N_BUCKETS - 1)
					snprintf(end, sizeof(end), "%g",
						 (double)bucket_ends_us[b] / 1000);
				n += get(&r->buckets[b]);
				fprintf(out,
					"%s_bucket{code=\"%s\",type=\"%s\",le=\"%s\"} %" PRIu64
					"\n",
					name, status_code(i), kind_name((enum kind)kind), end, n);
			}
			/* The count is the last bucket's, whatever was counted meanwhile. */
			fprintf(out, "%s_sum{code=\"%s\",type=\"%s\"} %.3f\n", name, status_code(i),
				kind_name((enum kind)kind), (double)get(&r->duration_us) / 1000);
			fprintf(out, "%s_count{code=\"%s\",type=\"%s\"} %" PRIu64 "\n", name,
				status_code(i), kind_name((enum kind)kind), n);
		}
	}
}

static void gauge(FILE *out, const char *name, uint64_t value, const char *help)
{
	head(out, name, "gauge", help);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

/* By the reference server's roles as far as there are any: what waits for the store to be scanned
 * is nothing here, at any time. */
static void format_threads(FILE *out, const struct gauges *g)
{
	const struct {
		const char *role;
		uint64_t count, busy, pending;
	} roles[] = {
		{ "http-buildid", g->n_loops, g->n_active, 0 },
		{ "http-metadata", 1, g->n_searching, g->n_waiting_searches },
		{ "worker", g->n_workers, g->n_busy_workers, g->n_waiting_work },
		{ "scan", 0, 0, 0 },
		{ "traverse", 0, 0, 0 },
		{ "groom", 0, 0, 0 },
	};
	head(out, "thread_count", "gauge", "Threads, by what they do.");
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		fprintf(out, "thread_count{role=\"%s\"} %" PRIu64 "\n", roles[i].role,
			roles[i].count);
	head(out, "thread_busy", "gauge", "What is being worked at: requests, or threads.");
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		fprintf(out, "thread_busy{role=\"%s\"} %" PRIu64 "\n", roles[i].role,
			roles[i].busy);
	head(out, "thread_work_pending", "gauge", "Work that no thread has begun.");
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		fprintf(out, "thread_work_pending{role=\"%s\"} %" PRIu64 "\n", roles[i].role,
			roles[i].pending);
}

static void found(FILE *out, const char *name, uint64_t n, const char *help)
{
	head(out, name, "gauge", help);
	fprintf(out, "%s{source=\"store\"} %" PRIu64 "\n", name, n);
}

static void format_gauges(FILE *out, const struct gauges *g)
{
	if (g->builds_known) {
		gauge(out, "builds", g->n_builds, "Build IDs in the store.");
		found(out, "found_debuginfo_total", g->n_debug, "Build IDs with a debug file.");
		found(out, "found_executable_total", g->n_executables,
		      "Build IDs with an executable.");
		found(out, "found_sourcerefs_total", g->n_sources, "Build IDs with sources.");
	}
	gauge(out, "connections", g->n_connections, "Open connections.");
	gauge(out, "open_objects", g->n_open_objects, "Objects that are kept open.");
	gauge(out, "prepared_answers", g->n_answers, "Answers that are kept ready.");
	gauge(out, "prepared_answer_bytes", g->answer_bytes, "Memory that prepared answers take.");
	gauge(out, "decoded_frames", g->n_frames, "Frames decoded for clients without zstd.");
	gauge(out, "decoded_frame_bytes", g->frame_bytes, "Memory that decoded frames take.");
	gauge(out, "decoding_waits", g->n_frames_waiting,
	      "Frames that wait for room to be decoded in.");
	format_threads(out, g);
	if (g->has_upstreams) {
		gauge(out, "upstream_fetches", g->n_fetches, "Requests to upstreams under way.");
		gauge(out, "upstream_misses", g->n_misses,
		      "What is remembered to be at no upstream.");
		gauge(out, "upstream_kept_builds", g->n_kept,
		      "Build IDs that are kept of upstreams.");
		gauge(out, "upstream_kept_bytes", g->kept_bytes, "Stored bytes of them.");
		head(out, "upstream_let_go_total", "counter",
		     "Builds of upstreams that went for others.");
		fprintf(out, "upstream_let_go_total %" PRIu64 "\n", g->n_let_go);
	}
}

static void put_label(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', out);
		fputc(*value, out);
	}
}

static void format_upstreams(FILE *out, const struct upstream_figures *all, size_t n)
{
	if (!n)
		return;
	head(out, "upstream_answers_total", "counter", "What upstreams answered.");
	for (size_t i = 0; i < n; i++) {
		static const char *const results[] = { "found", "missing", "failed" };
		const uint64_t values[] = { all[i].n_found, all[i].n_missing, all[i].n_failed };
		for (size_t k = 0; k < ARRAY_SIZE(results); k++) {
			fputs("upstream_answers_total{url=\"", out);
			put_label(out, all[i].url);
			fprintf(out, "\",result=\"%s\"} %" PRIu64 "\n", results[k], values[k]);
		}
	}
	head(out, "upstream_open", "gauge", "Whether an upstream is not asked just now.");
	for (size_t i = 0; i < n; i++) {
		fputs("upstream_open{url=\"", out);
		put_label(out, all[i].url);
		fprintf(out, "\"} %d\n", all[i].open);
	}
}

int metrics_format(const struct metrics *m, const struct gauges *gauges,
		   const struct upstream_figures *upstreams, size_t n_upstreams, char **ret,
		   size_t *ret_size, struct error *err)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return error_no_memory(err);

	head(out, "ready", "gauge", "Whether requests are answered.");
	fputs("ready 1\n", out);
	head(out, "http_requests_total", "counter", "Requests, by what they ask for.");
	for (size_t kind = 0; kind < N_KINDS; kind++)
		fprintf(out, "http_requests_total{type=\"%s\"} %" PRIu64 "\n",
			kind_name((enum kind)kind), get(&m->n_requests[kind]));
	format_results(out, m);
	format_transfers(out, m);
	format_durations(out, m);
	head(out, "http_responses_cut_total", "counter", "Answers that ended before all was sent.");
	fprintf(out, "http_responses_cut_total %" PRIu64 "\n", get(&m->n_cut));
	head(out, "error_count", "counter", "Troubles, by their kind.");
	for (size_t i = 0; i < N_TROUBLES; i++)
		fprintf(out, "error_count{type=\"%s\"} %" PRIu64 "\n", trouble_type(i),
			get(&m->n_troubles[i]));
	format_gauges(out, gauges);
	format_upstreams(out, upstreams, n_upstreams);

	bool failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(text);
		return error_no_memory(err);
	}
	*ret = text;
	*ret_size = size;
	return 0;
}
