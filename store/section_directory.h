/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "store/object.h"
#include <stddef.h>
#include <stdint.h>

/*
 * The section directory of an ELF content: a skippable frame that says where each section's bytes
 * lie, so that one section is found without decoding the file. Little-endian:
 *
 *   8 bytes  "DBGVSECT"
 *   u32      version, 1
 *   u32      count
 *   count x { u32 name's offset in the names, u32 type, u64 flags, u64 offset, u64 size }
 *   names, each NUL-terminated
 *   u32      CRC-32 (of zlib) of all before it
 *
 * Nothing here does I/O.
 */

#define SECTION_DIRECTORY_LIMIT (16u << 20) /* bytes of the whole frame */

/**
 * @ret  the whole skippable frame, freed by the caller; NULL where there is no section. Sections
 * whose bytes do not lie in the content are left out Errors: -EFBIG over SECTION_DIRECTORY_LIMIT
 */
must_check int section_directory_encode(const struct object_layout *layout, uint8_t **ret,
					size_t *ret_size, struct error *err);

/**
 * @frame  the whole skippable frame; names of the result point into it
 * @ret    freed by the caller
 * Errors: -EBADMSG
 */
must_check int section_directory_parse(const uint8_t *frame, size_t size, uint64_t content_size,
				       struct object_section **ret, size_t *ret_n,
				       struct error *err);
