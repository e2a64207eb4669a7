/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "server/answer.h"
#include "server/federate.h"
#include "store/store.h"

/* Manifests up to this are read on the event loop; larger ones by a worker. */
#define INLINE_MANIFEST_LIMIT (64u << 10)

/* Found nothing (-ENOENT); a worker has to read something first (-EINPROGRESS); or trouble. */

static int find_whole(const struct artifact *artifact, const struct build *build, struct body *ret)
{
	if (!artifact->present)
		return -ENOENT;
	*ret = (struct body){ BODY_WHOLE, artifact->digest,     artifact->digest,
			      0,          artifact->size_bytes, build->time,
			      build->id };
	return 0;
}

/* ---- sections ---- */

static bool has_bytes(const struct object_section *section, const struct object *o)
{
	return section && section->type != SHT_NOBITS && section->size_bytes &&
	       range_fits(section->offset, section->size_bytes, object_size(o));
}

/* The section of that name; else the one whose name says it is the same, compressed or not. */
static const struct object_section *find_named(const struct object *o, const char *name)
{
	char other[256];

	const struct object_section *section = object_find_section(o, name);
	if (has_bytes(section, o))
		return section;

	int size = -1;
	if (!strncmp(name, ".zdebug_", 8))
		size = snprintf(other, sizeof(other), ".%s", name + 2);
	else if (!strncmp(name, ".debug_", 7))
		size = snprintf(other, sizeof(other), ".z%s", name + 1);
	if (size < 0 || (size_t)size >= sizeof(other))
		return NULL;
	section = object_find_section(o, other);
	return has_bytes(section, o) ? section : NULL;
}

static int find_section(struct request *rq, const struct build *build, struct body *ret,
			struct error *err)
{
	int r;
	const struct artifact *artifacts[] = { &build->debug, &build->executable };

	for (size_t i = 0; i < ARRAY_SIZE(artifacts); i++) {
		if (!artifacts[i]->present || (i && rq->server->settings->no_executables) ||
		    (i && artifacts[0]->present &&
		     digest_equal(&artifacts[0]->digest, &artifacts[i]->digest)))
			continue;
		scoped(shared_object_releasep) struct shared_object *o = NULL;
		r = objects_get(rq->server->objects, rq->shelf->store, &artifacts[i]->digest, &o,
				err);
		if (r < 0)
			return r == -ENOENT ? error_set(err, -EIO, "object %s is missing",
							DIGEST_HEX(&artifacts[i]->digest))
					    : r;
		const struct object_section *section = find_named(o->object, rq->route.name);
		if (!section)
			continue;
		*ret = (struct body){ BODY_SECTION,    artifacts[i]->digest, artifacts[i]->digest,
				      section->offset, section->size_bytes,  build->time,
				      build->id };
		return 0;
	}
	return -ENOENT;
}

/* ---- sources ---- */

static void load_manifest(struct work *work)
{
	struct request *rq = (struct request *)work;
	struct error err = ERROR_NONE;

	rq->prepared = true;
	rq->prepared_r = manifests_load(rq->server->manifests, rq->shelf->store,
					&rq->manifest_wanted, &rq->manifest, &err);
	if (rq->prepared_r < 0)
		log_error("source manifest of %s: %s", BUILD_ID_HEX(&rq->route.id), err.message);
	request_resume(rq);
}

static int get_manifest(struct request *rq, const struct artifact *wanted, struct error *err)
{
	bool same = digest_equal(&rq->manifest_wanted.digest, &wanted->digest);

	if (rq->prepared && same)
		return rq->prepared_r < 0 ? error_set(err, rq->prepared_r, "source manifest %s",
						      DIGEST_HEX(&wanted->digest))
					  : 0;
	shared_manifest_release(take(rq->manifest));
	rq->prepared = false;
	rq->manifest_wanted = *wanted;
	rq->manifest = manifests_find(rq->server->manifests, &wanted->digest);
	if (rq->manifest)
		return 0;
	if (wanted->size_bytes <= INLINE_MANIFEST_LIMIT)
		return manifests_load(rq->server->manifests, rq->shelf->store, wanted,
				      &rq->manifest, err);
	return request_suspend(rq, load_manifest)
		       ? -EINPROGRESS
		       : error_set(err, -ECANCELED, "the server is ending");
}

static int find_source(struct request *rq, struct lookup *lookup, const struct build *build,
		       struct body *ret, struct error *err)
{
	int r;

	if (!build->sources.present)
		return -ENOENT;
	r = get_manifest(rq, &build->sources, err);
	if (r < 0)
		return r == -ENOENT ? error_set(err, -EIO, "source manifest %s is missing",
						DIGEST_HEX(&build->sources.digest))
				    : r;

	/* A client has to begin a path with a slash, also where the debug information does not;
	 * where it makes a path whole with a folder of "/" or "/.", with more than one. */
	struct manifest_entry entry;
	const char *path = rq->route.name;
	if (!manifest_find(rq->manifest->manifest, path, &entry) &&
	    !manifest_find(rq->manifest->manifest, path + strspn(path, "/"), &entry))
		return -ENOENT;

	struct source_place place;
	r = lookup_source(lookup, &entry.digest, &place, err);
	if (r < 0)
		return r;
	*ret = (struct body){ BODY_SOURCE,  entry.digest,     place.object,
			      place.offset, place.size_bytes, build->time,
			      { 0 } };
	return 0;
}

static int find_body(struct request *rq, struct lookup *lookup, const struct build *build,
		     struct body *ret, struct error *err)
{
	const struct settings *settings = rq->server->settings;

	switch (rq->route.kind) {
	case KIND_DEBUGINFO:
		return find_whole(&build->debug, build, ret);
	case KIND_EXECUTABLE:
		return settings->no_executables ? -ENOENT
						: find_whole(&build->executable, build, ret);
	case KIND_SECTION:
		return find_section(rq, build, ret, err);
	default:
		return settings->no_sources ? -ENOENT : find_source(rq, lookup, build, ret, err);
	}
}

static enum MHD_Result answer_missing(struct request *rq)
{
	/* In a store that is gone (removed, unmounted) nothing is found either: no client may
	 * remember that. */
	struct error err = ERROR_NONE;
	if (faccessat(store_fd(rq->server->own.store), "FORMAT", F_OK, 0) < 0) {
		error_errno(&err, -errno, "the store is gone: FORMAT");
		return request_drop(rq, TROUBLE_STORE, &err);
	}
	return fixed_answer(rq, FIXED_NOT_FOUND, MHD_HTTP_NOT_FOUND);
}

/* What a build has of what is asked for. Errors: -ENOENT not that; -EEXIST it collides; as
 * find_body() */
static int judge(struct request *rq, struct lookup *lookup, const struct build *build,
		 struct body *ret, struct error *err)
{
	/* Wrong variables are worse than none. */
	if (build->collision && !rq->server->settings->serve_collisions)
		return -EEXIST;
	return find_body(rq, lookup, build, ret, err);
}

/* Look on the request's shelf. @build is what it has of it; -ENOENT may mean none. */
static int find(struct request *rq, struct build *build, struct body *ret, struct error *err)
{
	int r;
	struct lookup *lookup;

	*build = (struct build){ 0 };
	r = lookups_get(&rq->shelf->lookups, &lookup, err);
	if (r == 0)
		r = lookup_build(lookup, &rq->route.id, build, err);
	if (r < 0)
		return r;
	r = judge(rq, lookup, build, ret, err);
	if (r != -ENOENT && r != -EEXIST)
		return r;
	/* Before a client remembers a miss: the other half may have come just now. */
	r = lookup_build_again(lookup, &rq->route.id, build, err);
	return r < 0 ? r : judge(rq, lookup, build, ret, err);
}

/* Among what upstreams gave. */
static int find_kept(struct request *rq, struct body *ret, struct error *err)
{
	int r;
	struct build build;

	if (!rq->server->kept || rq->route.kind == KIND_SOURCE)
		return -ENOENT;
	rq->shelf = kept_shelf(rq->server->kept);
	r = find(rq, &build, ret, err);
	if (r == 0) {
		kept_touch(rq->server->kept, &rq->route.id);
		rq->why = "from an upstream";
		rq->from_upstream = true;
	}
	return r;
}

/* Nothing here: elsewhere, perhaps. */
static enum MHD_Result answer_from_upstreams(struct request *rq)
{
	struct error err = ERROR_NONE;
	struct body body;

	for (;;) {
		int r = find_kept(rq, &body, &err);
		if (r == 0)
			return answer_body(rq, &body);
		/* What cannot be read is asked for anew. */
		if (r != -ENOENT && r != -EEXIST && r != -EBADMSG && r != -EIO)
			return request_drop(rq, TROUBLE_STORE, &err);
		if (!rq->server->upstreams)
			return answer_missing(rq);
		switch (federate(rq)) {
		case FEDERATE_WAIT:
			return MHD_YES;
		case FEDERATE_LOOK:
			if (rq->waiter.bytes) {
				rq->why = "from an upstream";
				rq->from_upstream = true;
				return answer_bytes(rq, rq->waiter.bytes);
			}
			continue;
		case FEDERATE_MISSING:
			return answer_missing(rq);
		case FEDERATE_TROUBLE:
			error_set(&err, -EIO, "not each upstream could be asked");
			return request_drop(rq, TROUBLE_UPSTREAM, &err);
		}
	}
}

enum MHD_Result artifact_answer(struct request *rq)
{
	int r;
	struct error err = ERROR_NONE;
	struct build build;
	struct body body;

	if (rq->asking_upstreams)
		return answer_from_upstreams(rq);
	rq->shelf = &rq->server->own;
	r = find(rq, &build, &body, &err);
	if (r == 0)
		return answer_body(rq, &body);
	if (r == -EINPROGRESS)
		return MHD_YES;
	if (r == -EEXIST) {
		rq->why = "builds of differing content have this ID";
		metrics_trouble(rq->server->metrics, TROUBLE_COLLISION);
		return answer_missing(rq);
	}
	if (r != -ENOENT)
		return request_drop(rq, r == -EBADMSG ? TROUBLE_DAMAGED : TROUBLE_STORE, &err);
	rq->has_debug = build.debug.present;
	rq->has_executable = build.executable.present;
	return answer_from_upstreams(rq);
}
