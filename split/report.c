/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "split/report.h"
#include "store/maintain.h"
#include "store/store.h"

#define SCHEMA "dbgvault.split/1"

const char *outcome_status_name(enum outcome_status status)
{
	static const char *const names[] = { "split", "already", "no-debug", "skipped", "failed" };
	return names[status];
}

void outcome_free(struct outcome *outcome)
{
	free(outcome->path);
	free(outcome->output);
	free(outcome->debug_file);
	free(outcome->package_file);
	free(outcome->note);
	json_decref(outcome->changes);
	for (size_t i = 0; i < outcome->n_warnings; i++)
		free(outcome->warnings[i]);
	free(outcome->warnings);
	*outcome = (struct outcome){ 0 };
}

static char *__attribute__((format(printf, 1, 0))) format_text(const char *format, va_list args)
{
	char *text;
	return vasprintf(&text, format, args) < 0 ? NULL : text;
}

void outcome_warn(struct outcome *outcome, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = format_text(format, args);
	va_end(args);
	char **warnings =
		reallocarray(outcome->warnings, outcome->n_warnings + 1, sizeof(*warnings));
	if (!text || !warnings) { /* a warning less */
		free(text);
		return;
	}
	outcome->warnings = warnings;
	warnings[outcome->n_warnings++] = text;
}

void outcome_set_note(struct outcome *outcome, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	free(outcome->note);
	outcome->note = format_text(format, args);
	va_end(args);
}

json_t *outcome_change(struct outcome *outcome, const char *kind, const char *section)
{
	if (!outcome->changes)
		outcome->changes = json_array();
	json_t *change = json_object();
	json_object_set_new(change, "kind", json_string(kind));
	json_object_set_new(change, "section", json_bytes_string(section));
	return json_array_append_new(outcome->changes, change) == 0 ? change : NULL;
}

void totals_free(struct totals *totals)
{
	free(totals->first_no_debug);
}

static void count(struct totals *totals, const struct outcome *outcome)
{
	totals->n[outcome->status]++;
	totals->n_stay += outcome->stays;
	if (outcome->status == OUTCOME_NO_DEBUG && !outcome->named) {
		totals->n_quiet_no_debug++;
		if (!totals->first_no_debug)
			totals->first_no_debug = strdup(outcome->path);
	}
	if (outcome->status != OUTCOME_SPLIT)
		return;
	totals->input_bytes += outcome->input_bytes;
	totals->output_bytes += outcome->output_bytes;
	totals->debug_bytes += outcome->debug_bytes;
	totals->n_objects_there += outcome->has_debug && outcome->debug.was_there;
	if (outcome->has_debug && !outcome->debug.was_there)
		totals->debug_stored += outcome->debug.stored_bytes;
	if (outcome->has_executable && !outcome->executable.was_there)
		totals->executable_stored += outcome->executable.stored_bytes;
	if (outcome->has_sources)
		totals->sources_stored += outcome->sources.stored.stored_bytes;
}

/* ---- JSON ---- */

static void set_count(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_bytes(json_t *object, const char *key, const char *value)
{
	if (value)
		json_object_set_new(object, key, json_bytes_string(value));
}

static json_t *object_json(const struct object_result *result)
{
	json_t *object = json_object();
	json_object_set_new(object, "digest", json_string(DIGEST_HEX(&result->digest)));
	set_count(object, "size_bytes", result->size_bytes);
	set_count(object, "stored_bytes", result->stored_bytes);
	json_object_set_new(object, "was_there", json_boolean(result->was_there));
	return object;
}

static json_t *sources_json(const struct capture_result *result)
{
	json_t *object = json_object();
	set_count(object, "named", result->n_named);
	set_count(object, "files", result->stored.n_files);
	set_count(object, "size_bytes", result->stored.bytes);
	set_count(object, "new_files", result->stored.n_new_files);
	set_count(object, "stored_bytes", result->stored.stored_bytes);
	set_count(object, "outside_roots", result->n_outside);
	set_count(object, "missing", result->n_missing);
	set_count(object, "left_out", result->n_left_out);
	set_count(object, "doubtful", result->n_doubtful);
	return object;
}

static void set_split(json_t *object, const struct outcome *outcome)
{
	set_count(object, "output_bytes", outcome->output_bytes);
	set_count(object, "taken_bytes", outcome->taken_bytes);
	set_count(object, "debug_bytes", outcome->debug_bytes);
	if (outcome->has_debug)
		json_object_set_new(object, "debug", object_json(&outcome->debug));
	if (outcome->has_executable)
		json_object_set_new(object, "executable", object_json(&outcome->executable));
	if (outcome->has_sources)
		json_object_set_new(object, "sources", sources_json(&outcome->sources));
	if (outcome->debug_dropped)
		json_object_set_new(object, "debug_dropped", json_true());
	if (outcome->split_units)
		set_count(object, "split_units", outcome->split_units);
	if (outcome->changes)
		json_object_set(object, "changes", outcome->changes);
}

static json_t *outcome_json(const struct outcome *outcome)
{
	json_t *object = json_object();
	json_object_set_new(object, "schema", json_string(SCHEMA));
	json_object_set_new(object, "status", json_string(outcome_status_name(outcome->status)));
	set_bytes(object, "path", outcome->path);
	set_bytes(object, "output", outcome->output);
	if (outcome->dry_run)
		json_object_set_new(object, "dry_run", json_true());
	if (outcome->build_id.size)
		json_object_set_new(object, "build_id",
				    json_string(BUILD_ID_HEX(&outcome->build_id)));
	if (outcome->status != OUTCOME_FAILED && outcome->status != OUTCOME_SKIPPED)
		set_count(object, "input_bytes", outcome->input_bytes);
	if (outcome->status == OUTCOME_SPLIT)
		set_split(object, outcome);
	set_bytes(object, "debug_file", outcome->debug_file);
	if (outcome->status == OUTCOME_SPLIT)
		set_bytes(object, "package_file", outcome->package_file);
	if (outcome->collision)
		json_object_set_new(object, "collision", json_true());
	set_bytes(object, "reason", outcome->note);
	if (outcome->status == OUTCOME_FAILED)
		set_bytes(object, "error", outcome->error.message);
	if (outcome->n_warnings) {
		json_t *warnings = json_array();
		for (size_t i = 0; i < outcome->n_warnings; i++)
			json_array_append_new(warnings, json_bytes_string(outcome->warnings[i]));
		json_object_set_new(object, "warnings", warnings);
	}
	return object;
}

static void print_json(json_t *object)
{
	struct error err = ERROR_NONE;
	scoped(string_free) char *text = NULL;
	size_t size;
	if (json_format(object, false, &text, &size, &err) < 0)
		log_error("%s", err.message);
	else
		printf("%s\n", text);
	json_decref(object);
	fflush(stdout);
}

/* ---- text ---- */

static uint64_t stored_bytes(const struct outcome *outcome)
{
	uint64_t sum = 0;
	if (outcome->has_debug && !outcome->debug.was_there)
		sum += outcome->debug.stored_bytes;
	if (outcome->has_executable && !outcome->executable.was_there)
		sum += outcome->executable.stored_bytes;
	return sum + (outcome->has_sources ? outcome->sources.stored.stored_bytes : 0);
}

static void print_split(const struct outcome *outcome)
{
	printf("%s: %s -> %s", ESCAPED(outcome->path), HUMAN_BYTES(outcome->input_bytes),
	       HUMAN_BYTES(outcome->output_bytes));
	if (outcome->dry_run)
		printf(", would take %s of debug information\n", HUMAN_BYTES(outcome->taken_bytes));
	else if (outcome->has_debug)
		printf(", stored %s (debug information %s%s, %" PRIu64 " sources)\n",
		       HUMAN_BYTES(stored_bytes(outcome)), HUMAN_BYTES(outcome->debug_bytes),
		       outcome->debug.was_there ? ", there already" : "",
		       outcome->has_sources ? outcome->sources.stored.n_files : 0);
	else if (outcome->debug_dropped)
		printf(", %s of debug information dropped\n", HUMAN_BYTES(outcome->taken_bytes));
	else
		printf(", debug information %s\n", HUMAN_BYTES(outcome->debug_bytes));
}

static void print_outcome(const struct split_options *options, const struct outcome *outcome)
{
	bool lines = !options->common.quiet && !options->as_strip;
	switch (outcome->status) {
	case OUTCOME_SPLIT:
		if (lines)
			print_split(outcome);
		break;
	case OUTCOME_ALREADY:
		if (lines && (outcome->named || options->common.verbose))
			printf("%s: already split\n", ESCAPED(outcome->path));
		break;
	case OUTCOME_NO_DEBUG:
		break;
	case OUTCOME_SKIPPED:
		if (lines && (outcome->named || options->common.verbose))
			printf("%s: passed over: %s\n", ESCAPED(outcome->path), outcome->note);
		break;
	case OUTCOME_FAILED:
		break;
	}
	fflush(stdout);
}

void report_outcome(const struct split_options *options, const struct outcome *outcome,
		    struct totals *totals)
{
	count(totals, outcome);
	progress_hide_shown();
	if (options->common.json)
		print_json(outcome_json(outcome));
	else
		print_outcome(options, outcome);
	progress_show_again();

	for (size_t i = 0; i < outcome->n_warnings; i++)
		log_warning("%s: %s", ESCAPED(outcome->path), outcome->warnings[i]);
	if (outcome->status == OUTCOME_FAILED)
		log_error("%s: %s", ESCAPED(outcome->path), outcome->error.message);
	if (outcome->status == OUTCOME_NO_DEBUG && (outcome->named || options->common.verbose))
		log_warning("%s: %s", ESCAPED(outcome->path), outcome->note);
}

/* What the store holds, where counting it is no work worth mentioning, and what is free beside it.
 */
static void print_store(struct store *st)
{
	scoped(lookup_freep) struct lookup *l = NULL;
	uint64_t n_builds = 0, free_bytes = 0;
	struct store_stats stats;
	printf("store %s:", ESCAPED(store_path(st)));
	if (lookup_new(st, &l, NULL) == 0 && lookup_count(l, &n_builds, NULL) == 0)
		printf(" %" PRIu64 " builds,", n_builds);
	if (n_builds < 5000 && store_stats(st, &stats, NULL) == 0)
		printf(" %s,", HUMAN_BYTES(stats.disk_bytes));
	if (file_free_space(store_fd(st), &free_bytes, NULL) == 0)
		printf(" %s free", HUMAN_BYTES(free_bytes));
	printf("\n");
}

static void print_totals(const struct totals *t)
{
	printf("%" PRIu64 " split: %s -> %s", t->n[OUTCOME_SPLIT], HUMAN_BYTES(t->input_bytes),
	       HUMAN_BYTES(t->output_bytes));
	if (t->n[OUTCOME_ALREADY])
		printf("; %" PRIu64 " already split", t->n[OUTCOME_ALREADY]);
	if (t->n[OUTCOME_NO_DEBUG])
		printf("; %" PRIu64 " without debug information", t->n[OUTCOME_NO_DEBUG]);
	if (t->n[OUTCOME_SKIPPED])
		printf("; %" PRIu64 " passed over", t->n[OUTCOME_SKIPPED]);
	if (t->n[OUTCOME_FAILED])
		printf("; %" PRIu64 " failed", t->n[OUTCOME_FAILED]);
	printf("\n");
	uint64_t stored = t->debug_stored + t->executable_stored + t->sources_stored;
	if (stored)
		printf("stored %s: debug information %s (of %s), executables %s, sources %s\n",
		       HUMAN_BYTES(stored), HUMAN_BYTES(t->debug_stored),
		       HUMAN_BYTES(t->debug_bytes), HUMAN_BYTES(t->executable_stored),
		       HUMAN_BYTES(t->sources_stored));
}

void report_totals(const struct split_options *options, struct store *st,
		   const struct totals *totals)
{
	if (totals->n_quiet_no_debug && !options->common.verbose)
		log_warning(
			"%" PRIu64
			" files have no debug information (the first: %s): Go takes it out with -ldflags=\"-s -w\" (goreleaser's default; melange: strip: \"-w\"), C, C++ and Rust make it with -g",
			totals->n_quiet_no_debug, ESCAPED(totals->first_no_debug));
	if (options->common.json || options->common.quiet || options->as_strip)
		return;
	uint64_t n = 0;
	for (int i = 0; i <= OUTCOME_FAILED; i++)
		n += totals->n[i];
	if (n != 1)
		print_totals(totals);
	if (st && totals->n[OUTCOME_SPLIT] && !options->dry_run)
		print_store(st);
	fflush(stdout);
}

static json_t *join_json(const struct split_options *options, const struct join_result *result,
			 const struct error *err)
{
	json_t *object = json_object();
	json_object_set_new(object, "schema", json_string(SCHEMA));
	json_object_set_new(object, "status", json_string(result ? "joined" : "failed"));
	set_bytes(object, "path", options->inputs[0]);
	if (!result) {
		set_bytes(object, "error", err->message);
		return object;
	}
	set_bytes(object, "output", options->output);
	if (result->build_id.size)
		json_object_set_new(object, "build_id",
				    json_string(BUILD_ID_HEX(&result->build_id)));
	set_count(object, "output_bytes", result->size_bytes);
	json_object_set_new(object, "identical", json_boolean(result->n_other == 0));
	set_count(object, "other_streams", result->n_other);
	return object;
}

void report_join(const struct split_options *options, const struct join_result *result,
		 const struct error *err)
{
	if (options->common.json)
		print_json(join_json(options, result, err));
	if (!result) {
		log_error("%s", err->message);
		return;
	}
	if (!options->common.json && !options->common.quiet)
		printf("%s: %s, the file that was split%s\n", ESCAPED(options->output),
		       HUMAN_BYTES(result->size_bytes), result->n_other ? "" : ", byte for byte");
	if (result->n_other)
		log_note(
			"%" PRIu64
			" compressed sections are other streams of the same size and content: split with --exact, and each byte comes back",
			result->n_other);
}
