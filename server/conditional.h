/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Validators: entity tags and dates, RFC 9110, 8.8, 13.1 and 5.6.7. Pure. */

/**
 * Is one of an If-None-Match line's tags ours, or is it "*"? Compared weakly, as that header asks
 * for.
 * @etag  ours, strong, with its quotes
 */
bool etag_list_has(const char *value, size_t size, const char *etag);

/** An If-Range value that is a tag: is it ours, compared strongly? */
bool etag_is(const char *value, size_t size, const char *etag);

/** A date in any of the three forms that HTTP knows. False: it is none. */
must_check bool http_date_parse(const char *value, size_t size, int64_t *ret_seconds);

#define HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL */
/** False: before the year 1970 or after 9999, where no date can be said. */
bool http_date_format(int64_t seconds, char ret[static HTTP_DATE_SIZE]);
