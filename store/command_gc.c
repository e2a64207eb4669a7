/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/progress.h"
#include "store/command.h"
#include "store/maintain.h"

#define GRACE "1d"
#define QUARANTINE_GRACE "30d"

struct gc {
	struct command command;
	struct collect_options options;
};

static void print_removed(const char *kind, const char *what, uint64_t bytes, int64_t age_seconds,
			  void *context)
{
	const struct gc *gc = context;
	bool dry_run = gc->options.dry_run;
	if (gc->command.common.json) {
		command_json(&gc->command,
			     json_pack("{s:s, s:s, s:o, s:I, s:I}", "status",
				       dry_run ? "would-remove" : "removed", "kind", kind, "path",
				       json_bytes_string(what), "freed_bytes", (json_int_t)bytes,
				       "age_seconds", (json_int_t)age_seconds));
		return;
	}
	if (!dry_run && !gc->command.common.verbose)
		return;
	progress_hide_shown();
	printf("%-14s %9s  %s\n", kind, HUMAN_BYTES(bytes), ESCAPED(what));
	progress_show_again();
}

static void print_result(const struct gc *gc, const struct store *st,
			 const struct collect_result *result)
{
	const struct command *c = &gc->command;
	bool dry_run = gc->options.dry_run;
	if (c->common.json)
		command_json(
			c, json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
				     "status", "done", "dry_run", dry_run, "objects",
				     (json_int_t)result->n_objects, "packs",
				     (json_int_t)result->n_packs, "sources",
				     (json_int_t)result->n_sources, "builds",
				     (json_int_t)result->n_builds, "unfinished",
				     (json_int_t)result->n_unfinished, "quarantined",
				     (json_int_t)result->n_quarantined, "freed_bytes",
				     (json_int_t)result->freed_bytes, "young",
				     (json_int_t)result->n_young, "young_bytes",
				     (json_int_t)result->young_bytes, "unreadable",
				     (json_int_t)result->n_unreadable));
	else
		log_note("%s: %s %" PRIu64 " objects, %" PRIu64 " packs (%" PRIu64
			 " sources), %" PRIu64 " unfinished and %" PRIu64
			 " quarantined files: %s; %" PRIu64
			 " objects that no build needs are younger",
			 ESCAPED(store_path(st)), dry_run ? "would remove" : "removed",
			 result->n_objects, result->n_packs, result->n_sources,
			 result->n_unfinished, result->n_quarantined,
			 HUMAN_BYTES(result->freed_bytes), result->n_young);
	if (result->n_unreadable)
		log_warning(
			"%" PRIu64
			" objects that no build names are damaged, and stay, for they may be packs: see "
			"dbgstore verify",
			result->n_unreadable);
}

int command_gc(int argc, char **argv)
{
	int r;

	struct gc gc = {
		.command.usage = { "dbgstore gc", "[OPTION]...",
				   "Remove what no build needs: what a writer left who was killed, what removed builds\n"
				   "had, and old files in quarantine. What is younger than the grace period stays, for\n"
				   "a writer may be about to name it. Where a build's record cannot be read, nothing\n"
				   "is removed." },
	};
	const char *grace = GRACE, *quarantine = QUARANTINE_GRACE;
	const struct option_entry entries[] = {
		{ "grace", 0, "TIME",
		  "how long nobody has touched what goes: 90s, 15m, 12h, 7d (" GRACE ")",
		  .text = &grace },
		{ "quarantine-grace", 0, "TIME",
		  "the same for files in quarantine (" QUARANTINE_GRACE ")", .text = &quarantine },
		{ "dry-run", 'n', NULL, "only tell what would be removed",
		  .flag = &gc.options.dry_run },
		{ 0 },
	};
	int status = command_parse_alone(&gc.command, entries, argc, argv);
	if (status != STATUS_GO_ON)
		return status;
	if (!option_duration(grace, &gc.options.grace_seconds) ||
	    !option_duration(quarantine, &gc.options.quarantine_seconds))
		return options_wrong(
			&gc.command.usage,
			"--grace and --quarantine-grace take a number with s, m, h or d behind it");
	scoped(store_closep) struct store *st = NULL;
	status = command_open(&gc.command, gc.options.dry_run ? STORE_READ : STORE_WRITE, &st);
	if (status != STATUS_GO_ON)
		return status;

	struct error err = ERROR_NONE;
	scoped(progress_freep) struct progress *progress =
		progress_new("gc", !gc.command.common.quiet);
	struct collect_result result;
	r = store_collect(st, &gc.options, progress, print_removed, &gc, &result, &err);
	progress_free(take(progress));
	if (r < 0)
		return command_failed(&gc.command, store_path(st), &err);
	print_result(&gc, st, &result);
	return STATUS_DONE;
}
