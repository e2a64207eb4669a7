/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/tmpfile.h"
#include "store/digest_set.h"
#include "store/merge.h"

/* What the parts of a merge share: merge.c, merge_take.c (piece by piece) and merge_finish.c (when
 * all has come). */

#define COPY_SIZE (1u << 20)

/* A contribution that waits. */
struct waiting {
	struct build_id id;
	struct digest digest;
	uint64_t offset; /* in the file they wait in */
	size_t size_bytes;
	bool published;
};

struct merge {
	struct store *st;
	struct progress *progress;
	verify_report report;
	void *context;
	struct merge_result result;
	uint64_t n_wrong; /* pieces that were left out */
	uint8_t *buffer; /* COPY_SIZE */

	struct tmpfile waiting_file;
	uint64_t waiting_bytes;
	struct waiting *waiting;
	size_t n_waiting, n_waiting_allocated;

	struct digest_set
		taken; /* objects that were not there before, or not known to the catalog */
	struct digest_set refused; /* of them, that a build needs which was removed for good */
	struct digest_set manifests; /* that were looked into */
	struct lookup *lookup;
	struct build_id *unindexed; /* builds of which contributions are there that the catalog does
				       not know */
	size_t n_unindexed;
	/* What has a tombstone there and none here. */
	struct digest_set removed_ids, removed_sources; /* of builds: the digests of their IDs */
	struct build_id *removed_builds;
	struct tombstone *tombstones; /* of sources */
	size_t n_removed_builds, n_tombstones;
};

/* A source that was removed there. */
struct tombstone {
	struct digest source;
	char *path; /* for people; NULL: not known */
};

#define WHAT_SIZE 512

/** Report one finding. */
void merge_tell(struct merge *m, const char *verdict, const char *what, const char *why);
const char *merge_object_what(const struct digest *digest, char ret[static WHAT_SIZE]);
const char *merge_contribution_what(const struct build_id *id, const struct digest *digest,
				    char ret[static WHAT_SIZE]);
/** What a build's ID is known by in the sets. */
struct digest merge_id_key(const struct build_id *id);

/** Index the packs that came, put the contributions that wait into their records, and index the
 * builds. */
must_check int merge_finish(struct merge *m, struct error *err);
/** What was removed there goes here too. The shared lock is let go before. */
must_check int merge_remove_there(struct merge *m, struct error *err);
