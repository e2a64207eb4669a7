/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/progress.h"
#include "store/digest_set.h"
#include "store/internal.h"
#include "store/maintain.h"
#include "store/names.h"
#include "store/needs.h"
#include "store/pack_check.h"
#include "store/sources.h"

/*
 * Three passes under the store's shared lock: objects (on all cores), contributions and what they need,
 * then the catalog against both. Writers go on meanwhile, in the order object, record, catalog; each pass
 * looks for what was durable before, so a build that is being added is never taken for damage.
 */

/* Flags in the sets. */
#define BUILD_IN_CATALOG 1
#define SOURCE_TOLD 1
#define SOURCE_UNINDEXED 2

#define LITTER_AGE (24 * 60 * 60) /* seconds after which a temporary file is no live writer's */

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

static void tell(struct verification *v, enum verdict verdict, const char *what, const char *why)
{
	static const char *const words[] = { "damaged", "missing", "stray" };
	uint64_t *const counts[] = { &v->result.n_damaged, &v->result.n_missing, &v->result.n_stray };
	pthread_mutex_lock(&v->mutex);
	++*counts[verdict];
	if (v->report)
		v->report(words[verdict], what, why, v->context);
	pthread_mutex_unlock(&v->mutex);
}

static void tell_stray(const char *path, const char *why, void *context)
{
	tell(context, STRAY, path, why);
}

/* Keep the first trouble; the check goes on, so that one unreadable file does not hide another. */
static void trouble(struct verification *v, int r, const struct error *err)
{
	pthread_mutex_lock(&v->mutex);
	if (v->r == 0) {
		v->r = r;
		v->err = *err;
	}
	pthread_mutex_unlock(&v->mutex);
}

static bool is_damage(int r)
{
	return r == -EBADMSG || r == -EIO || r == -EFBIG;
}

#define WHAT_SIZE 512
#define OBJECT_PATH(digest) object_path((digest), (char[WHAT_SIZE]){ 0 })
static const char *object_path(const struct digest *digest, char ret[static WHAT_SIZE])
{
	char name[OBJECT_NAME_SIZE];
	snprintf(ret, WHAT_SIZE, "objects/%s", object_name(digest, name));
	return ret;
}

/* ---- objects ---- */

static int count_objects(struct verification *v, struct error *err)
{
	int r;

	struct object_list list;
	r = object_list_open(v->st->objects_fd, NULL, NULL, &list, err);
	if (r < 0)
		return r;
	struct digest digest;
	while ((r = object_list_next(&list, &digest, err)) > 0) {
		struct stat stat;
		char name[OBJECT_NAME_SIZE];
		if (fstatat(v->st->objects_fd, object_name(&digest, name), &stat, AT_SYMLINK_NOFOLLOW) == 0)
			progress_expect(v->progress, 1, (uint64_t)stat.st_size);
	}
	object_list_close(&list);
	return r;
}

/* Does the catalog know where this member lies? */
static int check_place(struct verification *v, const struct digest *pack, const struct pack_member *member,
		       uint8_t *ret_flags, struct error *err)
{
	if (!v->has_catalog)
		return 0;
	struct source_place place;
	int r = lookup_source(v->lookup, &member->digest, &place, err);
	if (r == -ENOENT) {
		*ret_flags = SOURCE_UNINDEXED; /* or only just written: asked again at the end */
		return 0;
	}
	if (r == 0 && digest_equal(&place.object, pack))
		v->n_misplaced += place.offset != member->offset || place.size_bytes != member->size_bytes;
	else if (r == 0)
		v->n_misplaced += !object_is_there(v->st, &place.object);
	return is_damage(r) ? 0 : r;
}

/* Remember what a pack holds. One that is damaged is asked too: what it holds is not missing besides. */
static int check_pack(struct verification *v, const struct digest *digest, bool whole, struct error *err)
{
	int r;

	bool is_pack;
	r = pack_is_one(v->st, digest, &is_pack, err);
	if (r < 0 || !is_pack)
		return whole ? r : 0;

	scoped(pack_members_free) struct pack_member *members = NULL;
	size_t n;
	if (whole) {
		size_t n_wrong;
		r = pack_check(v->st, digest, &members, &n, &n_wrong, err);
		if (r == 0 && n_wrong) {
			char why[128];
			snprintf(why, sizeof(why), "%zu of the files in this pack differ from their names",
				 n_wrong);
			tell(v, DAMAGED, OBJECT_PATH(digest), why);
		}
	} else {
		r = pack_members(v->st, digest, &members, &n, err);
	}
	if (r < 0)
		return whole ? r : 0;

	bool holds_removed = false;
	pthread_mutex_lock(&v->mutex);
	for (size_t i = 0; i < n && r == 0; i++) {
		bool removed = removed_source(v->st, &members[i].digest);
		holds_removed |= removed;
		uint8_t flags = 0;
		if (whole && !removed)
			r = check_place(v, digest, &members[i], &flags, err);
		if (r == 0)
			r = digest_set_add(&v->sources, &members[i].digest, flags, NULL, err);
	}
	pthread_mutex_unlock(&v->mutex);
	if (holds_removed)
		tell(v, STRAY, OBJECT_PATH(digest),
		     "holds a source that was removed: dbgstore rm --source finishes it");
	return r;
}

static int check_object(struct verification *v, const struct digest *digest, struct error *err)
{
	int r;

	scoped(object_closep) struct object *o = NULL;
	r = object_open(v->st, digest, &o, err);
	if (r == -ENOENT) /* moved aside by a writer, who puts a whole one there */
		return 0;
	if (r == 0)
		r = object_check(o, err);
	bool whole = r == 0;
	if (is_damage(r))
		tell(v, DAMAGED, OBJECT_PATH(digest), err->message);
	else if (r < 0)
		return r;

	uint64_t stored = o ? object_stored_size(o) : 0;
	progress_advance(v->progress, 1, stored);
	pthread_mutex_lock(&v->mutex);
	v->result.n_objects++;
	v->result.bytes += stored;
	pthread_mutex_unlock(&v->mutex);

	r = check_pack(v, digest, whole, err);
	if (is_damage(r)) {
		tell(v, DAMAGED, OBJECT_PATH(digest), err->message);
		return 0;
	}
	return r;
}

static void *check_objects_thread(void *context)
{
	struct verification *v = context;
	for (;;) {
		struct digest digest;
		struct error err = ERROR_NONE;
		int r = object_list_next(&v->objects, &digest, &err);
		if (r == 0)
			return NULL;
		if (r > 0)
			r = check_object(v, &digest, &err);
		if (r < 0)
			trouble(v, r, &err);
	}
}

static int check_objects(struct verification *v, struct error *err)
{
	int r;

	r = count_objects(v, err);
	if (r < 0)
		return r;
	r = object_list_open(v->st->objects_fd, tell_stray, v, &v->objects, err);
	if (r < 0)
		return r;

	/* This thread is one of them, so that the check goes on where no other can be made. */
	pthread_t threads[64];
	size_t n_threads = 0;
	while (n_threads + 1 < min_u64(v->st->n_threads, ARRAY_SIZE(threads)) &&
	       pthread_create(&threads[n_threads], NULL, check_objects_thread, v) == 0)
		n_threads++;
	check_objects_thread(v);
	while (n_threads > 0)
		pthread_join(threads[--n_threads], NULL);
	object_list_close(&v->objects);
	return 0;
}

/* ---- contributions ---- */

/* Where a contribution lies, for messages. */
struct place {
	int folder_fd;
	const char *name;
	struct build_id id;
	char what[WHAT_SIZE];
};

static int check_artifact(struct verification *v, const struct place *place, const char *role,
			  const struct artifact *artifact, struct error *err)
{
	int r;

	if (!artifact->present)
		return 0;
	scoped(object_closep) struct object *o = NULL;
	r = object_open(v->st, &artifact->digest, &o, NULL);
	if (r == -ENOENT) {
		uint8_t told;
		r = digest_set_add(&v->missing, &artifact->digest, 0, &told, err);
		if (r < 0 || told)
			return r;
		char why[WHAT_SIZE];
		snprintf(why, sizeof(why), "build %s needs it: %s", BUILD_ID_HEX(&place->id), role);
		tell(v, MISSING, OBJECT_PATH(&artifact->digest), why);
		return 0;
	}
	if (r == 0 && object_size(o) != artifact->size_bytes) {
		char why[WHAT_SIZE];
		snprintf(why, sizeof(why), "says %" PRIu64 " bytes for its %s, which has %" PRIu64,
			 artifact->size_bytes, role, object_size(o));
		tell(v, DAMAGED, place->what, why);
	}
	return 0; /* the first pass told what else is wrong with it */
}

/* A source that no pack held in the first pass: in a newer one that the catalog knows? */
static int find_newer_pack(struct verification *v, const struct digest *source, bool *ret,
			   struct error *err)
{
	int r;

	struct source_place where;
	r = lookup_source(v->lookup, source, &where, err);
	if (r == -ENOENT) {
		*ret = false;
		return 0;
	}
	if (r < 0)
		return r;
	scoped(pack_members_free) struct pack_member *members = NULL;
	size_t n;
	r = pack_members(v->st, &where.object, &members, &n, NULL);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = digest_set_add(&v->sources, &members[i].digest, 0, NULL, err);
	*ret = digest_set_has(&v->sources, source);
	return r == -ENOENT || is_damage(r) ? 0 : r;
}

static int check_source(struct verification *v, const struct digest *manifest,
			const struct manifest_entry *entry, struct error *err)
{
	int r;

	uint8_t flags = digest_set_flags(&v->sources, &entry->digest);
	if (flags || removed_source(v->st, &entry->digest) || object_is_there(v->st, &entry->digest))
		return 0;
	bool found;
	r = find_newer_pack(v, &entry->digest, &found, err);
	if (r < 0)
		return r;
	if (!found) {
		r = digest_set_add(&v->sources, &entry->digest, SOURCE_TOLD, NULL, err);
		if (r < 0)
			return r;
		char why[WHAT_SIZE];
		snprintf(why, sizeof(why), "no pack holds source %s, which this manifest names %s",
			 DIGEST_HEX(&entry->digest), ESCAPED(entry->path));
		tell(v, MISSING, OBJECT_PATH(manifest), why);
	}
	return 0;
}

static int check_manifest(struct verification *v, const struct artifact *manifest, struct error *err)
{
	int r;

	uint8_t seen;
	if (!manifest->present)
		return 0;
	r = digest_set_add(&v->manifests, &manifest->digest, 0, &seen, err);
	if (r < 0 || seen)
		return r;
	scoped(manifest_closep) struct manifest *m = NULL;
	r = manifest_open(v->st, &manifest->digest, &m, err);
	if (r == -ENOENT)
		return 0;
	if (is_damage(r)) {
		/* Where the object itself is damaged, the first pass has told it. */
		if (object_verify(v->st, &manifest->digest, NULL) == 0)
			tell(v, DAMAGED, OBJECT_PATH(&manifest->digest), err->message);
		return 0;
	}
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < manifest_n_entries(m); i++) {
		struct manifest_entry entry = manifest_entry_at(m, i);
		r = check_source(v, &manifest->digest, &entry, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_needs(struct verification *v, const struct place *place,
		       const struct contribution *c, struct error *err)
{
	int r;

	struct need needs[CONTRIBUTION_N_NEEDS];
	contribution_needs(c, needs);
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		r = check_artifact(v, place, needs[i].role, needs[i].artifact, err);
		if (r < 0)
			return r;
	}
	return check_manifest(v, &c->sources, err);
}

static int check_contribution(struct verification *v, const struct place *place, struct error *err)
{
	int r;

	struct digest digest;
	size_t name_size = strlen(place->name);
	if (name_size != DIGEST_HEX_SIZE - 1 + 5 || strcmp(place->name + name_size - 5, ".json") ||
	    digest_parse(place->name, name_size - 5, &digest, NULL) < 0) {
		tell(v, STRAY, place->what, "not the name of a contribution");
		return 0;
	}

	scoped(string_free) char *text = NULL;
	size_t size;
	r = file_read_at(place->folder_fd, place->name, CONTRIBUTION_SIZE_LIMIT, &text, &size, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0 && !is_damage(r))
		return r;
	v->result.n_contributions++;
	v->result.bytes += r == 0 ? size : 0;
	if (r < 0) {
		tell(v, DAMAGED, place->what, err->message);
		return 0;
	}

	struct digest found = digest_of(text, size);
	if (!digest_equal(&found, &digest)) {
		char why[WHAT_SIZE];
		snprintf(why, sizeof(why), "its bytes have the digest %s", DIGEST_HEX(&found));
		tell(v, DAMAGED, place->what, why);
		return 0;
	}
	scoped(contribution_free) struct contribution c = { 0 };
	r = contribution_parse(text, size, &c, err);
	if (r == -ENOTSUP) {
		tell(v, STRAY, place->what, err->message);
		return 0;
	}
	if (is_damage(r)) {
		tell(v, DAMAGED, place->what, err->message);
		return 0;
	}
	if (r < 0)
		return r;
	if (!build_id_equal(&c.build_id, &place->id)) {
		char why[WHAT_SIZE];
		snprintf(why, sizeof(why), "is about build %s", BUILD_ID_HEX(&c.build_id));
		tell(v, DAMAGED, place->what, why);
		return 0;
	}
	return check_needs(v, place, &c, err);
}

static struct digest digest_of_id(const struct build_id *id)
{
	return digest_of(id->bytes, id->size);
}

/* One record's folder, "ab/ID". */
static int check_record(struct verification *v, const char *shelf, const char *name, struct error *err)
{
	int r;

	struct place place = { .folder_fd = -1 };
	snprintf(place.what, sizeof(place.what), "builds/%s%s%s", shelf, *shelf ? "/" : "", name);
	if (build_id_parse(name, strlen(name), &place.id, NULL) < 0 ||
	    strcmp(name, BUILD_ID_HEX(&place.id)) || strncmp(name, shelf, 2) || strlen(shelf) != 2) {
		tell(v, STRAY, place.what, "not the name of a build record");
		return 0;
	}

	scoped(fd_close) int fd = -1;
	r = file_open_at(v->st->builds_fd, place.what + strlen("builds/"),
			 O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, err);
	if (r == -ENOENT)
		return 0;
	if (r == -ENOTDIR || r == -ELOOP) {
		tell(v, STRAY, place.what, "not a folder");
		return 0;
	}
	if (r < 0)
		return r;
	scoped(names_free) struct names files = { 0 };
	r = names_read(fd, ".", &files, err);
	if (r < 0)
		return error_prefix(err, r, "%s", place.what);
	if (removed_build(v->st, &place.id)) {
		/* What it needs may be gone already. */
		tell(v, STRAY, place.what, "a build that was removed: dbgstore rm finishes it");
		return 0;
	}
	if (!files.n)
		return 0; /* a writer's, just made; where the catalog knows more, that is told below */

	v->result.n_builds++;
	struct digest key = digest_of_id(&place.id);
	r = digest_set_add(&v->builds, &key, 0, NULL, err);
	if (r < 0)
		return r;
	place.folder_fd = fd;
	for (size_t i = 0; i < files.n; i++) {
		place.name = files.names[i];
		snprintf(place.what, sizeof(place.what), "builds/%s/%s/%s", shelf, name, place.name);
		r = check_contribution(v, &place, err);
		if (r < 0)
			trouble(v, r, err);
	}
	return 0;
}

typedef int (*record_check)(struct verification *v, const char *shelf, const char *name,
			    struct error *err);

static int each_record(struct verification *v, record_check check, struct error *err)
{
	int r;

	if (v->st->builds_fd < 0)
		return 0;
	scoped(names_free) struct names shelves = { 0 };
	r = names_read(v->st->builds_fd, ".", &shelves, err);
	if (r < 0)
		return error_prefix(err, r, "builds");
	for (size_t i = 0; i < shelves.n; i++) {
		uint8_t byte;
		if (is_unfinished(shelves.names[i]))
			continue;
		scoped(names_free) struct names names = { 0 };
		if (strlen(shelves.names[i]) == 2 && hex_decode(shelves.names[i], 2, &byte))
			r = names_read(v->st->builds_fd, shelves.names[i], &names, err);
		else
			r = -ENOTDIR;
		if (r == -ENOTDIR || r == -ELOOP)
			r = check(v, "", shelves.names[i], err);
		if (r < 0 && r != -ENOENT)
			trouble(v, error_prefix(err, r, "builds"), err);
		for (size_t j = 0; j < names.n; j++) {
			if (is_unfinished(names.names[j]))
				continue;
			r = check(v, shelves.names[i], names.names[j], err);
			if (r < 0)
				trouble(v, r, err);
		}
	}
	return 0;
}

/* ---- the catalog ---- */

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

	struct digest key = digest_of_id(&row->id);
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
			tell(v, STRAY, what, "removed, but still in the catalog: dbgstore rm finishes it");
		return 0;
	}
	if (r == -ENOENT) {
		tell(v, MISSING, what, "the catalog knows this build, and it has no record");
		return 0;
	}
	if (is_damage(r) || (r == 0 && record.n_damaged))
		return 0; /* told, and what the merged view would be cannot be known */
	if (r < 0)
		return r;

	if (record.n_contributions < row->n_contributions) {
		snprintf(why, sizeof(why), "the catalog knows of %" PRIu32 " contributions, %zu are there",
			 row->n_contributions, record.n_contributions);
		tell(v, MISSING, what, why);
		return 0;
	}
	if (record.n_contributions > row->n_contributions) {
		tell(v, STRAY, what, "the catalog knows of fewer contributions: dbgstore reindex");
		return 0;
	}
	struct build merged;
	record_merge(&record, &merged);
	if (!same_build(&merged, row)) {
		snprintf(why, sizeof(why), "its row for build %s differs from the record: dbgstore reindex",
			 BUILD_ID_HEX(&row->id));
		tell(v, DAMAGED, "catalog/catalog.sqlite", why);
	}
	return 0;
}

static int check_indexed(struct verification *v, const char *shelf, const char *name, struct error *err)
{
	(void)err;
	struct build_id id;
	if (build_id_parse(name, strlen(name), &id, NULL) < 0)
		return 0;
	struct digest key = digest_of_id(&id);
	uint8_t flags = digest_set_flags(&v->builds, &key);
	if (flags && !(flags & BUILD_IN_CATALOG)) {
		char what[WHAT_SIZE];
		snprintf(what, sizeof(what), "builds/%s/%s", shelf, name);
		tell(v, STRAY, what, "not in the catalog: dbgstore reindex");
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
		if (r < 0 && r != -ENOENT)
			return r;
		n_unindexed += r == -ENOENT;
	}
	char why[128];
	if (n_unindexed) {
		snprintf(why, sizeof(why), "does not say where %" PRIu64 " sources lie: dbgstore reindex",
			 n_unindexed);
		tell(v, STRAY, "catalog/catalog.sqlite", why);
	}
	if (v->n_misplaced) {
		snprintf(why, sizeof(why), "says a wrong place for %" PRIu64 " sources: dbgstore reindex",
			 v->n_misplaced);
		tell(v, DAMAGED, "catalog/catalog.sqlite", why);
	}
	return 0;
}

static int check_catalog(struct verification *v, struct error *err)
{
	int r;

	if (!v->has_catalog)
		return 0;
	r = lookup_each(v->lookup, check_row, v, err);
	if (is_damage(r)) {
		tell(v, DAMAGED, "catalog/catalog.sqlite", err->message);
		return 0;
	}
	if (r < 0)
		return r;
	r = each_record(v, check_indexed, err);
	if (r < 0)
		return r;
	return check_indexed_sources(v, err);
}

/*
 * A damaged catalog is damage, and the rest is checked without it. One that this user cannot read just now is
 * not: after a kill it wants a user who may write to open it once.
 */
static int open_catalog(struct verification *v, struct error *err)
{
	int r;

	r = lookup_new(v->st, &v->lookup, err);
	if (r < 0)
		return r;
	r = catalog_check(v->st, err);
	v->has_catalog = r == 0;
	if (is_damage(r))
		tell(v, DAMAGED, "catalog/catalog.sqlite", err->message);
	else if (r == -EBUSY || r == -EACCES || r == -EROFS || r == -ENOTSUP)
		tell(v, STRAY, "catalog/catalog.sqlite", err->message);
	else if (r < 0 && r != -ENOENT)
		return r;
	return 0;
}

static bool has_catalog_file(struct verification *v)
{
	return faccessat(v->st->fd, "catalog/catalog.sqlite", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- what lies beside ---- */

static int check_folder(struct verification *v, const char *folder, int64_t min_age, const char *why,
			struct error *err)
{
	int r;

	scoped(names_free) struct names names = { 0 };
	r = names_read(v->st->fd, folder, &names, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		char what[WHAT_SIZE];
		snprintf(what, sizeof(what), "%s/%s", folder, names.names[i]);
		struct stat stat;
		if (fstatat(v->st->fd, what, &stat, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (time(NULL) - stat.st_mtime >= min_age)
			tell(v, STRAY, what, why);
	}
	return 0;
}

static void verification_free(struct verification *v)
{
	lookup_free(v->lookup);
	digest_set_free(&v->sources);
	digest_set_free(&v->manifests);
	digest_set_free(&v->missing);
	digest_set_free(&v->builds);
	pthread_mutex_destroy(&v->mutex);
}

int store_verify(struct store *st, struct progress *progress, verify_report report, void *context,
		 struct verify_result *ret, struct error *err)
{
	int r;
	struct error own;

	if (!err)
		err = &own; /* findings quote it */
	scoped(fd_close) int lock_fd = -1;
	r = store_lock_shared(st, &lock_fd, err);
	if (r < 0)
		return r;

	scoped(verification_free) struct verification v = {
		.st = st,
		.progress = progress,
		.report = report,
		.context = context,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
	};
	r = open_catalog(&v, err);
	if (r < 0)
		return r;
	r = check_objects(&v, err);
	if (r < 0)
		return r;
	r = each_record(&v, check_record, err);
	if (r < 0)
		return r;
	r = check_catalog(&v, err);
	if (r < 0)
		return error_prefix(err, r, "catalog");
	if (v.result.n_builds && !has_catalog_file(&v))
		tell(&v, STRAY, "catalog/catalog.sqlite", "not there: dbgstore reindex");
	r = check_folder(&v, "tmp", LITTER_AGE, "left by a writer that did not finish", err);
	if (r < 0)
		return r;
	r = check_folder(&v, "quarantine", INT64_MIN, "was found damaged and moved aside", err);
	if (r < 0)
		return r;

	*ret = v.result;
	if (v.r < 0)
		*err = v.err;
	return v.r;
}
