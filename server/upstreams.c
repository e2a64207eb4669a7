/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "server/fetch.h"
#include "store/store.h"

#define N_FETCHES_MAX 256 /* at once */
#define N_MISSES_MAX 16384 /* some 4 MB */
#define SOURCES_BYTES (64u << 20)
#define SOURCES_AGE_MS 3600000
/* What a client waits for a download: libdebuginfod gives up after 90 s without a byte. */
#define WAIT_MS 60000
#define N_HOST_CONNECTIONS 16L

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
		r = -pthread_create(&u->thread, NULL, fetches_serve, u);
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
