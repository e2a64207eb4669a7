/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/catalog.h"
#include "store/internal.h"
#include <pthread.h>
#include <sqlite3.h>

/* What lookup.c (one build, one source) and lookup_visit.c (many) share. */

enum lookup_statement {
	LOOKUP_BEGIN,
	LOOKUP_END,
	LOOKUP_BUILD,
	LOOKUP_ORIGIN,
	LOOKUP_SOURCE,
	LOOKUP_COUNT,
	LOOKUP_EACH,
	LOOKUP_PACKAGE,
	LOOKUP_PATH,
	LOOKUP_MODULE,
	LOOKUP_MODULE_LISTS,
	N_LOOKUPS,
};

struct lookup {
	struct store *st;
	pthread_mutex_t mutex; /* guards all below; held during each call, but not during visits */
	sqlite3 *db; /* NULL: no catalog, for now */
	struct catalog_file file;
	sqlite3_stmt *statements[N_LOOKUPS];
	bool reading; /* a read transaction is open */
	uint64_t renew_ms; /* monotonic: when it is too old */
};

/** For the test that each statement uses an index. */
const char *lookup_sql(enum lookup_statement which);

/** How many contributions of a build the catalog itself knows, whatever its record holds; 0: none. */
uint32_t lookup_indexed(struct lookup *l, const struct build_id *id);

/* The mutex is held for these. */

/** Have a connection and a snapshot. False: there is no catalog, and the records are to be asked.
 */
bool lookup_connected(struct lookup *l);
/** 1 a row, 0 none or no more, negative: the catalog cannot be read. */
int lookup_step(struct lookup *l, enum lookup_statement which);
/** After the last step, whose result was @r: on a negative one the connection is given up. */
void lookup_reset(struct lookup *l, enum lookup_statement which, int r);
