/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/task.h"
#include "elf/build_id.h"

/** What the rules say of one file. */
struct audit {
	struct build_id build_id; /* size 0: none */
	enum language language;
	bool *judged; /* by rule: was it asked for? owned */
	struct finding *findings; /* by rule; owned */
};

/** Judge by each of the rules that @wanted names. Errors: -ENOMEM */
must_check int audit_run(struct subject *subject, const bool *wanted, struct audit *ret,
			 struct error *err);
/** Also accepts a zeroed struct. */
void audit_free(struct audit *audit);

/** Over all files. */
struct audit_totals {
	uint64_t n_files;
	uint64_t n[N_VERDICTS]; /* findings */
};

/* check/audit_report.c: told as text or JSON. */
void audit_print(const struct check_options *options, const char *path, const struct audit *audit);
void audit_print_totals(const struct check_options *options, const struct audit_totals *totals);

struct sarif;

struct audit_context {
	const struct check_options *options;
	struct sarif *sarif; /* what is found is added to it, and not printed; NULL: none */
	struct audit_totals totals;
};
/** The audit of each file, told as the options say, and counted. @context must outlive it. */
struct task audit_task(struct audit_context *context);
