/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <strings.h>

#include "base/attributes.h"
#include "server/range.h"

struct cursor {
	const char *at;
	const char *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
		c->at++;
}

/* Digits to a number; one that is too large for 64 bits stands at their end. False: no digit. */
static bool read_number(struct cursor *c, uint64_t *ret)
{
	const char *begin = c->at;
	uint64_t value = 0;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c->at - '0'), &value))
			value = UINT64_MAX;
	}
	*ret = value;
	return c->at > begin;
}

enum range_verdict range_parse(const char *value, size_t size, uint64_t total, struct range *ret)
{
	struct cursor c = { value, value + size };

	skip_blanks(&c);
	if (c.end - c.at < 6 || strncasecmp(c.at, "bytes=", 6) != 0)
		return RANGE_IGNORED;
	c.at += 6;
	skip_blanks(&c);

	uint64_t first = 0, last = 0;
	bool has_first = read_number(&c, &first);
	if (c.at == c.end || *c.at++ != '-')
		return RANGE_IGNORED;
	bool has_last = read_number(&c, &last);
	skip_blanks(&c);
	if (c.at != c.end ||
	    (!has_first && !has_last)) /* "a-b,c-d" too: the whole is a right answer */
		return RANGE_IGNORED;

	if (!has_first) { /* the last so many bytes */
		uint64_t wanted = min_u64(last, total);
		if (!wanted)
			return RANGE_UNSATISFIABLE;
		*ret = (struct range){ total - wanted, wanted };
		return RANGE_GIVEN;
	}
	if (has_last && last < first)
		return RANGE_IGNORED;
	if (first >= total)
		return RANGE_UNSATISFIABLE;

	uint64_t end = has_last && last < total ? last + 1 : total;
	*ret = (struct range){ first, end - first };
	return RANGE_GIVEN;
}
