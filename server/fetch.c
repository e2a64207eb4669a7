/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "server/fetch.h"

#define TICK_MS 100

static void fetch_free(struct fetch *f)
{
	free(f->transfers);
	free(f->name);
	free(f->forwarded);
	free(f->via);
	free(f);
}

struct fetch *fetch_new(struct upstreams *u, const struct upstream_wish *wish,
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

void *fetches_serve(void *context)
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
