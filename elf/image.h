/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attributes.h"
#include "base/error.h"

/**
 * An ELF file's tables, checked and in the host's byte order. Source: gABI chapters 4 and 5.
 * The bytes stay the caller's and must outlive the image. Nothing here does I/O.
 *
 * What holds for every image that image_open() returns:
 *  - header, program header table and section header table lie inside the bytes;
 *  - each segment's file range (but PT_NULL), and each section's (but SHT_NOBITS and SHT_NULL),
 *    lies inside the bytes. A range of no bytes may begin anywhere;
 *  - where separate_debug is true, nothing holds for the segments' file ranges: objcopy
 *    --only-keep-debug, eu-strip -f and we write program headers that speak of the original file;
 *  - every section name ends inside the name table; sh_link is below n_sections;
 *  - extended numbering (e_shnum 0, SHN_XINDEX, PN_XNUM) is resolved.
 */
struct section {
	GElf_Shdr shdr;
	const char *name; /* "" where there is no name table; bytes of the file, not always UTF-8 */
};

struct image {
	const uint8_t *bytes;
	uint64_t size_bytes;
	GElf_Ehdr ehdr;
	unsigned class;	   /* ELFCLASS32 or ELFCLASS64 */
	unsigned encoding; /* ELFDATA2LSB or ELFDATA2MSB */
	struct section *sections;
	uint64_t n_sections; /* 0: no section header table */
	uint64_t n_added; /* the last ones: they are to be, and the file's own table lacks them */
	uint64_t names_index; /* section index of the name table, 0: none */
	GElf_Phdr *segments;
	uint64_t n_segments;
	/* It holds what was taken out of another file: allocated sections are SHT_NOBITS, but for
	 * notes. */
	bool separate_debug;
	/* Where the ELF file ends: behind the last of tables, segments and sections. What is
	 * behind is appended data. Segments of a separate debug file do not count, here and below. */
	uint64_t end;
	/* Where loadable content ends: behind the header, the program headers, the last segment
	 * with bytes in the file and the last SHF_ALLOC section. */
	uint64_t loadable_end;
};

/** Is this the start of an ELF file? (4 bytes of magic; no other check.) */
bool image_is_elf(const uint8_t *bytes, uint64_t size_bytes);

/**
 * @ret     filled; image_close() frees its tables. Untouched on failure
 * Errors:  -ENOEXEC not an ELF file; -EBADMSG malformed, with a message that names the field, its
 *	    value and its limit; -ENOTSUP valid ELF that we do not know (version, class)
 */
must_check int image_open(const uint8_t *bytes, uint64_t size_bytes, struct image *ret, struct error *err);
/** Also accepts a zeroed image. A guard: scoped(image_close). */
void image_close(struct image *image);

/** A section's bytes in the file; NULL and size 0 for SHT_NOBITS and SHT_NULL. */
const uint8_t *image_section_bytes(const struct image *image, const struct section *section,
				   uint64_t *ret_size);

/** The first section of that name, or NULL. */
const struct section *image_find_section(const struct image *image, const char *name);

/** Is it a section of debug information, by name, and never SHF_ALLOC? .debug*, .zdebug*,
 * .gdb_index, .stab*, .line, .gnu.linkonce.wi.*, .gnu_debugaltlink. The one list that all of
 * dbgvault goes by. */
bool section_is_debug(const struct section *section);

/** The same, or relocations (SHT_REL, SHT_RELA; not SHF_ALLOC) of such a section. */
bool image_section_is_debug(const struct image *image, const struct section *section);

/** An object file or a kernel module: nothing maps it, so what is loaded may lie anywhere in it. */
bool image_is_relocatable(const struct image *image);

/** image->separate_debug. */
bool image_is_separate_debug(const struct image *image);

/* What kinds of artifact this file can serve as; see facts on elfutils' classification. */
bool image_has_dwarf(const struct image *image);   /* .debug_info or .zdebug_info with bytes */
bool image_has_symbols(const struct image *image); /* SHT_SYMTAB with more than the null symbol */
bool image_is_loadable(const struct image *image); /* ET_EXEC or ET_DYN, with bytes in allocated sections */

/**
 * ELF structures of the file's class and byte order, to and from the host's. @from and @ret may be
 * unaligned; they have image_type_size() bytes, a word 4 and an xword 8. What does not fit a
 * 32-bit field is the caller's mistake. Types: ELF_T_EHDR, ELF_T_PHDR, ELF_T_SHDR, ELF_T_SYM,
 * ELF_T_REL, ELF_T_RELA, ELF_T_CHDR.
 */
uint64_t image_type_size(const struct image *image, Elf_Type type);
void image_encode_shdr(const struct image *image, const GElf_Shdr *shdr, uint8_t *ret);
void image_encode_ehdr(const struct image *image, const GElf_Ehdr *ehdr, uint8_t *ret);
void image_encode_phdr(const struct image *image, const GElf_Phdr *phdr, uint8_t *ret);
void image_encode_sym(const struct image *image, const GElf_Sym *sym, uint8_t *ret);
void image_decode_sym(const struct image *image, const uint8_t *from, GElf_Sym *ret);
uint32_t image_decode_word(const struct image *image, const uint8_t *from);
void image_encode_word(const struct image *image, uint32_t word, uint8_t *ret);
uint64_t image_decode_xword(const struct image *image, const uint8_t *from);
/** One of the class's addresses, image_type_size(image, ELF_T_ADDR) bytes: a word or an xword. */
uint64_t image_decode_address(const struct image *image, const uint8_t *from);
void image_encode_xword(const struct image *image, uint64_t xword, uint8_t *ret);
