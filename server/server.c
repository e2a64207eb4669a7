/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "server/handler.h"
#include "server/listener.h"
#include "server/server.h"
#include "store/store.h"

#define CONNECTION_MEMORY (12u << 10) /* request line and header, and the answer's header */
#define N_CONNECTIONS_DEFAULT 16000u
#define N_ACCEPTED_AT_ONCE 64
#define THREAD_STACK (1u << 20)
#define TICK_MS 200

#define FRAME_BYTES (128u << 20)
#define MANIFEST_BYTES (32u << 20)
#define ANSWER_BYTES (16u << 20)
#define MAX_AGE_MS \
	10000 /* of what is kept open or ready: a damaged object that is mended is seen then */

/* ---- limits ---- */

struct limits {
	unsigned n_connections;
	unsigned n_objects; /* open */
	unsigned n_answers; /* prepared, each with a file at most */
};

/* Share out the files that this process may open: half and more for connections. */
static struct limits share_out_files(const struct settings *settings)
{
	struct rlimit files = { 1024, 1024 };

	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
		getrlimit(RLIMIT_NOFILE, &files);
	}
	uint64_t n = min_u64(files.rlim_cur, 1u << 20);
	struct limits limits = {
		.n_objects = (unsigned)min_u64(n / 8, 512),
		.n_answers = (unsigned)min_u64(n / 8, 1024),
	};
	/* Event loops, catalog connections, log, and some to spare. */
	uint64_t others = limits.n_objects + limits.n_answers + min_u64(n / 4, 256);
	uint64_t most = n > others + 16 ? n - others : 16;
	limits.n_connections =
		(unsigned)min_u64(most, settings->n_connections_max ? settings->n_connections_max
								    : N_CONNECTIONS_DEFAULT);
	return limits;
}

static unsigned count_cores(void)
{
	cpu_set_t cores;
	int n = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
	return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

/* ---- event loops ---- */

static void count_connection(void *context, struct MHD_Connection *connection, void **client,
			     enum MHD_ConnectionNotificationCode what)
{
	struct loop *loop = context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		atomic_fetch_sub(&loop->n_connections, 1);
		free(*client);
		*client = NULL;
		return;
	}
	struct client *c = malloc(sizeof(*c));
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (c) {
		memset(&c->address, 0, sizeof(c->address));
		if (!info || !info->client_addr ||
		    !address_of_socket(info->client_addr, &c->address))
			strcpy(c->text, "?");
		else
			address_text(&c->address, c->text);
	}
	*client = c;
}

static void log_daemon(void *context, const char *format, va_list arguments) printf_like(2, 0);
static void log_daemon(void *context, const char *format, va_list arguments)
{
	(void)context;
	char text[512], escaped[1024];

	if (!log_wants(LOG_DEBUG))
		return;
	int n = vsnprintf(text, sizeof(text), format, arguments);
	size_t size = n < 0 ? 0 : min_u64((uint64_t)n, sizeof(text) - 1);
	while (size && text[size - 1] == '\n')
		size--;
	log_debug("libmicrohttpd: %s", escape_bytes(text, size, escaped, sizeof(escaped)));
}

static int start_loop(struct loop *loop, const struct limits *limits)
{
	struct server *s = loop->server;
	const struct MHD_OptionItem options[] = {
		{ MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)log_daemon,
		  s }, /* first: the others may log */
		{ MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)request_begin, s },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_end, s },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)count_connection, loop },
		{ MHD_OPTION_CONNECTION_LIMIT, limits->n_connections, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, s->settings->idle_timeout_s, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
		{ MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	/* Connections come from our own accept(2): it spreads them evenly and knows the limit of
	 * all. */
	loop->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
			MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, request_handle, s, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	return loop->daemon ? 0 : -errno;
}

/* ---- accepting ---- */

struct acceptor {
	struct server *server;
	unsigned n_connections_max;
	unsigned next; /* loop */
	bool resting; /* out of files: not now */
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
		struct loop *loop = choose_loop(a);
		atomic_fetch_add(&loop->n_connections, 1);
		if (MHD_add_connection(loop->daemon, fd, (struct sockaddr *)&from, size) != MHD_YES)
			atomic_fetch_sub(&loop->n_connections, 1); /* and it is closed */
	}
}

/* Until a signal asks for the end. */
static int accept_until_signal(struct server *s, const struct listeners *listeners, int signal_fd,
			       unsigned n_connections_max, struct error *err)
{
	struct acceptor a = { .server = s, .n_connections_max = n_connections_max };
	struct pollfd *polled = calloc(listeners->n + 1, sizeof(*polled));
	if (!polled)
		return error_no_memory(err);

	uint64_t ticked_at = monotonic_ms();
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
		if (now - ticked_at < TICK_MS)
			continue;
		ticked_at = now;
		frames_tick(s->frames);
		lookups_rest(&s->lookups);
	}
	free(polled);
	return 0;
}

/* ---- start and end ---- */

static int open_server(struct server *s, const struct limits *limits, struct error *err)
{
	int r;
	unsigned n_cores = count_cores();

	lookups_open(&s->lookups, s->store);
	r = fixed_open(s->settings->cors, err);
	if (r == 0)
		r = metrics_new(&s->metrics, err);
	if (r == 0)
		r = cache_new(sizeof(struct digest), limits->n_objects, UINT64_MAX, MAX_AGE_MS,
			      &s->objects, err);
	if (r == 0)
		r = cache_new(sizeof(struct digest), 4096, MANIFEST_BYTES, 0, &s->manifests, err);
	if (r == 0)
		r = cache_new(sizeof(struct answer_key), limits->n_answers, ANSWER_BYTES,
			      MAX_AGE_MS, &s->answers, err);
	if (r == 0)
		r = workers_new(n_cores, &s->workers, err);
	if (r == 0)
		r = frames_new(FRAME_BYTES, s->workers, &s->frames, err);
	if (r == 0 && !s->settings->common.quiet)
		r = access_log_open(STDERR_FILENO,
				    s->settings->common.json ? ACCESS_LOG_JSON : ACCESS_LOG_TEXT,
				    &s->log, err);
	if (r < 0)
		return r;

	s->n_loops = s->settings->n_threads ? s->settings->n_threads : n_cores;
	s->loops = calloc(s->n_loops, sizeof(*s->loops));
	return s->loops ? 0 : error_no_memory(err);
}

static int start_loops(struct server *s, const struct limits *limits, struct error *err)
{
	for (unsigned i = 0; i < s->n_loops; i++) {
		s->loops[i].server = s;
		int r = start_loop(&s->loops[i], limits);
		if (r < 0)
			return error_errno(err, r, "starting an event loop");
	}
	return 0;
}

static void sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 }, NULL);
}

/* Wait for the answers that are on their way; a second signal, or the limit, ends that. */
static void drain(struct server *s, int signal_fd)
{
	uint64_t until = monotonic_ms() + s->settings->drain_timeout_s * UINT64_C(1000);
	atomic_store(&s->draining, true);
	unsigned n = atomic_load(&s->n_active);

	if (n)
		log_note("ending: %u answer%s under way get up to %u s", n, n == 1 ? "" : "s",
			 s->settings->drain_timeout_s);
	while (atomic_load(&s->n_active) && monotonic_ms() < until) {
		struct pollfd polled = { .fd = signal_fd, .events = POLLIN };
		if (poll(&polled, 1, 20) > 0)
			break;
		frames_tick(s->frames);
	}
	n = atomic_load(&s->n_active);
	if (n)
		log_warning("ending with %u answer%s cut", n, n == 1 ? "" : "s");
}

static void close_server(struct server *s)
{
	atomic_store(&s->stopping, true);
	if (s->frames)
		frames_stop(s->frames);
	/* libmicrohttpd does not end while a connection is suspended. */
	while (atomic_load(&s->n_suspended))
		sleep_ms(1);
	for (unsigned i = 0; s->loops && i < s->n_loops; i++) {
		if (s->loops[i].daemon)
			MHD_stop_daemon(s->loops[i].daemon);
	}
	workers_free(s->workers);
	frames_free(s->frames);
	cache_free(s->answers);
	cache_free(s->manifests);
	cache_free(s->objects);
	lookups_close(&s->lookups);
	access_log_close(s->log);
	metrics_free(s->metrics);
	fixed_close();
	free(s->loops);
}

/* ---- the first lines ---- */

static void join_urls(const struct listeners *listeners, const char *base, const char *between,
		      char *ret, size_t ret_size)
{
	size_t at = 0;
	ret[0] = 0;
	for (size_t i = 0; i < listeners->n && at < ret_size; i++)
		at += (size_t)snprintf(ret + at, ret_size - at, "%s%s%s", i ? between : "",
				       listeners->all[i].url, base);
}

static void announce(const struct server *s, const struct listeners *listeners, uint64_t n_builds)
{
	char urls[1024];
	const char *store = store_path(s->store), *base = s->settings->base_path;

	if (s->settings->common.json) {
		scoped(json_scoped_decref) json_t *line = json_object();
		json_t *list = json_array();
		for (size_t i = 0; i < listeners->n; i++) {
			snprintf(urls, sizeof(urls), "%s%s", listeners->all[i].url, base);
			json_array_append_new(list, json_bytes_string(urls));
		}
		json_object_set_new(line, "schema", json_string("dbgvault.serve/1"));
		json_object_set_new(line, "time", json_string(TIME_TEXT(time(NULL))));
		json_object_set_new(line, "event", json_string("serving"));
		json_object_set_new(line, "urls", list);
		json_object_set_new(line, "store", json_bytes_string(store));
		json_object_set_new(line, "builds", json_integer((json_int_t)n_builds));
		scoped(string_free) char *text = NULL;
		size_t size;
		struct error err;
		if (json_format(line, false, &text, &size, &err) == 0)
			dprintf(STDERR_FILENO, "%s\n", text);
		return;
	}

	join_urls(listeners, base, " and ", urls, sizeof(urls));
	log_note("serving %s (%llu build%s) at %s", ESCAPED(store), (unsigned long long)n_builds,
		 n_builds == 1 ? "" : "s", urls);
	log_note("for debuggers: export DEBUGINFOD_URLS=\"%s%s\"", listeners->all[0].url, base);
	log_note("for gdb, also in scripts: gdb -iex 'set debuginfod enabled on' PROGRAM");
	if (!s->settings->listen.n)
		log_note(
			"only this machine is served; for others: --listen=ADDR (0.0.0.0 or :: for all)");
	if (listeners->missing)
		log_note("not listening on %s, which this machine does not have",
			 listeners->missing);
	if (!n_builds)
		log_note(
			"the store is empty: what dbgsplit or dbgstore add brings is served at once");
}

static int count_first(struct server *s, uint64_t *ret, struct error *err)
{
	int r;
	struct lookup *lookup;

	r = lookups_get(&s->lookups, &lookup, err);
	if (r == 0)
		r = lookup_count(lookup, ret, err);
	if (r < 0)
		return r;
	atomic_store(&s->n_builds, *ret);
	atomic_store(&s->counted_at_ms, monotonic_ms());
	return 0;
}

static int serve(struct server *s, const struct limits *limits, int signal_fd, struct error *err)
{
	int r;
	uint64_t n_builds;
	struct listeners listeners;

	r = open_server(s, limits, err);
	if (r == 0)
		r = count_first(s, &n_builds, err);
	if (r == 0)
		r = start_loops(s, limits, err);
	if (r < 0)
		return r;
	r = listeners_open(s->settings->listen.values, s->settings->listen.n, s->settings->port,
			   &listeners, err);
	if (r == -EADDRINUSE)
		return error_prefix(err, r,
				    "something else serves there (try --port=N, or --port=0)");
	if (r < 0)
		return r;

	announce(s, &listeners, n_builds);
	log_debug("%u event loops, up to %u connections, %u open objects", s->n_loops,
		  limits->n_connections, limits->n_objects);
	r = accept_until_signal(s, &listeners, signal_fd, limits->n_connections, err);
	listeners_close(&listeners);
	if (r < 0)
		return r;

	/* The signal is taken, so that drain() sees the next one. */
	struct signalfd_siginfo taken;
	if (read(signal_fd, &taken, sizeof(taken)) < 0)
		log_debug("signalfd: %s", strerror(errno));
	drain(s, signal_fd);
	return 0;
}

int server_run(struct store *st, const struct settings *settings, struct error *err)
{
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);

	scoped(fd_close) int signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return error_errno(err, -errno, "signalfd");

	struct limits limits = share_out_files(settings);
	struct server s = { .settings = settings, .store = st };
	int r = serve(&s, &limits, signal_fd, err);
	close_server(&s);
	return r;
}
