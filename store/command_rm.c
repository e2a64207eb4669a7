/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "store/command.h"
#include "store/maintain.h"

static void print_result(const struct command *c, bool dry_run, const struct remove_result *result)
{
	bool nothing = !result->n_builds && !result->n_sources && !result->n_objects;
	if (c->common.json)
		command_json(c, json_pack("{s:s, s:I, s:I, s:I, s:I}", "status",
					  dry_run   ? "would-remove"
					  : nothing ? "already"
						    : "removed",
					  "builds", (json_int_t)result->n_builds, "sources",
					  (json_int_t)result->n_sources, "objects",
					  (json_int_t)result->n_objects, "freed_bytes",
					  (json_int_t)result->freed_bytes));
	else if (nothing && !dry_run)
		log_note("removed before: nothing is left of it");
	else
		log_note("%s %llu builds, %llu sources, %llu objects: %s",
			 dry_run ? "would remove" : "removed", (unsigned long long)result->n_builds,
			 (unsigned long long)result->n_sources,
			 (unsigned long long)result->n_objects, HUMAN_BYTES(result->freed_bytes));
	if (result->unsure)
		log_warning(
			"something in the store is damaged and hides what it needs or holds, and was left as "
			"it is: see dbgstore verify");
}

static int remove_builds(const struct command *c, struct store *st, char **arguments, size_t n,
			 bool dry_run)
{
	int r;

	struct build_id *ids = calloc(n, sizeof(*ids));
	struct error err = ERROR_NONE;
	struct remove_result result;
	r = ids ? 0 : error_no_memory(&err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = build_id_parse(arguments[i], strlen(arguments[i]), &ids[i], &err);
	if (r == 0)
		r = store_remove_builds(st, ids, n, dry_run, &result, &err);
	free(ids);
	if (r < 0)
		return command_failed(c, n == 1 ? arguments[0] : NULL, &err);
	print_result(c, dry_run, &result);
	return result.unsure ? STATUS_TROUBLE : STATUS_DONE;
}

static int remove_source(const struct command *c, struct store *st, const char *path, bool dry_run)
{
	struct error err = ERROR_NONE;
	struct remove_result result;
	if (store_remove_source(st, path, dry_run, &result, &err) < 0)
		return command_failed(c, path, &err);
	print_result(c, dry_run, &result);
	return result.unsure ? STATUS_TROUBLE : STATUS_DONE;
}

int command_rm(int argc, char **argv)
{
	struct command c = {
		.usage = { "dbgstore rm", "[OPTION]... [BUILDID...]",
			   "Remove builds and what only they need, or what any build has under a source path.\n"
			   "What was removed is refused when it is to be added again." }
	};
	bool dry_run = false;
	struct option_values sources = { 0 };
	const struct option_entry entries[] = {
		{ "source", 0, "PATH",
		  "remove the source files of this path, as builds name them, everywhere",
		  .list = &sources },
		{ "dry-run", 'n', NULL, "only tell what would be removed", .flag = &dry_run },
		{ 0 },
	};
	int first;
	int status = command_parse(&c, entries, argc, argv, &first);
	if (status == STATUS_GO_ON && first == argc && !sources.n)
		status = options_wrong(&c.usage, "which builds, or which --source=PATH?");
	scoped(store_closep) struct store *st = NULL;
	if (status == STATUS_GO_ON)
		status = command_open(&c, dry_run ? STORE_READ : STORE_WRITE, &st);
	if (status == STATUS_GO_ON) {
		status = STATUS_DONE;
		if (first < argc)
			status = remove_builds(&c, st, argv + first, (size_t)(argc - first),
					       dry_run);
		for (size_t i = 0; i < sources.n; i++)
			status = (int)max_u64(
				(uint64_t)status,
				(uint64_t)remove_source(&c, st, sources.values[i], dry_run));
	}
	option_values_free(&sources);
	return status;
}
