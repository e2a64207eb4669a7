/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

/* Percent escapes: RFC 3986, 2.1. */

static inline int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/** The next byte, decoded; @at is moved behind it. False: a percent sign without two hex digits. */
static inline bool escape_decode(const char **at, char *ret)
{
	const char *text = *at;

	*ret = *text;
	*at = text + 1;
	if (*text != '%')
		return true;
	int high = hex_value(text[1]), low = high < 0 ? -1 : hex_value(text[2]);
	if (low < 0)
		return false;
	*ret = (char)(high << 4 | low);
	*at = text + 3;
	return true;
}
