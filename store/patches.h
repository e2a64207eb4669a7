/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/record.h"

/*
 * Bytes of a stored debug image that differ from the image before names were changed in it: the change
 * "names-patched" of a contribution. Format: docs/FORMAT.md.
 */
struct patches {
	uint64_t *offsets; /* rising */
	size_t n; /* 0: the image is the original */
	uint8_t old_byte, new_byte;
	struct artifact original;
};

/**
 * Those that were made to @debug, by the first contribution that has it.
 * Errors: -EBADMSG the record's change is malformed; -ENOMEM
 */
must_check int patches_read(const struct record *record, const struct artifact *debug,
			    struct patches *ret, struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(patches_free). */
void patches_free(struct patches *patches);

/**
 * Undo them in @size bytes that begin at @offset of the image.
 * Errors: -EBADMSG a byte is not what the change made it
 */
must_check int patches_undo(const struct patches *patches, uint64_t offset, uint8_t *bytes,
			    size_t size, struct error *err);
