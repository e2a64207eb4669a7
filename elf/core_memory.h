/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/core.h"
#include "elf/image.h"

/* The memory of a process in its core file. For this folder alone. */

/* What of it is in the file. */
struct core_span {
	uint64_t address, size_bytes, offset;
};

struct core_memory {
	struct image file; /* the core: bytes, class and byte order; no tables */
	struct core_span *spans; /* by address; each lies in the file */
	uint64_t n_spans;
	uint64_t program_headers, n_program_headers; /* of what was run: AT_PHDR, 0: not said */
};

/** What the file holds of the memory from @address on, up to where the segment ends; NULL and 0:
 * nothing. */
const uint8_t *core_memory_at(const struct core_memory *memory, uint64_t address,
			      uint64_t *ret_size);

/** The class's "long": 4 or 8 bytes, and the @i-th of an array of them. */
uint64_t core_word_size(const struct image *file);
uint64_t core_word(const struct image *file, const uint8_t *words, uint64_t i);

/** Read the dynamic loader's list of what it loaded, and note its names. What is damaged ends the
 * list. Errors: -ENOMEM */
must_check int core_name_files(const struct core_memory *memory, struct core *core,
			       struct error *err);
