/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/*
 * The functions of a Go program, from the table that its runtime needs (.gopclntab): strip and
 * -ldflags=-s leave it. Functions that are inlined wherever they are called are in no symbol
 * table; the inline trees name them. Go 1.2 and newer, each class and byte order.
 */

enum go_function_kind {
	GO_FUNCTION, /* it has code of its own */
	GO_INLINED, /* named by inline trees alone */
	GO_LEFT, /* a name in the table that nothing refers to: its code was optimised away, or
		  * is what we could not read */
};

struct go_function {
	enum go_function_kind kind;
	const char *name; /* as the linker has it, not terminated: "example.com/p.(*T).Get" */
	size_t name_size;
	bool generated_colon; /* the compiler's own names begin with "go:" and "type:", not "go." */
	const char *file; /* its source, not terminated; NULL where the table does not say */
	size_t file_size;
	uint64_t unit; /* what was compiled together has one number; where there is a file */
	/* Its first instruction may be of an inlined function, and so may the file. */
	bool has_inlined;
};

/** Takes each name once: functions, then inlined ones, then what is left. A result < 0 ends the
 * reading with it. */
typedef int (*go_function_visit)(const struct go_function *function, void *context,
				 struct error *err);

#define GO_FUNCTIONS_WHY_SIZE 192

struct go_functions {
	const char *format; /* "1.2", "1.16", "1.18", "1.20": the first release that writes such */
	uint64_t n_functions, n_inlined, n_left; /* distinct names of each kind */
	/* Were function table and inline trees read in full? Only then does the absence of a name
	 * mean that there is no such code. */
	bool whole;
	char why[GO_FUNCTIONS_WHY_SIZE]; /* why not; "" if they were */
};

/**
 * Read the names. A part that is damaged is passed over, with @ret->whole false.
 *
 * @ret     filled, but untouched on failure
 * Time:    a few passes over the table and the trees, whatever they say
 * Memory:  one bit for each byte of names
 * Errors:  -ENOENT no such table; -EBADMSG one that cannot be read at all; what @visit gave
 */
must_check int go_functions_read(const struct image *image, go_function_visit visit, void *context,
				 struct go_functions *ret, struct error *err);
