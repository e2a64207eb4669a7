/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/access_log.h"
#include "server/cache.h"
#include "server/frames.h"
#include "server/metrics.h"
#include "server/negotiate.h"
#include "server/objects.h"
#include "server/peer.h"
#include "server/route.h"
#include "server/settings.h"
#include "server/shares.h"
#include "server/shelf.h"
#include "server/upstreams.h"
#include "server/watch.h"
#include "server/workers.h"
#include <microhttpd.h>
#include <stdatomic.h>

/* What the folder's own files share: the running server, a connection's client and its request. */

#define CONNECTION_MEMORY (12u << 10) /* request line and header, and the answer's header */

#define INSTANCE_SIZE 33 /* hex digits and NUL */

/** One event loop: a daemon of one thread. Connections are handed to it. */
struct loop {
	struct MHD_Daemon *daemon;
	struct server *server;
	atomic_uint n_connections; /* handed to it and not yet closed */
	struct watch watch;
};

struct server {
	const struct settings *settings;
	char instance[INSTANCE_SIZE]; /* what /healthz says, so that it knows itself */
	struct shelf own; /* the store */
	struct kept *kept; /* what upstreams gave; NULL: there are none */
	struct upstreams *upstreams; /* NULL: none */
	struct cache *objects; /* digest -> shared_object */
	struct cache *manifests; /* digest -> shared_manifest */
	struct cache *answers; /* answer_key -> answer */
	struct workers *workers;
	struct workers *searchers; /* one: searches hold up nobody but each other */
	struct frames *frames;
	struct metrics *metrics;
	struct access_log *log; /* NULL: no line for each request */
	struct loop *loops;
	unsigned n_loops;

	struct shares *connection_shares; /* of addresses that are no trusted proxies */
	struct shares *request_shares; /* of whom trusted proxies ask for */

	atomic_uint n_active; /* requests whose header was read and whose answer is not yet sent */
	atomic_uint n_suspended; /* connections that wait for a worker */
	atomic_bool draining; /* every connection is closed after its next answer */
	atomic_bool stopping; /* no connection may be suspended any more */

	_Atomic uint64_t n_builds, n_debug, n_executables, n_sources; /* as counted last */
	_Atomic uint64_t counted_at_ms; /* 0: never */
};

/* ---- requests: server/request.c, server/header.c ---- */

/** A header's value, in the connection's memory while the request lasts. */
struct header_value {
	const char *bytes; /* NULL: not sent */
	size_t size;
	unsigned n_lines;
};

struct request {
	struct work work; /* first: what a worker does for it */
	struct server *server;
	struct client *client;
	struct MHD_Connection *connection;
	struct route route;
	char *long_scratch; /* of a target that is longer than the one below */
	char scratch[256];
	uintptr_t target_end; /* where its terminating NUL was */
	uint64_t began_us;
	bool begun; /* its header was looked at */
	bool head;
	bool preflight; /* a browser asks what it may ask */
	bool counted; /* in n_active */
	bool shares; /* in the server's request_shares, as @asking */
	struct address
		asking; /* whom it is for: the client, or who it asks for as a trusted proxy */

	struct accept_encoding accept;
	struct header_value if_none_match, if_modified_since, range, if_range, forwarded, via;
	uint64_t max_size_bytes; /* the client takes no larger body; 0: any */
	bool has_body;
	const char *malformed; /* why the header is refused */

	struct shelf *shelf; /* where it is looked for, and was found */
	bool has_debug, has_executable; /* the store's own build */

	/* What upstreams were asked: federate.c. */
	struct upstream_waiter waiter;
	bool asking_upstreams, upstream_trouble, from_upstream;
	unsigned asked; /* bits of kinds */

	/* What a worker brought. */
	bool prepared;
	int prepared_r;
	struct shared_manifest *manifest;
	struct artifact manifest_wanted;
	char *page; /* of text */
	size_t page_size;

	/* What was answered, for log and metrics. */
	unsigned status;
	uint64_t bytes;
	bool zstd;
	const char *why;
};

/** What a connection has; one request at a time. */
struct client {
	struct watched watched;
	struct address address;
	char text[ADDRESS_TEXT_SIZE];
	struct request request;
};

/**
 * Read the header that came: what the answer depends on, and whether it is to be refused. What a
 * proxy before us could read otherwise than we do is malformed, for the next bytes on the connection
 * may be anyone's.
 */
void request_read_header(struct request *rq);

/** Let the connection rest until request_resume(), and the handler then runs again. False: the
 * server is ending. */
bool request_rest(struct request *rq);
/** Let the connection rest, and a worker do @run; it calls request_resume(), and the handler runs
 * again. False: the server is ending. */
bool request_suspend(struct request *rq, void (*run)(struct work *work));
/** The same, by other workers than the usual. */
bool request_suspend_for(struct request *rq, struct workers *workers,
			 void (*run)(struct work *work));
void request_resume(struct request *rq);

/** Queue a response for the request. */
enum MHD_Result request_answer(struct request *rq, unsigned status, struct MHD_Response *response,
			       uint64_t bytes);
/** Passing trouble: log it and drop the connection, so that the client tries again. */
enum MHD_Result request_drop(struct request *rq, enum trouble trouble, const struct error *err);

/* ---- fixed answers: server/fixed.c ---- */

enum fixed {
	FIXED_NOT_FOUND,
	FIXED_BAD_REQUEST, /* closes the connection */
	FIXED_BAD_METHOD, /* too */
	FIXED_BUSY,
	FIXED_PREFLIGHT,
	FIXED_ROOT,
	FIXED_HEALTHY,
	N_FIXED,
};
/** @cors  pages from anywhere may ask, and read these and what cors_dress() dresses; @instance what
 * this server says of itself on /healthz */
must_check int fixed_open(bool cors, const char *instance, struct error *err);
void fixed_close(void);
enum MHD_Result fixed_answer(struct request *rq, enum fixed which, unsigned status);
/** The header lines with which a browser lets a page read the answer, where that is allowed. False:
 * no memory. */
must_check bool cors_dress(struct MHD_Response *response);
/** An answer of its own text, which is copied; "no-store". */
enum MHD_Result json_answer(struct request *rq, const char *text, size_t size);
enum MHD_Result text_answer(struct request *rq, unsigned status, const char *text, size_t size);

/* ---- bodies: server/answer.c ---- */

/** What a prepared answer is kept by. */
struct answer_key {
	struct digest name;
	struct digest object;
	uint64_t offset;
	uint64_t size_bytes;
	int64_t time;
	uint32_t kind;
	uint32_t zstd;
	struct build_id build;
	uint8_t zeros[7];
};
_Static_assert(sizeof(struct answer_key) == 168 && CACHE_KEY_LIMIT >= 168,
	       "a key has no padding, and fits");

/* ---- what the store has for a request: server/artifact.c ---- */

enum MHD_Result artifact_answer(struct request *rq);

/* ---- pages about the server itself: server/status.c ---- */

/** Count what is in the store, for the metrics: takes a while with millions of builds. */
must_check int count_store(struct server *s, struct error *err);
enum MHD_Result metrics_answer(struct request *rq);
enum MHD_Result health_answer(struct request *rq);

/* ---- searches: server/metadata.c ---- */

enum MHD_Result metadata_answer(struct request *rq);
