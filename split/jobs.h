/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/job.h"

/**
 * Split all inputs, several at once as the options say, and report each in the order of the inputs,
 * what was passed over first.
 *
 * @ret_trouble  true where something could not be done
 */
void jobs_run(const struct job_context *context, const struct inputs *inputs, struct totals *totals,
	      bool *ret_trouble);
