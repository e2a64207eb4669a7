/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include <stdbool.h>
#include <stddef.h>

/** A list of words in one line, "a, b, c (and 4 more)", as long as a finding can show. */
struct word_list {
	char text[384];
	size_t size;
	size_t n_words, n_cut;
};

/** Add bytes from a file, escaped. */
void word_list_add(struct word_list *list, const char *word);
/** The text, "" where there are no words. */
const char *word_list_text(struct word_list *list);
