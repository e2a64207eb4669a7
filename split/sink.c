/* SPDX-License-Identifier: Apache-2.0 */
#include <libdeflate.h>

#include "base/file.h"
#include "base/progress.h"
#include "split/sink.h"

int sink_take(const struct sink *sink, const uint8_t *bytes, uint64_t size, bool lent,
	      struct error *err)
{
	return size ? sink->put(bytes, (size_t)size, lent, sink->context, err) : 0;
}

int sink_pad(const struct sink *sink, uint64_t size, struct error *err)
{
	int r;

	static const uint8_t zeros[4096];
	while (size) {
		uint64_t n = min_u64(size, sizeof(zeros));
		r = sink_take(sink, zeros, n, true, err);
		if (r < 0)
			return r;
		size -= n;
	}
	return 0;
}

static int file_take(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	int r;

	(void)lent;
	struct file_sink *file = context;
	/* In pieces that stay in the cache between the checksum and the write. */
	while (size) {
		size_t n = min_u64(size, 1 << 18);
		if (file->wants_crc)
			file->crc = libdeflate_crc32(file->crc, bytes, n);
		r = file_write(file->fd, bytes, n, file->what, err);
		if (r < 0)
			return r;
		file->size_bytes += n;
		bytes += n;
		size -= n;
	}
	return 0;
}

struct sink file_sink(struct file_sink *file)
{
	return (struct sink){ .put = file_take, .context = file };
}

static int tee_take(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	int r;

	const struct tee_sink *tee = context;
	for (size_t i = 0; i < tee->n_sinks; i++) {
		r = sink_take(&tee->sinks[i], bytes, size, lent, err);
		if (r < 0)
			return r;
	}
	return 0;
}

struct sink tee_sink(struct tee_sink *tee)
{
	return (struct sink){ .put = tee_take, .context = tee };
}

static int told_take(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	int r;

	const struct progress_sink *told = context;
	while (size) {
		size_t n = min_u64(size, 4 << 20);
		r = sink_take(&told->sink, bytes, n, lent, err);
		if (r < 0)
			return r;
		progress_advance(told->progress, 0, n);
		bytes += n;
		size -= n;
	}
	return 0;
}

struct sink progress_sink(struct progress_sink *told)
{
	return (struct sink){ .put = told_take, .context = told };
}
