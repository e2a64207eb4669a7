/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/shares.h"

#define N_BUCKETS 4096

struct holder {
	struct holder *next;
	struct address address;
	unsigned n;
};

struct shares {
	pthread_mutex_t mutex;
	unsigned n_max;
	uint64_t seed; /* so that nobody can choose addresses that meet in one bucket */
	struct holder *buckets[N_BUCKETS];
};

int shares_new(unsigned n_max, struct shares **ret, struct error *err)
{
	struct shares *s = calloc(1, sizeof(*s));
	if (!s)
		return error_no_memory(err);
	pthread_mutex_init(&s->mutex, NULL);
	s->n_max = n_max;
	s->seed = (uintptr_t)s * UINT64_C(0x9e3779b97f4a7c15);
	*ret = s;
	return 0;
}

void shares_free(struct shares *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < N_BUCKETS; i++) {
		while (s->buckets[i]) {
			struct holder *h = s->buckets[i];
			s->buckets[i] = h->next;
			free(h);
		}
	}
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static struct holder **find(struct shares *s, const struct address *address)
{
	uint64_t halves[2];
	memcpy(halves, address, sizeof(halves));
	uint64_t hash = (halves[0] ^ s->seed) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ hash >> 29 ^ halves[1]) * UINT64_C(0xbf58476d1ce4e5b9);

	struct holder **at = &s->buckets[hash >> 52];
	while (*at && memcmp(&(*at)->address, address, sizeof(*address)) != 0)
		at = &(*at)->next;
	return at;
}

static struct address whole_network(const struct address *address)
{
	struct address network = *address;
	if (!address_is_v4(address))
		memset(network.bytes + 8, 0, 8);
	return network;
}

bool shares_take(struct shares *s, const struct address *address)
{
	if (!s->n_max)
		return true;
	struct address network = whole_network(address);
	bool taken = false;

	pthread_mutex_lock(&s->mutex);
	struct holder **at = find(s, &network);
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (*at)
			(*at)->address = network;
	}
	if (*at && (*at)->n < s->n_max) {
		(*at)->n++;
		taken = true;
	}
	pthread_mutex_unlock(&s->mutex);
	return taken;
}

void shares_give_back(struct shares *s, const struct address *address)
{
	if (!s->n_max)
		return;
	struct address network = whole_network(address);

	pthread_mutex_lock(&s->mutex);
	struct holder **at = find(s, &network), *gone = NULL;
	if (*at && --(*at)->n == 0) {
		gone = *at;
		*at = gone->next;
	}
	pthread_mutex_unlock(&s->mutex);
	free(gone);
}
