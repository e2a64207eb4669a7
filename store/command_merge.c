/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/json.h"
#include "base/progress.h"
#include "store/command.h"
#include "store/findings.h"
#include "store/maintain.h"

static void print_result(const struct command *c, const char *from, const struct merge_result *m,
			 bool whole)
{
	if (c->common.json) {
		command_json(c,
			     json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "status",
				       whole ? "merged" : "incomplete", "from",
				       json_bytes_string(from), "objects", (json_int_t)m->n_objects,
				       "contributions", (json_int_t)m->n_contributions, "there",
				       (json_int_t)m->n_there, "stored_bytes", (json_int_t)m->bytes,
				       "refused", (json_int_t)m->n_refused, "removed_builds",
				       (json_int_t)m->n_removed_builds, "removed_sources",
				       (json_int_t)m->n_removed_sources));
		return;
	}
	log_note("%s: %llu contributions and %llu objects (%s) are new, %llu were there",
		 ESCAPED(from), (unsigned long long)m->n_contributions,
		 (unsigned long long)m->n_objects, HUMAN_BYTES(m->bytes),
		 (unsigned long long)m->n_there);
	if (m->n_refused)
		log_note("%s: %llu contributions are to builds that were removed for good",
			 ESCAPED(from), (unsigned long long)m->n_refused);
	if (m->n_removed_builds || m->n_removed_sources)
		log_note(
			"%s: %llu builds and %llu sources that were removed there are removed here",
			ESCAPED(from), (unsigned long long)m->n_removed_builds,
			(unsigned long long)m->n_removed_sources);
}

int command_merge(int argc, char **argv)
{
	int r;

	struct command c = {
		.usage = { "dbgstore merge", "[OPTION]... STORE|TAR|-...",
			   "Take all that other stores have: folders, or tars of them (compressed or not; \"-\" is\n"
			   "standard input). Each piece is checked first; what is damaged is listed and left out,\n"
			   "and the exit status is 1. What was removed on either side stays removed." }
	};
	int first;
	int status = command_parse(&c, NULL, argc, argv, &first);
	if (status != STATUS_GO_ON)
		return status;
	if (first == argc)
		return options_wrong(&c.usage, "which store, or tar of one, is to be merged?");
	scoped(store_closep) struct store *st = NULL;
	status = command_open(&c, STORE_WRITE, &st);
	if (status != STATUS_GO_ON)
		return status;

	status = STATUS_DONE;
	for (int i = first; i < argc; i++) {
		struct error err = ERROR_NONE;
		struct merge_result result = { 0 };
		scoped(progress_freep) struct progress *progress =
			progress_new("merge", !c.common.quiet);
		r = store_merge(st, argv[i], progress, findings_print, &c, &result, &err);
		progress_free(take(progress));
		if (r == 0 || (r == -EBADMSG &&
			       (result.n_objects || result.n_there || result.n_contributions)))
			print_result(&c, argv[i], &result, r == 0);
		if (r < 0)
			status = command_failed(&c, argv[i], &err);
	}
	return status;
}
