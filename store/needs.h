/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/record.h"

/* The objects that a contribution names, with the words for them. */

#define CONTRIBUTION_N_NEEDS 6

struct need {
	const char *role;
	const struct artifact *artifact; /* may be absent */
};

static inline void contribution_needs(const struct contribution *c,
				      struct need ret[static CONTRIBUTION_N_NEEDS])
{
	ret[0] = (struct need){ "debug image", &c->debug };
	ret[1] = (struct need){ "executable", &c->stripped };
	ret[2] = (struct need){ "original", &c->original };
	ret[3] = (struct need){ "source manifest", &c->sources };
	ret[4] = (struct need){ "settings", &c->origin.settings };
	ret[5] = (struct need){ "supplementary debug file", &c->supplement };
}
