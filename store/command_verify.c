/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/progress.h"
#include "store/command.h"
#include "store/findings.h"
#include "store/maintain.h"

int command_verify(int argc, char **argv)
{
	int r;

	struct command c = {
		.usage = { "dbgstore verify", "[OPTION]...",
			   "Check all of a store: each object's frames and digest, each record and what it\n"
			   "names, and the catalog. Changes nothing. What is damaged or missing is listed, and\n"
			   "the exit status is 3; what is only odd (\"stray\") is listed too." }
	};
	scoped(store_closep) struct store *st = NULL;
	int status = command_start(&c, NULL, STORE_READ, argc, argv, &st);
	if (status != STATUS_GO_ON)
		return status;

	struct error err = ERROR_NONE;
	scoped(progress_freep) struct progress *progress = progress_new("verify", !c.common.quiet);
	struct verify_result result = { 0 };
	r = store_verify(st, progress, findings_print, &c, &result, &err);
	progress_free(take(progress));
	bool whole = !result.n_damaged && !result.n_missing;
	if (c.common.json && r == 0)
		command_json(&c, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "status",
					   whole ? "whole" : "damaged", "objects",
					   (json_int_t)result.n_objects, "contributions",
					   (json_int_t)result.n_contributions, "builds",
					   (json_int_t)result.n_builds, "checked_bytes",
					   (json_int_t)result.bytes, "damaged",
					   (json_int_t)result.n_damaged, "missing",
					   (json_int_t)result.n_missing, "stray",
					   (json_int_t)result.n_stray));
	if (r < 0)
		return command_failed(&c, store_path(st), &err);
	if (!c.common.json)
		log_note(
			"%s: %llu builds, %llu objects, %s checked: %llu damaged, %llu missing, %llu stray",
			ESCAPED(store_path(st)), (unsigned long long)result.n_builds,
			(unsigned long long)result.n_objects, HUMAN_BYTES(result.bytes),
			(unsigned long long)result.n_damaged, (unsigned long long)result.n_missing,
			(unsigned long long)result.n_stray);
	return whole ? STATUS_DONE : STATUS_FOUND;
}
