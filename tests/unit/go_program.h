/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "tests/unit/elf_builder.h"

/*
 * ELF files with a Go function table, made in memory: each function may have inlined ones in it.
 * Written by itself, without the code under test.
 */

struct go_program_function {
	const char *name;
	const char *file; /* those of one file are of one compilation unit */
	const char *inlined[4]; /* NULL: no more */
};

enum go_program_format { PROGRAM_1_2, PROGRAM_1_16, PROGRAM_1_18, PROGRAM_1_20 };

struct go_program {
	enum go_program_format format;
	const char *section; /* NULL: ".gopclntab" */
	const char *left; /* a name that nothing refers to; NULL: none */
	const char *version; /* of the build information; NULL: none */
	const char *modules; /* its text; NULL: none */
	bool no_module_data; /* then go:func.* cannot be found */
	bool no_section_headers;
	const struct go_program_function *functions;
	size_t n_functions;

	/* Where parts are in the file, once it is built: for tests that damage them. */
	uint64_t table_at, table_size, names_at, pc_values_at, functions_at, trees_at, trees_size;
};

/** @ret  freed by the caller */
uint8_t *go_program_build(struct go_program *program, unsigned class, unsigned encoding,
			  size_t *ret_size);
