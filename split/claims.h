/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/digest.h"

/*
 * The debug files that the inputs of one run are to have, each with the program that it is for: two
 * programs that would have one file must not overwrite each other's, whichever job is quicker.
 */

struct claims;

must_check int claims_new(struct claims **ret, struct error *err);
void claims_free(struct claims *claims);
define_scoped(struct claims *, claims_free)

/**
 * Claim @path for the program of this identity. It may be claimed again for the same program.
 * Errors:  -EEXIST another program has it
 * Threads: any number at once
 */
must_check int claims_take(struct claims *claims, const char *path, const struct digest *identity,
			   struct error *err);
