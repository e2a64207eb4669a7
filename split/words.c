/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "split/words.h"

void words_free(struct words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->items[i]);
	free(words->items);
	*words = (struct words){ 0 };
}

int words_add(struct words *words, const char *word, struct error *err)
{
	char **grown = reallocarray(words->items, words->n + 2, sizeof(*grown));
	if (!grown)
		return error_no_memory(err);
	words->items = grown;
	grown[words->n] = strdup(word);
	if (!grown[words->n])
		return error_no_memory(err);
	grown[++words->n] = NULL;
	return 0;
}

static bool is_blank(char c)
{
	return c && strchr(" \t\n\v\f\r", c);
}

/* Cut the next word off *@text, in place: what it was quoted with goes. NULL: no more. */
static char *next_word(char **text)
{
	char *at = *text;
	while (is_blank(*at))
		at++;
	if (!*at) {
		*text = at;
		return NULL;
	}
	char *word = at, *end = at, quote = 0;
	for (; *at && (quote || !is_blank(*at)); at++) {
		if (*at == '\\' && at[1])
			*end++ = *++at;
		else if (quote ? *at == quote : *at == '\'' || *at == '"')
			quote = quote ? 0 : *at;
		else
			*end++ = *at;
	}
	*text = *at ? at + 1 : at;
	*end = 0;
	return word;
}

/* @add: words_add, or what looks into files once more. */
static int add_each(struct words *words, char *text,
		    int (*add)(struct words *, const char *, struct error *), struct error *err)
{
	char *word;
	while ((word = next_word(&text))) {
		int r = add(words, word, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int words_add_text(struct words *words, const char *text, struct error *err)
{
	scoped(string_free) char *copy = strdup(text);
	if (!copy)
		return error_no_memory(err);
	return add_each(words, copy, words_add, err);
}

int words_add_argument(struct words *words, const char *argument, struct error *err)
{
	if (argument[0] != '@')
		return words_add(words, argument, err);

	const char *name = argument + 1;
	scoped(string_free) char *text = NULL;
	size_t size;
	int r = file_read_at(AT_FDCWD, name, WORDS_FILE_MAX, &text, &size, err);
	if (r == -ENOMEM || r == -EFBIG)
		return r;
	if (r < 0)
		return words_add(words, argument, err);
	if (++words->n_files > WORDS_FILES_MAX)
		return error_set(err, -ELOOP, "%s: the last of %u files of words: does one name itself?",
				 name, WORDS_FILES_MAX);
	return add_each(words, text, words_add_argument, err);
}
