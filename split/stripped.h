/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/section_names.h"
#include "split/symbols.h"
#include "store/object.h"

/*
 * The binary without what is taken. Bytes up to the end of the last segment or allocated section
 * are those of the input, but for where the ELF header says that the section headers are. Behind
 * them the sections that stay move up, in the order they had; then come .gnu_debuglink, section
 * names, section header table, and what was appended behind the ELF file. In an object file or
 * kernel module nothing is mapped, and compilers write debug sections before loaded ones: there the
 * bytes before the first section that leaves or changes are those of the input, and all behind it
 * moves up.
 */

/** What .gnu_debuglink is to say. */
struct debuglink {
	const char *name; /* of the debug file, without folders */
	uint32_t crc; /* of its bytes */
};

/* A range of the image, and where its bytes are. */
struct stripped_part {
	uint64_t offset;
	uint64_t size_bytes;
	const uint8_t *bytes; /* NULL: content that symbols_write() makes, */
	uint32_t section; /* of this section of the input */
};

struct stripped {
	const struct plan *plan;
	const struct symbols *symbols;
	uint64_t size_bytes;
	uint64_t fixed_end; /* bytes before it are those of the input, at their places */
	struct stripped_part *parts; /* in order of offset; zeros between them */
	size_t n_parts;
	GElf_Ehdr ehdr;
	GElf_Shdr *shdrs; /* in the host's byte order */
	uint32_t n_shdrs;
	uint64_t names_offset;
	uint32_t link_section; /* index of the new .gnu_debuglink, 0: none */
	uint8_t header[sizeof(Elf64_Ehdr)];
	uint8_t *link; /* .gnu_debuglink's bytes */
	uint8_t *table; /* section header table */
	struct section_names names;
};

/**
 * Lay the image out. @plan, @symbols and the input outlive it.
 *
 * @link  NULL: no .gnu_debuglink
 */
must_check int stripped_plan(const struct plan *plan, const struct symbols *symbols,
			     const struct debuglink *link, struct stripped *ret, struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(stripped_free). */
void stripped_free(struct stripped *stripped);

/** All bytes in order. Any number of threads may write one image at once. */
must_check int stripped_write(const struct stripped *stripped, const struct sink *sink,
			      struct error *err);

/** How it lies, for the store. @ret points into the image; its sections are freed by the caller. */
must_check int stripped_layout(const struct stripped *stripped, struct object_layout *ret,
			       struct object_section **ret_sections, struct error *err);
