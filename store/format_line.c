/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "store/format_line.h"

static const char *const known_words[] = { NULL }; /* none yet; NULL behind the last */

static bool is_known(const char *word, size_t size)
{
	for (const char *const *known = known_words; *known; known++)
		if (strlen(*known) == size && !memcmp(*known, word, size))
			return true;
	return false;
}

static int refuse_word(const char *word, const char *equals, struct error *err)
{
	if (!equals)
		return error_set(
			err, -ENOTSUP,
			"it needs %s, which dbgvault " DBGVAULT_VERSION
			" does not know: a newer release made it; update before writing to it",
			ESCAPED(word));
	scoped(string_free) char *name = strndup(word, (size_t)(equals - word));
	return error_set(err, -ENOTSUP,
			 "it needs %s, which dbgvault " DBGVAULT_VERSION
			 " does not know: dbgvault %s and later can write to it",
			 name ? ESCAPED(name) : "something", ESCAPED(equals + 1));
}

int format_line_check(const char *text, size_t size, bool to_write, struct error *err)
{
	const char *end = size ? memchr(text, '\n', size) : NULL;
	if (!end)
		return error_set(err, -EBADMSG, "FORMAT: a line \"dbgvault-store 1\" is expected");
	scoped(string_free) char *line = strndup(text, (size_t)(end - text));
	if (!line)
		return error_no_memory(err);

	char *rest = NULL;
	const char *magic = strtok_r(line, " ", &rest);
	const char *version = magic ? strtok_r(NULL, " ", &rest) : NULL;
	if (!version || strcmp(magic, "dbgvault-store") != 0)
		return error_set(err, -EBADMSG, "FORMAT: a line \"dbgvault-store 1\" is expected");
	if (strcmp(version, "1") != 0)
		return error_set(err, -ENOTSUP,
				 "format %s, and dbgvault " DBGVAULT_VERSION
				 " knows format 1: a newer release made it (%s)",
				 ESCAPED(version), rest && *rest ? ESCAPED(rest) : "it does not say which");

	for (const char *word; to_write && (word = strtok_r(NULL, " ", &rest));) {
		const char *equals = strchr(word, '=');
		if (!is_known(word, equals ? (size_t)(equals - word) : strlen(word)))
			return refuse_word(word, equals, err);
	}
	return 0;
}
