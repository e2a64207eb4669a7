/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/progress.h"
#include "store/command.h"
#include "store/lookup.h"
#include "store/maintain.h"

int command_reindex(int argc, char **argv)
{
	int r;

	struct command c = {
		.usage = { "dbgstore reindex", "[OPTION]...",
			   "Make the catalog again from the records and packs. Nothing is lost by it; readers go\n"
			   "on with the old one until the new one is there, and writers wait." }
	};
	scoped(store_closep) struct store *st = NULL;
	int status = command_start(&c, NULL, STORE_WRITE, argc, argv, &st);
	if (status != STATUS_GO_ON)
		return status;

	struct error err = ERROR_NONE;
	scoped(progress_freep) struct progress *progress = progress_new("reindex", !c.common.quiet);
	r = store_reindex(st, progress, &err);
	progress_free(take(progress));
	if (r < 0)
		return command_failed(&c, store_path(st), &err);

	scoped(lookup_freep) struct lookup *l = NULL;
	uint64_t n_builds;
	r = lookup_new(st, &l, &err);
	if (r == 0)
		r = lookup_count(l, &n_builds, &err);
	if (r < 0)
		return command_failed(&c, store_path(st), &err);
	if (c.common.json)
		command_json(&c, json_pack("{s:s, s:I}", "status", "done", "builds",
					   (json_int_t)n_builds));
	else
		log_note("%s: the catalog is new, with %llu builds", ESCAPED(store_path(st)),
			 (unsigned long long)n_builds);
	return STATUS_DONE;
}
