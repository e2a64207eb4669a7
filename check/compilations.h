/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/texts.h"

/**
 * The flags that gcc writes into debug information (DW_AT_producer, "GNU C17 12.2.0 -O2 …"). One
 * text stands for all files that were compiled the same way. Neither clang nor assemblers write
 * any.
 */
struct compilations {
	uint64_t n; /* of C, C++ and link-time optimization, by gcc */
	uint64_t n_stack_protector, n_stack_clash, n_branch; /* with such a flag */
};

void compilations_add(struct compilations *compilations, const struct text *text);
