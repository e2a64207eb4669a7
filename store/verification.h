/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <pthread.h>
#include "store/digest_set.h"
#include "store/internal.h"
#include "store/maintain.h"
#include "store/names.h"

/* What the passes of store_verify() share: what was found so far, and who is told. */

struct progress;

/* Flags in the sets. */
#define BUILD_IN_CATALOG 1
#define SOURCE_TOLD 1
#define SOURCE_UNINDEXED 2

struct verification {
	struct store *st;
	struct progress *progress;
	verify_report report;
	void *context;
	struct lookup *lookup;
	bool has_catalog; /* that can be compared with the files */

	pthread_mutex_t mutex; /* guards what is below in the first pass */
	struct verify_result result;
	struct digest_set sources;   /* in packs, or, once told, nowhere */
	struct digest_set manifests; /* looked at */
	struct digest_set missing;   /* objects that were told */
	struct digest_set builds;    /* digests of the IDs that have a record */
	uint64_t n_misplaced; /* members that the catalog has elsewhere in their pack */
	int r; /* the first trouble that is not damage */
	struct error err;

	struct object_list objects;
};

enum verdict { DAMAGED, MISSING, STRAY };

/** Count a finding and report it. Any thread. */
void verify_tell(struct verification *v, enum verdict verdict, const char *what, const char *why);
/** Keep the first trouble; the check goes on, so that one unreadable file does not hide another. */
void verify_trouble(struct verification *v, int r, const struct error *err);
/** is_damage() of what lies at @what: damaged, or, where a newer release made it, only stray. */
void verify_tell_error(struct verification *v, int r, const char *what, const struct error *why);
/** What a build's ID is known by in the sets. */
struct digest verify_id_key(const struct build_id *id);

#define WHAT_SIZE 512
#define OBJECT_PATH(digest) verify_object_path((digest), (char[WHAT_SIZE]){ 0 })
const char *verify_object_path(const struct digest *digest, char ret[static WHAT_SIZE]);

/** The first pass: every object, on all cores. */
must_check int verify_objects(struct verification *v, struct error *err);

/** The second: a record, builds/@shelf/@name, and what it needs. */
must_check int verify_record(struct verification *v, const char *shelf, const char *name, struct error *err);
typedef int (*record_check)(struct verification *v, const char *shelf, const char *name,
			    struct error *err);
/** Every name two folders down from builds/; trouble with one is kept, and the others follow. */
must_check int verify_each_record(struct verification *v, record_check check, struct error *err);

/** The third: the catalog against both. It is opened before the first, which asks it. */
must_check int verify_open_catalog(struct verification *v, struct error *err);
must_check int verify_catalog(struct verification *v, struct error *err);
