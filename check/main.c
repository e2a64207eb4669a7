/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "check/audit.h"
#include "check/sarif.h"
#include "check/triage_store.h"
#include "store/store.h"

/* The store that was named, or none: checking makes no store, and needs none. */
static int open_store(const struct check_options *options, struct store **ret, struct error *err)
{
	const char *named = options->store ? options->store : getenv("DBGVAULT_STORE");
	if (!named || !*named)
		return 0;
	scoped(string_free) char *path = NULL;
	int r = store_choose_path(options->store, &path, err);
	return r < 0 ? r : store_open(path, STORE_READ, ret, err);
}

static int print_sarif(const struct sarif *sarif)
{
	struct error err = ERROR_NONE;
	scoped(string_free) char *text = NULL;
	if (sarif_format(sarif, &text, &err) < 0) {
		log_error("%s", err.message);
		return STATUS_TROUBLE;
	}
	puts(text);
	return STATUS_DONE;
}

static int audit(const struct check_options *options, const struct targets *targets,
		 const struct subject_context *facts)
{
	struct error err = ERROR_NONE;
	scoped(sarif_freep) struct sarif *sarif = NULL;
	if (options->sarif && sarif_new(&sarif, &err) < 0) {
		log_error("%s", err.message);
		return STATUS_TROUBLE;
	}
	struct audit_context context = { .options = options, .sarif = sarif };
	const struct task task = audit_task(&context);
	bool trouble;
	task_run(&task, options, targets, facts, &trouble);
	if (sarif && print_sarif(sarif) != STATUS_DONE)
		return STATUS_TROUBLE;
	audit_print_totals(options, &context.totals);
	if (trouble)
		return STATUS_TROUBLE;
	for (int verdict = options->fail_on; options->fails && verdict < N_VERDICTS; verdict++)
		if (context.totals.n[verdict])
			return STATUS_FOUND;
	return STATUS_DONE;
}

static int print_vex(const struct vex *vex)
{
	struct error err = ERROR_NONE;
	scoped(string_free) char *text = NULL;
	if (vex_format(vex, &text, &err) < 0) {
		log_error("%s", err.message);
		return STATUS_TROUBLE;
	}
	puts(text);
	return STATUS_DONE;
}

static int triage(const struct check_options *options, const struct targets *targets,
		  const struct subject_context *facts)
{
	struct error err = ERROR_NONE;
	scoped(vulndb_closep) struct vulndb *db = NULL;
	scoped(vex_freep) struct vex *vex = NULL;
	if (vulndb_open(options->vulndb, &db, &err) < 0 ||
	    (options->vex.wanted && vex_new(&options->vex, &vex, &err) < 0)) {
		log_error("%s", err.message);
		return STATUS_TROUBLE;
	}
	struct triage_context context = { .options = options, .db = db, .vex = vex };
	const struct task task = triage_task(&context);
	bool trouble = false;
	if (options->n_inputs) {
		task_run(&task, options, targets, facts, &trouble);
	} else if (triage_store(facts->store, &context, &err) < 0) {
		log_error("%s", err.message);
		trouble = true;
	}
	if (vex && print_vex(vex) != STATUS_DONE)
		return STATUS_TROUBLE;
	if (trouble || context.trouble)
		return STATUS_TROUBLE;
	return context.n_found ? STATUS_FOUND : STATUS_DONE;
}

static int run(const struct check_options *options)
{
	struct error err = ERROR_NONE;
	scoped(store_closep) struct store *st = NULL;
	scoped(targets_free) struct targets targets = { 0 };
	if (open_store(options, &st, &err) < 0 ||
	    targets_find(options->inputs, options->n_inputs, &targets, &err) < 0) {
		log_error("%s", err.message);
		return STATUS_TROUBLE;
	}
	if (!options->n_inputs && !st) {
		log_error("neither FILE nor DIR, nor a store: --store");
		return STATUS_USAGE;
	}
	const struct subject_context context = { .store = st,
						 .go_releases = options->go_releases,
						 .n_go_releases = options->n_go_releases };
	return options->vulndb ? triage(options, &targets, &context)
			       : audit(options, &targets, &context);
}

int main(int argc, char **argv)
{
	log_open("dbgcheck", LOG_NOTES);
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error like any other */

	struct check_options options;
	int status = check_options_read(&options, argc, argv);
	if (status == STATUS_GO_ON) {
		log_open("dbgcheck", options_log_level(&options.common));
		status = run(&options);
	}
	check_options_free(&options);
	return options_finish(status);
}
