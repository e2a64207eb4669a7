/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "elf/internal.h"

/* ELF structures between file and host. libelf turns the bytes round; classes are joined here. */

uint64_t image_type_size(const struct image *image, Elf_Type type)
{
	return image->class == ELFCLASS32 ? elf32_fsize(type, 1, EV_CURRENT)
					  : elf64_fsize(type, 1, EV_CURRENT);
}

enum direction { TO_HOST, TO_FILE };

/* One structure of the file's class: the same size on both sides, for all types that are used here.
 */
static void translate(const struct image *image, enum direction direction, Elf_Type type,
		      const void *from, void *ret)
{
	uint64_t size = image_type_size(image, type);
	Elf_Data source = {
		.d_buf = (void *)from, .d_type = type, .d_version = EV_CURRENT, .d_size = size
	};
	Elf_Data target = { .d_buf = ret, .d_type = type, .d_version = EV_CURRENT, .d_size = size };
	Elf_Data *done;
	if (direction == TO_HOST)
		done = image->class == ELFCLASS32
			       ? elf32_xlatetom(&target, &source, image->encoding)
			       : elf64_xlatetom(&target, &source, image->encoding);
	else
		done = image->class == ELFCLASS32
			       ? elf32_xlatetof(&target, &source, image->encoding)
			       : elf64_xlatetof(&target, &source, image->encoding);
	assert(done); /* fails only on sizes and versions, which are set above */
	(void)done;
}

/* The file's bytes, copied: they may lie unaligned. */
union raw {
	Elf32_Ehdr ehdr32;
	Elf64_Ehdr ehdr64;
	Elf32_Phdr phdr32;
	Elf64_Phdr phdr64;
	Elf32_Shdr shdr32;
	Elf64_Shdr shdr64;
	Elf32_Sym sym32;
	Elf64_Sym sym64;
};

static void decode(const struct image *image, Elf_Type type, const uint8_t *from, union raw *ret)
{
	union raw raw;
	memcpy(&raw, from, image_type_size(image, type));
	translate(image, TO_HOST, type, &raw, ret);
}

static void encode(const struct image *image, Elf_Type type, const union raw *from, uint8_t *ret)
{
	union raw raw;
	translate(image, TO_FILE, type, from, &raw);
	memcpy(ret, &raw, image_type_size(image, type));
}

/* Field by field, so that it reads and writes either class. */
#define COPY_EHDR(from, to)                                                               \
	do {                                                                              \
		memcpy((to)->e_ident, (from)->e_ident, EI_NIDENT);                        \
		(to)->e_type = (from)->e_type, (to)->e_machine = (from)->e_machine;       \
		(to)->e_version = (from)->e_version;                                      \
		(to)->e_entry = (__typeof__((to)->e_entry))(from)->e_entry;               \
		(to)->e_phoff = (__typeof__((to)->e_phoff))(from)->e_phoff;               \
		(to)->e_shoff = (__typeof__((to)->e_shoff))(from)->e_shoff;               \
		(to)->e_flags = (from)->e_flags, (to)->e_ehsize = (from)->e_ehsize;       \
		(to)->e_phentsize = (from)->e_phentsize, (to)->e_phnum = (from)->e_phnum; \
		(to)->e_shentsize = (from)->e_shentsize, (to)->e_shnum = (from)->e_shnum; \
		(to)->e_shstrndx = (from)->e_shstrndx;                                    \
	} while (0)
#define COPY_PHDR(from, to)                                                     \
	do {                                                                    \
		(to)->p_type = (from)->p_type, (to)->p_flags = (from)->p_flags; \
		(to)->p_offset = (__typeof__((to)->p_offset))(from)->p_offset;  \
		(to)->p_vaddr = (__typeof__((to)->p_vaddr))(from)->p_vaddr;     \
		(to)->p_paddr = (__typeof__((to)->p_paddr))(from)->p_paddr;     \
		(to)->p_filesz = (__typeof__((to)->p_filesz))(from)->p_filesz;  \
		(to)->p_memsz = (__typeof__((to)->p_memsz))(from)->p_memsz;     \
		(to)->p_align = (__typeof__((to)->p_align))(from)->p_align;     \
	} while (0)
#define COPY_SHDR(from, to)                                                                \
	do {                                                                               \
		(to)->sh_name = (from)->sh_name, (to)->sh_type = (from)->sh_type;          \
		(to)->sh_flags = (__typeof__((to)->sh_flags))(from)->sh_flags;             \
		(to)->sh_addr = (__typeof__((to)->sh_addr))(from)->sh_addr;                \
		(to)->sh_offset = (__typeof__((to)->sh_offset))(from)->sh_offset;          \
		(to)->sh_size = (__typeof__((to)->sh_size))(from)->sh_size;                \
		(to)->sh_link = (from)->sh_link, (to)->sh_info = (from)->sh_info;          \
		(to)->sh_addralign = (__typeof__((to)->sh_addralign))(from)->sh_addralign; \
		(to)->sh_entsize = (__typeof__((to)->sh_entsize))(from)->sh_entsize;       \
	} while (0)
#define COPY_SYM(from, to)                                                            \
	do {                                                                          \
		(to)->st_name = (from)->st_name, (to)->st_info = (from)->st_info;     \
		(to)->st_other = (from)->st_other, (to)->st_shndx = (from)->st_shndx; \
		(to)->st_value = (__typeof__((to)->st_value))(from)->st_value;        \
		(to)->st_size = (__typeof__((to)->st_size))(from)->st_size;           \
	} while (0)

#define DEFINE_DECODE(name, NAME, type)                                                     \
	void image_decode_##name(const struct image *image, const uint8_t *from, type *ret) \
	{                                                                                   \
		union raw raw;                                                              \
		decode(image, ELF_T_##NAME, from, &raw);                                    \
		if (image->class == ELFCLASS32)                                             \
			COPY_##NAME(&raw.name##32, ret);                                    \
		else                                                                        \
			COPY_##NAME(&raw.name##64, ret);                                    \
	}
#define DEFINE_ENCODE(name, NAME, type)                                                     \
	void image_encode_##name(const struct image *image, const type *name, uint8_t *ret) \
	{                                                                                   \
		union raw raw;                                                              \
		if (image->class == ELFCLASS32)                                             \
			COPY_##NAME(name, &raw.name##32);                                   \
		else                                                                        \
			COPY_##NAME(name, &raw.name##64);                                   \
		encode(image, ELF_T_##NAME, &raw, ret);                                     \
	}

DEFINE_DECODE(ehdr, EHDR, GElf_Ehdr)
DEFINE_DECODE(phdr, PHDR, GElf_Phdr)
DEFINE_DECODE(shdr, SHDR, GElf_Shdr)
DEFINE_DECODE(sym, SYM, GElf_Sym)
DEFINE_ENCODE(ehdr, EHDR, GElf_Ehdr)
DEFINE_ENCODE(phdr, PHDR, GElf_Phdr)
DEFINE_ENCODE(shdr, SHDR, GElf_Shdr)
DEFINE_ENCODE(sym, SYM, GElf_Sym)

uint32_t image_decode_word(const struct image *image, const uint8_t *from)
{
	uint32_t word;
	memcpy(&word, from, sizeof(word));
	return image->encoding == ELFDATA2LSB ? le32toh(word) : be32toh(word);
}

void image_encode_word(const struct image *image, uint32_t word, uint8_t *ret)
{
	word = image->encoding == ELFDATA2LSB ? htole32(word) : htobe32(word);
	memcpy(ret, &word, sizeof(word));
}

uint64_t image_decode_xword(const struct image *image, const uint8_t *from)
{
	uint64_t xword;
	memcpy(&xword, from, sizeof(xword));
	return image->encoding == ELFDATA2LSB ? le64toh(xword) : be64toh(xword);
}

uint64_t image_decode_address(const struct image *image, const uint8_t *from)
{
	return image->class == ELFCLASS64 ? image_decode_xword(image, from)
					  : image_decode_word(image, from);
}

void image_encode_xword(const struct image *image, uint64_t xword, uint8_t *ret)
{
	xword = image->encoding == ELFDATA2LSB ? htole64(xword) : htobe64(xword);
	memcpy(ret, &xword, sizeof(xword));
}
