/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/cache.h"
#include "server/kept.h"
#include "server/upstream_wish.h"
#include "server/workers.h"

/**
 * Other servers of the protocol, which are asked for what the store does not have: all at once, by
 * one thread, and once for all who ask for the same. The first that begins to answer is taken;
 * where its answer is not what it has to be, the next. ELF files are kept (kept.h) once their build
 * ID was seen to be the one that was asked for; sources, which have none, stay in memory.
 *
 * Threads: any
 */
struct upstreams;

struct upstream_settings {
	const char *const *urls; /* of them, "http://…" or "https://…"; copied */
	size_t n_urls;
	uint64_t budget_ms; /* until one of them must have begun to answer */
	uint64_t bytes_max; /* of an answer */
};

/** @kept, @workers  outlive it. Errors: -EINVAL a URL that is none, or of another protocol */
must_check int upstreams_open(const struct upstream_settings *settings, struct kept *kept,
			      struct workers *workers, struct upstreams **ret, struct error *err);
/** Wakes all who wait, and ends the thread; the workers are still there. */
void upstreams_stop(struct upstreams *u);
/** After upstreams_stop(). */
void upstreams_free(struct upstreams *u);

/**
 * Is one of them this server itself? Asks each for its instance, for two seconds at most.
 * @instance  what ours says on /healthz
 * Errors: -ELOOP, which one. One that cannot be asked is none
 */
must_check int upstreams_refuse_self(struct upstreams *u, const char *instance, struct error *err);

/** A source file, in memory. */
struct shared_bytes {
	struct cached cached; /* first */
	struct digest digest;
	int64_t time; /* when it came */
	size_t size;
	uint8_t bytes[];
};

enum upstream_outcome {
	UPSTREAM_FOUND, /* kept, or in @bytes */
	UPSTREAM_MISSING, /* each of them said so */
	UPSTREAM_TROUBLE, /* none has it, and not each said so */
};

/** Who waits for an answer. */
struct upstream_waiter {
	void (*wake)(struct upstream_waiter *waiter); /* once, by any thread, without a lock */
	struct upstream_waiter *next;
	uint64_t until_ms;
	enum upstream_outcome outcome;
	struct shared_bytes *bytes; /* of a source that was found: a hold of it, for the waiter */
};

/** True: @waiter will be woken, or was already. False: its outcome is there at once. */
must_check bool upstreams_ask(struct upstreams *u, const struct upstream_wish *wish,
			      struct upstream_waiter *waiter);

struct upstream_stats {
	const char *url;
	uint64_t n_found, n_missing, n_failed;
	bool open; /* not to be asked now */
};
size_t upstreams_count(const struct upstreams *u);
struct upstream_stats upstreams_stats(struct upstreams *u, size_t i);
/** Requests that are under way, and misses that are remembered. */
void upstreams_load(struct upstreams *u, uint64_t *ret_n_fetches, uint64_t *ret_n_misses);
