/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "check/word_list.h"

#define MORE_SIZE 32 /* room for "(and N more)" */

void word_list_add(struct word_list *list, const char *word)
{
	char escaped[192];
	escape_string(word, escaped, sizeof(escaped));
	size_t size = strlen(escaped) + 2;
	list->n_words++;
	if (list->n_cut || list->size + size + MORE_SIZE > sizeof(list->text)) {
		list->n_cut++;
		return;
	}
	list->size += (size_t)snprintf(list->text + list->size, sizeof(list->text) - list->size,
				       "%s%s", list->size ? ", " : "", escaped);
}

const char *word_list_text(struct word_list *list)
{
	if (list->n_cut)
		snprintf(list->text + list->size, sizeof(list->text) - list->size,
			 " (and %zu more)", list->n_cut);
	return list->text;
}
