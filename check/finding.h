/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"

/* What a rule says of a file. */

enum verdict { VERDICT_NOT_APPLICABLE, VERDICT_GOOD, VERDICT_ADVICE, VERDICT_BAD };
#define N_VERDICTS (VERDICT_BAD + 1)

/** "not applicable", "good", "advice", "bad". */
const char *verdict_name(enum verdict verdict);

#define FINDING_TEXT_LIMIT 640 /* bytes of a text, with NUL; longer ones are cut */

struct finding {
	enum verdict verdict;
	char *seen; /* owned; printable. NULL: nothing was said, or no memory */
	char *advice; /* owned; what to do; NULL where there is nothing to do */
};

/** Replaces both texts. What comes from a file is to be ESCAPED(). */
void finding_set(struct finding *finding, enum verdict verdict, const char *format, ...)
	printf_like(3, 4);
void finding_advise(struct finding *finding, const char *format, ...) printf_like(2, 3);
/** Also accepts a zeroed struct. */
void finding_free(struct finding *finding);
