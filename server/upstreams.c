/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "server/breaker.h"
#include "server/misses.h"
#include "server/transfer.h"
#include "server/upstreams.h"
#include "store/store.h"

#define N_FETCHES_MAX 256 /* at once */
#define N_MISSES_MAX 16384 /* some 4 MB */
#define SOURCES_BYTES (64u << 20)
#define SOURCES_AGE_MS 3600000
#define WAIT_MS                                                                                  \
	60000 /* what a client waits for a download; libdebuginfod gives up after 90 s without a \
		 byte */
#define TICK_MS 100
#define N_HOST_CONNECTIONS 16L

struct upstream {
	char *url;
	struct breaker breaker;
	uint64_t n_found, n_missing, n_failed;
};

/** What is asked for once for all who want it. */
struct fetch {
	struct work work; /* first: a worker judges an answer */
	struct upstreams *all;
	struct fetch *next;
	struct digest key;
	enum kind kind;
	struct build_id id;
	char *name, *forwarded, *via;
	uint64_t began_ms;
	bool begun;

	/* Guarded by the mutex. */
	struct upstream_waiter *waiters;
	struct fetch *next_judged;

	/* The thread's own. */
	struct transfer *transfers; /* one for each upstream */
	struct transfer *taken; /* whose answer is coming, or is judged */
	bool judging;
	size_t n_missing; /* said so */

	/* The worker's. */
	int judged_r;
	struct error judged_err;
	struct shared_bytes *bytes;
};

struct upstreams {
	struct upstream *each;
	size_t n;
	uint64_t budget_ms, bytes_max;
	struct kept *kept;
	struct workers *workers;
	struct misses *misses;
	struct cache *sources; /* digest -> shared_bytes */
	int tmp_fd; /* of the kept store */
	CURLM *multi;
	pthread_t thread;
	bool started;

	pthread_mutex_t mutex; /* guards what follows, and each upstream's counters and breaker */
	struct fetch *fetches;
	size_t n_fetches;
	struct fetch *judged;
	bool ending;
};

static size_t index_of(const struct fetch *f, const struct transfer *t)
{
	return (size_t)(t - f->transfers);
}

/* ---- the end of a fetch ---- */

static void wake_all(struct upstream_waiter *waiters, enum upstream_outcome outcome,
		     struct shared_bytes *bytes)
{
	while (waiters) {
		struct upstream_waiter *w = waiters;
		waiters = w->next; /* it may be gone once it is woken */
		w->outcome = outcome;
		if (bytes) {
			cached_hold(&bytes->cached);
			w->bytes = bytes;
		}
		w->wake(w);
	}
}

static void fetch_free(struct fetch *f)
{
	free(f->transfers);
	free(f->name);
	free(f->forwarded);
	free(f->via);
	free(f);
}

static void finish(struct fetch *f, enum upstream_outcome outcome)
{
	struct upstreams *u = f->all;

	if (outcome == UPSTREAM_MISSING)
		misses_add(u->misses, &f->key, monotonic_ms());
	else if (outcome == UPSTREAM_FOUND)
		misses_forget(u->misses, &f->key);
	if (outcome == UPSTREAM_FOUND && f->bytes)
		cache_put(u->sources, &f->key, &f->bytes->cached, f->bytes->size);

	pthread_mutex_lock(&u->mutex);
	struct fetch **at = &u->fetches;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	u->n_fetches--;
	struct upstream_waiter *waiters = f->waiters;
	for (size_t i = 0; f->transfers && i < u->n; i++) {
		if (f->transfers[i].easy)
			breaker_left(&u->each[i].breaker);
	}
	pthread_mutex_unlock(&u->mutex);

	wake_all(waiters, outcome, f->bytes);
	for (size_t i = 0; f->transfers && i < u->n; i++)
		transfer_free(&f->transfers[i], u->multi);
	cached_release(f->bytes ? &f->bytes->cached : NULL);
	fetch_free(f);
}

/* Is there nothing more to come? */
static void settle(struct fetch *f)
{
	if (f->judging || f->taken)
		return;
	for (size_t i = 0; i < f->all->n; i++) {
		if (f->transfers[i].easy)
			return;
	}
	finish(f, f->n_missing == f->all->n ? UPSTREAM_MISSING : UPSTREAM_TROUBLE);
}

/* ---- one upstream's answer ---- */

static void note_failure(struct fetch *f, struct transfer *t, const char *why)
{
	struct upstreams *u = f->all;
	struct upstream *upstream = &u->each[index_of(f, t)];

	pthread_mutex_lock(&u->mutex);
	upstream->n_failed++;
	breaker_failed(&upstream->breaker, monotonic_ms());
	pthread_mutex_unlock(&u->mutex);
	log_warning("upstream %s: %s %s: %s", upstream->url, kind_name(f->kind),
		    BUILD_ID_HEX(&f->id), why);
}

static void note_success(struct fetch *f, struct transfer *t, bool found)
{
	struct upstreams *u = f->all;
	struct upstream *upstream = &u->each[index_of(f, t)];

	pthread_mutex_lock(&u->mutex);
	*(found ? &upstream->n_found : &upstream->n_missing) += 1;
	breaker_succeeded(&upstream->breaker);
	pthread_mutex_unlock(&u->mutex);
}

/* The first that begins is taken. */
static bool may_take(struct transfer *t)
{
	struct fetch *f = t->context;
	if (!f->taken)
		f->taken = t;
	return f->taken == t;
}

/* The one that was taken came to nothing: another may have begun, too. */
static void take_next(struct fetch *f)
{
	f->taken = NULL;
	for (size_t i = 0; i < f->all->n; i++) {
		struct transfer *t = &f->transfers[i];
		if (t->easy && t->paused) {
			f->taken = t;
			transfer_resume(t);
			return;
		}
	}
}

static void free_bytes(struct cached *cached)
{
	free(cached);
}

static int keep_source(struct fetch *f, struct transfer *t)
{
	struct shared_bytes *bytes = malloc(sizeof(*bytes) + t->n_bytes);
	if (!bytes)
		return error_no_memory(&f->judged_err);
	cached_init(&bytes->cached, free_bytes);
	bytes->size = t->n_bytes;
	bytes->time = time(NULL);
	if (t->n_bytes)
		memcpy(bytes->bytes, t->memory, t->n_bytes);
	bytes->digest = digest_of(bytes->bytes, bytes->size);
	f->bytes = bytes;
	return 0;
}

static void judge(struct work *work)
{
	struct fetch *f = (struct fetch *)work;
	struct upstreams *u = f->all;
	struct transfer *t = f->taken;

	f->judged_err = ERROR_NONE;
	if (f->kind == KIND_SOURCE)
		f->judged_r = keep_source(f, t);
	else if (t->file.fd < 0)
		f->judged_r = error_set(&f->judged_err, -EINVAL, "an empty answer");
	else
		f->judged_r = kept_add(u->kept, t->file.fd, &f->id, u->each[index_of(f, t)].url,
				       t->path, &f->judged_err);

	pthread_mutex_lock(&u->mutex);
	f->next_judged = u->judged;
	u->judged = f;
	pthread_mutex_unlock(&u->mutex);
	curl_multi_wakeup(u->multi);
}

static void see_judgement(struct fetch *f)
{
	int r = f->judged_r;

	f->judging = false;
	if (r == 0) {
		note_success(f, f->taken, true);
		return finish(f, UPSTREAM_FOUND);
	}
	if (r == -EINVAL || r == -ENOEXEC || r == -EBADMSG || r == -ENOTSUP)
		note_failure(f, f->taken, f->judged_err.message);
	else
		log_error("keeping what %s gave of %s: %s", f->all->each[index_of(f, f->taken)].url,
			  BUILD_ID_HEX(&f->id), f->judged_err.message);
	take_next(f);
	settle(f);
}

static void see_end(struct transfer *t, CURLcode code)
{
	struct fetch *f = t->context;
	struct upstreams *u = f->all;
	unsigned status = transfer_status(t);

	if (status == 404) { /* whatever came of its text */
		transfer_end(t, u->multi);
		f->n_missing++;
		note_success(f, t, false);
		return settle(f);
	}
	if (status >= 301 && status <= 308 && code == CURLE_OK && transfer_follow(t, u->multi))
		return;
	if (status == 200 && code == CURLE_OK && may_take(t)) {
		transfer_end(t, u->multi);
		f->judging = true;
		f->work.run = judge;
		return workers_post(u->workers, &f->work);
	}

	char why[160];
	if (t->r == -EFBIG)
		snprintf(why, sizeof(why), "larger than --upstream-max-size");
	else if (t->r < 0)
		snprintf(why, sizeof(why), "keeping it: %s", strerror(-t->r));
	else if (code != CURLE_OK)
		snprintf(why, sizeof(why), "%s", curl_easy_strerror(code));
	else if (status >= 301 && status <= 308)
		snprintf(why, sizeof(why), "status %u, to another server or too often", status);
	else
		snprintf(why, sizeof(why), "status %u", status);
	transfer_end(t, u->multi);
	note_failure(f, t, why);
	if (f->taken == t)
		take_next(f);
	settle(f);
}

/* ---- the thread ---- */

static void begin(struct fetch *f)
{
	struct upstreams *u = f->all;
	const struct upstream_wish wish = { f->kind, &f->id, f->name, f->forwarded, f->via };
	struct error err;

	f->transfers = calloc(u->n, sizeof(*f->transfers));
	if (!f->transfers)
		return finish(f, UPSTREAM_TROUBLE);
	for (size_t i = 0; i < u->n; i++) {
		struct transfer *t = &f->transfers[i];
		t->context = f;
		t->may_take = may_take;
		t->bytes_max = f->kind == KIND_SOURCE ? SOURCE_BYTES_MAX : u->bytes_max;
		t->dir_fd = f->kind == KIND_SOURCE ? -1 : u->tmp_fd;

		pthread_mutex_lock(&u->mutex);
		bool allowed = breaker_allows(&u->each[i].breaker, f->began_ms);
		pthread_mutex_unlock(&u->mutex);
		if (allowed && transfer_begin(t, u->multi, u->each[i].url, &wish, &err) < 0) {
			transfer_end(t, u->multi);
			note_failure(f, t, err.message);
		}
	}
	settle(f);
}

/* Who did not begin to answer in time has failed. */
static void end_late_ones(struct fetch *f, uint64_t now)
{
	struct upstreams *u = f->all;

	if (!f->transfers || now - f->began_ms < u->budget_ms)
		return;
	bool ended = false;
	for (size_t i = 0; i < u->n; i++) {
		struct transfer *t = &f->transfers[i];
		if (!t->easy || t->paused || t == f->taken)
			continue;
		transfer_end(t, u->multi);
		note_failure(f, t, "no answer in time");
		ended = true;
	}
	if (ended)
		settle(f);
}

/* Who has waited for long is let go; the download goes on, for the next time they ask. */
static void let_waiters_go(struct fetch *f, uint64_t now, bool all)
{
	struct upstreams *u = f->all;
	struct upstream_waiter *late = NULL;

	pthread_mutex_lock(&u->mutex);
	for (struct upstream_waiter **at = &f->waiters; *at;) {
		struct upstream_waiter *w = *at;
		if (!all && now < w->until_ms) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = late;
		late = w;
	}
	pthread_mutex_unlock(&u->mutex);
	wake_all(late, UPSTREAM_TROUBLE, NULL);
}

/* Whatever other threads have brought. True: the end was asked for, and all is done. */
static bool take_news(struct upstreams *u)
{
	pthread_mutex_lock(&u->mutex);
	struct fetch *judged = u->judged;
	u->judged = NULL;
	bool ending = u->ending;
	pthread_mutex_unlock(&u->mutex);

	while (judged) {
		struct fetch *f = judged;
		judged = f->next_judged;
		see_judgement(f);
	}

	/* New ones come in front, and only this thread takes any out: what is behind one stays, but
	 * for itself. */
	uint64_t now = monotonic_ms();
	pthread_mutex_lock(&u->mutex);
	struct fetch *f = u->fetches;
	pthread_mutex_unlock(&u->mutex);
	while (f) {
		struct fetch *next = f->next;
		let_waiters_go(f, now, ending);
		if (ending && !f->judging) {
			finish(f, UPSTREAM_TROUBLE);
		} else if (!f->begun) {
			f->begun = true;
			begin(f);
		} else {
			end_late_ones(f, now);
		}
		f = next;
	}
	pthread_mutex_lock(&u->mutex);
	bool done = ending && !u->fetches;
	pthread_mutex_unlock(&u->mutex);
	return done;
}

static void *serve_fetches(void *context)
{
	struct upstreams *u = context;
	int n;

	while (!take_news(u)) {
		curl_multi_perform(u->multi, &n);
		CURLMsg *message;
		while ((message = curl_multi_info_read(u->multi, &n))) {
			char *t = NULL;
			CURLcode code = message->data.result; /* gone with its handle */
			if (message->msg == CURLMSG_DONE &&
			    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t) ==
				    CURLE_OK)
				see_end((struct transfer *)(void *)t, code);
		}
		pthread_mutex_lock(&u->mutex);
		bool idle = !u->fetches;
		pthread_mutex_unlock(&u->mutex);
		curl_multi_poll(u->multi, NULL, 0, idle ? 60000 : TICK_MS, &n);
	}
	return NULL;
}

/* ---- asking ---- */

static struct digest key_of(const struct upstream_wish *wish)
{
	struct {
		struct digest name;
		uint32_t kind;
		struct build_id id;
	} parts;
	memset(&parts, 0, sizeof(parts)); /* padding, too */
	if (wish->name)
		parts.name = digest_of(wish->name, strlen(wish->name));
	parts.kind = (uint32_t)wish->kind;
	parts.id = *wish->id;
	return digest_of(&parts, sizeof(parts));
}

static struct fetch *fetch_new(struct upstreams *u, const struct upstream_wish *wish,
			       const struct digest *key)
{
	struct fetch *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->all = u;
	f->key = *key;
	f->kind = wish->kind;
	f->id = *wish->id;
	f->began_ms = monotonic_ms();
	f->name = wish->name ? strdup(wish->name) : NULL;
	f->forwarded = strdup(wish->forwarded);
	f->via = strdup(wish->via);
	if ((wish->name && !f->name) || !f->forwarded || !f->via) {
		fetch_free(f);
		return NULL;
	}
	return f;
}

bool upstreams_ask(struct upstreams *u, const struct upstream_wish *wish,
		   struct upstream_waiter *waiter)
{
	struct digest key = key_of(wish);
	uint64_t now = monotonic_ms();

	waiter->bytes = (struct shared_bytes *)cache_get(u->sources, &key);
	waiter->outcome = waiter->bytes ? UPSTREAM_FOUND : UPSTREAM_MISSING;
	if (waiter->bytes || misses_has(u->misses, &key, now))
		return false;
	waiter->outcome = UPSTREAM_TROUBLE;
	waiter->until_ms = now + WAIT_MS;

	pthread_mutex_lock(&u->mutex);
	struct fetch *f = u->fetches;
	while (f && !digest_equal(&f->key, &key))
		f = f->next;
	bool is_new = !f && !u->ending && u->n_fetches < N_FETCHES_MAX;
	if (is_new) {
		f = fetch_new(u, wish, &key);
		if (f) {
			f->next = u->fetches;
			u->fetches = f;
			u->n_fetches++;
		}
	}
	if (f) {
		waiter->next = f->waiters;
		f->waiters = waiter;
	}
	pthread_mutex_unlock(&u->mutex);
	if (f && is_new)
		curl_multi_wakeup(u->multi);
	return f != NULL;
}

/* ---- opening ---- */

static int parse_urls(struct upstreams *u, const struct upstream_settings *settings,
		      struct error *err)
{
	u->each = calloc(settings->n_urls, sizeof(*u->each));
	if (!u->each)
		return error_no_memory(err);
	for (size_t i = 0; i < settings->n_urls; i++) {
		int r = upstream_url_parse(settings->urls[i], &u->each[u->n].url, err);
		if (r < 0)
			return r;
		bool again = false;
		for (size_t j = 0; j < u->n; j++)
			again |= !strcmp(u->each[j].url, u->each[u->n].url);
		if (again)
			free(take(u->each[u->n].url));
		else
			u->n++;
	}
	return 0;
}

int upstreams_open(const struct upstream_settings *settings, struct kept *kept,
		   struct workers *workers, struct upstreams **ret, struct error *err)
{
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, -EIO, "libcurl does not start");
	struct upstreams *u = calloc(1, sizeof(*u));
	if (!u)
		return error_no_memory(err);
	u->budget_ms = settings->budget_ms;
	u->bytes_max = settings->bytes_max;
	u->kept = kept;
	u->workers = workers;
	u->tmp_fd = -1;
	pthread_mutex_init(&u->mutex, NULL);

	r = parse_urls(u, settings, err);
	if (r == 0)
		r = misses_new(N_MISSES_MAX, &u->misses, err);
	if (r == 0)
		r = cache_new(sizeof(struct digest), 4096, SOURCES_BYTES, SOURCES_AGE_MS,
			      &u->sources, err);
	if (r == 0)
		r = file_open_at(store_fd(kept_shelf(kept)->store), "tmp", O_RDONLY | O_DIRECTORY,
				 0, &u->tmp_fd, err);
	if (r == 0) {
		u->multi = curl_multi_init();
		if (!u->multi)
			r = error_no_memory(err);
	}
	if (r == 0) {
		curl_multi_setopt(u->multi, CURLMOPT_MAX_HOST_CONNECTIONS, N_HOST_CONNECTIONS);
		r = -pthread_create(&u->thread, NULL, serve_fetches, u);
		u->started = r == 0;
		if (r < 0)
			r = error_errno(err, r, "starting the thread that asks upstreams");
	}
	if (r < 0) {
		upstreams_free(u);
		return r;
	}
	*ret = u;
	return 0;
}

void upstreams_stop(struct upstreams *u)
{
	if (!u->started)
		return;
	pthread_mutex_lock(&u->mutex);
	u->ending = true;
	pthread_mutex_unlock(&u->mutex);
	curl_multi_wakeup(u->multi);
	pthread_join(u->thread, NULL);
	u->started = false;
}

void upstreams_free(struct upstreams *u)
{
	if (!u)
		return;
	if (u->multi)
		curl_multi_cleanup(u->multi);
	cache_free(u->sources);
	misses_free(u->misses);
	fd_close(&u->tmp_fd);
	for (size_t i = 0; i < u->n; i++)
		free(u->each[i].url);
	free(u->each);
	pthread_mutex_destroy(&u->mutex);
	free(u);
}

int upstreams_refuse_self(struct upstreams *u, const char *instance, struct error *err)
{
	for (size_t i = 0; i < u->n; i++) {
		if (upstream_is_self(u->each[i].url, instance))
			return error_set(err, -ELOOP, "--upstream=%s: that is this server itself",
					 u->each[i].url);
	}
	return 0;
}

/* ---- figures ---- */

size_t upstreams_count(const struct upstreams *u)
{
	return u->n;
}

struct upstream_stats upstreams_stats(struct upstreams *u, size_t i)
{
	const struct upstream *upstream = &u->each[i];

	pthread_mutex_lock(&u->mutex);
	struct upstream_stats stats = { upstream->url, upstream->n_found, upstream->n_missing,
					upstream->n_failed,
					breaker_is_open(&upstream->breaker, monotonic_ms()) };
	pthread_mutex_unlock(&u->mutex);
	return stats;
}

void upstreams_load(struct upstreams *u, uint64_t *ret_n_fetches, uint64_t *ret_n_misses)
{
	pthread_mutex_lock(&u->mutex);
	*ret_n_fetches = u->n_fetches;
	pthread_mutex_unlock(&u->mutex);
	*ret_n_misses = misses_count(u->misses);
}
