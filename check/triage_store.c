/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crew.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "check/report.h"
#include "check/text_map.h"
#include "check/triage_store.h"
#include "store/lookup.h"
#include "store/record.h"
#include "store/store.h"
#include "store/stored_image.h"

#define FIRST_TO_TELL 20 /* builds to rebuild first, without -v */

struct stored_build {
	struct build_id id;
	struct digest executable;
	bool has_executable, is_collision;
	char *path; /* owned; "": not known */
	size_t n[N_TRIAGE_LEVELS];
};

/* How many builds have a vulnerability at a level or nearer. */
struct counted {
	uint64_t n[N_TRIAGE_LEVELS];
};

struct store_triage {
	struct store *store;
	struct triage_context *context;
	struct progress *progress;
	struct stored_build *builds;
	size_t n_builds, room;
	struct text_map vulns; /* ID -> struct counted, owned */
	uint64_t n_without; /* builds of which the store has no executable */
};

static void store_triage_free(struct store_triage *st)
{
	for (size_t i = 0; i < st->n_builds; i++)
		free(st->builds[i].path);
	free(st->builds);
	for (size_t i = 0; i < st->vulns.room; i++)
		free(st->vulns.entries[i].value);
	text_map_free(&st->vulns);
}

/* ---- which builds ---- */

static int collect(const struct build *build, const char *path, void *context, struct error *err)
{
	struct store_triage *st = context;
	if (st->n_builds == st->room) {
		size_t room = st->room ? st->room * 2 : 256;
		struct stored_build *builds = reallocarray(st->builds, room, sizeof(*builds));
		if (!builds)
			return error_no_memory(err);
		st->builds = builds;
		st->room = room;
	}
	struct stored_build *to = &st->builds[st->n_builds];
	*to = (struct stored_build){
		.id = build->id,
		.executable = build->executable.digest,
		.has_executable = build->executable.present,
		.is_collision = build->collision,
		.path = strdup(path ? path : ""),
	};
	if (!to->path)
		return error_no_memory(err);
	st->n_builds++;
	return 0;
}

/* ---- one build ---- */

struct outcome {
	struct triage triage;
	const char *skipped; /* why, or NULL */
	char *purl; /* of its record, for a document; NULL: none */
	int r;
	struct error error;
};

static void outcome_free(struct outcome *outcome)
{
	triage_free(&outcome->triage);
	free(outcome->purl);
	free(outcome);
}

static int find_purl(struct store *st, const struct build_id *id, char **ret, struct error *err)
{
	struct record record = { 0 };
	int r = record_read(st, id, &record, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < record.n_contributions && !*ret; i++) {
		const char *purl = record.contributions[i].origin.purl;
		if (purl)
			r = string_format(ret, err, "%s", purl);
	}
	record_free(&record);
	return r;
}

static int look_at(struct store_triage *st, const struct stored_build *build, struct outcome *ret,
		   struct error *err)
{
	int r;

	scoped(stored_image_close) struct stored_image si = { 0 };
	r = stored_image_open(st->store, &build->executable, stored_image_go_sections, &si, err);
	bool wants_doubts = st->context->vex != NULL;
	if (r == 0)
		r = triage_run(&si.image, st->context->db, wants_doubts, &ret->triage, err);
	/* What was not found, or not in full, may be where it was not looked for. */
	if ((r == 0 && *ret->triage.why) || r == -EBADMSG || r == -ENOENT) {
		if (!si.bytes)
			return r;
		triage_free(&ret->triage);
		r = stored_image_complete(&si, err);
		if (r == 0)
			r = triage_run(&si.image, st->context->db, wants_doubts, &ret->triage, err);
		if (r == -ENOENT) {
			ret->skipped = "no Go build information";
			return 0;
		}
	}
	if (r == 0 && st->context->vex && !st->context->options->vex.product)
		r = find_purl(st->store, &build->id, &ret->purl, err);
	return r;
}

static void *run_item(size_t item, void *context)
{
	struct store_triage *st = context;
	const struct stored_build *build = &st->builds[item];
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	if (!outcome)
		return NULL;
	if (build->is_collision)
		outcome->skipped = "several programs have this build ID";
	else if (!build->has_executable)
		outcome->skipped = "the store has no executable of it";
	else
		outcome->r = look_at(st, build, outcome, &outcome->error);
	progress_advance(st->progress, 1, 0);
	if (outcome->r == -ENOMEM) {
		outcome_free(outcome);
		return NULL;
	}
	return outcome;
}

static int count_vulns(struct store_triage *st, struct stored_build *build,
		       const struct triage *triage, struct error *err)
{
	memcpy(build->n, triage->n, sizeof(build->n));
	const char *id;
	enum triage_level level;
	for (size_t at = 0; (id = triage_next_id(triage, &at, &level));) {
		void **value;
		int r = text_map_add(&st->vulns, id, strlen(id), &value, err);
		if (r < 0)
			return r;
		if (!*value)
			*value = calloc(1, sizeof(struct counted));
		struct counted *counted = *value;
		if (!counted)
			return error_no_memory(err);
		for (unsigned k = 0; k <= level; k++)
			counted->n[k]++;
	}
	return 0;
}

/* A build is told by its path, where that is known, else by its ID. */
static void tell_item(size_t item, void *result, void *context)
{
	struct store_triage *st = context;
	struct triage_context *to = st->context;
	struct stored_build *build = &st->builds[item];
	struct outcome *outcome = result;
	const char *path = *build->path ? build->path : BUILD_ID_HEX(&build->id);
	struct error err = outcome->error;
	int r = outcome->r;
	if (r == 0 && outcome->skipped) {
		st->n_without += !build->has_executable;
		report_skipped(to->options, path, outcome->skipped);
	} else if (r == 0) {
		to->n_files++;
		to->n_found += outcome->triage.n[TRIAGE_SYMBOL] != 0;
		r = count_vulns(st, build, &outcome->triage, &err);
		if (r == 0 && to->vex)
			r = vex_add(to->vex, &outcome->triage, outcome->purl, &err);
		else if (r == 0 && (to->options->common.json || to->options->common.verbose))
			triage_print(to, path, &build->id, &outcome->triage);
	}
	if (r < 0) {
		report_failed(to->options, path, &err);
		to->trouble = true;
	}
	outcome_free(outcome);
}

/* ---- what comes of it ---- */

/* Those with the most vulnerable functions first, then packages, then modules. */
static int compare_builds(const void *a, const void *b)
{
	const struct stored_build *builds[] = { a, b };
	for (int level = N_TRIAGE_LEVELS - 1; level >= 0; level--)
		if (builds[0]->n[level] != builds[1]->n[level])
			return builds[0]->n[level] > builds[1]->n[level] ? -1 : 1;
	return strcmp(BUILD_ID_HEX(&builds[0]->id), BUILD_ID_HEX(&builds[1]->id));
}

static int compare_vulns(const void *a, const void *b)
{
	const struct text_map_entry *const *entries[] = { a, b };
	const struct counted *counted[] = { (*entries[0])->value, (*entries[1])->value };
	for (int level = N_TRIAGE_LEVELS - 1; level >= 0; level--)
		if (counted[0]->n[level] != counted[1]->n[level])
			return counted[0]->n[level] > counted[1]->n[level] ? -1 : 1;
	return strcmp((*entries[0])->key, (*entries[1])->key);
}

static void print_text(const struct store_triage *st, const struct text_map_entry **vulns)
{
	const struct triage_context *to = st->context;
	report_text("%s: %" PRIu64 " Go programs in %zu builds, %" PRIu64
		    " with a vulnerable function (database of %.10s)\n",
		    ESCAPED(store_path(st->store)), to->n_files, st->n_builds, to->n_found,
		    vulndb_modified(to->db));
	if (st->n_without)
		report_text("of %" PRIu64 " builds the store has no executable\n", st->n_without);
	if (st->vulns.n)
		report_text("%-16s %8s %8s %8s  builds with it\n", "vulnerability", "module",
			    "package", "symbol");
	for (size_t i = 0; i < st->vulns.n; i++) {
		const struct counted *counted = vulns[i]->value;
		if (!counted->n[TRIAGE_SYMBOL] && !to->options->common.verbose)
			break;
		report_text("%-16s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
			    ESCAPED(vulns[i]->key), counted->n[0], counted->n[1], counted->n[2]);
	}
	if (to->n_found)
		report_text("rebuild first:\n");
	for (size_t i = 0; i < st->n_builds && st->builds[i].n[TRIAGE_SYMBOL]; i++) {
		const struct stored_build *build = &st->builds[i];
		if (i == FIRST_TO_TELL && !to->options->common.verbose) {
			report_text("  and %" PRIu64 " more\n", to->n_found - i);
			break;
		}
		report_text("  %s  %zu in functions, %zu in packages, %zu in modules  %s\n",
			    BUILD_ID_HEX(&build->id), build->n[2], build->n[1], build->n[0],
			    ESCAPED(build->path));
	}
}

static json_t *counts_json(json_t *object, const uint64_t n[static N_TRIAGE_LEVELS])
{
	for (unsigned i = 0; i < N_TRIAGE_LEVELS; i++)
		json_object_set_new(object, triage_level_name(i), json_integer((json_int_t)n[i]));
	return object;
}

static void print_json(const struct store_triage *st, const struct text_map_entry **vulns)
{
	json_t *line = report_line(store_path(st->store), "store-triaged");
	json_t *counts = json_array(), *builds = json_array();
	json_object_set_new(line, "database_time", json_string(vulndb_modified(st->context->db)));
	json_object_set_new(line, "builds", json_integer((json_int_t)st->n_builds));
	json_object_set_new(line, "go_builds", json_integer((json_int_t)st->context->n_files));
	for (size_t i = 0; i < st->vulns.n; i++) {
		json_t *one = json_object();
		json_object_set_new(one, "id", json_bytes_string(vulns[i]->key));
		json_array_append_new(counts,
				      counts_json(one, ((struct counted *)vulns[i]->value)->n));
	}
	json_object_set_new(line, "builds_by_vulnerability", counts);
	for (size_t i = 0; i < st->n_builds && st->builds[i].n[TRIAGE_SYMBOL]; i++) {
		const struct stored_build *build = &st->builds[i];
		json_t *one = json_object();
		json_object_set_new(one, "build_id", json_string(BUILD_ID_HEX(&build->id)));
		if (*build->path)
			json_object_set_new(one, "path", json_bytes_string(build->path));
		const uint64_t n[] = { build->n[0], build->n[1], build->n[2] };
		json_array_append_new(builds, counts_json(one, n));
	}
	json_object_set_new(line, "rebuild_first", builds);
	report_print(line);
}

static void vulns_free(const struct text_map_entry ***vulns)
{
	free(*vulns);
}

static int tell_all(struct store_triage *st, struct error *err)
{
	scoped(vulns_free) const struct text_map_entry **vulns =
		calloc(st->vulns.n + 1, sizeof(*vulns));
	if (!vulns)
		return error_no_memory(err);
	size_t n = 0;
	for (size_t i = 0; i < st->vulns.room; i++)
		if (st->vulns.entries[i].key)
			vulns[n++] = &st->vulns.entries[i];
	qsort(vulns, n, sizeof(*vulns), compare_vulns);
	if (st->n_builds)
		qsort(st->builds, st->n_builds, sizeof(*st->builds), compare_builds);
	if (st->context->options->common.json)
		print_json(st, vulns);
	else if (!st->context->options->common.quiet)
		print_text(st, vulns);
	return 0;
}

int triage_store(struct store *store, struct triage_context *context, struct error *err)
{
	int r;

	scoped(store_triage_free) struct store_triage st = { .store = store, .context = context };
	scoped(lookup_freep) struct lookup *lookup = NULL;
	r = lookup_new(store, &lookup, err);
	if (r == 0)
		r = lookup_each(lookup, collect, &st, err);
	if (r < 0)
		return r;
	const struct common_options *common = &context->options->common;
	scoped(progress_freep) struct progress *progress =
		progress_new("triaged", !common->quiet && !common->json && !context->vex);
	st.progress = progress;
	progress_expect(progress, st.n_builds, 0);
	const struct crew_work work = { .n = st.n_builds,
					.n_threads = context->options->jobs,
					.run = run_item,
					.tell = tell_item,
					.context = &st };
	r = crew_run(&work, err);
	return r < 0 || context->vex ? r : tell_all(&st, err);
}
