/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/audit.h"

/** A document of SARIF 2.1.0 (OASIS): what the audits found, for pages that show code scanning.
 * What is good or not applicable is no result in it. */
struct sarif;

must_check int sarif_new(struct sarif **ret, struct error *err);
void sarif_free(struct sarif *sarif);
define_scoped(struct sarif *, sarif_free)

	/** A result for each finding that is advice or bad. */
	void sarif_add(struct sarif *sarif, const char *path, const struct audit *audit);
/** A file that could not be judged: a notification of the run, which then was no success. */
void sarif_add_failure(struct sarif *sarif, const char *path, const struct error *failure);

/** @ret freed by the caller. Errors: -ENOMEM, also of what was added before */
must_check int sarif_format(const struct sarif *sarif, char **ret, struct error *err);
