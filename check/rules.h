/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/finding.h"
#include "check/subject.h"

/* The rules of the audit, in one table: each judges what an ELF file shows, and nothing else. */

struct rule {
	const char *name; /* "nx-stack" */
	const char *help; /* what is good */
	const char *source; /* where the rule comes from */
	void (*judge)(struct subject *subject, struct finding *ret);
};

extern const struct rule rules[];
extern const size_t n_rules;

/** The rule of that name, or NULL. */
const struct rule *rule_find(const char *name);
