/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "check/internal.h"
#include "check/vulndb.h"
#include "elf/go_version.h"

#define MODULES "index/modules.json"
#define WHERE_TO_GET_ONE "https://vuln.go.dev/vulndb.zip is the current one"

/* A module of the index; its entries are read when it is first asked for. */
struct vuln_module {
	const json_t *json;
	const struct vuln_entry **entries; /* owned */
	size_t n;
	bool is_read;
};

struct vulndb {
	char *path;
	int folder_fd; /* -1: a zip */
	struct text_map files; /* of a zip */
	char *prefix; /* of a zip: the folder in it where the database is */
	char *modified;
	json_t *modules_json;
	struct text_map modules; /* path -> struct vuln_module */
	struct text_map entries; /* ID -> struct vuln_entry */
	int64_t now;
	pthread_mutex_t lock; /* over both maps' values, and entries */
};

/* ---- files ---- */

/* @ret points to the zip's own bytes, or to @ret_owned, which the caller frees. */
static int read_file(struct vulndb *db, const char *name, const char **ret, size_t *ret_size,
		     char **ret_owned, struct error *err)
{
	int r;

	if (db->folder_fd >= 0) {
		r = file_read_at(db->folder_fd, name, VULNDB_FILE_LIMIT, ret_owned, ret_size, err);
		*ret = *ret_owned;
		return r;
	}
	scoped(string_free) char *path = NULL;
	r = string_format(&path, err, "%s%s", db->prefix, name);
	if (r < 0)
		return r;
	void **value = text_map_find(&db->files, path, strlen(path));
	if (!value)
		return error_set(err, -ENOENT, "%s: not in the zip", name);
	const struct vuln_file *file = *value;
	*ret = file->bytes;
	*ret_size = file->size;
	return 0;
}

static int read_json(struct vulndb *db, const char *name, json_t **ret, struct error *err)
{
	scoped(string_free) char *owned = NULL;
	const char *text;
	size_t size;
	int r = read_file(db, name, &text, &size, &owned, err);
	if (r < 0)
		return r;
	r = json_parse(text, size, ret, err);
	return r < 0 ? error_prefix(err, r, "%s", name) : 0;
}

/* ---- opening ---- */

/* Packed with or without a folder around it. */
static int find_prefix(struct vulndb *db, struct error *err)
{
	const size_t size = strlen(MODULES);
	for (size_t i = 0; i < db->files.room; i++) {
		const struct text_map_entry *entry = &db->files.entries[i];
		if (!entry->key || entry->size < size ||
		    strcmp(entry->key + entry->size - size, MODULES) != 0)
			continue;
		size_t before = entry->size - size;
		if (before && entry->key[before - 1] != '/')
			continue;
		free(db->prefix);
		db->prefix = strndup(entry->key, before);
		return db->prefix ? 0 : error_no_memory(err);
	}
	return error_set(err, -ENOENT, "no %s in it, so it is no Go vulnerability database; %s",
			 MODULES, WHERE_TO_GET_ONE);
}

static int open_files(struct vulndb *db, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	r = file_open_at(AT_FDCWD, db->path, O_RDONLY, 0, &fd, NULL);
	if (r < 0)
		return r == -ENOENT ? error_set(err, r, "no such database; %s", WHERE_TO_GET_ONE)
				    : error_errno(err, r, "cannot open the database");
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, -errno, "cannot open the database");
	if (!S_ISDIR(st.st_mode)) {
		r = vulndb_zip_read(fd, &db->files, err);
		return r < 0 ? r : find_prefix(db, err);
	}
	db->folder_fd = fd_take(&fd);
	if (faccessat(db->folder_fd, MODULES, F_OK, 0) == 0)
		return 0;
	return error_set(err, -ENOENT, "no %s in it, so it is no Go vulnerability database; %s",
			 MODULES, WHERE_TO_GET_ONE);
}

static int read_modified(struct vulndb *db, struct error *err)
{
	scoped(json_scoped_decref) json_t *json = NULL;
	int r = read_json(db, "index/db.json", &json, err);
	if (r < 0)
		return r;
	const char *modified = json_string_value(json_object_get(json, "modified"));
	if (!modified)
		return error_set(err, -EBADMSG, "index/db.json: modified: expected a time");
	db->modified = strdup(modified);
	return db->modified ? 0 : error_no_memory(err);
}

static int read_modules(struct vulndb *db, struct error *err)
{
	int r = read_json(db, MODULES, &db->modules_json, err);
	if (r < 0)
		return r;
	if (!json_is_array(db->modules_json))
		return error_set(err, -EBADMSG, MODULES ": expected an array");
	for (size_t i = 0; i < json_array_size(db->modules_json); i++) {
		const json_t *json = json_array_get(db->modules_json, i);
		const char *path = json_string_value(json_object_get(json, "path"));
		void **value;
		if (!path)
			return error_set(err, -EBADMSG, MODULES ": module %zu has no path", i);
		r = text_map_add(&db->modules, path, strlen(path), &value, err);
		if (r < 0)
			return r;
		if (!*value)
			*value = calloc(1, sizeof(struct vuln_module));
		struct vuln_module *module = *value;
		if (!module)
			return error_no_memory(err);
		module->json = json; /* of two, the last counts */
	}
	return 0;
}

int vulndb_open(const char *path, struct vulndb **ret, struct error *err)
{
	int r;

	scoped(vulndb_closep) struct vulndb *db = calloc(1, sizeof(*db));
	if (!db)
		return error_no_memory(err);
	db->folder_fd = -1;
	db->now = time(NULL);
	pthread_mutex_init(&db->lock, NULL);
	db->path = strdup(path);
	if (!db->path)
		return error_no_memory(err);
	r = open_files(db, err);
	if (r == 0)
		r = read_modified(db, err);
	if (r == 0)
		r = read_modules(db, err);
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(path));
	*ret = take(db);
	return 0;
}

void vulndb_close(struct vulndb *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->files.room; i++) {
		struct vuln_file *file = db->files.entries[i].value;
		if (file)
			free(file->bytes);
		free(file);
	}
	for (size_t i = 0; i < db->modules.room; i++) {
		struct vuln_module *module = db->modules.entries[i].value;
		if (module)
			free(module->entries);
		free(module);
	}
	for (size_t i = 0; i < db->entries.room; i++)
		vuln_entry_free(db->entries.entries[i].value);
	text_map_free(&db->files);
	text_map_free(&db->modules);
	text_map_free(&db->entries);
	json_decref(db->modules_json);
	pthread_mutex_destroy(&db->lock);
	fd_close(&db->folder_fd);
	free(db->prefix);
	free(db->modified);
	free(db->path);
	free(db);
}

const char *vulndb_modified(const struct vulndb *db)
{
	return db->modified;
}

/* ---- asking ---- */

/* An ID becomes a file's name, so it must not lead elsewhere. */
static bool is_id(const char *id)
{
	return *id &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") ==
		       strlen(id);
}

static int read_entry(struct vulndb *db, const char *id, const struct vuln_entry **ret,
		      struct error *err)
{
	int r;

	void **value;
	r = text_map_add(&db->entries, id, strlen(id), &value, err);
	if (r < 0)
		return r;
	if (*value) { /* two modules may share it */
		*ret = *value;
		return 0;
	}
	if (!is_id(id))
		return error_set(err, -EBADMSG, MODULES ": \"%s\" is no ID", ESCAPED(id));
	scoped(string_free) char *name = NULL;
	r = string_format(&name, err, "ID/%s.json", id);
	if (r < 0)
		return r;
	scoped(string_free) char *owned = NULL;
	const char *text;
	size_t size;
	struct vuln_entry *entry;
	r = read_file(db, name, &text, &size, &owned, err);
	if (r < 0)
		return r == -ENOENT ? error_set(err, -EBADMSG, "%s is missing", name) : r;
	r = vuln_entry_parse(text, size, db->now, &entry, err);
	if (r < 0)
		return error_prefix(err, r, "%s", name);
	*value = entry;
	*ret = entry;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const struct vuln_entry *const *entries[] = { a, b };
	return strcmp((*entries[0])->id, (*entries[1])->id);
}

static int read_module(struct vulndb *db, struct vuln_module *module, struct error *err)
{
	const json_t *vulns = json_object_get(module->json, "vulns");
	size_t n = json_array_size(vulns), n_kept = 0;
	scoped(string_free) char *room = calloc(n + 1, sizeof(*module->entries));
	if (!room)
		return error_no_memory(err);
	const struct vuln_entry **entries = (const struct vuln_entry **)(void *)room;
	for (size_t i = 0; i < n; i++) {
		const json_t *json = json_array_get(vulns, i);
		const char *id = json_string_value(json_object_get(json, "id"));
		const char *fixed = json_string_value(json_object_get(json, "fixed"));
		if (!id)
			return error_set(err, -EBADMSG, MODULES ": a vulnerability has no id");
		/* What cannot be compared was fixed before every version, as govulncheck has it. */
		if (fixed && *fixed && !go_version_bare_is_valid(fixed))
			continue;
		int r = read_entry(db, id, &entries[n_kept++], err);
		if (r < 0)
			return r;
	}
	qsort(entries, n_kept, sizeof(*entries), compare_ids);
	module->entries = entries;
	room = NULL;
	module->n = n_kept;
	module->is_read = true;
	return 0;
}

int vulndb_find(struct vulndb *db, const char *path, struct vuln_entries *ret, struct error *err)
{
	*ret = (struct vuln_entries){ 0 };
	void **value = text_map_find(&db->modules, path, strlen(path));
	if (!value)
		return 0;
	struct vuln_module *module = *value;
	pthread_mutex_lock(&db->lock);
	int r = module->is_read ? 0 : read_module(db, module, err);
	pthread_mutex_unlock(&db->lock);
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(db->path));
	*ret = (struct vuln_entries){ module->entries, module->n };
	return 0;
}
