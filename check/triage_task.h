/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/task.h"
#include "check/triage.h"
#include "elf/build_id.h"

struct triage_context {
	const struct check_options *options;
	struct vulndb *db;
	struct vex *vex; /* NULL: lines are told, not a document */
	uint64_t n_files; /* Go programs that were looked at */
	uint64_t n_found; /* with a vulnerability at symbol level */
	bool trouble; /* one could not be told */
};

/** The triage of each file, told as the options say, and counted. @context must outlive it. */
struct task triage_task(struct triage_context *context);

/** How it is told as text and as JSON (check/triage_report.c). @build_id NULL: it is a file. */
void triage_print(const struct triage_context *context, const char *path,
		  const struct build_id *build_id, const struct triage *triage);
