/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/file.h"
#include "store/frame_decoder.h"
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

/*
 * The frame's header, RFC 8878, 3.1.1.1. A decoder may pass over its unused bit; here it counts as
 * damage, as does all that no frame of an object has.
 */
static int check_header(const uint8_t *bytes, size_t size, uint32_t content_size, struct error *err)
{
	if (size < 12 || get_u32(bytes) != ZSTD_MAGICNUMBER)
		return error_set(err, -EBADMSG, "no zstd frame there");
	uint8_t descriptor = bytes[4];
	if ((descriptor & 0x1f) != 0x04) /* unused, reserved, checksum there, no dictionary */
		return error_set(err, -EBADMSG, "frame header descriptor 0x%02x", descriptor);
	if (!(descriptor & 0x20)) { /* else the window is the content's size, which is checked */
		uint8_t window = bytes[5];
		uint64_t base = UINT64_C(1) << (10 + (window >> 3));
		if (base + base / 8 * (window & 7) > SEEK_FRAME_SIZE_LIMIT)
			return error_set(err, -EBADMSG, "a window of more than %u bytes",
					 SEEK_FRAME_SIZE_LIMIT);
	}
	unsigned long long stated = ZSTD_getFrameContentSize(bytes, size);
	if (stated != content_size)
		return error_set(err, -EBADMSG,
				 "its header tells another size than the seek table's %" PRIu32,
				 content_size);
	return 0;
}

static int decode(struct frame_decoder *d, const struct object_frame *frame, void *ret,
		  struct error *err)
{
	int r;

	size_t size = frame->stored_bytes;
	r = check_header(d->stored, size, frame->size_bytes, err);
	if (r < 0)
		return r;
	if (ZSTD_findFrameCompressedSize(d->stored, size) != size)
		return error_set(err, -EBADMSG, "its blocks do not end where the seek table says");
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
