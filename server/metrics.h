/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "server/route.h"
#include <stdbool.h>
#include <stdint.h>

/**
 * Counters of a server, and their text for Prometheus (exposition format 0.0.4).
 * Threads: any
 */
struct metrics;

must_check int metrics_new(struct metrics **ret, struct error *err);
void metrics_free(struct metrics *m);
define_scoped(struct metrics *, metrics_free)

	void metrics_request(struct metrics *m, enum kind kind);
/** @status 0: no answer, the connection was dropped; @cut: it ended before all was sent */
void metrics_response(struct metrics *m, enum kind kind, unsigned status, uint64_t bytes,
		      uint64_t duration_us, bool cut);
/** One of the answers above has what an upstream gave. */
void metrics_upstream(struct metrics *m);

enum trouble {
	TROUBLE_STORE, /* the store could not be read */
	TROUBLE_DAMAGED, /* an object is not what its checksums say */
	TROUBLE_COLLISION, /* a build that is not served, for its contributions differ */
	TROUBLE_MEMORY,
	TROUBLE_HTTP, /* a malformed request */
	TROUBLE_UPSTREAM, /* not each upstream could be asked */
	TROUBLE_SLOW_HEADER, /* a connection that was ended, for its header did not come */
	TROUBLE_SLOW_READER, /* … for it took too little of an answer */
	TROUBLE_TOO_MANY, /* a connection or request of an address that has all it may have */
	N_TROUBLES,
};
void metrics_trouble(struct metrics *m, enum trouble trouble);

/** What is not counted, but looked up when asked. */
struct gauges {
	uint64_t n_builds, n_debug, n_executables, n_sources;
	bool builds_known;
	uint64_t n_active; /* requests */
	uint64_t n_connections;
	uint64_t n_open_objects, n_answers, answer_bytes;
	uint64_t n_frames, frame_bytes, n_frames_waiting;
	unsigned n_workers, n_busy_workers, n_waiting_work;
	unsigned n_loops, n_searching, n_waiting_searches;
	bool has_upstreams;
	uint64_t n_fetches, n_misses;
	uint64_t n_kept, kept_bytes, n_let_go;
};

/** An upstream's, one sample of each series for each. */
struct upstream_figures {
	const char *url;
	uint64_t n_found, n_missing, n_failed;
	bool open;
};

/** @ret  freed by the caller; NUL-terminated */
must_check int metrics_format(const struct metrics *m, const struct gauges *gauges,
			      const struct upstream_figures *upstreams, size_t n_upstreams,
			      char **ret, size_t *ret_size, struct error *err);
