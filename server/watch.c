/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/attributes.h"
#include "server/watch.h"

#define PHASE_BITS 2
#define PHASE_MASK ((1u << PHASE_BITS) - 1)

void watch_open(struct watch *w)
{
	pthread_mutex_init(&w->mutex, NULL);
	w->first = NULL;
}

void watch_close(struct watch *w)
{
	pthread_mutex_destroy(&w->mutex);
}

void watch_begin(struct watch *w, struct watched *c, int fd)
{
	c->fd = fd;
	atomic_init(&c->phase, WATCH_HEADER);
	atomic_init(&c->why, NULL);
	c->seen = WATCH_HEADER;
	c->since_ms = 0;
	c->header_ms = 0;
	c->base_bytes = 0;

	pthread_mutex_lock(&w->mutex);
	c->next = w->first;
	c->link = &w->first;
	if (c->next)
		c->next->link = &c->next;
	w->first = c;
	pthread_mutex_unlock(&w->mutex);
}

void watch_end(struct watch *w, struct watched *c)
{
	pthread_mutex_lock(&w->mutex);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	pthread_mutex_unlock(&w->mutex);
}

void watch_set_phase(struct watched *c, enum watch_phase phase)
{
	unsigned before = atomic_load_explicit(&c->phase, memory_order_relaxed);
	atomic_store_explicit(&c->phase, ((before >> PHASE_BITS) + 1) << PHASE_BITS | phase,
			      memory_order_relaxed);
}

/* Bytes that came in, or that the client has acknowledged. False: the kernel does not say. */
static bool count_moved(int fd, enum watch_phase phase, uint64_t *ret)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
	    size < offsetof(struct tcp_info, tcpi_bytes_received) +
			    sizeof(info.tcpi_bytes_received))
		return false;
	*ret = phase == WATCH_HEADER ? info.tcpi_bytes_received : info.tcpi_bytes_acked;
	return true;
}

enum verdict { WELL, IDLE, SLOW_HEADER, SLOW_READER };

static enum verdict judge_header(struct watched *c, uint64_t moved,
				 const struct watch_limits *limits, uint64_t now)
{
	if (!c->header_ms && moved > c->base_bytes)
		c->header_ms = now;
	if (!c->header_ms)
		return now - c->since_ms >= limits->idle_ms ? IDLE : WELL;
	return now - c->header_ms >= limits->header_ms ? SLOW_HEADER : WELL;
}

static enum verdict judge_reader(struct watched *c, uint64_t moved,
				 const struct watch_limits *limits, uint64_t now)
{
	uint64_t passed = now - c->since_ms, taken = moved - c->base_bytes;
	if (passed < limits->idle_ms)
		return WELL;
	c->since_ms = now;
	c->base_bytes = moved;
	return !taken || taken * 1000 < limits->bytes_per_s * passed ? SLOW_READER : WELL;
}

static enum verdict judge(struct watched *c, const struct watch_limits *limits, uint64_t now)
{
	unsigned state = atomic_load_explicit(&c->phase, memory_order_relaxed);
	enum watch_phase phase = (enum watch_phase)(state & PHASE_MASK);
	uint64_t moved;

	bool first = state != c->seen || !c->since_ms;
	if (phase == WATCH_NOTHING || !count_moved(c->fd, phase, &moved)) {
		c->seen = state;
		return WELL;
	}
	if (first) {
		/* Of a new connection no byte was seen; else, what came until now may be of the
		 * request that was answered. */
		c->base_bytes = state == WATCH_HEADER ? 0 : moved;
		c->since_ms = now;
		c->header_ms = 0;
		c->seen = state;
	}
	return phase == WATCH_HEADER ? judge_header(c, moved, limits, now)
				     : judge_reader(c, moved, limits, now);
}

struct watch_verdicts watch_look(struct watch *w, const struct watch_limits *limits,
				 uint64_t now_ms)
{
	static const char *const whys[] = {
		[IDLE] = "idle",
		[SLOW_HEADER] = "its header did not come in time",
		[SLOW_READER] = "its client takes too little",
	};
	unsigned counts[ARRAY_SIZE(whys)] = { 0 };

	pthread_mutex_lock(&w->mutex);
	for (struct watched *c = w->first; c; c = c->next) {
		if (atomic_load_explicit(&c->why, memory_order_relaxed))
			continue; /* it is ending */
		enum verdict verdict = judge(c, limits, now_ms);
		if (verdict == WELL)
			continue;
		counts[verdict]++;
		atomic_store_explicit(&c->why, whys[verdict], memory_order_relaxed);
		/* What the kernel still has to send goes, too: it can be megabytes. */
		static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
		if (verdict == SLOW_READER)
			setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		/* Its event loop sees the end, and closes it. */
		shutdown(c->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&w->mutex);
	return (struct watch_verdicts){ counts[IDLE], counts[SLOW_HEADER], counts[SLOW_READER] };
}
