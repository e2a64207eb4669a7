/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/attributes.h"
#include "server/control.h"
#include "server/escape.h"
#include "server/query.h"

/* Decode a value, up to "&". "+" is itself, for names have it. NULL, or what is wrong. */
static const char *decode(const char *text, char ret[static QUERY_VALUE_SIZE])
{
	size_t size = 0;

	for (; *text && *text != '&'; size++) {
		if (size == QUERY_VALUE_SIZE - 1)
			return "a value of more than 1024 bytes";
		if (!escape_decode(&text, &ret[size]))
			return "a percent sign without two hex digits";
		if (is_control(ret[size]))
			return "a control byte";
	}
	ret[size] = 0;
	return NULL;
}

static bool read_number(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	if (!*text || strlen(text) > 12)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = 10 * value + (uint64_t)(*text - '0');
	}
	*ret = value;
	return true;
}

static bool read_key(const char *text, enum query_key *ret)
{
	static const char *const keys[] = { [QUERY_FILE] = "file",
					    [QUERY_GLOB] = "glob",
					    [QUERY_BUILD_ID] = "buildid",
					    [QUERY_PACKAGE] = "package" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!strcmp(text, keys[i])) {
			*ret = (enum query_key)i;
			return true;
		}
	}
	return false;
}

static bool skip_word(const char **at, const char *word)
{
	size_t size = strlen(word);
	if (strncmp(*at, word, size) != 0)
		return false;
	*at += size;
	return true;
}

const char *query_parse(const char *text, struct query *ret)
{
	bool has_key = false, has_value = false;
	char number[QUERY_VALUE_SIZE];

	*ret = (struct query){ .limit = QUERY_LIMIT_MAX };
	while (*text) {
		const char *why = NULL;
		if (skip_word(&text, "key=")) {
			why = decode(text, number);
			if (!why && !read_key(number, &ret->key))
				why = "key: expected file, glob, buildid or package";
			has_key = true;
		} else if (skip_word(&text, "value=")) {
			why = decode(text, ret->value);
			has_value = true;
		} else if (skip_word(&text, "limit=")) {
			why = decode(text, number);
			if (!why && (!read_number(number, &ret->limit) || !ret->limit ||
				     ret->limit > QUERY_LIMIT_MAX))
				why = "limit: expected a number from 1 to 10000";
		} else if (skip_word(&text, "offset=")) {
			why = decode(text, number);
			if (!why && !read_number(number, &ret->offset))
				why = "offset: expected a number";
		}
		if (why)
			return why;
		text += strcspn(text, "&");
		text += *text == '&';
	}
	return has_key && has_value && *ret->value ? NULL : "expected key=…&value=…";
}
