/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "check/text_map.h"

#define FIRST_ROOM 64

/*
 * FNV-1a. Texts come from files that may be made to collide: then a look-up takes as long as there
 * are texts, whose number and size the file bounds.
 */
static uint64_t hash_of(const char *key, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)key[i]) * 0x100000001b3;
	return hash ^ hash >> 32;
}

/* The entry of @key, or the free one where it belongs. */
static struct text_map_entry *find_entry(const struct text_map *map, const char *key, size_t size,
					 uint64_t hash)
{
	for (size_t i = (size_t)hash;; i++) {
		struct text_map_entry *entry = &map->entries[i & (map->room - 1)];
		if (!entry->key ||
		    (entry->hash == hash && entry->size == size && !memcmp(entry->key, key, size)))
			return entry;
	}
}

void **text_map_find(const struct text_map *map, const char *key, size_t size)
{
	if (!map->n)
		return NULL;
	struct text_map_entry *entry = find_entry(map, key, size, hash_of(key, size));
	return entry->key ? &entry->value : NULL;
}

static int grow(struct text_map *map, struct error *err)
{
	struct text_map larger = { .room = map->room ? map->room * 2 : FIRST_ROOM, .n = map->n };
	larger.entries = calloc(larger.room, sizeof(*larger.entries));
	if (!larger.entries)
		return error_no_memory(err);
	for (size_t i = 0; i < map->room; i++) {
		struct text_map_entry *entry = &map->entries[i];
		if (entry->key)
			*find_entry(&larger, entry->key, entry->size, entry->hash) = *entry;
	}
	free(map->entries);
	*map = larger;
	return 0;
}

int text_map_add(struct text_map *map, const char *key, size_t size, void ***ret, struct error *err)
{
	/* At most half full, so that a free entry is near. */
	int r = map->n * 2 >= map->room ? grow(map, err) : 0;
	if (r < 0)
		return r;
	uint64_t hash = hash_of(key, size);
	struct text_map_entry *entry = find_entry(map, key, size, hash);
	if (!entry->key) {
		char *copy = malloc(size + 1);
		if (!copy)
			return error_no_memory(err);
		memcpy(copy, key, size);
		copy[size] = 0;
		*entry = (struct text_map_entry){ .key = copy, .size = size, .hash = hash };
		map->n++;
	}
	*ret = &entry->value;
	return 0;
}

void text_map_free(struct text_map *map)
{
	for (size_t i = 0; i < map->room; i++)
		free(map->entries[i].key);
	free(map->entries);
	*map = (struct text_map){ 0 };
}
