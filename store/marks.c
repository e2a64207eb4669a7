/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/progress.h"
#include "store/marks.h"
#include "store/names.h"
#include "store/needs.h"

struct marking {
	struct store *st;
	struct progress *progress;
	struct marks marks;
	char where[sizeof("builds/ab/") + BUILD_ID_HEX_SIZE + 256]; /* for messages: the path */
};

void marks_free(struct marks *marks)
{
	digest_set_free(&marks->needed);
	digest_set_free(&marks->manifests);
	*marks = (struct marks){ 0 };
}

static void marking_free(struct marking *m)
{
	marks_free(&m->marks);
}

static int mark(struct marking *m, const struct digest *digest, struct error *err)
{
	return digest_set_add(&m->marks.needed, digest, 0, NULL, err);
}

static int mark_sources(struct marking *m, const struct digest *manifest, struct error *err)
{
	int r;

	uint8_t seen;
	r = digest_set_add(&m->marks.manifests, manifest, 0, &seen, err);
	if (r < 0 || seen)
		return r;
	scoped(manifest_closep) struct manifest *list = NULL;
	r = manifest_open(m->st, manifest, &list, err);
	if (r < 0)
		return error_prefix(err, r, "source manifest");
	for (uint64_t i = 0; i < manifest_n_entries(list); i++) {
		struct manifest_entry entry = manifest_entry_at(list, i);
		r = mark(m, &entry.digest, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Every text that could be a digest. The depth is that of a contribution, JSON_DEPTH_LIMIT. */
static int mark_digests_in(struct marking *m, const json_t *value, struct error *err)
{
	int r = 0;
	const char *key;
	json_t *member;
	size_t i;
	struct digest digest;
	if (json_is_string(value) &&
	    digest_parse(json_string_value(value), json_string_length(value), &digest, NULL) == 0)
		return mark(m, &digest, err);
	if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, member)
		{
			if (digest_parse(key, strlen(key), &digest, NULL) == 0)
				r = mark(m, &digest, err);
			if (r == 0)
				r = mark_digests_in(m, member, err);
			if (r < 0)
				return r;
		}
	}
	if (json_is_array(value)) {
		json_array_foreach((json_t *)value, i, member)
		{
			r = mark_digests_in(m, member, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int mark_contribution(struct marking *m, const struct contribution *c, struct error *err)
{
	int r;

	struct need needs[CONTRIBUTION_N_NEEDS];
	contribution_needs(c, needs);
	for (size_t i = 0; i < CONTRIBUTION_N_NEEDS; i++) {
		r = needs[i].artifact->present ? mark(m, &needs[i].artifact->digest, err) : 0;
		if (r < 0)
			return r;
	}
	r = mark_digests_in(m, c->unknown, err);
	if (r == 0)
		r = mark_digests_in(m, c->changes, err);
	if (r == 0 && c->sources.present)
		r = mark_sources(m, &c->sources.digest, err);
	return r;
}

static int mark_file(struct marking *m, int folder_fd, const char *name, const struct build_id *id,
		     struct error *err)
{
	int r;

	scoped(contribution_free) struct contribution c = { 0 };
	r = contribution_read(folder_fd, name, &c, err);
	if (r == -ENOENT)
		return 0; /* removed since the folder was read */
	if (r < 0)
		return r;
	if (!build_id_equal(&c.build_id, id))
		return error_set(err, -EBADMSG, "is about build %s", BUILD_ID_HEX(&c.build_id));
	return mark_contribution(m, &c, err);
}

static int mark_record(struct marking *m, int shelf_fd, const char *shelf, const char *name,
		       struct error *err)
{
	int r;

	struct build_id id;
	if (build_id_parse(name, strlen(name), &id, NULL) < 0 ||
	    strcmp(name, BUILD_ID_HEX(&id)) != 0 || strncmp(name, shelf, 2) != 0)
		return error_set(err, -EBADMSG, "not the name of a build record");
	scoped(fd_close) int fd = -1;
	r = file_open_at(shelf_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, err);
	if (r == -ENOENT)
		return 0;
	scoped(names_free) struct names names = { 0 };
	if (r == 0)
		r = names_read(fd, ".", &names, err);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (is_unfinished(names.names[i]))
			continue;
		snprintf(m->where, sizeof(m->where), "builds/%s/%s/%s", shelf, name,
			 names.names[i]);
		r = mark_file(m, fd, names.names[i], &id, err);
		if (r < 0 && removed_build(m->st, &id))
			r = 0; /* it is being taken apart, and needs nothing any more */
	}
	if (r < 0)
		return r;
	m->marks.n_builds++;
	return 0;
}

static int mark_shelf(struct marking *m, const char *shelf, struct error *err)
{
	int r;

	uint8_t byte;
	if (strlen(shelf) != 2 || !hex_decode(shelf, 2, &byte))
		return error_set(err, -EBADMSG, "not the name of a folder of build records");
	scoped(fd_close) int fd = -1;
	r = file_open_at(m->st->builds_fd, shelf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, err);
	if (r == -ENOENT)
		return 0;
	scoped(names_free) struct names names = { 0 };
	if (r == 0)
		r = names_read(fd, ".", &names, err);
	progress_expect(m->progress, names.n, 0);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (!is_unfinished(names.names[i])) {
			snprintf(m->where, sizeof(m->where), "builds/%s/%s", shelf, names.names[i]);
			r = mark_record(m, fd, shelf, names.names[i], err);
		}
		progress_advance(m->progress, 1, 0);
	}
	return r;
}

int marks_read(struct store *st, struct progress *progress, struct marks *ret, struct error *err)
{
	int r;

	scoped(marking_free) struct marking m = { .st = st, .progress = progress };
	scoped(names_free) struct names shelves = { 0 };
	snprintf(m.where, sizeof(m.where), "builds");
	r = st->builds_fd >= 0 ? names_read(st->builds_fd, ".", &shelves, err) : 0;
	for (size_t i = 0; r == 0 && i < shelves.n; i++) {
		if (is_unfinished(shelves.names[i]))
			continue;
		snprintf(m.where, sizeof(m.where), "builds/%s", shelves.names[i]);
		r = mark_shelf(&m, shelves.names[i], err);
	}
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(m.where));
	*ret = m.marks;
	m.marks = (struct marks){ 0 };
	return 0;
}
