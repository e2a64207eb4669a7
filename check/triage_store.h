/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/triage_task.h"

/**
 * Triage the executable of every build in a store, several at once; then tell how many builds have
 * each vulnerability, at which level, and which of them to rebuild first.
 *
 * @context  as for triage_task()
 * Errors:   -ENOMEM, and what reading the catalog gives; trouble with one build is told as its own
 *	     (context->trouble)
 */
must_check int triage_store(struct store *st, struct triage_context *context, struct error *err);
