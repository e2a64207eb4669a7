/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "check/internal.h"
#include "check/rules.h"

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
