/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/verification.h"

/* The third pass: the catalog says what records and packs say. */

static bool same_artifact(const struct artifact *a, const struct artifact *b)
{
	if (!a->present || !b->present)
		return a->present == b->present;
	return digest_equal(&a->digest, &b->digest) && a->size_bytes == b->size_bytes;
}

static bool same_build(const struct build *a, const struct build *b)
{
	return same_artifact(&a->debug, &b->debug) && same_artifact(&a->executable, &b->executable) &&
	       same_artifact(&a->sources, &b->sources) && a->quality == b->quality &&
	       a->collision == b->collision && a->time == b->time;
}

/* A row of the catalog against its record. */
static int check_row(const struct build *row, const char *path, void *context, struct error *err)
{
	int r;
	struct verification *v = context;
	(void)path;

	struct digest key = verify_id_key(&row->id);
	if (digest_set_has(&v->builds, &key)) {
		r = digest_set_add(&v->builds, &key, BUILD_IN_CATALOG, NULL, err);
		if (r < 0)
			return r;
	}

	char what[WHAT_SIZE], why[WHAT_SIZE];
	snprintf(what, sizeof(what), "builds/%02x/%s", row->id.bytes[0], BUILD_ID_HEX(&row->id));
	scoped(record_free) struct record record = { 0 };
	r = record_read(v->st, &row->id, &record, err);
	if (removed_build(v->st, &row->id)) {
		if (r == -ENOENT)
			verify_tell(v, STRAY, what, "removed, but still in the catalog: dbgstore rm finishes it");
		return 0;
	}
	if (r == -ENOENT) {
		verify_tell(v, MISSING, what, "the catalog knows this build, and it has no record");
		return 0;
	}
	if (is_damage(r) || (r == 0 && record.n_damaged))
		return 0; /* told, and what the merged view would be cannot be known */
	if (r < 0)
		return r;

	if (record.n_contributions < row->n_contributions) {
		snprintf(why, sizeof(why), "the catalog knows of %" PRIu32 " contributions, %zu are there",
			 row->n_contributions, record.n_contributions);
		verify_tell(v, MISSING, what, why);
		return 0;
	}
	if (record.n_contributions > row->n_contributions) {
		verify_tell(v, STRAY, what, "the catalog knows of fewer contributions: dbgstore reindex");
		return 0;
	}
	struct build merged;
	record_merge(&record, &merged);
	if (!same_build(&merged, row)) {
		snprintf(why, sizeof(why), "its row for build %s differs from the record: dbgstore reindex",
			 BUILD_ID_HEX(&row->id));
		verify_tell(v, DAMAGED, "catalog/catalog.sqlite", why);
	}
	return 0;
}

static int check_indexed(struct verification *v, const char *shelf, const char *name, struct error *err)
{
	(void)err;
	struct build_id id;
	if (build_id_parse(name, strlen(name), &id, NULL) < 0)
		return 0;
	struct digest key = verify_id_key(&id);
	uint8_t flags = digest_set_flags(&v->builds, &key);
	if (flags && !(flags & BUILD_IN_CATALOG)) {
		char what[WHAT_SIZE];
		snprintf(what, sizeof(what), "builds/%s/%s", shelf, name);
		verify_tell(v, STRAY, what, "not in the catalog: dbgstore reindex");
	}
	return 0;
}

static int check_indexed_sources(struct verification *v, struct error *err)
{
	int r;

	uint64_t n_unindexed = 0;
	struct digest source;
	uint8_t flags;
	for (size_t at = 0; digest_set_next(&v->sources, &at, &source, &flags);) {
		struct source_place place;
		if (!(flags & SOURCE_UNINDEXED))
			continue;
		r = lookup_source(v->lookup, &source, &place, err);
		if (r < 0 && r != -ENOENT && r != -ENXIO)
			return r;
		n_unindexed += r < 0;
	}
	char why[128];
	if (n_unindexed) {
		snprintf(why, sizeof(why), "does not say where %" PRIu64 " sources lie: dbgstore reindex",
			 n_unindexed);
		verify_tell(v, STRAY, "catalog/catalog.sqlite", why);
	}
	if (v->n_misplaced) {
		snprintf(why, sizeof(why), "says a wrong place for %" PRIu64 " sources: dbgstore reindex",
			 v->n_misplaced);
		verify_tell(v, DAMAGED, "catalog/catalog.sqlite", why);
	}
	return 0;
}

int verify_catalog(struct verification *v, struct error *err)
{
	int r;

	if (!v->has_catalog)
		return 0;
	r = lookup_each(v->lookup, check_row, v, err);
	if (is_damage(r)) {
		verify_tell_error(v, r, "catalog/catalog.sqlite", err);
		return 0;
	}
	if (r < 0)
		return r;
	r = verify_each_record(v, check_indexed, err);
	if (r < 0)
		return r;
	return check_indexed_sources(v, err);
}

/*
 * A damaged catalog is damage, and the rest is checked without it. One that this user cannot read just now is
 * not: after a kill it wants a user who may write to open it once.
 */
int verify_open_catalog(struct verification *v, struct error *err)
{
	int r;

	r = lookup_new(v->st, &v->lookup, err);
	if (r < 0)
		return r;
	r = catalog_check(v->st, err);
	v->has_catalog = r == 0;
	if (is_damage(r))
		verify_tell_error(v, r, "catalog/catalog.sqlite", err);
	else if (r == -EBUSY || r == -EACCES || r == -EROFS)
		verify_tell(v, STRAY, "catalog/catalog.sqlite", err->message);
	else if (r < 0 && r != -ENOENT)
		return r;
	return 0;
}
