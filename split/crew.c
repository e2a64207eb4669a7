/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "split/crew.h"

struct crew {
	const struct job_context *context;
	const struct inputs *inputs;
	struct totals *totals;
	struct progress *progress;

	pthread_mutex_t mutex; /* guards what follows */
	size_t next; /* input to be taken */
	size_t n_told; /* inputs whose outcomes are reported: all before this one */
	struct outcome **done; /* by input; NULL: not yet, or told */
	bool trouble;
};

static void tell(struct crew *crew, const struct outcome *outcome)
{
	report_outcome(crew->context->options, outcome, crew->totals);
	if (outcome->status == OUTCOME_FAILED ||
	    (outcome->status == OUTCOME_NO_DEBUG && crew->context->options->require_debug))
		crew->trouble = true;
}

/* In the order of the inputs, whoever was quicker. */
static void tell_ready(struct crew *crew)
{
	while (crew->n_told < crew->inputs->n && crew->done[crew->n_told]) {
		struct outcome *outcome = crew->done[crew->n_told];
		crew->done[crew->n_told++] = NULL;
		tell(crew, outcome);
		outcome_free(outcome);
		free(outcome);
	}
}

static void *work(void *context)
{
	struct crew *crew = context;
	pthread_mutex_lock(&crew->mutex);
	while (crew->next < crew->inputs->n) {
		size_t i = crew->next++;
		pthread_mutex_unlock(&crew->mutex);

		struct outcome *outcome = calloc(1, sizeof(*outcome));
		struct outcome spare = { .status = OUTCOME_FAILED };
		if (outcome)
			job_run(crew->context, &crew->inputs->items[i], outcome);
		progress_advance(crew->progress, 1, crew->inputs->items[i].size_bytes);

		pthread_mutex_lock(&crew->mutex);
		crew->done[i] = outcome;
		if (!outcome) {
			error_no_memory(&spare.error);
			spare.path = crew->inputs->items[i].names[0].path;
			tell(crew, &spare);
			crew->next = crew->inputs->n; /* nothing goes on without memory */
		}
		tell_ready(crew);
	}
	pthread_mutex_unlock(&crew->mutex);
	return NULL;
}

static void tell_passed_over(struct crew *crew)
{
	for (size_t i = 0; i < crew->inputs->n_passed; i++) {
		const struct passed_over *passed = &crew->inputs->passed[i];
		struct outcome outcome = { .status = passed->failed ? OUTCOME_FAILED
								    : OUTCOME_SKIPPED };
		outcome.path = passed->path;
		outcome.note = passed->failed ? NULL : passed->why;
		if (passed->failed)
			error_set(&outcome.error, 0, "%s", passed->why);
		tell(crew, &outcome);
	}
}

void crew_run(const struct job_context *context, const struct inputs *inputs, struct totals *totals,
	      bool *ret_trouble)
{
	const struct split_options *options = context->options;
	struct job_context told = *context;
	struct crew crew = { .context = &told, .inputs = inputs, .totals = totals };
	pthread_mutex_init(&crew.mutex, NULL);
	tell_passed_over(&crew);

	size_t n_threads = min_u64(options->jobs, inputs->n);
	pthread_t *threads = calloc(n_threads + 1, sizeof(*threads));
	crew.done = calloc(inputs->n + 1, sizeof(*crew.done));
	crew.progress = told.progress = progress_new(
		"split", !options->common.quiet && !options->common.json && !options->as_strip);
	progress_expect(crew.progress, inputs->n, inputs->size_bytes);
	if (!threads || !crew.done) {
		log_error("out of memory");
		crew.trouble = true;
	} else {
		/* This thread works too. */
		size_t n_started = 0;
		while (n_started + 1 < n_threads &&
		       pthread_create(&threads[n_started], NULL, work, &crew) == 0)
			n_started++;
		work(&crew);
		for (size_t i = 0; i < n_started; i++)
			pthread_join(threads[i], NULL);
	}
	progress_free(crew.progress);
	for (size_t i = 0; crew.done && i < inputs->n; i++) {
		if (!crew.done[i])
			continue;
		tell(&crew, crew.done[i]);
		outcome_free(crew.done[i]);
		free(crew.done[i]);
	}
	free(crew.done);
	free(threads);
	pthread_mutex_destroy(&crew.mutex);
	*ret_trouble = crew.trouble;
}
