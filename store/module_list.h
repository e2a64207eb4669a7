/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/internal.h"

/** A Go module that is in a build, by the path and version of the code that is there (of what
 * stands in its place, where it is replaced). path "": the toolchain, "go1.26.8". version "": not
 * known. */
struct module_use {
	char *path, *version; /* owned */
};

/** Each once, by path, then version. */
struct module_list {
	struct module_use *items;
	size_t n;
};
void module_list_free(
	struct module_list *list); /* frees what it holds; a guard: scoped(module_list_free) */

/**
 * The modules and toolchains of a record's contributions: their settings are read. A text that is
 * missing or damaged is passed over: verify tells.
 */
must_check int module_list_of_record(struct store *st, const struct record *record,
				     struct module_list *ret, struct error *err);

/* How the catalog lists their numbers. */
#define MODULE_NUMBER_SIZE 4

static inline void module_number_encode(uint32_t number, uint8_t *ret)
{
	for (unsigned i = 0; i < MODULE_NUMBER_SIZE; i++)
		ret[i] = (uint8_t)(number >> 8 * i);
}

static inline uint32_t module_number_decode(const uint8_t *from)
{
	uint32_t number = 0;
	for (unsigned i = 0; i < MODULE_NUMBER_SIZE; i++)
		number |= (uint32_t)from[i] << 8 * i;
	return number;
}
