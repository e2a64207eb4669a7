/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/claims.h"
#include "split/finished.h"
#include "split/inputs.h"
#include "split/report.h"
#include "store/store.h"

struct progress;

/* One file, from the first look at it to its stripped self in its place. */

struct job_context {
	const struct split_options *options;
	struct store *store; /* NULL: plain files alone */
	const struct source_roots *roots; /* NULL: no sources */
	struct claims *claims; /* on debug files below --debug-dir */
	const struct finished *finished; /* inputs that are not split in place; NULL: none */
	const char *refusal; /* why there is no place for debug information: it stays; NULL: there
				is one */
	mode_t umask;
	struct progress *progress; /* is told each image's bytes as they are written; may be NULL */
};

/**
 * Split one input as the options say. Whatever happens is in @ret, which is filled in any case
 * (outcome_free()); on OUTCOME_FAILED, the input and what the store serves are as they were.
 *
 * Threads: any number of jobs at once, of different inputs
 */
void job_run(const struct job_context *context, const struct input *input, struct outcome *ret);
