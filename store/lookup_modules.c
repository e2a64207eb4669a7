/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/lookup_internal.h"
#include "store/module_list.h"

/*
 * First the numbers of the module's versions, of which there are few, then all lists, page after
 * page: 4 bytes a module are read faster than an index of every module of every build could be
 * written.
 */

struct version {
	uint32_t number;
	char *text;
};

/* By number. */
struct versions {
	struct version *items;
	size_t n;
};

static void versions_free(struct versions *versions)
{
	for (size_t i = 0; i < versions->n; i++)
		free(versions->items[i].text);
	free(versions->items);
}

static int versions_add(struct versions *versions, uint32_t number, const char *text)
{
	struct version *items = reallocarray(versions->items, versions->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	versions->items = items;
	items[versions->n] = (struct version){ number, strdup(text) };
	return items[versions->n++].text ? 0 : -ENOMEM;
}

static int by_number(const void *a, const void *b)
{
	const struct version *one = a, *other = b;
	return (one->number > other->number) - (one->number < other->number);
}

static char *column_text(sqlite3_stmt *statement, int at)
{
	const void *bytes = sqlite3_column_blob(statement, at);
	return strndup(bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, at));
}

/* Negative: the catalog cannot be read, or -ENOMEM. */
static int read_versions(struct lookup *l, const char *path, lookup_version wanted, void *context,
			 struct versions *ret)
{
	int r;

	if (!lookup_connected(l))
		return -ENOENT;
	sqlite3_stmt *statement = l->statements[LOOKUP_MODULE];
	sqlite3_bind_blob64(statement, 1, path, strlen(path), SQLITE_STATIC);
	while ((r = lookup_step(l, LOOKUP_MODULE)) == 1) {
		sqlite3_int64 number = sqlite3_column_int64(statement, 0);
		scoped(string_free) char *text = column_text(statement, 1);
		if (!text)
			r = -ENOMEM;
		else if (number < 1 || number > UINT32_MAX)
			r = -EIO;
		else if (wanted(text, context))
			r = versions_add(ret, (uint32_t)number, text);
		if (r < 0)
			break;
	}
	lookup_reset(l, LOOKUP_MODULE, r);
	if (r == 0 && ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_number);
	return r;
}

static const char *find_in_list(const struct versions *versions, const uint8_t *list, size_t size)
{
	for (size_t at = 0; at + MODULE_NUMBER_SIZE <= size; at += MODULE_NUMBER_SIZE) {
		const struct version key = { .number = module_number_decode(list + at) };
		const struct version *found =
			bsearch(&key, versions->items, versions->n, sizeof(key), by_number);
		if (found)
			return found->text;
	}
	return NULL;
}

#define PAGE_SIZE 256 /* as the statement's LIMIT */

struct page {
	struct build_id ids[PAGE_SIZE];
	const char *versions[PAGE_SIZE]; /* the versions' own; NULL: none of them */
	size_t n;
};

static int read_page(struct lookup *l, const struct versions *versions,
		     const struct build_id *after, struct page *ret)
{
	int r;

	ret->n = 0;
	if (!lookup_connected(l))
		return -ENOENT;
	sqlite3_stmt *statement = l->statements[LOOKUP_MODULE_LISTS];
	sqlite3_bind_blob(statement, 1, after->bytes, after->size, SQLITE_STATIC);
	while ((r = lookup_step(l, LOOKUP_MODULE_LISTS)) == 1 && ret->n < PAGE_SIZE) {
		const void *id = sqlite3_column_blob(statement, 0),
			   *list = sqlite3_column_blob(statement, 1);
		if (!id || build_id_set(&ret->ids[ret->n], id,
					(size_t)sqlite3_column_bytes(statement, 0), NULL) < 0) {
			r = -EIO;
			break;
		}
		ret->versions[ret->n++] =
			list ? find_in_list(versions, list,
					    (size_t)sqlite3_column_bytes(statement, 1))
			     : NULL;
	}
	lookup_reset(l, LOOKUP_MODULE_LISTS, r);
	return r < 0 ? r : 0;
}

static int visit_pages(struct lookup *l, const struct versions *versions, lookup_module_visit visit,
		       void *context, struct error *err)
{
	int r;

	struct page page = { .n = 0 };
	struct build_id after = { 0 };
	do {
		pthread_mutex_lock(&l->mutex);
		r = read_page(l, versions, &after, &page);
		pthread_mutex_unlock(&l->mutex);
		if (r < 0)
			return error_set(err, -EIO, "catalog: cannot be read any more");
		for (size_t i = 0; i < page.n; i++) {
			r = page.versions[i] ? visit(&page.ids[i], page.versions[i], context, err)
					     : 0;
			if (r != 0)
				return r;
		}
		if (page.n)
			after = page.ids[page.n - 1];
	} while (page.n == PAGE_SIZE);
	return 0;
}

/* ---- without a catalog ---- */

struct reading {
	struct store *st;
	const char *path;
	lookup_version wanted;
	lookup_module_visit visit;
	void *context;
};

static int visit_record(const struct build_id *id, void *context, struct error *err)
{
	int r;

	const struct reading *reading = context;
	scoped(record_free) struct record record = { 0 };
	r = record_read(reading->st, id, &record, err);
	if (r == -ENOENT || r == -EBADMSG)
		return 0;
	scoped(module_list_free) struct module_list list = { 0 };
	if (r == 0)
		r = module_list_of_record(reading->st, &record, &list, err);
	for (size_t i = 0; i < list.n && r == 0; i++)
		if (!strcmp(list.items[i].path, reading->path) &&
		    reading->wanted(list.items[i].version, reading->context))
			return reading->visit(id, list.items[i].version, reading->context, err);
	return r;
}

int lookup_module(struct lookup *l, const char *path, lookup_version wanted,
		  lookup_module_visit visit, void *context, struct error *err)
{
	scoped(versions_free) struct versions versions = { 0 };
	pthread_mutex_lock(&l->mutex);
	int r = read_versions(l, path, wanted, context, &versions);
	pthread_mutex_unlock(&l->mutex);
	if (r == -ENOMEM)
		return error_no_memory(err);
	if (r == 0)
		return versions.n ? visit_pages(l, &versions, visit, context, err) : 0;
	struct reading reading = { l->st, path, wanted, visit, context };
	return record_each(l->st, visit_record, &reading, err);
}
