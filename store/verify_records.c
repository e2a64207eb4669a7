/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "store/needs.h"
#include "store/pack_check.h"
#include "store/sources.h"
#include "store/verification.h"

/* The second pass: contributions, and what they need. */

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
		verify_tell(v, MISSING, OBJECT_PATH(&artifact->digest), why);
		return 0;
	}
	if (r == 0 && object_size(o) != artifact->size_bytes) {
		char why[WHAT_SIZE];
		snprintf(why, sizeof(why), "says %" PRIu64 " bytes for its %s, which has %" PRIu64,
			 artifact->size_bytes, role, object_size(o));
		verify_tell(v, DAMAGED, place->what, why);
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
	if (r == -ENOENT || r == -ENXIO) {
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
		verify_tell(v, MISSING, OBJECT_PATH(manifest), why);
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
			verify_tell_error(v, r, OBJECT_PATH(&manifest->digest), err);
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

/* What the debug information refers to has to be a build, too, for a debugger asks for it by its build ID. */
static int check_partner(struct verification *v, const struct place *place, const struct contribution *c,
			 struct error *err)
{
	int r;

	scoped(record_free) struct record record = { 0 };
	struct build build = { 0 };
	const struct build_id *id = &c->supplement_id;
	if (!id->size || removed_build(v->st, id))
		return 0;
	r = record_read(v->st, id, &record, err);
	if (is_damage(r))
		return 0; /* told when it is its turn */
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0)
		record_merge(&record, &build);
	if (build.debug.present)
		return 0;
	struct digest key = verify_id_key(id);
	uint8_t told;
	r = digest_set_add(&v->missing, &key, 0, &told, err);
	if (r < 0 || told)
		return r;
	char what[WHAT_SIZE], why[WHAT_SIZE], name[RECORD_NAME_SIZE];
	snprintf(what, sizeof(what), "%s", record_name(id, name));
	snprintf(why, sizeof(why), "the debug information of build %s refers to it (dwz): dbgstore add adds it",
		 BUILD_ID_HEX(&place->id));
	verify_tell(v, MISSING, what, why);
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
	r = check_partner(v, place, c, err);
	return r < 0 ? r : check_manifest(v, &c->sources, err);
}

static int check_contribution(struct verification *v, const struct place *place, struct error *err)
{
	int r;

	struct digest digest;
	size_t name_size = strlen(place->name);
	if (name_size != DIGEST_HEX_SIZE - 1 + 5 || strcmp(place->name + name_size - 5, ".json") ||
	    digest_parse(place->name, name_size - 5, &digest, NULL) < 0) {
		verify_tell(v, STRAY, place->what, "not the name of a contribution");
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
		verify_tell_error(v, r, place->what, err);
		return 0;
	}

	struct digest found = digest_of(text, size);
	if (!digest_equal(&found, &digest)) {
		char why[WHAT_SIZE];
		snprintf(why, sizeof(why), "its bytes have the digest %s", DIGEST_HEX(&found));
		verify_tell(v, DAMAGED, place->what, why);
		return 0;
	}
	scoped(contribution_free) struct contribution c = { 0 };
	r = contribution_parse(text, size, &c, err);
	if (is_damage(r)) {
		verify_tell_error(v, r, place->what, err);
		return 0;
	}
	if (r < 0)
		return r;
	if (!build_id_equal(&c.build_id, &place->id)) {
		char why[WHAT_SIZE];
		snprintf(why, sizeof(why), "is about build %s", BUILD_ID_HEX(&c.build_id));
		verify_tell(v, DAMAGED, place->what, why);
		return 0;
	}
	return check_needs(v, place, &c, err);
}

/* One record's folder, "ab/ID". */
int verify_record(struct verification *v, const char *shelf, const char *name, struct error *err)
{
	int r;

	struct place place = { .folder_fd = -1 };
	snprintf(place.what, sizeof(place.what), "builds/%s%s%s", shelf, *shelf ? "/" : "", name);
	if (build_id_parse(name, strlen(name), &place.id, NULL) < 0 ||
	    strcmp(name, BUILD_ID_HEX(&place.id)) || strncmp(name, shelf, 2) || strlen(shelf) != 2) {
		verify_tell(v, STRAY, place.what, "not the name of a build record");
		return 0;
	}

	scoped(fd_close) int fd = -1;
	r = file_open_at(v->st->builds_fd, place.what + strlen("builds/"),
			 O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, err);
	if (r == -ENOENT)
		return 0;
	if (r == -ENOTDIR || r == -ELOOP) {
		verify_tell(v, STRAY, place.what, "not a folder");
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
		verify_tell(v, STRAY, place.what, "a build that was removed: dbgstore rm finishes it");
		return 0;
	}
	if (!files.n)
		return 0; /* a writer's, just made; where the catalog knows more, that is told below */

	v->result.n_builds++;
	struct digest key = verify_id_key(&place.id);
	r = digest_set_add(&v->builds, &key, 0, NULL, err);
	if (r < 0)
		return r;
	place.folder_fd = fd;
	for (size_t i = 0; i < files.n; i++) {
		place.name = files.names[i];
		snprintf(place.what, sizeof(place.what), "builds/%s/%s/%s", shelf, name, place.name);
		r = check_contribution(v, &place, err);
		if (r < 0)
			verify_trouble(v, r, err);
	}
	return 0;
}

int verify_each_record(struct verification *v, record_check check, struct error *err)
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
			verify_trouble(v, error_prefix(err, r, "builds"), err);
		for (size_t j = 0; j < names.n; j++) {
			if (is_unfinished(names.names[j]))
				continue;
			r = check(v, shelves.names[i], names.names[j], err);
			if (r < 0)
				verify_trouble(v, r, err);
		}
	}
	return 0;
}
