/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/build_id_note.h"
#include "split/stripped.h"

struct judge_options {
	const struct debuglink *link; /* the .gnu_debuglink there must be; NULL: none */
	const char *const *removed; /* names of further sections that may be gone */
	size_t n_removed;
	const struct build_id_note *note; /* what is done about the build ID; NULL: nothing */
};

/**
 * Compare a stripped file, as it was written, with its input. It reads both with image_open() and
 * knows nothing of the plan: loadable bytes and program headers the same but for the header's three
 * fields and what options->note plans (a note in zero bytes that nothing covers, a PT_NOTE that was
 * widened, a build ID), what is appended the same, every section that is no debug information there
 * with the same header and bytes, every symbol that is not defined in a section that left there, in
 * order, with the same name, value and section.
 *
 * Errors: -EIO the file is not what it must be; the message says where
 */
must_check int judge_stripped(const struct image *input, const uint8_t *written, uint64_t size,
			      const struct judge_options *options, struct error *err);
