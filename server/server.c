/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "server/acceptor.h"
#include "server/loops.h"
#include "server/server.h"
#include "server/service.h"
#include "store/store.h"

#define N_CONNECTIONS_DEFAULT 16000u

#define FRAME_BYTES (128u << 20)
#define MANIFEST_BYTES (32u << 20)
#define ANSWER_BYTES (16u << 20)
#define MAX_AGE_MS \
	10000 /* of what is kept open or ready: a damaged object that is mended is seen then */

/* ---- limits ---- */

struct limits {
	unsigned n_connections, n_per_address;
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
	/* Event loops, catalog connections, log, and some to spare. A connection is a file, and the
	 * answer on it may hold another that is kept nowhere else any more. */
	uint64_t others = limits.n_objects + limits.n_answers + min_u64(n / 4, 256);
	uint64_t most = n > others + 32 ? (n - others) / 2 : 16;
	limits.n_connections =
		(unsigned)min_u64(most, settings->n_connections_max ? settings->n_connections_max
								    : N_CONNECTIONS_DEFAULT);
	limits.n_per_address = settings->has_per_address
				       ? settings->n_per_address
				       : (unsigned)max_u64(limits.n_connections / 4, 64);
	return limits;
}

static unsigned count_cores(void)
{
	cpu_set_t cores;
	int n = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
	return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

/* ---- start and end ---- */

/* What no other server says of itself. */
static void make_instance(char ret[static INSTANCE_SIZE])
{
	uint8_t random[(INSTANCE_SIZE - 1) / 2];
	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		uint64_t now = monotonic_ms();
		memset(random, 0, sizeof(random));
		memcpy(random, &now, sizeof(now));
	}
	hex_encode(random, sizeof(random), ret);
}

static int open_upstreams(struct server *s, struct error *err)
{
	int r;
	const struct settings *settings = s->settings;
	scoped(string_free) char *path = NULL;
	const struct upstream_settings upstreams = {
		.urls = settings->upstreams,
		.n_urls = settings->n_upstreams,
		.budget_ms = settings->upstream_timeout_s * UINT64_C(1000),
		.bytes_max = settings->upstream_bytes_max,
	};
	if (!upstreams.n_urls)
		return 0;
	r = settings->upstream_store
		    ? string_format(&path, err, "%s", settings->upstream_store)
		    : string_format(&path, err, "%s/upstream", store_path(s->own.store));
	if (r == 0)
		r = kept_open(path, settings->upstream_cache_bytes, &s->kept, err);
	if (r < 0)
		return error_prefix(err, r,
				    "what upstreams give cannot be kept (see --upstream-store)");
	return upstreams_open(&upstreams, s->kept, s->workers, &s->upstreams, err);
}

static int open_server(struct server *s, const struct limits *limits, struct error *err)
{
	int r;
	unsigned n_cores = count_cores();

	lookups_open(&s->own.lookups, s->own.store);
	make_instance(s->instance);
	r = fixed_open(s->settings->cors, s->instance, err);
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
		r = shares_new(limits->n_per_address, &s->connection_shares, err);
	if (r == 0)
		r = shares_new(limits->n_per_address, &s->request_shares, err);
	if (r == 0)
		r = workers_new(n_cores, &s->workers, err);
	if (r == 0)
		r = workers_new(1, &s->searchers, err);
	if (r == 0)
		r = open_upstreams(s, err);
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
	if (s->upstreams)
		upstreams_stop(s->upstreams);
	/* libmicrohttpd does not end while a connection is suspended. */
	while (atomic_load(&s->n_suspended))
		sleep_ms(1);
	loops_stop(s);
	workers_free(s->workers);
	workers_free(s->searchers);
	upstreams_free(s->upstreams);
	frames_free(s->frames);
	cache_free(s->answers);
	cache_free(s->manifests);
	cache_free(s->objects);
	lookups_close(&s->own.lookups);
	kept_close(s->kept);
	access_log_close(s->log);
	metrics_free(s->metrics);
	fixed_close();
	shares_free(s->connection_shares);
	shares_free(s->request_shares);
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
	const char *store = store_path(s->own.store), *base = s->settings->base_path;

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

/* ---- ourselves as an upstream ---- */

struct short_service {
	struct server *server;
	const struct listeners *listeners;
	unsigned n_connections_max;
	int end_fd;
};

static void *serve_shortly(void *context)
{
	const struct short_service *service = context;
	struct error err = ERROR_NONE;
	if (accept_until_signal(service->server, service->listeners, service->end_fd,
				service->n_connections_max, &err) < 0)
		log_error("%s", err.message);
	return NULL;
}

/* A server that asks itself would ask for ever. It has to be served while it is asked who it is. */
static int refuse_self(struct server *s, const struct listeners *listeners,
		       unsigned n_connections_max, struct error *err)
{
	int r;
	pthread_t thread;

	if (!s->upstreams)
		return 0;
	scoped(fd_close) int end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (end_fd < 0)
		return error_errno(err, -errno, "eventfd");
	struct short_service service = { s, listeners, n_connections_max, end_fd };
	r = -pthread_create(&thread, NULL, serve_shortly, &service);
	if (r < 0)
		return error_errno(err, r, "starting a thread");
	r = upstreams_refuse_self(s->upstreams, s->instance, err);
	eventfd_write(end_fd, 1);
	pthread_join(thread, NULL);
	return r;
}

static int open_listeners(struct server *s, struct listeners *ret, struct error *err)
{
	int n = service_take_sockets();
	if (n)
		return listeners_adopt(SERVICE_FIRST_FD, (size_t)n, ret, err);
	int r = listeners_open(s->settings->listen.values, s->settings->listen.n, s->settings->port,
			       ret, err);
	if (r == -EADDRINUSE)
		return error_prefix(err, r,
				    "something else serves there (try --port=N, or --port=0)");
	return r;
}

static int serve(struct server *s, const struct limits *limits, int signal_fd, struct error *err)
{
	int r;
	struct listeners listeners;

	r = open_server(s, limits, err);
	if (r == 0)
		r = count_store(s, err);
	if (r == 0)
		r = loops_start(s, limits->n_connections, err);
	if (r < 0)
		return r;
	r = open_listeners(s, &listeners, err);
	if (r < 0)
		return r;

	r = refuse_self(s, &listeners, limits->n_connections, err);
	if (r < 0) {
		listeners_close(&listeners);
		return r;
	}
	announce(s, &listeners, atomic_load(&s->n_builds));
	log_debug("%u event loops, up to %u connections, %u open objects", s->n_loops,
		  limits->n_connections, limits->n_objects);
	service_notify("READY=1");
	r = accept_until_signal(s, &listeners, signal_fd, limits->n_connections, err);
	listeners_close(&listeners);
	if (r < 0)
		return r;

	/* The signal is taken, so that drain() sees the next one. */
	struct signalfd_siginfo taken;
	if (read(signal_fd, &taken, sizeof(taken)) < 0)
		log_debug("signalfd: %s", strerror(errno));
	service_notify("STOPPING=1");
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
	signal(SIGHUP, SIG_IGN); /* there is nothing to read anew */

	scoped(fd_close) int signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return error_errno(err, -errno, "signalfd");

	struct limits limits = share_out_files(settings);
	struct server s = { .settings = settings, .own.store = st };
	int r = serve(&s, &limits, signal_fd, err);
	close_server(&s);
	return r;
}
