/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/lookup_internal.h"

/* Lookups of many builds: page after page, so that no snapshot is held while a caller works on one.
 */

static char *reverse(const void *bytes, size_t size)
{
	char *reversed = malloc(size + 1);
	if (!reversed)
		return NULL;
	for (size_t i = 0; i < size; i++)
		reversed[i] = ((const char *)bytes)[size - 1 - i];
	reversed[size] = 0;
	return reversed;
}

/* ---- where a build came from ---- */

/* Of a column: NULL where it is NULL. Errors: -ENOMEM */
static int column_bytes(sqlite3_stmt *statement, int at, char **ret)
{
	const void *bytes = sqlite3_column_blob(statement, at);
	if (!bytes)
		return 0;
	*ret = strndup(bytes, (size_t)sqlite3_column_bytes(statement, at));
	return *ret ? 0 : -ENOMEM;
}

/* 1 found, 0 not there; negative: the catalog cannot be read, or -ENOMEM. */
static int ask_origin(struct lookup *l, const struct build_id *id, struct origin *ret)
{
	if (!lookup_connected(l))
		return -ENOENT;
	sqlite3_stmt *statement = l->statements[LOOKUP_ORIGIN];
	sqlite3_bind_blob(statement, 1, id->bytes, id->size, SQLITE_STATIC);
	int r = lookup_step(l, LOOKUP_ORIGIN);
	if (r == 1) {
		const void *reversed = sqlite3_column_blob(statement, 0);
		if (reversed)
			ret->path = reverse(reversed, (size_t)sqlite3_column_bytes(statement, 0));
		if ((reversed && !ret->path) || column_bytes(statement, 1, &ret->package) < 0 ||
		    column_bytes(statement, 2, &ret->version) < 0 ||
		    column_bytes(statement, 3, &ret->distro) < 0)
			r = -ENOMEM;
	}
	lookup_reset(l, LOOKUP_ORIGIN, r);
	return r;
}

static int record_origin(struct lookup *l, const struct build_id *id, struct origin *ret,
			 struct error *err)
{
	int r;

	scoped(record_free) struct record record = { 0 };
	r = record_read(l->st, id, &record, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < record.n_contributions; i++) {
		const struct origin *origin = &record.contributions[i].origin;
		if (origin->path || origin->package)
			return origin_copy(origin, ret, err);
	}
	*ret = (struct origin){ 0 };
	return 0;
}

int lookup_origin(struct lookup *l, const struct build_id *id, struct origin *ret,
		  struct error *err)
{
	scoped(origin_free) struct origin origin = { 0 };
	pthread_mutex_lock(&l->mutex);
	int r = ask_origin(l, id, &origin);
	pthread_mutex_unlock(&l->mutex);
	if (r == -ENOMEM)
		return error_no_memory(err);
	if (r < 1)
		return record_origin(l, id, ret, err);
	*ret = origin;
	origin = (struct origin){ 0 };
	return 0;
}

/* ---- visits ---- */

struct visitor {
	struct lookup *l;
	lookup_visit visit;
	void *context;
	/* Of the records, where there is no catalog: which of them. */
	const char *package;
	const char *path;
	const char *path_end;
	bool (*wanted)(const char *path, void *context); /* NULL: all are */
};

static int visit_build(struct visitor *v, const struct build_id *id, const char *path,
		       struct error *err)
{
	int r;

	struct build build;
	r = lookup_build(v->l, id, &build, err);
	if (r == -ENOENT)
		return 0; /* removed since */
	if (r < 0)
		return r;
	if (path)
		return v->visit(&build, path, v->context, err);
	scoped(origin_free) struct origin origin = { 0 };
	r = lookup_origin(v->l, id, &origin, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	return v->visit(&build, origin.path ? origin.path : "", v->context, err);
}

static int visit_prefixed(const struct build_id *id, void *context, struct error *err)
{
	return visit_build(context, id, NULL, err);
}

int lookup_prefix(struct lookup *l, const char *hex, lookup_visit visit, void *context,
		  struct error *err)
{
	size_t size = strlen(hex);
	if (size < 6 || size > BUILD_ID_HEX_SIZE - 1)
		return error_set(err, -EINVAL,
				 "\"%s\": the beginning of a build ID is 6 to %d hex digits",
				 ESCAPED(hex), BUILD_ID_HEX_SIZE - 1);
	char prefix[BUILD_ID_HEX_SIZE] = { 0 };
	for (size_t i = 0; i < size; i++) {
		prefix[i] = hex[i] >= 'A' && hex[i] <= 'F' ? (char)(hex[i] - 'A' + 'a') : hex[i];
		if (!strchr("0123456789abcdef", prefix[i]))
			return error_set(err, -EINVAL, "\"%s\": not hex digits", ESCAPED(hex));
	}
	/* From the folders: one of them holds all candidates, and what the catalog lacks too. */
	struct visitor v = { .l = l, .visit = visit, .context = context };
	return record_each_prefix(l->st, prefix, visit_prefixed, &v, err);
}

bool lookup_path_fits(const char *path, const char *tail)
{
	size_t size = strlen(path), tail_size = strlen(tail);
	return size >= tail_size && !strcmp(path + size - tail_size, tail) &&
	       (size == tail_size || path[size - tail_size - 1] == '/');
}

static bool is_looked_for(const struct visitor *v, const char *path)
{
	if (v->path)
		return lookup_path_fits(path, v->path);
	if (!v->path_end)
		return false;
	size_t size = strlen(path), end_size = strlen(v->path_end);
	return size >= end_size && !strcmp(path + size - end_size, v->path_end) &&
	       (!v->wanted || v->wanted(path, v->context));
}

/* Without a catalog: every record is read. */
static int visit_record(const struct build_id *id, void *context, struct error *err)
{
	int r;

	struct visitor *v = context;
	scoped(record_free) struct record record = { 0 };
	r = record_read(v->l->st, id, &record, err);
	if (r == -ENOENT || r == -EBADMSG)
		return 0;
	if (r < 0)
		return r;
	struct build build;
	record_merge(&record, &build);
	const char *first_path = NULL;
	bool wanted = !v->package && !v->path && !v->path_end;
	for (size_t i = 0; i < record.n_contributions; i++) {
		const struct origin *origin = &record.contributions[i].origin;
		if (!first_path && (origin->path || origin->package))
			first_path = origin->path ? origin->path : "";
		wanted |= v->package && origin->package && !strcmp(origin->package, v->package);
		if (!origin->path || !is_looked_for(v, origin->path))
			continue;
		bool told = false;
		for (size_t k = 0; k < i && !told; k++) {
			const char *earlier = record.contributions[k].origin.path;
			told = earlier && !strcmp(earlier, origin->path);
		}
		r = told ? 0 : v->visit(&build, origin->path, v->context, err);
		if (r != 0)
			return r;
	}
	return wanted ? v->visit(&build, first_path ? first_path : "", v->context, err) : 0;
}

#define PAGE_SIZE 256 /* as the statements' LIMIT */

struct page {
	struct build_id ids[PAGE_SIZE];
	char *paths[PAGE_SIZE]; /* reversed; NULL where the statement gives none */
	size_t n;
};

static void page_free(struct page *page)
{
	for (size_t i = 0; i < page->n; i++)
		free(page->paths[i]);
	page->n = 0;
}

/* Rows that follow: what is bound is. Negative: the catalog cannot be read, or -ENOMEM. */
static int read_page(struct lookup *l, enum lookup_statement which, struct page *page)
{
	int r;

	sqlite3_stmt *statement = l->statements[which];
	while ((r = lookup_step(l, which)) == 1 && page->n < PAGE_SIZE) {
		const void *id = sqlite3_column_blob(statement, 0);
		if (!id || build_id_set(&page->ids[page->n], id,
					(size_t)sqlite3_column_bytes(statement, 0), NULL) < 0) {
			r = -EIO;
			break;
		}
		page->paths[page->n++] = NULL;
		r = column_bytes(statement, 1, &page->paths[page->n - 1]);
		if (r < 0)
			break;
	}
	lookup_reset(l, which, r);
	return r < 0 ? r : 0;
}

/* A visit's place: behind this key, before @below. For LOOKUP_PACKAGE, key is the package. */
struct cursor {
	struct build_id id;
	const char *key;
	const char *below;
	char *owned_key; /* of the last page */
};

static void cursor_free(struct cursor *cursor)
{
	free(cursor->owned_key);
}

static int next_page(struct lookup *l, enum lookup_statement which, struct cursor *cursor,
		     struct page *page)
{
	page_free(page);
	pthread_mutex_lock(&l->mutex);
	int r = lookup_connected(l) ? 0 : -ENOENT;
	if (r == 0) {
		sqlite3_stmt *statement = l->statements[which];
		sqlite3_bind_blob(statement, 1, cursor->id.bytes, cursor->id.size, SQLITE_STATIC);
		if (cursor->key)
			sqlite3_bind_blob64(statement, 2, cursor->key, strlen(cursor->key),
					    SQLITE_STATIC);
		if (cursor->below)
			sqlite3_bind_blob64(statement, 3, cursor->below, strlen(cursor->below),
					    SQLITE_STATIC);
		r = read_page(l, which, page);
	}
	pthread_mutex_unlock(&l->mutex);
	if (r < 0 || page->n == 0)
		return r;
	cursor->id = page->ids[page->n - 1];
	char *last = page->paths[page->n - 1];
	if (last) {
		free(cursor->owned_key);
		cursor->owned_key = strdup(last);
		if (!cursor->owned_key)
			return -ENOMEM;
		cursor->key = cursor->owned_key;
	}
	return 0;
}

/* Visit what a statement finds from the cursor on. -EAGAIN: there is no catalog, and nothing was
 * visited. */
static int visit_pages(struct visitor *v, enum lookup_statement which, struct cursor *cursor,
		       struct error *err)
{
	int r;

	scoped(page_free) struct page page = { .n = 0 };
	for (bool first = true;; first = false) {
		r = next_page(v->l, which, cursor, &page);
		if (r == -ENOMEM)
			return error_no_memory(err);
		if (r < 0)
			return first ? -EAGAIN
				     : error_set(err, -EIO, "catalog: cannot be read any more");
		for (size_t i = 0; i < page.n; i++) {
			scoped(string_free) char *path = NULL;
			if (page.paths[i]) {
				path = reverse(page.paths[i], strlen(page.paths[i]));
				if (!path)
					return error_no_memory(err);
				if (v->wanted && !v->wanted(path, v->context))
					continue;
			}
			r = visit_build(v, &page.ids[i], path, err);
			if (r != 0)
				return r;
		}
		if (page.n < PAGE_SIZE)
			return 0;
	}
}

int lookup_each(struct lookup *l, lookup_visit visit, void *context, struct error *err)
{
	struct visitor v = { .l = l, .visit = visit, .context = context };
	scoped(cursor_free) struct cursor cursor = { 0 };
	int r = visit_pages(&v, LOOKUP_EACH, &cursor, err);
	return r == -EAGAIN ? record_each(l->st, visit_record, &v, err) : r;
}

int lookup_package(struct lookup *l, const char *package, lookup_visit visit, void *context,
		   struct error *err)
{
	struct visitor v = { .l = l, .visit = visit, .context = context, .package = package };
	scoped(cursor_free) struct cursor cursor = { .key = package };
	int r = visit_pages(&v, LOOKUP_PACKAGE, &cursor, err);
	return r == -EAGAIN ? record_each(l->st, visit_record, &v, err) : r;
}

int lookup_path(struct lookup *l, const char *path, lookup_visit visit, void *context,
		struct error *err)
{
	int r;

	while (*path == '/')
		path++;
	if (!*path)
		return error_set(err, -EINVAL, "no path");
	struct visitor v = { .l = l, .visit = visit, .context = context, .path = path };
	size_t size = strlen(path);
	scoped(string_free) char *key = malloc(size + 2), *below = malloc(size + 2);
	if (!key || !below)
		return error_no_memory(err);
	for (size_t i = 0; i < size; i++)
		key[i] = below[i] = path[size - 1 - i];

	/* The path itself: from it to the first that is longer (a path has no byte 0, so 1 is the
	 * least). */
	memcpy(key + size, "", 1);
	memcpy(below + size, "\1", 2);
	scoped(cursor_free) struct cursor whole = { .key = key, .below = below };
	r = visit_pages(&v, LOOKUP_PATH, &whole, err);
	if (r == -EAGAIN)
		return record_each(l->st, visit_record, &v, err);
	if (r != 0)
		return r;

	/* What ends in it: it and "/", up to it and the byte behind "/". */
	memcpy(key + size, "/", 2);
	memcpy(below + size, "0", 2);
	scoped(cursor_free) struct cursor tail = { .key = key, .below = below };
	r = visit_pages(&v, LOOKUP_PATH, &tail, err);
	return r == -EAGAIN ? error_set(err, -EIO, "catalog: cannot be read any more") : r;
}

int lookup_path_end(struct lookup *l, const char *bytes,
		    bool (*wanted)(const char *path, void *context), lookup_visit visit,
		    void *context, struct error *err)
{
	struct visitor v = {
		.l = l, .visit = visit, .context = context, .path_end = bytes, .wanted = wanted
	};
	size_t size = strlen(bytes);
	scoped(string_free) char *key = malloc(size + 1), *below = malloc(size + 1);
	if (!key || !below)
		return error_no_memory(err);
	for (size_t i = 0; i < size; i++)
		key[i] = below[i] = bytes[size - 1 - i];
	key[size] = below[size] = 0;

	/* Up to the first that does not begin so: its last byte one more, and a byte 0xff carries.
	 */
	while (size && (unsigned char)below[size - 1] == 0xff)
		below[--size] = 0;
	if (size)
		below[size - 1]++;
	scoped(cursor_free) struct cursor cursor = { .key = key,
						     .below = size ? below
								   : "\xff\xff\xff\xff\xff" };
	int r = visit_pages(&v, LOOKUP_PATH, &cursor, err);
	return r == -EAGAIN ? record_each(l->st, visit_record, &v, err) : r;
}

/* ---- counting ---- */

static int count_one(const struct build_id *id, void *context, struct error *err)
{
	(void)id;
	(void)err;
	++*(uint64_t *)context;
	return 0;
}

int lookup_count_artifacts(struct lookup *l, struct lookup_counts *ret, struct error *err)
{
	struct lookup_counts counts = { 0 };

	pthread_mutex_lock(&l->mutex);
	int r = lookup_connected(l) ? lookup_step(l, LOOKUP_COUNT) : -ENOENT;
	if (l->db) {
		sqlite3_stmt *statement = l->statements[LOOKUP_COUNT];
		if (r == 1)
			counts = (struct lookup_counts){
				(uint64_t)sqlite3_column_int64(statement, 0),
				(uint64_t)sqlite3_column_int64(statement, 1),
				(uint64_t)sqlite3_column_int64(statement, 2),
				(uint64_t)sqlite3_column_int64(statement, 3)
			};
		lookup_reset(l, LOOKUP_COUNT, r);
	}
	pthread_mutex_unlock(&l->mutex);
	if (r < 1) {
		r = record_each(l->st, count_one, &counts.n_builds, err);
		if (r < 0)
			return r;
	}
	*ret = counts;
	return 0;
}

int lookup_count(struct lookup *l, uint64_t *ret_n_builds, struct error *err)
{
	struct lookup_counts counts;
	int r = lookup_count_artifacts(l, &counts, err);
	if (r == 0)
		*ret_n_builds = counts.n_builds;
	return r;
}
