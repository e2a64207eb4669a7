/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/attributes.h"
#include "server/glob.h"

/* "[:alpha:]" and the like, at its second byte. NULL: it is none of them. */
static const char *match_class(const char *at, unsigned char byte, bool *ret)
{
	static const struct {
		const char *name;
		int (*has)(int byte);
	} classes[] = {
		{ ":alnum:]", isalnum }, { ":alpha:]", isalpha }, { ":blank:]", isblank },
		{ ":cntrl:]", iscntrl }, { ":digit:]", isdigit }, { ":graph:]", isgraph },
		{ ":lower:]", islower }, { ":print:]", isprint }, { ":punct:]", ispunct },
		{ ":space:]", isspace }, { ":upper:]", isupper }, { ":xdigit:]", isxdigit },
	};
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		size_t size = strlen(classes[i].name);
		if (strncmp(at, classes[i].name, size) != 0)
			continue;
		*ret |= classes[i].has(byte) != 0;
		return at + size;
	}
	return NULL;
}

/* A bracket expression, behind its "[": what follows it, or NULL where it does not end. */
static const char *match_bracket(const char *at, unsigned char byte, bool *ret)
{
	bool negated = *at == '!' || *at == '^', matches = false;

	at += negated;
	for (bool first = true; first || *at != ']'; first = false) {
		if (*at == '[' && at[1] == ':') {
			const char *next = match_class(at + 1, byte, &matches);
			if (next) {
				at = next;
				continue;
			}
		}
		if (*at == '\\' && at[1])
			at++;
		if (!*at || *at == '/')
			return NULL;
		unsigned char low = (unsigned char)*at++, high = low;
		if (*at == '-' && at[1] && at[1] != ']') {
			at++;
			if (*at == '\\' && at[1])
				at++;
			high = (unsigned char)*at++;
		}
		matches |= low <= byte && byte <= high;
	}
	*ret = matches != negated;
	return at + 1;
}

/* One byte of the path, which is no slash, against what stands at the pattern; what follows there,
 * or NULL where it does not match. */
static const char *match_one(const char *pattern, char byte)
{
	if (*pattern == '?')
		return pattern + 1;
	if (*pattern == '[') {
		bool matches;
		const char *next = match_bracket(pattern + 1, (unsigned char)byte, &matches);
		if (next)
			return matches ? next : NULL;
	}
	if (*pattern == '\\' && pattern[1])
		pattern++;
	return *pattern == byte ? pattern + 1 : NULL;
}

/* The last "*" of a part may take more, and only that one: an earlier one could gain nothing. */
bool glob_match(const char *pattern, const char *path)
{
	const char *star = NULL, *star_path = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			star_path = path;
			continue;
		}
		if (!*path && !*pattern)
			return true;
		if (*path == '/' && (*pattern == '/' || (*pattern == '\\' && pattern[1] == '/'))) {
			pattern += *pattern == '\\' ? 2 : 1;
			path++;
			star = NULL;
			continue;
		}
		const char *next = *path && *path != '/' ? match_one(pattern, *path) : NULL;
		if (next) {
			pattern = next;
			path++;
			continue;
		}
		if (!star || !*star_path || *star_path == '/')
			return false;
		path = ++star_path;
		pattern = star;
	}
}

void glob_suffix(const char *pattern, char *ret)
{
	size_t size = strlen(pattern), at = size;

	/* Where a backslash or bracket has a part in it, what it means depends on what is before.
	 */
	while (at && !strchr("*?[]\\", pattern[at - 1]))
		at--;
	memcpy(ret, pattern + at, size - at + 1);
}
