/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/compilations.h"
#include "check/leaks.h"

/** What the readable text of a file tells, gathered in one pass over loaded data and debug
 * information. */
struct text_facts {
	struct leaks leaks;
	struct compilations compilations;
};

void text_facts_read(const struct image *image, struct text_facts *ret);
