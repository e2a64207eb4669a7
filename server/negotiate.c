/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "server/negotiate.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(const char **at, const char **end)
{
	while (*at < *end && is_blank(**at))
		(*at)++;
	while (*end > *at && is_blank((*end)[-1]))
		(*end)--;
}

static bool token_is(const char *at, const char *end, const char *word)
{
	size_t size = strlen(word);
	return (size_t)(end - at) == size && !strncasecmp(at, word, size);
}

/* "0", "0.5", "1.000": RFC 9110, 12.4.2. In thousandths, or -1 if it is none. */
static int parse_weight(const char *at, const char *end)
{
	if (at == end || (*at != '0' && *at != '1'))
		return -1;
	int weight = (*at++ - '0') * 1000;
	if (at == end)
		return weight;
	if (*at++ != '.' || end - at > 3)
		return -1;
	for (int unit = 100; at < end; at++, unit /= 10) {
		if (*at < '0' || *at > '9')
			return -1;
		weight += (*at - '0') * unit;
	}
	return weight <= 1000 ? weight : -1;
}

/* The weight among an element's parameters; 1000 where it has none, -1 where it is malformed. */
static int find_weight(const char *at, const char *end)
{
	while (at < end) {
		const char *next = memchr(at, ';', (size_t)(end - at));
		const char *parameter_end = next ? next : end;
		const char *parameter = at;
		trim(&parameter, &parameter_end);
		if (parameter_end - parameter >= 2 && (*parameter == 'q' || *parameter == 'Q') &&
		    parameter[1] == '=')
			return parse_weight(parameter + 2, parameter_end);
		at = next ? next + 1 : end;
	}
	return 1000;
}

static void add_element(struct accept_encoding *accept, const char *at, const char *end)
{
	const char *semicolon = memchr(at, ';', (size_t)(end - at));
	const char *token_end = semicolon ? semicolon : end;
	int weight = semicolon ? find_weight(semicolon + 1, end) : 1000;
	if (weight < 0)
		return;

	trim(&at, &token_end);
	if (token_is(at, token_end, "zstd"))
		accept->zstd = weight;
	else if (token_is(at, token_end, "identity"))
		accept->identity = weight;
	else if (token_is(at, token_end, "*"))
		accept->any = weight;
}

void accept_encoding_add(struct accept_encoding *accept, const char *value, size_t size)
{
	const char *end = value + size;

	for (const char *at = value; at < end;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		add_element(accept, at, comma ? comma : end);
		at = comma ? comma + 1 : end;
	}
}

bool accept_encoding_wants_zstd(const struct accept_encoding *accept)
{
	if (accept->zstd >= 0)
		return accept->zstd > 0 && accept->zstd >= accept->identity;

	/* "*" alone is said by clients that mean "whatever is easy", and do not know zstd. */
	return accept->identity == 0 && accept->any > 0;
}
