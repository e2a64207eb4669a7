/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/acceptor.h"

#define N_ACCEPTED_AT_ONCE 64
#define TICK_MS 200
#define WATCH_MS 1000

struct acceptor {
	struct server *server;
	unsigned n_connections_max;
	unsigned next; /* loop */
	bool resting; /* out of files: not now */
	uint64_t ticked_at, watched_at;
};

static unsigned count_connections(const struct server *s)
{
	unsigned n = 0;
	for (unsigned i = 0; i < s->n_loops; i++)
		n += atomic_load_explicit(&s->loops[i].n_connections, memory_order_relaxed);
	return n;
}

/* In turn, but for one that has many more than another. */
static struct loop *choose_loop(struct acceptor *a)
{
	struct server *s = a->server;
	struct loop *chosen = &s->loops[a->next++ % s->n_loops];
	unsigned n_chosen = atomic_load_explicit(&chosen->n_connections, memory_order_relaxed);

	for (unsigned i = 0; i < s->n_loops; i++) {
		unsigned n = atomic_load_explicit(&s->loops[i].n_connections, memory_order_relaxed);
		if (n + 16 < n_chosen) {
			chosen = &s->loops[i];
			n_chosen = n;
		}
	}
	return chosen;
}

static bool is_full(const struct acceptor *a)
{
	return count_connections(a->server) >= a->n_connections_max;
}

/* False: its address has all the connections it may have. */
static bool take_share(struct server *s, const struct sockaddr *from)
{
	struct address address;

	if (!address_of_socket(from, &address) || settings_trust(s->settings, &address) ||
	    shares_take(s->connection_shares, &address))
		return true;
	metrics_trouble(s->metrics, TROUBLE_TOO_MANY);
	return false;
}

static void accept_some(struct acceptor *a, int listen_fd)
{
	for (int i = 0; i < N_ACCEPTED_AT_ONCE && !is_full(a); i++) {
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		int fd = accept4(listen_fd, (struct sockaddr *)&from, &size,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			/* Out of files or memory: the queue keeps them until some are closed. */
			a->resting = errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
				     errno == ENOMEM;
			return;
		}
		if (!take_share(a->server, (struct sockaddr *)&from)) {
			close(fd);
			continue;
		}
		struct loop *loop = choose_loop(a);
		atomic_fetch_add(&loop->n_connections, 1);
		if (MHD_add_connection(loop->daemon, fd, (struct sockaddr *)&from, size) != MHD_YES)
			atomic_fetch_sub(&loop->n_connections, 1); /* and it is closed */
	}
}

static void end_slow_ones(struct server *s, uint64_t now)
{
	const struct watch_limits limits = {
		.idle_ms = s->settings->idle_timeout_s * UINT64_C(1000),
		.header_ms = s->settings->header_timeout_s * UINT64_C(1000),
		.bytes_per_s = s->settings->min_send_rate,
	};
	for (unsigned i = 0; i < s->n_loops; i++) {
		struct watch_verdicts ended = watch_look(&s->loops[i].watch, &limits, now);
		for (unsigned n = ended.n_slow_headers; n; n--)
			metrics_trouble(s->metrics, TROUBLE_SLOW_HEADER);
		for (unsigned n = ended.n_slow_readers; n; n--)
			metrics_trouble(s->metrics, TROUBLE_SLOW_READER);
	}
}

/* What is to be looked after while requests are served, some times a second. */
static void tick(struct acceptor *a, uint64_t now)
{
	struct server *s = a->server;

	a->ticked_at = now;
	frames_tick(s->frames);
	lookups_rest(&s->own.lookups);
	if (s->kept)
		lookups_rest(&kept_shelf(s->kept)->lookups);
	if (now - a->watched_at >= WATCH_MS) {
		a->watched_at = now;
		end_slow_ones(s, now);
	}
}

int accept_until_signal(struct server *s, const struct listeners *listeners, int signal_fd,
			unsigned n_connections_max, struct error *err)
{
	struct acceptor a = { .server = s, .n_connections_max = n_connections_max };
	struct pollfd *polled = calloc(listeners->n + 1, sizeof(*polled));
	if (!polled)
		return error_no_memory(err);

	polled[0] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
	for (;;) {
		bool full = a.resting || is_full(&a);
		a.resting = false;
		for (size_t i = 0; i < listeners->n; i++)
			polled[i + 1] =
				(struct pollfd){ full ? -1 : listeners->all[i].fd, POLLIN, 0 };

		int n = poll(polled, listeners->n + 1, full ? 10 : TICK_MS);
		if (n < 0 && errno != EINTR) {
			int r = error_errno(err, -errno, "waiting for connections");
			free(polled);
			return r;
		}
		if (n > 0 && polled[0].revents)
			break;
		for (size_t i = 0; n > 0 && i < listeners->n; i++) {
			if (polled[i + 1].revents)
				accept_some(&a, listeners->all[i].fd);
		}
		uint64_t now = monotonic_ms();
		if (now - a.ticked_at >= TICK_MS)
			tick(&a, now);
	}
	free(polled);
	return 0;
}
