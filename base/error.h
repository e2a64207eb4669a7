/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include "base/attributes.h"

#define ERROR_MESSAGE_SIZE 1024

/**
 * What went wrong, for people. A buffer of the caller: nothing to allocate or free.
 * Functions that can fail return 0 or a negative errno and fill one of these, where given.
 */
struct error {
	char message[ERROR_MESSAGE_SIZE];
};

#define ERROR_NONE ((struct error){ { 0 } })

/** Set the message and return @r; @err may be NULL. A message that is too long is cut. */
int error_set(struct error *err, int r, const char *format, ...) printf_like(3, 4);

/** As error_set(), with ": " and the text of errno -@r behind the message. */
int error_errno(struct error *err, int r, const char *format, ...) printf_like(3, 4);

/** Put "PREFIX: " before the message that is there, and return @r. */
int error_prefix(struct error *err, int r, const char *format, ...) printf_like(3, 4);

/** -ENOMEM with its usual message. */
int error_no_memory(struct error *err);

/**
 * Copy @size bytes from outside so that they can be printed: what is not printable ASCII or valid
 * UTF-8, quotes and backslashes become \xNN. Always ends with NUL; cut (on a whole escape) to fit.
 *
 * @ret_size  at least 5
 * @ret       returned for convenience
 */
const char *escape_bytes(const void *bytes, size_t size, char *ret, size_t ret_size);

/** escape_bytes() of a C string in a buffer of the expression's scope, for messages. */
#define ESCAPED(string) escape_string((string), (char[512]){ 0 }, 512)
const char *escape_string(const char *string, char *ret, size_t ret_size);
