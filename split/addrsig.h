/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * .llvm_addrsig: the symbols whose addresses matter, as ULEB128 numbers. Source: LLVM,
 * "Extensions", SHT_LLVM_ADDRSIG Section.
 */
#define SHT_ADDRSIG 0x6fff4c03
/* .llvm.call-graph-profile: names its symbols by relocations alone. */
#define SHT_CALL_GRAPH 0x6fff4c09

/** The next number. Moves *@at. Errors: -EBADMSG cut, or over 32 bits */
must_check int addrsig_next(const uint8_t *bytes, uint64_t size, uint64_t *at, uint32_t *ret,
			    struct error *err);

/**
 * Give each number another, none larger than it was, or drop it.
 *
 * @renumber  puts the new number into *@number; false drops it
 * @ret       @size bytes, of which *@ret_size are used; NULL: only the size is wanted
 */
must_check int addrsig_renumber(const uint8_t *bytes, uint64_t size,
				bool (*renumber)(uint32_t *number, const void *context),
				const void *context, uint8_t *ret, uint64_t *ret_size,
				struct error *err);
