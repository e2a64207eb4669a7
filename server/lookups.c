/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "server/lookups.h"

struct thread_lookup {
	struct thread_lookup *next;
	struct lookup *lookup;
};

static _Thread_local struct lookup *this_thread_lookups[LOOKUPS_MAX];
static unsigned in_use; /* bits; opening and closing is for one thread */

void lookups_open(struct lookups *l, struct store *st)
{
	l->store = st;
	l->first = NULL;
	l->index = 0;
	while (in_use & 1u << l->index)
		l->index++;
	assert(l->index < LOOKUPS_MAX);
	in_use |= 1u << l->index;
	pthread_mutex_init(&l->mutex, NULL);
}

int lookups_get(struct lookups *l, struct lookup **ret, struct error *err)
{
	int r;

	struct lookup **own = &this_thread_lookups[l->index];
	if (*own) {
		*ret = *own;
		return 0;
	}
	struct thread_lookup *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return error_no_memory(err);
	r = lookup_new(l->store, &entry->lookup, err);
	if (r < 0) {
		free(entry);
		return r;
	}
	pthread_mutex_lock(&l->mutex);
	entry->next = l->first;
	l->first = entry;
	pthread_mutex_unlock(&l->mutex);
	*ret = *own = entry->lookup;
	return 0;
}

void lookups_rest(struct lookups *l)
{
	pthread_mutex_lock(&l->mutex);
	for (struct thread_lookup *entry = l->first; entry; entry = entry->next)
		lookup_rest(entry->lookup);
	pthread_mutex_unlock(&l->mutex);
}

void lookups_close(struct lookups *l)
{
	while (l->first) {
		struct thread_lookup *entry = l->first;
		l->first = entry->next;
		lookup_free(entry->lookup);
		free(entry);
	}
	this_thread_lookups[l->index] = NULL;
	in_use &= ~(1u << l->index);
	pthread_mutex_destroy(&l->mutex);
}
