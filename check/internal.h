/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/finding.h"
#include "check/subject.h"

/* The judges that rules.c lists; each file holds those of one matter. For this folder alone. */

/* check/judge_link.c: what the linker was told. */
void judge_nx_stack(struct subject *s, struct finding *ret);
