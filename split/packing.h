/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "split/sink.h"

/*
 * Compressed kernel modules, as Linux and kmod load them: one zstd frame, one xz stream whose check is
 * CRC-32 (the kernel's decoder knows no other), or gzip. xz is what the program of that name does: it
 * is not linked with.
 */

enum packing { PACKING_NONE, PACKING_ZSTD, PACKING_XZ, PACKING_GZIP };

#define PACKING_LIMIT (UINT64_C(4) << 30) /* bytes of content */

enum packing packing_of(const uint8_t *bytes, uint64_t size);

/**
 * Decompress all that is in @in_fd, from its start.
 * Errors: -EBADMSG damaged; -EFBIG over PACKING_LIMIT; -ENOTSUP xz is not installed; what the sink gives
 */
must_check int packing_unpack(enum packing packing, int in_fd, const struct sink *to,
			      struct error *err);

/** Compress it: the same bytes on every machine with the same libraries. */
must_check int packing_pack(enum packing packing, int in_fd, const struct sink *to,
			    struct error *err);
