/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/file.h"
#include "store/frame_decoder.h"
#include "store/frame_format.h"
#include "store/seek_table.h"

struct frame_decoder {
	ZSTD_DCtx *context;
	uint8_t *stored;
	size_t capacity;
};

int frame_decoder_new(struct frame_decoder **ret, struct error *err)
{
	struct frame_decoder *d = calloc(1, sizeof(*d));
	if (!d)
		return error_no_memory(err);
	d->context = ZSTD_createDCtx();
	if (!d->context) {
		free(d);
		return error_no_memory(err);
	}
	*ret = d;
	return 0;
}

void frame_decoder_free(struct frame_decoder *d)
{
	if (!d)
		return;
	ZSTD_freeDCtx(d->context);
	free(d->stored);
	free(d);
}

static int decode(struct frame_decoder *d, const struct object_frame *frame, void *ret,
		  struct error *err)
{
	int r;

	size_t size = frame->stored_bytes;
	r = frame_format_check(d->stored, size, frame->size_bytes, err);
	if (r < 0)
		return r;
	if (get_u32(d->stored + size - 4) != frame->checksum)
		return error_set(err, -EBADMSG, "its checksum is not the seek table's");
	size_t z = ZSTD_decompressDCtx(d->context, ret, frame->size_bytes, d->stored, size);
	if (ZSTD_isError(z))
		return error_set(err, -EBADMSG, "%s", ZSTD_getErrorName(z));
	if (z != frame->size_bytes)
		return error_set(err, -EBADMSG, "%zu bytes, %" PRIu32 " expected", z,
				 frame->size_bytes);
	return 0;
}

int frame_decode(struct frame_decoder *d, int fd, const struct object_frame *frame, void *ret,
		 struct error *err)
{
	int r;

	if (frame->stored_bytes > d->capacity) {
		free(d->stored);
		d->capacity = 0;
		d->stored = malloc(frame->stored_bytes);
		if (!d->stored)
			return error_no_memory(err);
		d->capacity = frame->stored_bytes;
	}
	r = file_pread(fd, d->stored, frame->stored_bytes, frame->stored_offset, "object", err);
	if (r == 0)
		r = decode(d, frame, ret, err);
	if (r < 0)
		return error_prefix(err, r, "frame at 0x%" PRIx64 " in the file",
				    frame->stored_offset);
	return 0;
}
