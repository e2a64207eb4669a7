/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

/**
 * Are these bytes exactly one zstd frame as an object has them: with the content size @content_size
 * and a checksum, without a dictionary, a window of at most 8 MiB, blocks that end where the bytes
 * do, and zeros in all bits that RFC 8878 reserves? Decoders differ in whether they look at the
 * last: what one passes over another refuses. The blocks' insides are the decoder's to judge. No
 * I/O.
 *
 * Errors: -EBADMSG
 */
must_check int frame_format_check(const uint8_t *bytes, size_t size, uint32_t content_size,
				  struct error *err);
