/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/*
 * What becomes of each section. The stripped image keeps all but what is taken; the debug image has
 * a header for every section, at its old index, and the bytes of what is taken or goes to both.
 * Nothing here does I/O. The manual page has the same as a table, with the reasons.
 */

enum fate {
	FATE_KEEP, /* stays in the binary; the debug image has its header (SHT_NOBITS) */
	FATE_TAKE, /* leaves the binary: only the debug image has it */
	FATE_BOTH, /* stays, and the debug image has the bytes too */
};

struct plan_section {
	enum fate fate;
	uint32_t stripped_index; /* in the stripped image; 0: it left */
};

struct plan_options {
	/* More sections to take, by name (strip's -R). Those that are loaded stay all the same. */
	const char *const *removed;
	size_t n_removed;
};

struct plan {
	const struct image *image; /* the caller's, outlives the plan */
	struct plan_section *sections; /* as many as the image has */
	uint32_t n_kept; /* headers that stay, with the null one */
	uint32_t n_taken;
	uint64_t taken_bytes; /* in the input: what leaves it */
	bool has_debug; /* what is taken is debug information, and not links to some alone */
	bool moves_indexes; /* a section that stays gets another index */
	/* Index of a .gnu_debuglink that is taken: it names a debug file that an earlier split
	 * made, which is not the one of the debug information found here. 0: none */
	uint32_t stale_link;
};

/**
 * @options  NULL: none
 * Errors: -EFBIG more sections than we count
 */
must_check int plan_make(const struct image *image, const struct plan_options *options,
			 struct plan *ret, struct error *err);
/** Also accepts a zeroed plan. A guard: scoped(plan_free). */
void plan_free(struct plan *plan);

/**
 * Let the debug image have a header alone (SHT_NOBITS) for symbols that the binary keeps unchanged, too.
 * eu-unstrip then takes the binary's table as it is, where it would merge two, and lose what is there twice
 * (crtstuff.c in most C programs). Not where symbols leave the binary, or nobody keeps it; does
 * nothing for an object file, whose debug sections have relocations that speak of them, and for a
 * Go program, of which Delve opens no debug file that is without symbols.
 */
void plan_leave_symbols(struct plan *plan);

/** Is there debug information to take? */
bool plan_has_work(const struct plan *plan);

/** Where a section index of the input is in the stripped image; 0 for one that left. Others than
 * sections' (0, SHN_ABS and the like, past the table) come back as they are. */
uint32_t plan_map_index(const struct plan *plan, uint32_t index);
