/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/**
 * What the dynamic linker is told: PT_DYNAMIC, with addresses found through the PT_LOADs, so that
 * section headers are not needed. Source: gABI chapter 5, "Dynamic Section". Texts are bytes of the
 * file. A damaged part counts as not there.
 */
struct dynamic {
	const struct image *image;
	const uint8_t *entries;
	uint64_t n_entries;
	const uint8_t *strings;
	uint64_t strings_size;
	const uint8_t *symbols; /* .dynsym */
	uint64_t n_symbols;

	uint64_t flags; /* DT_FLAGS, with the bits that DT_BIND_NOW, DT_TEXTREL and DT_SYMBOLIC
			   stand for */
	uint64_t flags_1; /* DT_FLAGS_1 */
	const char *rpath, *runpath; /* NULL: none */
};

/** Errors: -ENOENT no PT_DYNAMIC; -EBADMSG it lies outside the file, or has no end */
must_check int dynamic_read(const struct image *image, struct dynamic *ret, struct error *err);

/** The value of the @n-th entry of that tag, from 0. */
bool dynamic_value(const struct dynamic *dynamic, int64_t tag, uint64_t n, uint64_t *ret);
/** The library of the @n-th DT_NEEDED, or NULL. */
const char *dynamic_needed(const struct dynamic *dynamic, uint64_t n);

/** The bytes in the file from an address on, up to the end of its PT_LOAD there; NULL: none. */
const uint8_t *image_at_address(const struct image *image, uint64_t address, uint64_t *ret_size);
