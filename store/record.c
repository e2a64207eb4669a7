/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"
#include "store/names.h"

void record_free(struct record *r)
{
	for (size_t i = 0; i < r->n_contributions; i++)
		contribution_free(&r->contributions[i]);
	free(r->contributions);
	free(r->digests);
	memset(r, 0, sizeof(*r));
}

const char *record_name(const struct build_id *id, char ret[static RECORD_NAME_SIZE])
{
	const char *hex = BUILD_ID_HEX(id);
	snprintf(ret, RECORD_NAME_SIZE, "builds/%.2s/%s", hex, hex);
	return ret;
}

const char *contribution_name(const struct digest *digest,
				     char ret[static CONTRIBUTION_NAME_SIZE])
{
	snprintf(ret, CONTRIBUTION_NAME_SIZE, "%s.json", DIGEST_HEX(digest));
	return ret;
}

bool contribution_name_parse(const char *name, struct digest *ret)
{
	struct digest digest;
	if (strlen(name) != CONTRIBUTION_NAME_SIZE - 1 ||
	    digest_parse(name, DIGEST_HEX_SIZE - 1, &digest, NULL) < 0)
		return false;
	/* Upper case would be another name for the same contribution. */
	if (strcmp(name, contribution_name(&digest, (char[CONTRIBUTION_NAME_SIZE]){ 0 })) != 0)
		return false;
	*ret = digest;
	return true;
}

int contribution_read(int dir_fd, const char *name, struct contribution *ret, struct error *err)
{
	int r;

	struct digest digest;
	if (!contribution_name_parse(name, &digest))
		return error_set(err, -EBADMSG, "%s: not the name of a contribution",
				 ESCAPED(name));
	scoped(string_free) char *text = NULL;
	size_t size;
	r = file_read_at(dir_fd, name, CONTRIBUTION_SIZE_LIMIT, &text, &size, err);
	if (r < 0)
		return r;
	struct digest actual = digest_of(text, size);
	if (!digest_equal(&actual, &digest))
		return error_set(err, -EBADMSG, "%s: damaged, its digest is %s", name,
				 DIGEST_HEX(&actual));
	r = contribution_parse(text, size, ret, err);
	if (r < 0)
		return error_prefix(err, r, "%s", name);
	return 0;
}

/* A trouble of this process rather than of the file: it must not pass for damage. */
static bool is_passing(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -EINTR;
}

static int record_add(struct record *record, int dir_fd, const char *name, struct error *err)
{
	int r;

	struct digest digest;
	if (!contribution_name_parse(name, &digest))
		return 0; /* a stray file is for verify to report */
	scoped(contribution_free) struct contribution c = { 0 };
	struct error why = ERROR_NONE;
	r = contribution_read(dir_fd, name, &c, &why);
	if (is_passing(r))
		return error_set(err, r, "%s", why.message);
	if (r == -ENOENT)
		return 0; /* removed since the folder was read */
	if (r == 0 && !build_id_equal(&c.build_id, &record->id))
		r = error_set(&why, -EBADMSG, "%s: of another build ID", name);
	if (r < 0) {
		error_set(err, r, "%s", why.message); /* told where nothing else is found */
		record->n_damaged++;
		return 0;
	}
	record->contributions[record->n_contributions] = c;
	record->digests[record->n_contributions++] = digest;
	c = (struct contribution){ 0 };
	return 0;
}

struct sortable {
	struct contribution c;
	struct digest digest;
};

static int by_time(const void *a, const void *b)
{
	const struct sortable *one = a, *other = b;
	if (one->c.time != other->c.time)
		return one->c.time < other->c.time ? -1 : 1;
	return memcmp(one->digest.bytes, other->digest.bytes, DIGEST_SIZE);
}

static int record_sort(struct record *r, struct error *err)
{
	struct sortable *all = calloc(r->n_contributions, sizeof(*all));
	if (!all)
		return error_no_memory(err);
	for (size_t i = 0; i < r->n_contributions; i++)
		all[i] = (struct sortable){ r->contributions[i], r->digests[i] };
	qsort(all, r->n_contributions, sizeof(*all), by_time);
	for (size_t i = 0; i < r->n_contributions; i++) {
		r->contributions[i] = all[i].c;
		r->digests[i] = all[i].digest;
	}
	free(all);
	return 0;
}

int record_read(struct store *st, const struct build_id *id, struct record *ret, struct error *err)
{
	int r;

	char path[RECORD_NAME_SIZE];
	scoped(fd_close) int fd = -1;
	r = file_open_at(st->fd, record_name(id, path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, err);
	/* What is no folder is no record; store_verify() tells of it. */
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return error_set(err, -ENOENT, "%s: no such build", BUILD_ID_HEX(id));
	if (r < 0)
		return r;
	scoped(names_free) struct names names = { 0 };
	r = names_read(fd, ".", &names, err);
	if (r < 0)
		return error_prefix(err, r, "%s", path);

	scoped(record_free) struct record record = { .id = *id };
	record.contributions = calloc(names.n + 1, sizeof(*record.contributions));
	record.digests = calloc(names.n + 1, sizeof(*record.digests));
	if (!record.contributions || !record.digests)
		return error_no_memory(err);
	struct error why = ERROR_NONE;
	for (size_t i = 0; i < names.n; i++) {
		r = record_add(&record, fd, names.names[i], &why);
		if (r < 0)
			return error_set(err, r, "%s/%s", path, why.message);
	}
	if (!record.n_contributions && record.n_damaged)
		return error_set(err, -EBADMSG, "%s/%s", path, why.message);
	if (!record.n_contributions)
		return error_set(err, -ENOENT, "%s: no such build", BUILD_ID_HEX(id));
	r = record_sort(&record, err);
	if (r < 0)
		return r;
	*ret = record;
	record = (struct record){ 0 };
	return 0;
}

int record_count(struct store *st, const struct build_id *id, uint32_t *ret, struct error *err)
{
	char path[RECORD_NAME_SIZE];
	scoped(names_free) struct names names = { 0 };
	int r = names_read(st->fd, record_name(id, path), &names, err);
	if (r < 0)
		return r;
	uint32_t n = 0;
	struct digest digest;
	for (size_t i = 0; i < names.n; i++)
		n += contribution_name_parse(names.names[i], &digest);
	*ret = n;
	return 0;
}

/* Visit the IDs in builds/@folder, those that begin with @prefix. */
static int visit_folder(struct store *st, const char *folder, const char *prefix,
			record_visit visit, void *context, struct error *err)
{
	int r;

	char path[sizeof("builds/ab")];
	snprintf(path, sizeof(path), "builds/%.2s", folder);
	scoped(names_free) struct names names = { 0 };
	r = names_read(st->fd, path, &names, err);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.names[i];
		struct build_id id;
		if (strncmp(name, folder, 2) != 0 || strncmp(name, prefix, strlen(prefix)) != 0 ||
		    build_id_parse(name, strlen(name), &id, NULL) < 0 ||
		    strcmp(name, BUILD_ID_HEX(&id)) != 0)
			continue;
		r = visit(&id, context, err);
		if (r != 0)
			return r;
	}
	return 0;
}

int record_each_prefix(struct store *st, const char *prefix, record_visit visit, void *context,
		       struct error *err)
{
	if (strlen(prefix) >= 2)
		return visit_folder(st, prefix, prefix, visit, context, err);
	for (unsigned byte = 0; byte < 256; byte++) {
		char folder[3];
		snprintf(folder, sizeof(folder), "%02x", byte);
		int r = visit_folder(st, folder, prefix, visit, context, err);
		if (r != 0)
			return r;
	}
	return 0;
}

int record_each(struct store *st, record_visit visit, void *context, struct error *err)
{
	return record_each_prefix(st, "", visit, context, err);
}
