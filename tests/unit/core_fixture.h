/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "tests/unit/elf_builder.h"

/* Core files for tests, of either class and byte order, as Linux writes them. */

struct core_fixture_entry { /* of NT_FILE */
	const char *path;
	uint64_t start, end, page;
};

struct core_fixture {
	struct elf_builder b; /* may be changed before it is built */
	struct core_fixture_entry entries[16];
	size_t n_entries;
	/* Of the auxiliary vector. */
	uint64_t program_headers, n_program_headers, vdso;
};

void core_fixture_init(struct core_fixture *f, unsigned class, unsigned encoding);
void core_fixture_free(struct core_fixture *f);

/** Memory that the core holds. */
void core_fixture_memory(struct core_fixture *f, uint64_t address, const void *bytes, size_t size);

/** Memory of @n words of the class's size. */
void core_fixture_words(struct core_fixture *f, uint64_t address, const uint64_t *words, size_t n);

/** A mapping of NT_FILE. */
void core_fixture_entry(struct core_fixture *f, const char *path, uint64_t start, uint64_t end,
			uint64_t page);

/** The file, with its notes. @ret is freed by the caller. */
uint8_t *core_fixture_build(struct core_fixture *f, size_t *ret_size);

/**
 * The first page of a program: header, program headers, Go's note, then the GNU build ID's.
 *
 * @id_size  0: no GNU build ID
 * @covered  by PT_NOTE; false: it stands behind, as Go's linker leaves it
 * @ret      4096 bytes, freed by the caller
 */
uint8_t *core_fixture_page(unsigned class, unsigned encoding, const uint8_t *id, uint32_t id_size,
			   bool covered);
