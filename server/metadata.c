/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "server/glob.h"
#include "server/internal.h"
#include "server/query.h"

#define N_WAITING_MAX 32 /* searches: one is done after the other */
#define LOOK_AT_CLOCK 64 /* paths between two looks */
#define PATH_MAX_SIZE 4098 /* longer ones are not found */
#define ENOUGH 1 /* ends the visits */

struct search {
	struct request *request;
	struct query query;
	const char *path; /* for a file: relative, as the catalog has it */
	json_t *results;
	uint64_t until_ms;
	uint64_t n_passed_over, n_found, n_looked_at;
	bool late, more;
};

static const char *without_slashes(const char *path)
{
	return path + strspn(path, "/");
}

static bool is_late(struct search *s)
{
	if (s->n_looked_at++ % LOOK_AT_CLOCK == 0)
		s->late = monotonic_ms() >= s->until_ms;
	return s->late;
}

/* Late is wanted, too: the visit then ends the search. */
static bool is_wanted(const char *path, void *context)
{
	struct search *s = context;
	char whole[PATH_MAX_SIZE];

	int size = snprintf(whole, sizeof(whole), "/%s", without_slashes(path));
	return is_late(s) || ((size_t)size < sizeof(whole) && glob_match(s->query.value, whole));
}

static bool add_result(struct search *s, const char *type, const struct build_id *id,
		       const char *path)
{
	if (s->n_passed_over < s->query.offset) {
		s->n_passed_over++;
		return true;
	}
	if (s->n_found == s->query.limit) {
		s->more = true;
		return true;
	}
	scoped(string_free) char *file = NULL;
	if (string_format(&file, NULL, "/%s", without_slashes(path)) < 0)
		return false;
	json_t *result = json_pack("{s:s, s:s, s:o}", "type", type, "buildid", BUILD_ID_HEX(id),
				   "file", json_bytes_string(file));
	if (!result || json_array_append_new(s->results, result) < 0)
		return false;
	s->n_found++;
	return true;
}

static int add_build(const struct build *build, const char *path, void *context, struct error *err)
{
	struct search *s = context;
	const struct settings *settings = s->request->server->settings;

	if (is_late(s))
		return ENOUGH;
	if (s->query.key == QUERY_FILE && strcmp(without_slashes(path), s->path) != 0)
		return 0;
	if (build->collision && !settings->serve_collisions)
		return 0;
	if (build->executable.present && !settings->no_executables &&
	    !add_result(s, "executable", &build->id, path))
		return error_no_memory(err);
	if (build->debug.present && !add_result(s, "debuginfo", &build->id, path))
		return error_no_memory(err);
	return s->more ? ENOUGH : 0;
}

static int search_build_id(struct search *s, struct lookup *lookup, struct error *err)
{
	int r;
	struct build_id id;
	struct build build;
	scoped(origin_free) struct origin origin = { 0 };

	r = build_id_parse(s->query.value, strlen(s->query.value), &id, err);
	if (r < 0)
		return 0; /* nothing has such an ID */
	r = lookup_build(lookup, &id, &build, err);
	if (r == 0)
		r = lookup_origin(lookup, &id, &origin, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return add_build(&build, origin.path ? origin.path : "", s, err);
}

static int search_all(struct search *s, struct error *err)
{
	int r;
	struct lookup *lookup;
	char suffix[QUERY_VALUE_SIZE];

	r = lookups_get(&s->request->server->own.lookups, &lookup, err);
	if (r < 0)
		return r;
	s->path = without_slashes(s->query.value);
	switch (s->query.key) {
	case QUERY_FILE:
		return *s->path ? lookup_path(lookup, s->path, add_build, s, err) : 0;
	case QUERY_PACKAGE:
		return lookup_package(lookup, s->query.value, add_build, s, err);
	case QUERY_BUILD_ID:
		return search_build_id(s, lookup, err);
	case QUERY_GLOB:
		break;
	}
	/* The catalog has paths without the slash before them. */
	glob_suffix(s->query.value, suffix);
	return lookup_path_end(lookup, without_slashes(suffix), is_wanted, add_build, s, err);
}

static int format(struct search *s, char **ret, size_t *ret_size, struct error *err)
{
	scoped(json_scoped_decref) json_t *page =
		json_pack("{s:O, s:b}", "results", s->results, "complete", !s->late && !s->more);
	if (!page)
		return error_no_memory(err);
	if (s->more)
		json_object_set_new(page, "next_offset",
				    json_integer((json_int_t)(s->query.offset + s->n_found)));
	return json_format(page, false, ret, ret_size, err);
}

static void search(struct work *work)
{
	struct request *rq = (struct request *)work;
	struct error err = ERROR_NONE;
	scoped(json_scoped_decref) json_t *results = json_array();
	struct search s = {
		.request = rq,
		.results = results,
		.until_ms = rq->began_us / 1000 +
			    rq->server->settings->metadata_timeout_s * UINT64_C(1000),
	};

	int r = results ? 0 : error_no_memory(&err);
	if (r == 0 && query_parse(rq->route.query, &s.query)) /* was looked at before */
		r = -EINVAL;
	if (r == 0)
		r = search_all(&s, &err);
	if (r >= 0)
		r = format(&s, &rq->page, &rq->page_size, &err);
	if (r < 0)
		log_error("searching: %s", err.message);
	rq->prepared = true;
	rq->prepared_r = r;
	request_resume(rq);
}

enum MHD_Result metadata_answer(struct request *rq)
{
	struct query query;
	struct error err = ERROR_NONE;

	if (rq->prepared) {
		if (rq->prepared_r < 0) {
			error_set(&err, rq->prepared_r, "the search failed");
			return request_drop(rq, TROUBLE_STORE, &err);
		}
		return json_answer(rq, rq->page, rq->page_size);
	}
	if (rq->server->settings->withhold_names)
		return fixed_answer(rq, FIXED_NOT_FOUND, MHD_HTTP_NOT_FOUND);
	const char *why = query_parse(rq->route.query, &query);
	if (why) {
		char text[96];
		int size = snprintf(text, sizeof(text), "%s\n", why);
		rq->why = why;
		return text_answer(rq, MHD_HTTP_BAD_REQUEST, text, (size_t)size);
	}
	if (workers_stats(rq->server->searchers).n_waiting >= N_WAITING_MAX) {
		rq->why = "too many searches";
		return fixed_answer(rq, FIXED_BUSY, MHD_HTTP_SERVICE_UNAVAILABLE);
	}
	if (request_suspend_for(rq, rq->server->searchers, search))
		return MHD_YES;
	error_set(&err, -ECANCELED, "the server is ending");
	return request_drop(rq, TROUBLE_STORE, &err);
}
