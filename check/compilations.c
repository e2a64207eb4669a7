/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/compilations.h"

static bool is_word(const char *at, size_t size, const char *word)
{
	return strlen(word) == size && !memcmp(at, word, size);
}

static bool begins(const char *at, size_t size, const char *word)
{
	size_t n = strlen(word);
	return size >= n && !memcmp(at, word, n);
}

/* Later flags win, as gcc has it. */
static void read_flag(const char *flag, size_t size, bool *protector, bool *clash, bool *branch)
{
	if (is_word(flag, size, "-fno-stack-protector"))
		*protector = false;
	else if (is_word(flag, size, "-fstack-protector") ||
		 is_word(flag, size, "-fstack-protector-strong") ||
		 is_word(flag, size, "-fstack-protector-all"))
		*protector = true;
	else if (is_word(flag, size, "-fstack-clash-protection"))
		*clash = true;
	else if (is_word(flag, size, "-fno-stack-clash-protection"))
		*clash = false;
	else if (is_word(flag, size, "-fcf-protection=none") ||
		 is_word(flag, size, "-mbranch-protection=none"))
		*branch = false;
	else if (begins(flag, size, "-fcf-protection") ||
		 begins(flag, size, "-mbranch-protection="))
		*branch = true;
}

void compilations_add(struct compilations *compilations, const struct text *text)
{
	static const char *const starts[] = { "GNU C", "GNU GIMPLE" };
	const char *at = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(starts) && !at; i++)
		at = memmem(text->bytes, text->size, starts[i], strlen(starts[i]));
	if (!at || !text->whole)
		return;
	const char *end = text->bytes + text->size;
	bool protector = false, clash = false, branch = false, flags = false;
	while (at < end) {
		const char *space = memchr(at, ' ', (size_t)(end - at));
		size_t size = (size_t)((space ? space : end) - at);
		flags |= size >= 2 && *at == '-';
		read_flag(at, size, &protector, &clash, &branch);
		at += size + (space != NULL);
	}
	if (!flags) /* -gno-record-gcc-switches */
		return;
	compilations->n++;
	compilations->n_stack_protector += protector;
	compilations->n_stack_clash += clash;
	compilations->n_branch += branch;
}
