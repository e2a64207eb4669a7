/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "split/source_guesses.h"

void source_guesses_free(struct source_guesses *guesses)
{
	for (size_t i = 0; i < guesses->n; i++)
		free(guesses->items[i].path);
	free(guesses->items);
	*guesses = (struct source_guesses){ 0 };
}

int source_guesses_add(struct source_guesses *to, bool doubtful, struct error *err,
		      const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (n < 0 || n >= PATH_MAX)
		return 0; /* no file has such a name */
	struct source_guess *guesses = reallocarray(to->items, to->n + 1, sizeof(*guesses));
	if (!guesses)
		return error_no_memory(err);
	to->items = guesses;
	guesses[to->n] = (struct source_guess){ strdup(path), doubtful };
	if (!guesses[to->n].path)
		return error_no_memory(err);
	to->n++;
	return 0;
}

void source_map_free(struct source_map *map)
{
	for (size_t i = 0; i < map->n; i++) {
		free(map->mappings[i].from);
		free(map->mappings[i].to);
	}
	free(map->mappings);
	*map = (struct source_map){ 0 };
}

int source_map_add(struct source_map *map, const char *text, struct error *err)
{
	const char *equals = strchr(text, '=');
	if (!equals || equals == text || !equals[1])
		return error_set(err, -EINVAL, "source map %s: expected FROM=DIR", ESCAPED(text));
	size_t size = (size_t)(equals - text);
	while (size > 1 && text[size - 1] == '/')
		size--;
	scoped(string_free) char *to = realpath(equals + 1, NULL);
	struct stat st;
	if (!to)
		return error_errno(err, -errno, "source map %s", ESCAPED(text));
	if (stat(to, &st) < 0 || !S_ISDIR(st.st_mode))
		return error_set(err, -ENOTDIR, "source map %s: %s is not a folder", ESCAPED(text),
				 ESCAPED(to));
	scoped(string_free) char *from = strndup(text, size);
	struct source_mapping *mappings =
		reallocarray(map->mappings, map->n + 1, sizeof(*mappings));
	if (mappings)
		map->mappings = mappings;
	if (!from || !mappings)
		return error_no_memory(err);
	mappings[map->n++] = (struct source_mapping){ take(from), take(to) };
	return 0;
}

/* What of @name is behind @from, without a slash; NULL: it does not begin with it. */
static const char *behind(const char *name, const char *from)
{
	size_t size = strlen(from);
	if (!strcmp(from, ".") && *name != '/')
		return name;
	if (!strcmp(from, "/"))
		size = 0;
	if (strncmp(name, from, size) != 0 || name[size] != '/')
		return NULL;
	return name + size + strspn(name + size, "/");
}

int source_map_guesses(const struct source_map *map, const char *name, struct source_guesses *to,
		      struct error *err)
{
	for (size_t i = 0; i < map->n; i++) {
		const char *rest = behind(name, map->mappings[i].from);
		int r = rest ? source_guesses_add(to, false, err, "%s/%s", map->mappings[i].to, rest)
			     : 0;
		if (r < 0)
			return r;
	}
	return 0;
}
