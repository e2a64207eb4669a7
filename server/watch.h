/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/*
 * Connections whose clients are idle or too slow. libmicrohttpd's own timeout knows neither: it
 * starts anew with every byte, so that who sends or takes one now and then holds a connection for
 * ever; and it takes a client for idle that is still receiving what the kernel holds for it,
 * megabytes at times. What moved is asked of the kernel (TCP_INFO), so nothing is counted while all
 * goes well.
 */

enum watch_phase {
	WATCH_HEADER, /* a request's header is to come, or more of it */
	WATCH_ANSWER, /* an answer is going out */
	WATCH_NOTHING, /* the server is at work: the client waits for us */
};

/** A connection. Its phase is told by who serves it; the rest is the watch's. */
struct watched {
	struct watched *next, **link;
	int fd;
	atomic_uint phase; /* and, above it, how often it changed */
	_Atomic(const char *) why; /* it was ended; a constant text, or NULL */

	unsigned seen; /* phase, at the last look */
	uint64_t since_ms; /* when that was seen first; 0: not yet */
	uint64_t header_ms; /* when the header's first byte was seen; 0: not yet */
	uint64_t base_bytes; /* moved until @since_ms */
};

struct watch {
	pthread_mutex_t mutex;
	struct watched *first;
};

void watch_open(struct watch *w);
void watch_close(struct watch *w);

/** @fd stays the caller's, and is not closed before watch_end(). */
void watch_begin(struct watch *w, struct watched *c, int fd);
void watch_end(struct watch *w, struct watched *c);

/** By one thread at a time. */
void watch_set_phase(struct watched *c, enum watch_phase phase);

struct watch_limits {
	uint64_t idle_ms; /* without a byte of a request */
	uint64_t header_ms; /* from the first byte of a header to its last */
	uint64_t bytes_per_s; /* taken of an answer, on the mean of @idle_ms; 0: any at all */
};
struct watch_verdicts {
	unsigned n_idle, n_slow_headers, n_slow_readers; /* ended now */
};
/** Look at all, and shut those down that are too slow. About once a second, by one thread. */
struct watch_verdicts watch_look(struct watch *w, const struct watch_limits *limits,
				 uint64_t now_ms);
