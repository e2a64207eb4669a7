/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attributes.h"
#include "base/error.h"

#define BUILD_ID_MAX_SIZE 64			    /* bytes; libdebuginfod's own limit is 63 */
#define BUILD_ID_HEX_SIZE (2 * BUILD_ID_MAX_SIZE + 1) /* with NUL */

/** The description of an NT_GNU_BUILD_ID note. size 0: none. Bytes behind size are zero. */
struct build_id {
	uint8_t size;
	uint8_t bytes[BUILD_ID_MAX_SIZE];
};

/** Errors: -EBADMSG no bytes, or more than BUILD_ID_MAX_SIZE */
must_check int build_id_set(struct build_id *ret, const uint8_t *bytes, size_t size, struct error *err);

/** 2 to 128 hex digits, an even number, either case. Errors: -EINVAL, which says which rule is
 * broken */
must_check int build_id_parse(const char *hex, size_t size, struct build_id *ret, struct error *err);

const char *build_id_hex(const struct build_id *id, char ret[static BUILD_ID_HEX_SIZE]);
#define BUILD_ID_HEX(id) build_id_hex((id), (char[BUILD_ID_HEX_SIZE]){ 0 })

bool build_id_equal(const struct build_id *a, const struct build_id *b);
