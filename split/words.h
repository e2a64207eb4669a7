/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stddef.h>

/*
 * The words of a command line, gathered from the environment, from files that it names as @FILE, and
 * from argv. Texts are divided as binutils divides the files of its @FILE (libiberty, "Functions",
 * expandargv): blanks and line ends separate; '…' and "…" keep them together; a backslash takes the
 * next character as it is.
 */

/** As main() takes them: @items ends with NULL. */
struct words {
	char **items;
	size_t n;
	unsigned n_files; /* that were read */
};

/** Also accepts a zeroed struct. A guard: scoped(words_free). */
void words_free(struct words *words);

/** Add one word as it is. Errors: -ENOMEM */
must_check int words_add(struct words *words, const char *word, struct error *err);

/** Add the words of a text. Errors: -ENOMEM */
must_check int words_add_text(struct words *words, const char *text, struct error *err);

/**
 * Add a word of a command line: of "@FILE" the words that are in the file, in which more such may stand. A
 * file that cannot be read leaves the word as it is, for it may be an input's name.
 *
 * Errors: -ENOMEM; -EFBIG a file of more than WORDS_FILE_MAX bytes; -ELOOP more than WORDS_FILES_MAX files, which
 * only one that names itself comes to
 */
must_check int words_add_argument(struct words *words, const char *argument, struct error *err);

#define WORDS_FILE_MAX (4u << 20)
#define WORDS_FILES_MAX 256
