/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "store/object.h"
#include <stddef.h>
#include <stdint.h>

/**
 * Reads and decodes one frame of an object's file at a time, and believes nothing of it: its format
 * is what frame_format.h says, its checksum is the seek table's too, and it decodes to the stated
 * size. One thread at a time.
 */
struct frame_decoder;

must_check int frame_decoder_new(struct frame_decoder **ret, struct error *err);
void frame_decoder_free(struct frame_decoder *d);
define_scoped(struct frame_decoder *, frame_decoder_free)

	/**
	 * @ret  @frame->size_bytes bytes; undefined on failure
	 * Errors: -EBADMSG
	 */
	must_check int frame_decode(struct frame_decoder *d, int fd,
				    const struct object_frame *frame, void *ret, struct error *err);
