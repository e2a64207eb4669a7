/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static void __attribute__((format(printf, 2, 0)))
set_message(struct error *err, const char *format, va_list args)
{
	vsnprintf(err->message, sizeof(err->message), format, args);
}

int error_set(struct error *err, int r, const char *format, ...)
{
	if (!err)
		return r;
	va_list args;
	va_start(args, format);
	set_message(err, format, args);
	va_end(args);
	return r;
}

/* Put what is in @old behind what the message says now. */
static void append(struct error *err, const char *separator, const char *old)
{
	size_t used = strlen(err->message);
	snprintf(err->message + used, sizeof(err->message) - used, "%s%s", separator, old);
}

int error_errno(struct error *err, int r, const char *format, ...)
{
	if (!err)
		return r;
	va_list args;
	va_start(args, format);
	set_message(err, format, args);
	va_end(args);
	append(err, ": ",
	       strerror(-r)); /* safe among threads in glibc and musl; strerror_r differs */
	return r;
}

int error_prefix(struct error *err, int r, const char *format, ...)
{
	if (!err)
		return r;
	char old[ERROR_MESSAGE_SIZE];
	memcpy(old, err->message, sizeof(old));
	va_list args;
	va_start(args, format);
	set_message(err, format, args);
	va_end(args);
	append(err, *old ? ": " : "", old);
	return r;
}

int error_no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

/* Bytes of a well-formed UTF-8 sequence of printable text at @s (RFC 3629), or 0. */
static size_t utf8_length(const unsigned char *s, size_t size)
{
	static const struct {
		unsigned char first, last, low, high; /* bounds of the first and the second byte */
		size_t length;
	} forms[] = {
		{ 0x20, 0x7e, 0, 0, 1 },
		{ 0xc2, 0xc2, 0xa0, 0xbf, 2 }, /* C1 controls are out */
		{ 0xc3, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (forms[i].length == 1)
			return 1;
		if (size < forms[i].length || s[1] < forms[i].low || s[1] > forms[i].high)
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

/* U+061C, U+200E, U+200F, U+2028 to U+202E and U+2066 to U+2069 turn or break a line of text. */
static bool reorders_text(const unsigned char *s, size_t length)
{
	if (length == 2)
		return s[0] == 0xd8 && s[1] == 0x9c;
	if (length != 3 || s[0] != 0xe2)
		return false;
	if (s[1] == 0x80)
		return s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae);
	return s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9;
}

const char *escape_bytes(const void *bytes, size_t size, char *ret, size_t ret_size)
{
	const unsigned char *s = bytes;
	size_t used = 0;
	for (size_t at = 0; at < size;) {
		char piece[8];
		size_t length = utf8_length(s + at, size - at);
		size_t taken = length ? length : 1;
		if (!length || s[at] == '"' || s[at] == '\\' || reorders_text(s + at, length)) {
			length = (size_t)snprintf(piece, sizeof(piece), "\\x%02x", s[at]);
			taken = 1;
		} else {
			memcpy(piece, s + at, length);
		}
		if (used + length + 1 > ret_size)
			break;
		memcpy(ret + used, piece, length);
		used += length;
		at += taken;
	}
	ret[used] = 0;
	return ret;
}

const char *escape_string(const char *string, char *ret, size_t ret_size)
{
	return escape_bytes(string, strlen(string), ret, ret_size);
}
