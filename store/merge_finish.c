/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/hold.h"
#include "store/lookup.h"
#include "store/merge_state.h"
#include "store/needs.h"
#include "store/pack_check.h"
#include "store/pack_rewrite.h"
#include "store/remove.h"

/* When all has come. */

static bool is_removed(const struct digest *source, void *context)
{
	const struct merge *m = context;
	return digest_set_has(&m->removed_sources, source) || removed_source(m->st, source);
}

static int finish_pack(struct merge *m, const struct digest *object, struct error *err)
{
	int r;

	bool is_pack;
	r = pack_is_one(m->st, object, &is_pack, err);
	if (r == -ENOENT)
		return 0; /* another merge has rewritten it or moved it aside */
	if (r < 0 || !is_pack)
		return r;
	char name[OBJECT_NAME_SIZE], what[WHAT_SIZE];
	merge_object_what(object, what);
	scoped(pack_members_free) struct pack_member *members = NULL;
	size_t n, n_wrong;
	r = pack_check(m->st, object, &members, &n, &n_wrong, err);
	if (r == 0 && n_wrong)
		r = error_set(err, -EBADMSG, "%zu of the files in this pack differ from their names", n_wrong);
	if (is_damage(r)) {
		/* The object is what its digest says, but no pack of ours, and nothing else names it. */
		merge_tell_damaged(m, what, err->message);
		return store_quarantine(m->st, m->st->objects_fd, object_name(object, name), err);
	}
	if (r < 0)
		return r;

	/* What was removed here does not come back in a pack from there. */
	scoped(pack_rewrites_free) struct pack_rewrites packs = { 0 };
	r = pack_rewrites_plan_one(m->st, object, is_removed, m, true, &packs, err);
	if (r < 0)
		return r;
	if (packs.n) {
		uint64_t freed;
		return pack_rewrite_finish(m->st, &packs.rewrites[0], &freed, err);
	}
	return catalog_put_pack(m->st, object, members, n, err);
}

static int by_id(const void *a, const void *b)
{
	const struct waiting *one = a, *other = b;
	int order = memcmp(one->id.bytes, other->id.bytes, BUILD_ID_MAX_SIZE);
	return order ? order : one->id.size - other->id.size;
}

/* A build without its sources is still worth having: it is taken, and what lacks is told. */
static int hold_sources(struct merge *m, const struct artifact *manifest, struct error *err)
{
	int r;

	uint8_t seen;
	if (!manifest->present)
		return 0;
	r = digest_set_add(&m->manifests, &manifest->digest, 0, &seen, err);
	if (r < 0 || seen)
		return r;
	char what[WHAT_SIZE], why[WHAT_SIZE];
	merge_object_what(&manifest->digest, what);
	uint64_t n_missing, n;
	r = sources_hold(m->st, m->lookup, &manifest->digest, is_removed, m, &n_missing, &n, err);
	if (is_damage(r)) {
		merge_tell_damaged(m, what, err->message);
		return 0;
	}
	if (r < 0)
		return r;
	if (n_missing) {
		snprintf(why, sizeof(why), "%" PRIu64 " of the %" PRIu64 " sources that it names did not come",
			 n_missing, n);
		m->n_wrong++;
		merge_tell(m, "missing", what, why);
	}
	return 0;
}

static int hold_needs(struct merge *m, const struct contribution *c, const char *what, bool *ret_complete,
		      struct error *err)
{
	int r;

	struct need needs[CONTRIBUTION_N_NEEDS];
	contribution_needs(c, needs);
	*ret_complete = true;
	for (size_t i = 0; i < CONTRIBUTION_N_NEEDS; i++) {
		if (!needs[i].artifact->present)
			continue;
		r = object_hold(m->st, &needs[i].artifact->digest, err);
		if (r == 0)
			continue;
		if (r != -ENOENT)
			return r;
		char missing[WHAT_SIZE], why[2 * WHAT_SIZE];
		snprintf(why, sizeof(why), "%s needs it (%s) and is left out", what, needs[i].role);
		m->n_wrong++;
		merge_tell(m, "missing", merge_object_what(&needs[i].artifact->digest, missing), why);
		*ret_complete = false;
	}
	return 0;
}

/* What was removed does not come back, and what came with it goes again. */
static int refuse(struct merge *m, const struct contribution *c, struct error *err)
{
	int r;

	m->result.n_refused++;
	struct need needs[CONTRIBUTION_N_NEEDS];
	contribution_needs(c, needs);
	for (size_t i = 0; i < CONTRIBUTION_N_NEEDS; i++) {
		if (!needs[i].artifact->present || !digest_set_has(&m->taken, &needs[i].artifact->digest))
			continue;
		r = digest_set_add(&m->refused, &needs[i].artifact->digest, 0, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int publish(struct merge *m, struct waiting *waiting, struct error *err)
{
	int r;

	char what[WHAT_SIZE];
	merge_contribution_what(&waiting->id, &waiting->digest, what);
	scoped(string_free) char *text = malloc(waiting->size_bytes + 1);
	if (!text)
		return error_no_memory(err);
	r = file_pread(m->waiting_file.fd, text, waiting->size_bytes, waiting->offset, what, err);
	if (r < 0)
		return r;
	scoped(contribution_free) struct contribution c = { 0 };
	r = contribution_parse(text, waiting->size_bytes, &c, err);
	if (r < 0)
		return error_prefix(err, r, "%s", what);
	struct digest key = merge_id_key(&waiting->id);
	if (removed_build(m->st, &waiting->id) || digest_set_has(&m->removed_ids, &key))
		return refuse(m, &c, err);
	bool complete;
	r = hold_needs(m, &c, what, &complete, err);
	if (r < 0 || !complete)
		return r;
	r = hold_sources(m, &c.sources, err);
	if (r < 0)
		return r;
	bool was_there;
	r = contribution_publish(m->st, &waiting->id, text, waiting->size_bytes, &was_there, err);
	if (r < 0)
		return r;
	waiting->published = true;
	m->result.n_contributions += !was_there;
	m->result.n_there += was_there;
	return 0;
}

int merge_finish(struct merge *m, struct error *err)
{
	int r;

	struct digest digest;
	for (size_t at = 0; digest_set_next(&m->taken, &at, &digest, NULL);) {
		r = finish_pack(m, &digest, err);
		if (r < 0)
			return r;
	}
	if (m->n_waiting)
		qsort(m->waiting, m->n_waiting, sizeof(*m->waiting), by_id);
	for (size_t i = 0; i < m->n_waiting; i++) {
		r = publish(m, &m->waiting[i], err);
		if (r < 0)
			return r;
	}
	const struct waiting *last = NULL;
	for (size_t i = 0; i < m->n_waiting; i++) {
		const struct waiting *waiting = &m->waiting[i];
		if (!waiting->published || (last && build_id_equal(&last->id, &waiting->id)))
			continue;
		r = catalog_refresh_build(m->st, &waiting->id, NULL, err);
		if (r < 0)
			return r;
		last = waiting;
	}
	for (size_t i = 0; i < m->n_unindexed; i++) {
		r = catalog_refresh_build(m->st, &m->unindexed[i], NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int merge_remove_there(struct merge *m, struct error *err)
{
	int r;

	struct remove_result removed = { 0 };
	size_t n_here = 0;
	for (size_t i = 0; i < m->n_removed_builds; i++) {
		const struct build_id *id = &m->removed_builds[i];
		r = remove_build_mark(m->st, id, err);
		if (r < 0)
			return r;
		char name[RECORD_NAME_SIZE];
		if (faccessat(m->st->fd, record_name(id, name), F_OK, 0) == 0)
			m->removed_builds[n_here++] = *id;
	}
	if (n_here) {
		r = store_remove_builds(m->st, m->removed_builds, n_here, false, &removed, err);
		if (r < 0)
			return r;
		m->result.n_removed_builds = removed.n_builds;
	}
	for (size_t i = 0; i < m->n_tombstones; i++) {
		r = remove_source_mark(m->st, &m->tombstones[i].source, m->tombstones[i].path, err);
		if (r < 0)
			return r;
	}
	r = remove_unneeded(m->st, &m->refused, err);
	if (r < 0)
		return r;
	if (m->n_tombstones) {
		struct remove_result sources = { 0 };
		r = remove_sources(m->st, &m->removed_sources, false, &sources, err);
		if (r < 0)
			return r;
		m->result.n_removed_sources = sources.n_sources;
	}
	return 0;
}
