/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/attributes.h"
#include "base/error.h"

/*
 * JSON whose strings may hold any bytes. Bytes that are not UTF-8 are written as the escapes of lone
 * low surrogates, \udc80 to \udcff, one a byte, and read back to the same bytes (the way of PEP 383).
 * jansson knows neither lone surrogates nor raw bytes, so inside a json_t such a byte stands as one
 * of 128 characters of a private plane; json_bytes() and json_bytes_of() translate, and a text that
 * holds these very characters goes through them as raw bytes, so the way is one to one.
 */

/** A JSON string of any @size bytes without NUL. NULL: no memory, or a NUL in it. */
json_t *json_bytes(const void *bytes, size_t size);
json_t *json_bytes_string(const char *string);

/**
 * The bytes of a JSON string, NUL-terminated.
 * @ret  freed by the caller
 * Errors: -EBADMSG not a string, or with a NUL in it
 */
must_check int json_bytes_of(const json_t *string, char **ret, struct error *err);

/** As json_bytes_of() for member @key of an object; NULL in @ret where it is absent or null. */
must_check int json_get_bytes(const json_t *object, const char *key, char **ret, struct error *err);

/**
 * Keys of an object may hold any bytes, too: written as json_string_value() of a json_bytes(), and
 * read back by this. @ret and errors as in json_bytes_of().
 */
must_check int json_key_bytes(const char *key, char **ret, struct error *err);

#define JSON_DEPTH_LIMIT 64 /* arrays and objects in one another */

/**
 * Read one JSON value from text of @size bytes.
 * Errors: -EBADMSG not JSON, nested deeper than JSON_DEPTH_LIMIT, or a key twice; says line and column
 */
must_check int json_parse(const char *text, size_t size, json_t **ret, struct error *err);

/**
 * Write a value: compact, or indented by 2, keys in order of insertion; no newline at the end.
 * @ret  freed by the caller
 */
must_check int json_format(const json_t *value, bool pretty, char **ret, size_t *ret_size,
			   struct error *err);

static inline void json_scoped_decref(json_t **value)
{
	json_decref(*value);
}

/**
 * "2026-11-24T05:46:00Z" (RFC 3339, UTC) in a buffer of the expression's scope, and back; only this
 * form is read. Times before the year 0 or after 9999 are written as the first or last second of these.
 */
#define TIME_TEXT(seconds) time_text((seconds), (char[32]){ 0 })
const char *time_text(int64_t seconds, char ret[static 32]);
must_check int time_parse(const char *text, int64_t *ret_seconds, struct error *err);
