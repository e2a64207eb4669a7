/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* What the language leaves unsaid: checked results, scope guards, small arithmetic. */

#define must_check __attribute__((warn_unused_result))
#define printf_like(text, first) __attribute__((format(printf, text, first)))

/* A variable declared scoped(f) is given to f (by address) at the end of its scope. */
#define scoped(f) __attribute__((cleanup(f)))

/* Define f##p for scoped(): calls @f on a pointer-like @type unless it is NULL. */
#define define_scoped(type, f)                 \
	static inline void f##p(type *variable) \
	{                                       \
		if (*variable)                  \
			f(*variable);           \
	}

/* Hand a guarded pointer out of its scope: its value, with NULL left behind. */
#define take(pointer)                          \
	({                                      \
		__auto_type taken_ = (pointer); \
		(pointer) = NULL;               \
		taken_;                         \
	})

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* @align is a power of two, or 0 for none; the caller keeps @value far from 2^64. */
static inline uint64_t align_up(uint64_t value, uint64_t align)
{
	return align > 1 ? (value + align - 1) & ~(align - 1) : value;
}

/* True where [offset, offset + size) lies in [0, limit), with no sum that can wrap. */
static inline int range_fits(uint64_t offset, uint64_t size, uint64_t limit)
{
	return offset <= limit && size <= limit - offset;
}
