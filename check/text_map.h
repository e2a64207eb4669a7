/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

/** Texts, each with a value of the caller's. A zeroed one is empty. */
struct text_map {
	struct text_map_entry {
		char *key; /* owned; NULL: free */
		size_t size;
		uint64_t hash;
		void *value;
	} * entries; /* a power of two of them; owned */
	size_t room, n;
};

/** Where the value of a text is, or NULL: there is none. Until another is added. */
void **text_map_find(const struct text_map *map, const char *key, size_t size);
/** The same, added with NULL as its value where there is none. Errors: -ENOMEM */
must_check int text_map_add(struct text_map *map, const char *key, size_t size, void ***ret,
			    struct error *err);
/** What the values point to is the caller's. A guard. */
void text_map_free(struct text_map *map);
