/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/lookup.h"
#include <pthread.h>

#define LOOKUPS_MAX 2 /* stores that a process serves from */

/** The threads' ways into the catalog: one for each, let go together at the end. */
struct lookups {
	struct store *store;
	pthread_mutex_t mutex;
	struct thread_lookup *first;
	unsigned index; /* among those of the process */
};

void lookups_open(struct lookups *l, struct store *st);
/** When no other thread uses one any more. */
void lookups_close(struct lookups *l);

/** This thread's own; made at its first use. A process has LOOKUPS_MAX of them at once. */
must_check int lookups_get(struct lookups *l, struct lookup **ret, struct error *err);

/** For every thread's: an idle lookup holds a snapshot, which keeps the catalog's log from being
 * emptied. To be called some times a second. */
void lookups_rest(struct lookups *l);
