/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "store/catalog.h"

#define CATALOG_NAME "catalog.sqlite"
#define APPLICATION_ID 0x64627661 /* "dbva": file(1) shows it */
#define WRITER_WAIT_MS 60000
#define READER_WAIT_MS 2000
#define LOG_LIMIT                                                                             \
	"4194304" /* bytes that are left of the log after a checkpoint; nothing when the last \
		     closes */

static const char schema[] =
	/* One row answers a request. Digests are raw bytes; an artifact that is not there is NULL.
	 */
	"CREATE TABLE builds (id BLOB NOT NULL PRIMARY KEY,"
	" debug BLOB, debug_size INTEGER, executable BLOB, executable_size INTEGER,"
	" sources BLOB, sources_size INTEGER, quality INTEGER NOT NULL, time INTEGER NOT NULL,"
	" n_contributions INTEGER NOT NULL, collision INTEGER NOT NULL) WITHOUT ROWID;"
	/* Paths are written backwards, so that what a path ends in is a range of the index. */
	"CREATE TABLE origins (id BLOB NOT NULL, n INTEGER NOT NULL, reversed BLOB, package BLOB,"
	" version BLOB, distro BLOB, PRIMARY KEY (id, n)) WITHOUT ROWID;"
	"CREATE INDEX origins_reversed ON origins (reversed);"
	"CREATE INDEX origins_package ON origins (package);"
	"CREATE TABLE packs (pack INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE);"
	"CREATE TABLE members (digest BLOB NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL,"
	" size INTEGER NOT NULL, PRIMARY KEY (digest, pack)) WITHOUT ROWID;"
	"CREATE INDEX members_pack ON members (pack);"
	/* Modules with their versions, each once; a build's are a list of their numbers, 4 bytes each, little-endian. A
	 * path of no bytes is the toolchain. */
	"CREATE TABLE modules (module INTEGER PRIMARY KEY, path BLOB NOT NULL, version BLOB NOT NULL,"
	" UNIQUE (path, version));"
	"CREATE TABLE module_lists (id BLOB NOT NULL PRIMARY KEY, list BLOB NOT NULL) WITHOUT ROWID;";

int catalog_error(sqlite3 *db, int code, struct error *err)
{
	int r;
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return error_no_memory(err);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		r = -EBADMSG;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		r = -EBUSY;
		break;
	case SQLITE_FULL:
		r = -ENOSPC;
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		r = -EACCES;
		break;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR: {
		int system = db ? sqlite3_system_errno(db) : 0;
		r = system ? -system : -EIO;
		break;
	}
	default:
		r = -EIO;
	}
	return error_set(err, r, "catalog: %s%s", db ? sqlite3_errmsg(db) : sqlite3_errstr(code),
			 r == -EBADMSG ? "; dbgstore reindex makes it again" : "");
}

static void database_close(sqlite3 **db)
{
	sqlite3_close(*db);
}

static int execute(sqlite3 *db, const char *sql, struct error *err)
{
	int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : catalog_error(db, code, err);
}

static int query_number(sqlite3 *db, const char *sql, int64_t *ret, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW
		       ? 0
		       : catalog_error(db, code == SQLITE_DONE ? SQLITE_CORRUPT : code, err);
}

/* ---- making ---- */

static bool is_there(struct store *st, const char *name)
{
	struct stat file;
	return fstatat(st->catalog_fd, name, &file, AT_SYMLINK_NOFOLLOW) == 0;
}

#define TEMPORARY_SIZE 48

static int temporary_name(char ret[static TEMPORARY_SIZE], struct error *err)
{
	uint64_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_errno(err, -EIO, "getrandom");
	snprintf(ret, TEMPORARY_SIZE, "catalog.%016" PRIx64 ".tmp", random);
	return 0;
}

/*
 * Give a file in tmp/ its mode and owner, and its name in catalog/, unless there is one. No
 * descriptor of it is open once it has the name: see catalog_file_is().
 */
static int put_in_place(struct store *st, const char *temporary, const char *name,
			struct error *err)
{
	int r;

	int fd;
	r = file_open_at(st->tmp_fd, temporary, O_RDWR | O_NOFOLLOW, 0, &fd, err);
	if (r == 0) {
		r = store_own_file(st, fd, err);
		if (r == 0)
			r = file_sync(fd, name, err);
		close(fd);
	}
	if (r == 0 && linkat(st->tmp_fd, temporary, st->catalog_fd, name, 0) < 0 && errno != EEXIST)
		r = error_errno(err, -errno, "making catalog/%s", name);
	unlinkat(st->tmp_fd, temporary, 0);
	return r < 0 ? r : file_sync(st->catalog_fd, "catalog", err);
}

static int make_empty(struct store *st, const char *name, struct error *err)
{
	int r;

	char temporary[TEMPORARY_SIZE];
	r = temporary_name(temporary, err);
	if (r < 0)
		return r;
	scoped(fd_close) int fd = -1;
	r = file_open_at(st->tmp_fd, temporary, O_RDWR | O_CREAT | O_EXCL, 0600, &fd, err);
	if (r < 0)
		return r;
	fd_close(&fd);
	fd = -1;
	return put_in_place(st, temporary, name, err);
}

/* A whole database, tables and all, in tmp/: no reader ever sees one without. */
static int make_database(struct store *st, const char *temporary, struct error *err)
{
	int r;

	scoped(string_free) char *path = NULL;
	r = string_format(&path, err, "%s/tmp/%s", st->path, temporary);
	if (r < 0)
		return r;
	scoped(database_close) sqlite3 *db = NULL;
	int code = sqlite3_open_v2(
		path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return catalog_error(db, code, err);
	char version[80];
	snprintf(version, sizeof(version), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 APPLICATION_ID, CATALOG_VERSION);
	/* Alone with it: no need for the shared memory file of a log. */
	if ((r = execute(db, "PRAGMA locking_mode = EXCLUSIVE", err)) < 0 ||
	    (r = execute(db, "PRAGMA journal_mode = WAL", err)) < 0 ||
	    (r = execute(db, "PRAGMA synchronous = FULL; BEGIN", err)) < 0 ||
	    (r = execute(db, schema, err)) < 0 || (r = execute(db, version, err)) < 0)
		return r;
	r = execute(db, "COMMIT", err);
	if (r < 0)
		return r;
	/* Closing would do this, too, but say nothing where the disk fails; and the log stays behind. */
	code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	return code == SQLITE_OK ? 0 : catalog_error(db, code, err);
}

int catalog_file_make(struct store *st, struct error *err)
{
	int r;

	/* The log and its index first: who sees the database finds them. */
	static const char *const beside[] = { CATALOG_NAME "-wal", CATALOG_NAME "-shm" };
	for (size_t i = 0; i < ARRAY_SIZE(beside); i++)
		if (!is_there(st, beside[i])) {
			r = make_empty(st, beside[i], err);
			if (r < 0)
				return r;
		}
	if (is_there(st, CATALOG_NAME))
		return 0;

	char temporary[TEMPORARY_SIZE];
	r = temporary_name(temporary, err);
	if (r < 0)
		return r;
	r = make_database(st, temporary, err);
	if (r < 0) {
		char log[TEMPORARY_SIZE + 8];
		snprintf(log, sizeof(log), "%s-wal", temporary);
		unlinkat(st->tmp_fd, log, 0);
		unlinkat(st->tmp_fd, temporary, 0);
		return error_prefix(err, r, "making the catalog");
	}
	return put_in_place(st, temporary, CATALOG_NAME, err);
}

/* ---- opening ---- */

/*
 * Closing a file drops all locks that this process has on it, so after a connection without locks was closed,
 * those of the others are made anew.
 */
static atomic_uint generation;

void catalog_file_closed(const struct catalog_file *file)
{
	if (file->alone)
		atomic_fetch_add(&generation, 1);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* What database and log look like; no log is like an empty one. */
static int look(struct store *st, struct catalog_file *ret)
{
	static const char *const names[2] = { CATALOG_NAME, CATALOG_NAME "-wal" };
	struct catalog_file file = { .generation = atomic_load(&generation) };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct stat is = { 0 };
		if (fstatat(st->catalog_fd, names[i], &is, AT_SYMLINK_NOFOLLOW) < 0 &&
		    (i == 0 || errno != ENOENT))
			return -errno;
		if (i == 0) {
			file.device = is.st_dev;
			file.inode = is.st_ino;
			if (!S_ISREG(is.st_mode))
				return -EBADMSG;
		}
		file.changed[i] = is.st_mtim;
		file.sizes[i] = is.st_size;
	}
	*ret = file;
	return 0;
}

bool catalog_file_is(struct store *st, const struct catalog_file *file)
{
	struct catalog_file now;
	if (!file->alone) {
		struct stat is;
		return fstatat(st->catalog_fd, CATALOG_NAME, &is, AT_SYMLINK_NOFOLLOW) == 0 &&
		       is.st_dev == file->device && is.st_ino == file->inode &&
		       file->generation == atomic_load(&generation);
	}
	if (look(st, &now) < 0 || now.device != file->device || now.inode != file->inode)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(now.sizes); i++)
		if (now.sizes[i] != file->sizes[i] || !same_time(&now.changed[i], &file->changed[i]))
			return false;
	return true;
}

/* SQLite tries a hundred times before it says SQLITE_PROTOCOL, and would sleep ten seconds over it. */
static int sleep_little(sqlite3_vfs *vfs, int microseconds)
{
	(void)vfs;
	int little = microseconds < 1000 ? microseconds : 1000;
	usleep((useconds_t)little);
	return little;
}

static sqlite3_vfs reader_vfs;

static void make_reader_vfs(void)
{
	const sqlite3_vfs *usual = sqlite3_vfs_find("unix");
	if (!usual)
		return;
	reader_vfs = *usual;
	reader_vfs.zName = "dbgvault-reader";
	reader_vfs.xSleep = sleep_little;
	reader_vfs.pNext = NULL;
	sqlite3_vfs_register(&reader_vfs, 0);
}

static int check_version(sqlite3 *db, struct error *err)
{
	int64_t version, application;
	int r = query_number(db, "PRAGMA user_version", &version, err);
	if (r == 0)
		r = query_number(db, "PRAGMA application_id", &application, err);
	if (r < 0)
		return r;
	if (application != APPLICATION_ID)
		return error_set(err, -EBADMSG,
				 "catalog: not one; dbgstore reindex makes it again");
	if (version != CATALOG_VERSION)
		return error_set(err, -ENOTSUP,
				 "catalog: version %" PRId64 ", and this release knows %d%s", version,
				 CATALOG_VERSION,
				 version < CATALOG_VERSION ? ": dbgstore reindex makes it again" : "");
	return 0;
}

static int set_up(sqlite3 *db, bool to_write, struct error *err)
{
	int r;

	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, to_write ? WRITER_WAIT_MS : READER_WAIT_MS);
	/* A file from elsewhere may hold triggers and views: none of them acts. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	/* The log stays when the last writer closes: a reader without write access could not make
	 * it. */
	int keep = 1;
	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	if (!to_write)
		return execute(db, "PRAGMA query_only = 1", err);
	r = execute(db, "PRAGMA synchronous = FULL; PRAGMA cell_size_check = 1", err);
	if (r < 0)
		return r;
	return execute(db, "PRAGMA journal_size_limit = " LOG_LIMIT, err);
}

#define ALONE "unix-none" /* SQLite's own VFS without locks */

static int open_connection(const char *path, bool to_write, const char *vfs, sqlite3 **ret, struct error *err)
{
	int r;

	scoped(database_close) sqlite3 *db = NULL;
	int flags = to_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, vfs);
	if (code != SQLITE_OK)
		return catalog_error(db, code, err);
	r = set_up(db, to_write, err);
	/* Before the first read: then the log's index is in this process's memory, not in a shared file. */
	if (r == 0 && vfs && !strcmp(vfs, ALONE))
		r = execute(db, "PRAGMA locking_mode = EXCLUSIVE", err);
	if (r == 0)
		r = check_version(db, err);
	if (r < 0)
		return r;
	*ret = take(db);
	return 0;
}

int catalog_file_open(struct store *st, bool to_write, sqlite3 **ret, struct catalog_file *ret_file,
		      struct error *err)
{
	int r;

	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_reader_vfs);
	struct catalog_file file;
	if (st->catalog_fd < 0)
		return error_set(err, -ENOENT, "catalog: none");
	r = look(st, &file);
	if (r == -EBADMSG)
		return error_set(err, r, "catalog: not a regular file");
	if (r < 0)
		return error_errno(err, r, "catalog");
	scoped(string_free) char *path = NULL;
	r = string_format(&path, err, "%s/catalog/" CATALOG_NAME, st->path);
	if (r < 0)
		return r;
	r = open_connection(path, to_write, to_write ? NULL : reader_vfs.zName, ret, err);
	if (!to_write && (r == -EBUSY || r == -EACCES || r == -EROFS)) {
		file.alone = true;
		if (open_connection(path, false, ALONE, ret, NULL) == 0)
			r = 0;
		else
			catalog_file_closed(&file);
	}
	if (r < 0)
		return r;
	*ret_file = file;
	return 0;
}

int catalog_file_quarantine(struct store *st, struct error *err)
{
	/* A log must never meet another database than its own. */
	static const char *const names[] = { CATALOG_NAME "-wal", CATALOG_NAME "-shm",
					     CATALOG_NAME };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!is_there(st, names[i]))
			continue;
		int r = store_quarantine(st, st->catalog_fd, names[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}
