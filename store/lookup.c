/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/catalog.h"
#include "store/lookup_internal.h"

#define SNAPSHOT_MS 100

static const char *const sql[N_LOOKUPS] = {
	[LOOKUP_BEGIN] = "BEGIN",
	[LOOKUP_END] = "COMMIT",
	[LOOKUP_BUILD] =
		"SELECT debug, debug_size, executable, executable_size, sources, sources_size,"
		" quality, time, n_contributions, collision FROM builds WHERE id = ?1",
	[LOOKUP_ORIGIN] = "SELECT reversed, package, version, distro FROM origins WHERE id = ?1"
			  " ORDER BY n LIMIT 1",
	[LOOKUP_SOURCE] = "SELECT packs.digest, offset, size FROM members JOIN packs USING (pack)"
			  " WHERE members.digest = ?1 ORDER BY members.pack DESC LIMIT 1",
	[LOOKUP_COUNT] =
		"SELECT count(*), count(debug), count(executable), count(sources) FROM builds",
	/* Pages of the visits: what follows a key. */
	[LOOKUP_EACH] = "SELECT id, NULL FROM builds WHERE id > ?1 ORDER BY id LIMIT 256",
	[LOOKUP_PACKAGE] = "SELECT id, NULL FROM origins WHERE package = ?2 AND id > ?1"
			   " GROUP BY id ORDER BY id LIMIT 256",
	[LOOKUP_PATH] = "SELECT id, reversed FROM origins WHERE (reversed, id) > (?2, ?1)"
			" AND reversed < ?3 GROUP BY reversed, id ORDER BY reversed, id LIMIT 256",
	[LOOKUP_MODULE] = "SELECT module, version FROM modules WHERE path = ?1",
	[LOOKUP_MODULE_LISTS] = "SELECT id, list FROM module_lists WHERE id > ?1 ORDER BY id LIMIT 256",
};

const char *lookup_sql(enum lookup_statement which)
{
	return sql[which];
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the connection ---- */

static void disconnect(struct lookup *l)
{
	for (size_t i = 0; i < N_LOOKUPS; i++) {
		sqlite3_finalize(l->statements[i]);
		l->statements[i] = NULL;
	}
	if (l->db) {
		sqlite3_close(l->db);
		catalog_file_closed(&l->file);
	}
	l->db = NULL;
	l->reading = false;
}

/* No catalog, or one that cannot be read: the records answer, and it is tried again with the next
 * snapshot. */
static void connect(struct lookup *l)
{
	if (catalog_file_open(l->st, false, &l->db, &l->file, NULL) < 0)
		return;
	for (size_t i = 0; i < N_LOOKUPS; i++)
		if (sqlite3_prepare_v3(l->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &l->statements[i], NULL) != SQLITE_OK) {
			disconnect(l);
			return;
		}
}

static void let_go(struct lookup *l)
{
	if (!l->reading)
		return;
	sqlite3_step(l->statements[LOOKUP_END]);
	sqlite3_reset(l->statements[LOOKUP_END]);
	l->reading = false;
}

/* End the snapshot, and see that the file is still the catalog: reindexing may put another in its
 * place. */
static void renew(struct lookup *l, uint64_t now)
{
	let_go(l);
	l->renew_ms = now + SNAPSHOT_MS;
	if (l->db && !catalog_file_is(l->st, &l->file))
		disconnect(l);
	if (!l->db)
		connect(l);
}

bool lookup_connected(struct lookup *l)
{
	uint64_t now = now_ms();
	if (now >= l->renew_ms || (l->db && l->file.alone && !catalog_file_is(l->st, &l->file)))
		renew(l, now);
	if (!l->db)
		return false;
	if (!l->reading) {
		int code = sqlite3_step(l->statements[LOOKUP_BEGIN]);
		sqlite3_reset(l->statements[LOOKUP_BEGIN]);
		l->reading = code == SQLITE_DONE;
		if (!l->reading)
			disconnect(l);
	}
	return l->db != NULL;
}

int lookup_step(struct lookup *l, enum lookup_statement which)
{
	int code = sqlite3_step(l->statements[which]);
	return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : -EIO;
}

void lookup_reset(struct lookup *l, enum lookup_statement which, int r)
{
	if (r < 0) {
		disconnect(l);
		return;
	}
	sqlite3_reset(l->statements[which]);
}

int lookup_new(struct store *st, struct lookup **ret, struct error *err)
{
	struct lookup *l = calloc(1, sizeof(*l));
	if (!l)
		return error_no_memory(err);
	l->st = st;
	pthread_mutex_init(&l->mutex, NULL);
	*ret = l;
	return 0;
}

void lookup_free(struct lookup *l)
{
	if (!l)
		return;
	disconnect(l);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

void lookup_rest(struct lookup *l)
{
	if (pthread_mutex_trylock(&l->mutex) != 0)
		return; /* it is not idle */
	if (now_ms() >= l->renew_ms)
		let_go(l);
	pthread_mutex_unlock(&l->mutex);
}

/* ---- a row ---- */

/* NULL: not there. False: not what the writing side puts. */
static bool read_artifact(sqlite3_stmt *statement, int at, struct artifact *ret)
{
	*ret = (struct artifact){ 0 };
	const void *digest = sqlite3_column_blob(statement, at);
	if (!digest)
		return sqlite3_column_type(statement, at) == SQLITE_NULL;
	sqlite3_int64 size = sqlite3_column_int64(statement, at + 1);
	if (sqlite3_column_bytes(statement, at) != DIGEST_SIZE || size < 0)
		return false;
	memcpy(ret->digest.bytes, digest, DIGEST_SIZE);
	ret->size_bytes = (uint64_t)size;
	ret->present = true;
	return true;
}

static bool read_build(sqlite3_stmt *statement, const struct build_id *id, struct build *ret)
{
	struct build build = { .id = *id };
	if (!read_artifact(statement, 0, &build.debug) ||
	    !read_artifact(statement, 2, &build.executable) ||
	    !read_artifact(statement, 4, &build.sources))
		return false;
	int quality = sqlite3_column_int(statement, 6);
	if (quality < QUALITY_NONE || quality > QUALITY_DWARF)
		return false;
	build.quality = (enum quality)quality;
	build.time = sqlite3_column_int64(statement, 7);
	build.n_contributions = (uint32_t)sqlite3_column_int64(statement, 8);
	build.collision = sqlite3_column_int(statement, 9) != 0;
	*ret = build;
	return true;
}

/* 1 found, 0 not there, negative: no catalog to ask. */
static int ask_catalog(struct lookup *l, const struct build_id *id, struct build *ret)
{
	if (!lookup_connected(l))
		return -ENOENT;
	sqlite3_stmt *statement = l->statements[LOOKUP_BUILD];
	sqlite3_bind_blob(statement, 1, id->bytes, id->size, SQLITE_STATIC);
	int r = lookup_step(l, LOOKUP_BUILD);
	if (r == 1 && !read_build(statement, id, ret))
		r = -EIO;
	lookup_reset(l, LOOKUP_BUILD, r);
	return r;
}

uint32_t lookup_indexed(struct lookup *l, const struct build_id *id)
{
	struct build build;
	pthread_mutex_lock(&l->mutex);
	int r = ask_catalog(l, id, &build);
	pthread_mutex_unlock(&l->mutex);
	return r == 1 ? build.n_contributions : 0;
}

static int no_such_build(const struct build_id *id, struct error *err)
{
	return error_set(err, -ENOENT, "%s: no such build", BUILD_ID_HEX(id));
}

/* The records are written before the catalog: what has none is not there, whatever any snapshot
 * says. */
static int ask_record(struct lookup *l, const struct build_id *id, struct build *ret,
		      struct error *err)
{
	int r;

	scoped(record_free) struct record record = { 0 };
	r = record_read(l->st, id, &record, err);
	if (r < 0)
		return r;
	record_merge(&record, ret);
	return 0;
}

/* A record with a tombstone is what a removal that was cut short left: what it needs may be gone. */
static bool has_record(struct lookup *l, const struct build_id *id)
{
	char name[RECORD_NAME_SIZE];
	struct stat folder;
	if (fstatat(l->st->fd, record_name(id, name), &folder, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return false;
	return !removed_build(l->st, id);
}

static int find_build(struct lookup *l, const struct build_id *id, struct build *ret,
		      struct error *err)
{
	int r = ask_catalog(l, id, ret);
	if (r == 1)
		return 0;
	if (!has_record(l, id))
		return no_such_build(id, err);
	if (r == 0) {
		renew(l, now_ms());
		r = ask_catalog(l, id, ret);
	}
	return r == 1 ? 0 : ask_record(l, id, ret, err);
}

int lookup_build(struct lookup *l, const struct build_id *id, struct build *ret, struct error *err)
{
	pthread_mutex_lock(&l->mutex);
	int r = find_build(l, id, ret, err);
	pthread_mutex_unlock(&l->mutex);
	return r;
}

int lookup_build_again(struct lookup *l, const struct build_id *id, struct build *ret,
		       struct error *err)
{
	int r;

	pthread_mutex_lock(&l->mutex);
	renew(l, now_ms());
	struct build build = { 0 };
	r = ask_catalog(l, id, &build);
	uint32_t n = 0;
	if (r == 1 && record_count(l->st, id, &n, NULL) == 0 && n <= build.n_contributions) {
		*ret = build;
		r = 0;
	} else {
		r = has_record(l, id) ? ask_record(l, id, ret, err) : no_such_build(id, err);
	}
	pthread_mutex_unlock(&l->mutex);
	return r;
}

/* ---- sources ---- */

static int ask_source(struct lookup *l, const struct digest *source, struct source_place *ret)
{
	if (!lookup_connected(l))
		return -ENOENT;
	sqlite3_stmt *statement = l->statements[LOOKUP_SOURCE];
	sqlite3_bind_blob(statement, 1, source->bytes, DIGEST_SIZE, SQLITE_STATIC);
	int r = lookup_step(l, LOOKUP_SOURCE);
	if (r == 1) {
		const void *digest = sqlite3_column_blob(statement, 0);
		sqlite3_int64 offset = sqlite3_column_int64(statement, 1);
		sqlite3_int64 size = sqlite3_column_int64(statement, 2);
		if (digest && sqlite3_column_bytes(statement, 0) == DIGEST_SIZE && offset >= 0 &&
		    size >= 0) {
			memcpy(ret->object.bytes, digest, DIGEST_SIZE);
			ret->offset = (uint64_t)offset;
			ret->size_bytes = (uint64_t)size;
		} else {
			r = -EIO;
		}
	}
	lookup_reset(l, LOOKUP_SOURCE, r);
	return r;
}

static int find_source(struct lookup *l, const struct digest *source, struct source_place *ret,
		       struct error *err)
{
	int r;

	/* What is being removed is gone from the tombstone on, whatever still holds it. */
	if (removed_source(l->st, source))
		return error_set(err, -ENOENT, "source %s: removed from the store",
				 DIGEST_HEX(source));
	if (ask_source(l, source, ret) == 1)
		return 0;
	/* The snapshot may be older than the source, and the catalog younger than the last look for one. */
	renew(l, now_ms());
	if (ask_source(l, source, ret) == 1)
		return 0;
	scoped(object_closep) struct object *object = NULL;
	r = object_open(l->st, source, &object, err);
	/* Which pack has it, only the catalog knows: without one, nobody may say that none has. */
	if (r == -ENOENT && !l->db)
		return error_set(err, -ENXIO, "source %s: no catalog to find it with; dbgstore reindex makes it",
				 DIGEST_HEX(source));
	if (r == -ENOENT)
		return error_set(err, r, "source %s: not in the store", DIGEST_HEX(source));
	if (r < 0)
		return r;
	*ret = (struct source_place){ *source, 0, object_size(object) };
	return 0;
}

int lookup_source(struct lookup *l, const struct digest *source, struct source_place *ret,
		  struct error *err)
{
	pthread_mutex_lock(&l->mutex);
	int r = find_source(l, source, ret, err);
	pthread_mutex_unlock(&l->mutex);
	return r;
}
