/* SPDX-License-Identifier: Apache-2.0 */
#include "check/internal.h"

static const GElf_Phdr *find_segment(const struct image *image, uint32_t type)
{
	for (uint64_t i = 0; i < image->n_segments; i++)
		if (image->segments[i].p_type == type)
			return &image->segments[i];
	return NULL;
}

void judge_nx_stack(struct subject *s, struct finding *ret)
{
	if (!subject_runs(s)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "not a program or library");
		return;
	}
	const GElf_Phdr *stack = find_segment(s->image, PT_GNU_STACK);
	if (!stack) {
		finding_set(ret, VERDICT_ADVICE, "no PT_GNU_STACK: the kernel's default holds");
		finding_advise(ret, "link with -Wl,-z,noexecstack");
	} else if (stack->p_flags & PF_X) {
		finding_set(ret, VERDICT_BAD, "PT_GNU_STACK is executable");
		finding_advise(
			ret,
			"link with -Wl,-z,noexecstack, and give each assembly file a .note.GNU-stack section");
	} else {
		finding_set(ret, VERDICT_GOOD, "PT_GNU_STACK is not executable");
	}
}
