/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/catalog.h"
#include "store/module_list.h"

/* The catalog's writing side. */

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	PUT_BUILD,
	FORGET_BUILD,
	PUT_ORIGIN,
	FORGET_ORIGINS,
	PUT_PACK,
	PUT_MEMBER,
	FORGET_MEMBERS,
	FORGET_PACK,
	FIND_PACK,
	FIND_MODULE,
	PUT_MODULE,
	PUT_MODULE_LIST,
	FORGET_MODULE_LIST,
	N_STATEMENTS,
};

static const char *const sql[N_STATEMENTS] = {
	/* Never a plain BEGIN: a read that turns into a write fails at once when another has
	   written. */
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[PUT_BUILD] =
		"INSERT OR REPLACE INTO builds VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[FORGET_BUILD] = "DELETE FROM builds WHERE id = ?1",
	[PUT_ORIGIN] = "INSERT INTO origins VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[FORGET_ORIGINS] = "DELETE FROM origins WHERE id = ?1",
	[PUT_PACK] = "INSERT OR IGNORE INTO packs (digest) VALUES (?1)",
	[PUT_MEMBER] = "INSERT OR REPLACE INTO members SELECT ?2, pack, ?3, ?4 FROM packs WHERE digest = ?1",
	[FORGET_MEMBERS] =
		"DELETE FROM members WHERE pack = (SELECT pack FROM packs WHERE digest = ?1)",
	[FORGET_PACK] = "DELETE FROM packs WHERE digest = ?1",
	[FIND_PACK] = "SELECT 1 FROM packs WHERE digest = ?1",
	[FIND_MODULE] = "SELECT module FROM modules WHERE path = ?1 AND version = ?2",
	[PUT_MODULE] = "INSERT INTO modules (path, version) VALUES (?1, ?2)",
	[PUT_MODULE_LIST] = "INSERT OR REPLACE INTO module_lists VALUES (?1, ?2)",
	[FORGET_MODULE_LIST] = "DELETE FROM module_lists WHERE id = ?1",
};

struct catalog {
	pthread_mutex_t mutex; /* held through a transaction; the same thread may take it again */
	sqlite3 *db;
	struct catalog_file file;
	sqlite3_stmt *statements[N_STATEMENTS];
	unsigned depth; /* of transactions: the outermost alone is SQLite's */
	bool broken; /* an inner one failed: the outermost must not commit */
};

static void disconnect(struct catalog *c)
{
	for (size_t i = 0; i < N_STATEMENTS; i++) {
		sqlite3_finalize(c->statements[i]);
		c->statements[i] = NULL;
	}
	sqlite3_close(c->db);
	c->db = NULL;
}

void catalog_close(struct catalog *c)
{
	if (!c)
		return;
	disconnect(c);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

static int connect(struct store *st, struct catalog *c, struct error *err)
{
	int r;

	if (c->db && catalog_file_is(st, &c->file))
		return 0;
	disconnect(c);
	r = catalog_file_make(st, err);
	if (r < 0)
		return r;
	r = catalog_file_open(st, true, &c->db, &c->file, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < N_STATEMENTS; i++) {
		int code = sqlite3_prepare_v3(c->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
					      &c->statements[i], NULL);
		if (code != SQLITE_OK) {
			r = catalog_error(c->db, code, err);
			disconnect(c);
			return r;
		}
	}
	return 0;
}

/* Run a statement, whose values are bound, and unbind them. */
static int run(struct catalog *c, enum statement which, struct error *err)
{
	int code = sqlite3_step(c->statements[which]);
	int r = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : catalog_error(c->db, code, err);
	sqlite3_reset(c->statements[which]);
	sqlite3_clear_bindings(c->statements[which]);
	return r;
}

/* ---- transactions ---- */

static int catalog_of(struct store *st, struct catalog **ret, struct error *err)
{
	if (st->access != STORE_WRITE)
		return error_set(err, -EINVAL, "catalog: the store is open for reading");
	pthread_mutex_lock(&st->mutex);
	if (!st->catalog) {
		st->catalog = calloc(1, sizeof(*st->catalog));
		if (st->catalog) {
			pthread_mutexattr_t attributes;
			pthread_mutexattr_init(&attributes);
			pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
			pthread_mutex_init(&st->catalog->mutex, &attributes);
			pthread_mutexattr_destroy(&attributes);
		}
	}
	*ret = st->catalog;
	pthread_mutex_unlock(&st->mutex);
	return *ret ? 0 : error_no_memory(err);
}

#define CONNECT_LIMIT 5

static int start(struct store *st, struct catalog *c, struct error *err)
{
	int r;

	for (int attempt = 0; attempt < CONNECT_LIMIT; attempt++) {
		r = connect(st, c, err);
		if (r < 0)
			return r;
		r = run(c, BEGIN, err);
		if (r < 0)
			return r;
		/* Was it moved aside while we waited? Then this one's rows would be lost. */
		if (catalog_file_is(st, &c->file))
			return 0;
		disconnect(c);
	}
	return error_set(err, -EBUSY, "catalog: replaced again and again");
}

/* Every success is followed by end(). */
static int begin(struct store *st, struct catalog **ret, struct error *err)
{
	int r;

	struct catalog *c;
	r = catalog_of(st, &c, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&c->mutex);
	if (c->depth == 0) {
		r = start(st, c, err);
		if (r < 0) {
			pthread_mutex_unlock(&c->mutex);
			return r;
		}
		c->broken = false;
	}
	c->depth++;
	*ret = c;
	return 0;
}

/* Commit, or, where @r says that something failed, roll back. Returns @r, or why it could not
 * commit. */
static int end(struct catalog *c, int r, struct error *err)
{
	if (--c->depth > 0) {
		c->broken |= r < 0;
	} else {
		if (r == 0 && c->broken)
			r = error_set(err, -EIO, "catalog: a part of the transaction failed");
		if (r == 0)
			r = run(c, COMMIT, err);
		if (r < 0 && !sqlite3_get_autocommit(c->db))
			(void)!run(c, ROLLBACK, NULL);
		if (r == -EBADMSG || r == -EIO)
			disconnect(c); /* a new connection looks at it anew */
	}
	pthread_mutex_unlock(&c->mutex);
	return r;
}

/* ---- builds ---- */

static void bind_digest(sqlite3_stmt *statement, int at, const struct digest *digest)
{
	sqlite3_bind_blob(statement, at, digest->bytes, DIGEST_SIZE, SQLITE_STATIC);
}

static void bind_id(sqlite3_stmt *statement, int at, const struct build_id *id)
{
	sqlite3_bind_blob(statement, at, id->bytes, id->size, SQLITE_STATIC);
}

static void bind_artifact(sqlite3_stmt *statement, int at, const struct artifact *artifact)
{
	if (!artifact->present)
		return; /* NULL */
	bind_digest(statement, at, &artifact->digest);
	sqlite3_bind_int64(statement, at + 1, (sqlite3_int64)artifact->size_bytes);
}

static void bind_bytes(sqlite3_stmt *statement, int at, const char *string)
{
	if (string)
		sqlite3_bind_blob64(statement, at, string, strlen(string), SQLITE_STATIC);
}

static void bytes_free(uint8_t **bytes)
{
	free(*bytes);
}

static int put_origin(struct catalog *c, const struct build_id *id, size_t n,
		      const struct origin *origin, struct error *err)
{
	if (!origin->path && !origin->package)
		return 0;
	scoped(string_free) char *reversed = NULL;
	if (origin->path) {
		size_t size = strlen(origin->path);
		reversed = malloc(size + 1);
		if (!reversed)
			return error_no_memory(err);
		for (size_t i = 0; i < size; i++)
			reversed[i] = origin->path[size - 1 - i];
		reversed[size] = 0;
	}
	sqlite3_stmt *statement = c->statements[PUT_ORIGIN];
	bind_id(statement, 1, id);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)n);
	bind_bytes(statement, 3, reversed);
	bind_bytes(statement, 4, origin->package);
	bind_bytes(statement, 5, origin->version);
	bind_bytes(statement, 6, origin->distro);
	return run(c, PUT_ORIGIN, err);
}

/* The number of a module at a version; it gets one where it has none. */
static int module_number(struct catalog *c, const struct module_use *use, uint32_t *ret, struct error *err)
{
	int r;

	sqlite3_stmt *find = c->statements[FIND_MODULE];
	bind_bytes(find, 1, use->path);
	bind_bytes(find, 2, use->version);
	int code = sqlite3_step(find);
	sqlite3_int64 number = code == SQLITE_ROW ? sqlite3_column_int64(find, 0) : 0;
	r = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : catalog_error(c->db, code, err);
	sqlite3_reset(find);
	sqlite3_clear_bindings(find);
	if (r < 0)
		return r;
	if (code == SQLITE_DONE) {
		bind_bytes(c->statements[PUT_MODULE], 1, use->path);
		bind_bytes(c->statements[PUT_MODULE], 2, use->version);
		r = run(c, PUT_MODULE, err);
		if (r < 0)
			return r;
		number = sqlite3_last_insert_rowid(c->db);
	}
	if (number < 1 || number > UINT32_MAX)
		return error_set(err, -EBADMSG, "catalog: a module of number %lld", (long long)number);
	*ret = (uint32_t)number;
	return 0;
}

static int put_modules(struct catalog *c, const struct build_id *id, const struct module_list *modules,
		       struct error *err)
{
	int r;

	if (!modules->n)
		return 0;
	scoped(bytes_free) uint8_t *list = malloc(MODULE_NUMBER_SIZE * modules->n);
	if (!list)
		return error_no_memory(err);
	for (size_t i = 0; i < modules->n; i++) {
		uint32_t number = 0;
		r = module_number(c, &modules->items[i], &number, err);
		if (r < 0)
			return r;
		module_number_encode(number, list + MODULE_NUMBER_SIZE * i);
	}
	sqlite3_stmt *statement = c->statements[PUT_MODULE_LIST];
	bind_id(statement, 1, id);
	sqlite3_bind_blob64(statement, 2, list, MODULE_NUMBER_SIZE * modules->n, SQLITE_STATIC);
	return run(c, PUT_MODULE_LIST, err);
}

static int forget_build(struct catalog *c, const struct build_id *id, struct error *err)
{
	int r;

	bind_id(c->statements[FORGET_MODULE_LIST], 1, id);
	r = run(c, FORGET_MODULE_LIST, err);
	if (r < 0)
		return r;
	bind_id(c->statements[FORGET_ORIGINS], 1, id);
	r = run(c, FORGET_ORIGINS, err);
	if (r < 0)
		return r;
	bind_id(c->statements[FORGET_BUILD], 1, id);
	return run(c, FORGET_BUILD, err);
}

static int put_build(struct store *st, struct catalog *c, const struct record *record, struct build *ret,
		     struct error *err)
{
	int r;

	struct build build;
	record_merge(record, &build);
	r = forget_build(c, &record->id, err);
	if (r < 0)
		return r;
	sqlite3_stmt *statement = c->statements[PUT_BUILD];
	bind_id(statement, 1, &build.id);
	bind_artifact(statement, 2, &build.debug);
	bind_artifact(statement, 4, &build.executable);
	bind_artifact(statement, 6, &build.sources);
	sqlite3_bind_int(statement, 8, (int)build.quality);
	sqlite3_bind_int64(statement, 9, build.time);
	sqlite3_bind_int64(statement, 10, build.n_contributions);
	sqlite3_bind_int(statement, 11, build.collision);
	r = run(c, PUT_BUILD, err);
	for (size_t i = 0; r == 0 && i < record->n_contributions; i++)
		r = put_origin(c, &record->id, i, &record->contributions[i].origin, err);
	scoped(module_list_free) struct module_list modules = { 0 };
	if (r == 0)
		r = module_list_of_record(st, record, &modules, err);
	if (r == 0)
		r = put_modules(c, &record->id, &modules, err);
	if (r == 0 && ret)
		*ret = build;
	return r;
}

int catalog_put_build(struct store *st, const struct record *record, struct error *err)
{
	struct catalog *c;
	int r = begin(st, &c, err);
	return r < 0 ? r : end(c, put_build(st, c, record, NULL, err), err);
}

static int refresh_build(struct store *st, struct catalog *c, const struct build_id *id,
			 struct build *ret, struct error *err)
{
	int r;

	scoped(record_free) struct record record = { 0 };
	r = record_read(st, id, &record, err);
	if (r == -ENOENT)
		return forget_build(c, id, err);
	return r < 0 ? r : put_build(st, c, &record, ret, err);
}

int catalog_refresh_build(struct store *st, const struct build_id *id, struct build *ret,
			  struct error *err)
{
	struct catalog *c;
	int r = begin(st, &c, err);
	return r < 0 ? r : end(c, refresh_build(st, c, id, ret, err), err);
}

int catalog_forget_build(struct store *st, const struct build_id *id, struct error *err)
{
	struct catalog *c;
	int r = begin(st, &c, err);
	return r < 0 ? r : end(c, forget_build(c, id, err), err);
}

/* ---- packs ---- */

static int put_pack(struct catalog *c, const struct digest *pack, const struct pack_member *members,
		    size_t n_members, struct error *err)
{
	int r;

	bind_digest(c->statements[PUT_PACK], 1, pack);
	r = run(c, PUT_PACK, err);
	for (size_t i = 0; r == 0 && i < n_members; i++) {
		sqlite3_stmt *statement = c->statements[PUT_MEMBER];
		bind_digest(statement, 1, pack);
		bind_digest(statement, 2, &members[i].digest);
		sqlite3_bind_int64(statement, 3, (sqlite3_int64)members[i].offset);
		sqlite3_bind_int64(statement, 4, (sqlite3_int64)members[i].size_bytes);
		r = run(c, PUT_MEMBER, err);
	}
	return r;
}

int catalog_put_pack(struct store *st, const struct digest *pack, const struct pack_member *members,
		     size_t n_members, struct error *err)
{
	struct catalog *c;
	int r = begin(st, &c, err);
	return r < 0 ? r : end(c, put_pack(c, pack, members, n_members, err), err);
}

static int find_pack(struct catalog *c, const struct digest *pack, bool *ret, struct error *err)
{
	sqlite3_stmt *statement = c->statements[FIND_PACK];
	bind_digest(statement, 1, pack);
	int code = sqlite3_step(statement);
	int r = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : catalog_error(c->db, code, err);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	if (r == 0)
		*ret = code == SQLITE_ROW;
	return r;
}

int catalog_has_pack(struct store *st, const struct digest *pack, bool *ret, struct error *err)
{
	struct catalog *c;
	int r = begin(st, &c, err);
	return r < 0 ? r : end(c, find_pack(c, pack, ret, err), err);
}

static int forget_pack(struct catalog *c, const struct digest *pack, struct error *err)
{
	int r;

	bind_digest(c->statements[FORGET_MEMBERS], 1, pack);
	r = run(c, FORGET_MEMBERS, err);
	if (r < 0)
		return r;
	bind_digest(c->statements[FORGET_PACK], 1, pack);
	return run(c, FORGET_PACK, err);
}

int catalog_forget_pack(struct store *st, const struct digest *pack, struct error *err)
{
	struct catalog *c;
	int r = begin(st, &c, err);
	return r < 0 ? r : end(c, forget_pack(c, pack, err), err);
}

/* ---- all of it ---- */

static int is_sound(struct catalog *c, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(c->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	const unsigned char *text = code == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
	int r = text && !strcmp((const char *)text, "ok") ? 0
		: code != SQLITE_ROW                      ? catalog_error(c->db, code, err)
							  : error_set(err, -EBADMSG, "catalog: %s",
                                                 text ? (const char *)text : "no memory");
	sqlite3_finalize(statement);
	return r;
}

static int forget_all(struct catalog *c, struct error *err)
{
	int code = sqlite3_exec(
		c->db,
		"DELETE FROM builds; DELETE FROM origins; DELETE FROM members; DELETE FROM packs;"
		"DELETE FROM modules; DELETE FROM module_lists",
		NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : catalog_error(c->db, code, err);
}

/* A transaction on a catalog that is whole: one that is not is moved aside, and a new one made. */
static int begin_sound(struct store *st, struct catalog **ret, struct error *err)
{
	int r;

	for (int attempt = 0;; attempt++) {
		r = begin(st, ret, err);
		if (r == 0) {
			r = is_sound(*ret, err);
			if (r == 0)
				return 0;
			r = end(*ret, r, err);
		}
		if ((r != -EBADMSG && r != -ENOTSUP) || attempt == 1)
			return r;
		struct catalog *c = st->catalog;
		pthread_mutex_lock(&c->mutex);
		disconnect(c);
		r = catalog_file_quarantine(st, err);
		pthread_mutex_unlock(&c->mutex);
		if (r < 0)
			return r;
	}
}

int catalog_rebuild(struct store *st,
		    int (*fill)(struct store *st, void *context, struct error *err), void *context,
		    struct error *err)
{
	int r;

	struct catalog *c;
	r = begin_sound(st, &c, err);
	if (r < 0)
		return r;
	r = forget_all(c, err);
	if (r == 0)
		r = fill(st, context, err);
	return end(c, r, err);
}
