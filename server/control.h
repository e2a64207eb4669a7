/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Bytes that are no text: they would break a header line or a line of the log. */

static inline bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/** @tabs_pass  a tab counts as text, as within a header's value (RFC 9110, 5.5) */
static inline bool has_control(const char *bytes, size_t size, bool tabs_pass)
{
	for (size_t i = 0; i < size; i++) {
		if (is_control(bytes[i]) && !(tabs_pass && bytes[i] == '\t'))
			return true;
	}
	return false;
}
