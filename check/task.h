/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/options.h"
#include "check/subject.h"
#include "check/targets.h"
#include <stdbool.h>

/** What is done with each file: the audit (check/audit.h), or the triage. */
struct task {
	/*
	 * Several at once. @ret is anything but NULL, for tell(); untouched on failure.
	 * Errors: -ENOMEM; any other is told as the file's own trouble
	 */
	int (*run)(struct subject *subject, void *context, void **ret, struct error *err);
	/* One at a time, in the order of the files. */
	void (*tell)(const char *path, const void *result, void *context);
	void (*drop)(void *result); /* frees it */
	/* A file that could not be read, after it was told; as tell(). NULL: of no interest. */
	void (*failed)(const char *path, const struct error *failure, void *context);
	void *context;
};

/**
 * Map each target and give it to @task, several at once; what is passed over or cannot be read is
 * told by itself (check/report.h).
 *
 * @ret_trouble  true where something could not be done
 */
void task_run(const struct task *task, const struct check_options *options,
	      const struct targets *targets, const struct subject_context *subject_context,
	      bool *ret_trouble);
