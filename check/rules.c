/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "check/rules.h"

static const GElf_Phdr *find_segment(const struct image *image, uint32_t type)
{
	for (uint64_t i = 0; i < image->n_segments; i++)
		if (image->segments[i].p_type == type)
			return &image->segments[i];
	return NULL;
}

/* A separate debug file and an object file are not what runs. */
static bool runs(const struct image *image)
{
	return !image->separate_debug && image->n_segments && image_is_loadable(image);
}

static struct finding judge_nx_stack(const struct image *image)
{
	if (!runs(image))
		return (struct finding){ VERDICT_NOT_APPLICABLE, "not a program or library", NULL };
	const GElf_Phdr *stack = find_segment(image, PT_GNU_STACK);
	if (!stack)
		return (struct finding){ VERDICT_ADVICE,
					 "no PT_GNU_STACK: the kernel's default holds",
					 "link with -Wl,-z,noexecstack" };
	if (stack->p_flags & PF_X)
		return (struct finding){
			VERDICT_BAD, "PT_GNU_STACK is executable",
			"link with -Wl,-z,noexecstack, and give each assembly file a .note.GNU-stack section"
		};
	return (struct finding){ VERDICT_GOOD, "PT_GNU_STACK is not executable", NULL };
}

const struct rule rules[] = {
	{ "nx-stack", "the stack is not executable",
	  "OpenSSF, Compiler Options Hardening Guide: -Wl,-z,noexecstack", judge_nx_stack },
};
const size_t n_rules = ARRAY_SIZE(rules);

const struct rule *rule_find(const char *name)
{
	for (size_t i = 0; i < n_rules; i++)
		if (!strcmp(rules[i].name, name))
			return &rules[i];
	return NULL;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = { "not applicable", "good", "advice", "bad" };
	return names[verdict];
}
