/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"

/*
 * Byte 0x80 + n, where it is not part of UTF-8, stands in a json_t as the character U+10DC80 + n,
 * four bytes of UTF-8: F4 8D B2 80 to F4 8D B3 BF.
 */
#define PRIVATE_FIRST 0x10dc80u
#define PRIVATE_LAST 0x10dcffu
#define PRIVATE_LENGTH 4 /* bytes */

static size_t put_private(uint8_t byte, char *ret)
{
	if (ret) {
		ret[0] = (char)0xf4;
		ret[1] = (char)0x8d;
		ret[2] = (char)(0xb0 | byte >> 6);
		ret[3] = (char)(0x80 | (byte & 0x3f));
	}
	return PRIVATE_LENGTH;
}

static bool is_private(const uint8_t *s, size_t size)
{
	return size >= PRIVATE_LENGTH && s[0] == 0xf4 && s[1] == 0x8d &&
	       (s[2] == 0xb2 || s[2] == 0xb3) && (s[3] & 0xc0) == 0x80;
}

static uint8_t private_byte(const uint8_t *s)
{
	return (uint8_t)(s[2] << 6 | (s[3] & 0x3f));
}

/* Each of @size bytes as a private character. */
static size_t put_all_private(const uint8_t *bytes, size_t size, char *ret)
{
	size_t used = 0;
	for (size_t i = 0; i < size; i++)
		used += put_private(bytes[i], ret ? ret + used : NULL);
	return used;
}

static size_t put_same(const uint8_t *bytes, size_t size, char *ret)
{
	if (ret)
		memcpy(ret, bytes, size);
	return size;
}

/* Bytes of the well-formed character at @s (RFC 3629), or 0. */
static size_t utf8_length(const uint8_t *s, size_t size)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	size_t length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (length > size)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what lies past U+10FFFF show in the second byte. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

/* Any bytes as UTF-8 with private characters; @ret NULL: only their size. */
static size_t bytes_to_utf8(const uint8_t *bytes, size_t size, char *ret)
{
	size_t used = 0;
	for (size_t at = 0; at < size;) {
		char *to = ret ? ret + used : NULL;
		size_t length = utf8_length(bytes + at, size - at);
		if (!length)
			used += put_private(bytes[at], to);
		else if (is_private(bytes + at, length))
			used += put_all_private(bytes + at, length, to);
		else
			used += put_same(bytes + at, length, to);
		at += length ? length : 1;
	}
	return used;
}

json_t *json_bytes(const void *bytes, size_t size)
{
	if (size > SIZE_MAX / 8 || memchr(bytes, 0, size))
		return NULL;
	size_t utf8_size = bytes_to_utf8(bytes, size, NULL);
	/* Only well-formed text keeps its size. */
	if (utf8_size == size)
		return json_stringn_nocheck(bytes, size);
	scoped(string_free) char *utf8 = malloc(utf8_size);
	if (!utf8)
		return NULL;
	bytes_to_utf8(bytes, size, utf8);
	return json_stringn_nocheck(utf8, utf8_size);
}

json_t *json_bytes_string(const char *string)
{
	return json_bytes(string, strlen(string));
}

static int utf8_to_bytes(const char *utf8, size_t size, char **ret, struct error *err)
{
	if (memchr(utf8, 0, size))
		return error_set(err, -EBADMSG, "a string holds a NUL");
	char *bytes = malloc(size + 1);
	if (!bytes)
		return error_no_memory(err);
	size_t used = 0;
	for (size_t at = 0; at < size;) {
		const uint8_t *s = (const uint8_t *)utf8 + at;
		bool private = is_private(s, size - at);
		bytes[used++] = (char)(private ? private_byte(s) : *s);
		at += private ? PRIVATE_LENGTH : 1;
	}
	bytes[used] = 0;
	*ret = bytes;
	return 0;
}

int json_bytes_of(const json_t *string, char **ret, struct error *err)
{
	if (!json_is_string(string))
		return error_set(err, -EBADMSG, "not a string");
	return utf8_to_bytes(json_string_value(string), json_string_length(string), ret, err);
}

int json_get_bytes(const json_t *object, const char *key, char **ret, struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value)) {
		*ret = NULL;
		return 0;
	}
	int r = json_bytes_of(value, ret, err);
	if (r < 0)
		return error_prefix(err, r, "\"%s\"", ESCAPED(key));
	return 0;
}

int json_key_bytes(const char *key, char **ret, struct error *err)
{
	return utf8_to_bytes(key, strlen(key), ret, err);
}

/* The number in the escape \uXXXX at @s, or -1. */
static long escape_value(const uint8_t *s, size_t size)
{
	uint8_t value[2];
	if (size < 6 || s[0] != '\\' || s[1] != 'u' || !hex_decode((const char *)s + 2, 4, value))
		return -1;
	return value[0] << 8 | value[1];
}

/*
 * One element of a JSON string's inside at @s, said so that jansson reads it: lone low surrogates
 * become private characters; private characters of the text, their bytes. Bytes written; *ret_taken
 * of the text's were used.
 */
static size_t translate_element(const uint8_t *s, size_t size, size_t *ret_taken, char *ret)
{
	if (is_private(s, size)) {
		*ret_taken = PRIVATE_LENGTH;
		return put_all_private(s, PRIVATE_LENGTH, ret);
	}
	if (s[0] != '\\' || size < 2) {
		*ret_taken = 1;
		return put_same(s, 1, ret);
	}
	*ret_taken = 2;
	long first = escape_value(s, size);
	if (first < 0)
		return put_same(s, 2, ret);
	*ret_taken = 6;
	if (first >= 0xdc80 && first <= 0xdcff)
		return put_private((uint8_t)(first - 0xdc00), ret);
	long second = first >= 0xd800 && first <= 0xdbff ? escape_value(s + 6, size - 6) : -1;
	if (second < 0xdc00 || second > 0xdfff)
		return put_same(s, 6, ret); /* a lone one of another kind: jansson refuses it */
	*ret_taken = 12;
	unsigned long character = 0x10000ul + ((unsigned long)first - 0xd800) * 0x400 +
				  ((unsigned long)second - 0xdc00);
	if (character < PRIVATE_FIRST || character > PRIVATE_LAST)
		return put_same(s, 12, ret);
	char utf8[PRIVATE_LENGTH];
	put_private((uint8_t)(character - PRIVATE_FIRST + 0x80), utf8);
	return put_all_private((const uint8_t *)utf8, sizeof(utf8), ret);
}

struct translation {
	size_t taken; /* of the text: less than all of it where it ended early */
	size_t written; /* for jansson */
	bool changed; /* is it another text? */
	bool too_deep;
};

/* Translate up to @limit written bytes; @ret NULL: only find out what would be written. */
static struct translation translate(const uint8_t *text, size_t size, size_t limit, char *ret)
{
	struct translation t = { 0 };
	bool inside = false;
	int depth = 0;
	while (t.taken < size && t.written < limit) {
		const uint8_t *s = text + t.taken;
		size_t n_taken = 1, n_written = 1;
		char *to = ret ? ret + t.written : NULL;
		if (*s == '"') {
			inside = !inside;
			put_same(s, 1, to);
		} else if (inside) {
			n_written = translate_element(s, size - t.taken, &n_taken, to);
		} else {
			if (*s == '[' || *s == '{')
				t.too_deep = ++depth > JSON_DEPTH_LIMIT;
			else if (*s == ']' || *s == '}')
				depth--;
			put_same(s, 1, to);
		}
		t.changed = t.changed || n_taken != n_written;
		if (t.too_deep)
			return t;
		t.taken += n_taken;
		t.written += n_written;
	}
	return t;
}

static int bad_text(const char *text, size_t at, const char *why, struct error *err)
{
	size_t line = 1, column = 1;
	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if ((text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return error_set(err, -EBADMSG, "bad JSON: line %zu, column %zu: %s", line, column,
			 ESCAPED(why));
}

int json_parse(const char *text, size_t size, json_t **ret, struct error *err)
{
	if (size > SIZE_MAX / 8)
		return error_set(err, -EFBIG, "%zu bytes of JSON", size);
	const uint8_t *bytes = (const uint8_t *)text;
	struct translation t = translate(bytes, size, SIZE_MAX, NULL);
	if (t.too_deep)
		return bad_text(text, t.taken, "nested too deep", err);

	scoped(string_free) char *translated = NULL;
	if (t.changed) {
		translated = malloc(t.written);
		if (!translated)
			return error_no_memory(err);
		translate(bytes, size, SIZE_MAX, translated);
	}

	json_error_t trouble = { 0 };
	json_t *value =
		json_loadb(t.changed ? translated : text, t.written,
			   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &trouble);
	if (value) {
		*ret = value;
		return 0;
	}
	if (json_error_code(&trouble) == json_error_out_of_memory)
		return error_no_memory(err);
	/* What it read there is left out: it is in our translation, and the place tells. */
	char *near = strstr(trouble.text, " near '");
	if (near)
		*near = 0;
	size_t position = trouble.position > 0 ? (size_t)trouble.position : 0;
	return bad_text(text, translate(bytes, size, position, NULL).taken, trouble.text, err);
}

/* The same text with private characters as lone surrogates. @ret NULL: only its size. */
static size_t restore_surrogates(const char *text, size_t size, char *ret)
{
	size_t used = 0;
	for (size_t at = 0; at < size;) {
		const uint8_t *s = (const uint8_t *)text + at;
		char *to = ret ? ret + used : NULL;
		if (!is_private(s, size - at)) {
			used += put_same(s, 1, to);
			at++;
			continue;
		}
		if (to) {
			uint8_t byte = private_byte(s);
			memcpy(to, "\\udc", 4);
			char digits[3];
			hex_encode(&byte, 1, digits);
			memcpy(to + 4, digits, 2);
		}
		used += 6;
		at += PRIVATE_LENGTH;
	}
	return used;
}

int json_format(const json_t *value, bool pretty, char **ret, size_t *ret_size, struct error *err)
{
	scoped(string_free) char *text =
		json_dumps(value, JSON_ENCODE_ANY | (pretty ? JSON_INDENT(2) : JSON_COMPACT));
	if (!text)
		return error_no_memory(err);
	size_t size = strlen(text); /* a NUL in a string is an escape here */
	size_t restored_size = restore_surrogates(text, size, NULL);
	if (restored_size != size) {
		char *restored = malloc(restored_size + 1);
		if (!restored)
			return error_no_memory(err);
		restore_surrogates(text, size, restored);
		restored[restored_size] = 0;
		free(text);
		text = restored;
	}
	*ret = take(text);
	*ret_size = restored_size;
	return 0;
}

/* The years that RFC 3339 can write. */
#define TIME_FIRST INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define TIME_LAST INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

const char *time_text(int64_t seconds, char ret[static 32])
{
	time_t time = (time_t)(seconds < TIME_FIRST  ? TIME_FIRST
			       : seconds > TIME_LAST ? TIME_LAST
						     : seconds);
	struct tm tm = { 0 };
	gmtime_r(&time, &tm);
	snprintf(ret, 32, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return ret;
}

int time_parse(const char *text, int64_t *ret_seconds, struct error *err)
{
	struct tm tm = { 0 };
	if (strlen(text) == strlen("2026-11-24T05:46:00Z") &&
	    sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec) == 6) {
		tm.tm_year -= 1900;
		tm.tm_mon -= 1;
		int64_t seconds = timegm(&tm);
		/* What no calendar has, or is written in another way, does not come back as it was.
		 */
		if (!strcmp(TIME_TEXT(seconds), text)) {
			*ret_seconds = seconds;
			return 0;
		}
	}
	return error_set(err, -EBADMSG, "not a time like 2026-11-24T05:46:00Z: \"%s\"",
			 ESCAPED(text));
}
