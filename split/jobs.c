/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/crew.h"
#include "base/progress.h"
#include "split/jobs.h"

struct jobs {
	const struct job_context *context;
	const struct inputs *inputs;
	struct totals *totals;
	bool trouble;
};

static void tell(struct jobs *jobs, const struct outcome *outcome)
{
	report_outcome(jobs->context->options, outcome, jobs->totals);
	if (outcome->status == OUTCOME_FAILED ||
	    (outcome->status == OUTCOME_NO_DEBUG && jobs->context->options->require_debug))
		jobs->trouble = true;
}

static void tell_passed_over(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->inputs->n_passed; i++) {
		const struct passed_over *passed = &jobs->inputs->passed[i];
		struct outcome outcome = { .status = passed->failed ? OUTCOME_FAILED
								    : OUTCOME_SKIPPED };
		outcome.path = passed->path;
		outcome.note = passed->failed ? NULL : passed->why;
		if (passed->failed)
			error_set(&outcome.error, 0, "%s", passed->why);
		tell(jobs, &outcome);
	}
}

static void *run_job(size_t item, void *context)
{
	struct jobs *jobs = context;
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	if (outcome)
		job_run(jobs->context, &jobs->inputs->items[item], outcome);
	progress_advance(jobs->context->progress, 1, jobs->inputs->items[item].size_bytes);
	return outcome;
}

static void tell_job(size_t item, void *result, void *context)
{
	(void)item;
	tell(context, result);
	outcome_free(result);
	free(result);
}

void jobs_run(const struct job_context *context, const struct inputs *inputs, struct totals *totals,
	      bool *ret_trouble)
{
	const struct split_options *options = context->options;
	struct job_context told = *context;
	struct jobs jobs = { .context = &told, .inputs = inputs, .totals = totals };
	tell_passed_over(&jobs);

	told.progress = progress_new("split", !options->common.quiet && !options->common.json &&
						      !options->as_strip);
	progress_expect(told.progress, inputs->n, inputs->size_bytes);
	const struct crew_work work = { .n = inputs->n,
					.n_threads = options->jobs,
					.run = run_job,
					.tell = tell_job,
					.context = &jobs };
	struct error err = ERROR_NONE;
	if (crew_run(&work, &err) < 0) {
		log_error("%s", err.message);
		jobs.trouble = true;
	}
	progress_free(told.progress);
	*ret_trouble = jobs.trouble;
}
