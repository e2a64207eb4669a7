/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/attributes.h"
#include "base/error.h"
#include "elf/build_id.h"

struct store;

struct join_result {
	struct build_id build_id; /* size 0: none */
	uint64_t size_bytes;
	uint64_t n_other; /* compressed sections that are other streams than the input's: 0: it is the input */
};

/**
 * Make the file that was split again, of its stripped file and its debug file, by the recipe that
 * the latter carries. Byte for byte the same, but where a compressed section's stream is one that
 * our zlib or zstd does not give again: there is another of the same size and content.
 *
 * @debug   NULL: what @st has of the stripped file's build
 * @output  replaced in one step, and never one of the two; gets the stripped file's permissions
 * Errors: -EINVAL they do not belong together, or the output is one of them; -ENOENT no recipe, or
 *	   not in the store; -EBADMSG damaged; -ENOTSUP a stream does not fit its place; else open,
 *	   write and the like
 */
must_check int join_files(const char *stripped, const char *debug, struct store *st,
			  const char *output, struct join_result *ret, struct error *err);
