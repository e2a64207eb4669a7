/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/* The rules of the audit: pure functions over an image, in one table. */

enum verdict { VERDICT_NOT_APPLICABLE, VERDICT_GOOD, VERDICT_ADVICE, VERDICT_BAD };

/** "not applicable", "good", "advice", "bad". */
const char *verdict_name(enum verdict verdict);

struct finding {
	enum verdict verdict;
	const char *seen; /* static text */
	const char *advice; /* what to do; NULL where there is nothing to do */
};

struct rule {
	const char *name; /* "nx-stack" */
	const char *help; /* what it looks at */
	const char *source; /* where the rule comes from */
	struct finding (*judge)(const struct image *image);
};

extern const struct rule rules[];
extern const size_t n_rules;

/** The rule of that name, or NULL. */
const struct rule *rule_find(const char *name);
