/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/* Readable text in sections, compressed ones too, as strings(1) finds it. */

#define TEXT_LIMIT 4096u /* bytes; what is longer is handed out in pieces */

struct text {
	const char *bytes; /* printable: no control characters; not terminated */
	size_t size;
	bool whole; /* it ends with a NUL byte */
};

typedef void (*text_visit)(const struct text *text, void *context);

/** Runs of 4 and more printable bytes, in order. What cannot be decoded is passed over. */
void texts_visit(const struct image *image, const struct section *section, text_visit visit,
		 void *context);
/** The same in bytes that lie in memory. */
void texts_visit_bytes(const uint8_t *bytes, uint64_t size, text_visit visit, void *context);
