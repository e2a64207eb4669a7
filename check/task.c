/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/crew.h"
#include "base/file.h"
#include "base/mapping.h"
#include "base/progress.h"
#include "check/report.h"
#include "check/task.h"

struct run {
	const struct task *task;
	const struct check_options *options;
	const struct targets *targets;
	const struct subject_context *subject_context;
	struct progress *progress;
	bool trouble;
};

/* What became of a target. */
struct outcome {
	void *result; /* of task->run(), or NULL: */
	const char *skipped; /* why, or NULL: */
	struct error error;
};

static int run_mapped(struct run *run, const char *path, const struct mapping *mapping,
		      struct outcome *ret, struct error *err)
{
	int r;

	scoped(image_close) struct image image = { 0 };
	r = image_open(mapping_bytes(mapping), mapping_size(mapping), &image, err);
	if (r < 0)
		return r;
	if (image.separate_debug) {
		ret->skipped = "a separate debug file";
		return 0;
	}
	scoped(subject_close) struct subject subject;
	subject_open(path, &image, run->subject_context, &subject);
	void *result;
	r = run->task->run(&subject, run->task->context, &result, err);
	if (r < 0)
		return r;
	ret->result = result;
	return 0;
}

static int run_target(struct run *run, const struct target *target, struct outcome *ret,
		      struct error *err)
{
	int r;

	if (target->trouble)
		return error_set(err, -EIO, "%s", target->trouble);
	ret->skipped = target->skipped;
	if (target->skipped)
		return 0;
	scoped(fd_close) int fd = -1;
	r = target_open(target, &fd, err);
	if (r < 0)
		return r;
	scoped(mapping_closep) struct mapping *mapping = NULL;
	r = mapping_open(fd, target->path, &mapping, err);
	if (r == 0)
		r = run_mapped(run, target->path, mapping, ret, err);
	/* What was read while it changed is worth nothing, and nor is the error from it. */
	if (mapping && mapping_check(mapping, err) < 0) {
		if (ret->result)
			run->task->drop(ret->result);
		*ret = (struct outcome){ .error = ret->error };
		return -EBUSY;
	}
	return r;
}

static void *run_item(size_t item, void *context)
{
	struct run *run = context;
	const struct target *target = &run->targets->items[item];
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	if (!outcome)
		return NULL;
	int r = run_target(run, target, outcome, &outcome->error);
	progress_advance(run->progress, 1, target->size_bytes);
	if (r == -ENOMEM) {
		free(outcome);
		return NULL;
	}
	return outcome;
}

static void tell_item(size_t item, void *result, void *context)
{
	struct run *run = context;
	const char *path = run->targets->items[item].path;
	struct outcome *outcome = result;
	if (outcome->result) {
		run->task->tell(path, outcome->result, run->task->context);
		run->task->drop(outcome->result);
	} else if (outcome->skipped) {
		report_skipped(run->options, path, outcome->skipped);
	} else {
		report_failed(run->options, path, &outcome->error);
		if (run->task->failed)
			run->task->failed(path, &outcome->error, run->task->context);
		run->trouble = true;
	}
	free(outcome);
}

void task_run(const struct task *task, const struct check_options *options,
	      const struct targets *targets, const struct subject_context *subject_context,
	      bool *ret_trouble)
{
	struct run run = { .task = task,
			   .options = options,
			   .targets = targets,
			   .subject_context = subject_context };
	scoped(progress_freep) struct progress *progress =
		progress_new("checked", !options->common.quiet && !options->common.json);
	run.progress = progress;
	progress_expect(progress, targets->n, targets->size_bytes);
	const struct crew_work work = { .n = targets->n,
					.n_threads = options->jobs,
					.run = run_item,
					.tell = tell_item,
					.context = &run };
	struct error err = ERROR_NONE;
	if (crew_run(&work, &err) < 0) {
		log_error("%s", err.message);
		run.trouble = true;
	}
	*ret_trouble = run.trouble;
}
