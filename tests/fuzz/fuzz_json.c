/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/fuzz/fuzz.h"

/* The input is a text, and any bytes that go into a text and come back. */

static void fuzz_text(const char *text, size_t size)
{
	struct error err = ERROR_NONE;
	scoped(json_scoped_decref) json_t *value = NULL, *again = NULL;
	int r = json_parse(text, size, &value, &err);
	FUZZ_CHECK((r < 0) == (value == NULL));
	if (r < 0) {
		FUZZ_CHECK(err.message[0]);
		return;
	}
	for (int pretty = 0; pretty < 2; pretty++) {
		scoped(string_free) char *written = NULL, *rewritten = NULL;
		size_t written_size, rewritten_size;
		FUZZ_CHECK(json_format(value, pretty, &written, &written_size, NULL) == 0);
		FUZZ_CHECK(strlen(written) == written_size);
		FUZZ_CHECK(json_parse(written, written_size, &again, NULL) == 0);
		FUZZ_CHECK(json_format(again, pretty, &rewritten, &rewritten_size, NULL) == 0);
		FUZZ_CHECK(!strcmp(written, rewritten));
		json_decref(take(again));
	}
}

static void fuzz_bytes(const char *bytes, size_t size)
{
	scoped(json_scoped_decref) json_t *value = json_bytes(bytes, size), *parsed = NULL;
	if (memchr(bytes, 0, size)) {
		FUZZ_CHECK(!value);
		return;
	}
	scoped(string_free) char *text = NULL, *back = NULL;
	size_t text_size;
	FUZZ_CHECK(value && json_format(value, false, &text, &text_size, NULL) == 0);
	FUZZ_CHECK(json_parse(text, text_size, &parsed, NULL) == 0);
	FUZZ_CHECK(json_bytes_of(parsed, &back, NULL) == 0);
	FUZZ_CHECK(strlen(back) == size && !memcmp(back, bytes, size));
}

static void fuzz_time(const char *text)
{
	int64_t seconds;
	if (time_parse(text, &seconds, NULL) == 0)
		FUZZ_CHECK(!strcmp(TIME_TEXT(seconds), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char escaped[64], *string = malloc(size + 1);
	if (!string)
		abort();
	if (size)
		memcpy(string, data, size);
	string[size] = 0;
	fuzz_text((const char *)data, size);
	fuzz_bytes((const char *)data, size);
	fuzz_time(string);
	FUZZ_CHECK(strlen(escape_bytes(data, size, escaped, sizeof(escaped))) < sizeof(escaped));
	free(string);
	return 0;
}

void fuzz_seeds(fuzz_add add)
{
	static const char *const seeds[] = {
		"{\"path\":\"a\\udc80\\udcff\",\"b\":[1,-2.5e3,true,null],\"\\\\udc80\":\"\\ud83d\\ude00\"}",
		"[\"\\udbf7\\udc80\\udbf7\\udcff\",\"\xf4\x8d\xb2\x80\",\"\\u0000\",\"\\/\\n\"]",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
		"\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\"",
		"\xf4\x8d\xb2\x80\xf4\x8d\xb3\xbf\xed\xb2\x80\xc0\x80\xff",
		"2026-11-24T05:46:00Z",
	};
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		add((const uint8_t *)seeds[i], strlen(seeds[i]));
}
