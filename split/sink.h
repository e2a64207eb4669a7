/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where an image's bytes go, in order. */
struct sink {
	/**
	 * @lent  the bytes stay where they are, unchanged, until the image they belong to is freed:
	 *a sink may keep pointers to them instead of a copy
	 */
	int (*put)(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err);
	void *context;
};

must_check int sink_take(const struct sink *sink, const uint8_t *bytes, uint64_t size, bool lent,
			 struct error *err);
/** @size zeros. */
must_check int sink_pad(const struct sink *sink, uint64_t size, struct error *err);

/** A plain file that is written from its start, and its CRC-32 where .gnu_debuglink needs it. */
struct file_sink {
	int fd; /* the caller's */
	const char *what; /* names the file in messages */
	bool wants_crc;
	uint32_t crc; /* of the bytes so far; 0 at the start */
	uint64_t size_bytes;
};
struct sink file_sink(struct file_sink *file);

/** Any number of sinks up to two as one. */
struct tee_sink {
	struct sink sinks[2];
	size_t n_sinks;
};
struct sink tee_sink(struct tee_sink *tee);

struct progress;

/** Another sink, whose bytes are told to a progress piece by piece. */
struct progress_sink {
	struct sink sink;
	struct progress *progress; /* NULL: nobody is told */
};
struct sink progress_sink(struct progress_sink *told);
