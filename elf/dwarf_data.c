/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tmpfile.h"
#include "elf/dwarf_data.h"

/* ---- cursor ---- */

static bool has(struct dwarf_cursor *c, uint64_t size)
{
	if (!c->failed && size <= (uint64_t)(c->end - c->at))
		return true;
	c->failed = true;
	return false;
}

uint64_t dwarf_uint(struct dwarf_cursor *c, unsigned width)
{
	if (!has(c, width))
		return 0;
	uint64_t value = 0;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)c->at[c->big_endian ? width - 1 - i : i] << 8 * i;
	c->at += width;
	return value;
}

uint64_t dwarf_uleb(struct dwarf_cursor *c)
{
	uint64_t value = 0;
	for (unsigned shift = 0;; shift += 7) {
		if (!has(c, 1))
			return 0;
		uint8_t byte = *c->at++;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
}

void dwarf_skip(struct dwarf_cursor *c, uint64_t size)
{
	if (has(c, size))
		c->at += size;
}

const char *dwarf_cstring(struct dwarf_cursor *c)
{
	const uint8_t *nul = c->failed ? NULL : memchr(c->at, 0, (size_t)(c->end - c->at));
	if (!nul) {
		c->failed = true;
		return "";
	}
	const char *string = (const char *)c->at;
	c->at = nul + 1;
	return string;
}

uint64_t dwarf_unit_length(struct dwarf_cursor *c, unsigned *ret_offset_size)
{
	uint64_t length = dwarf_uint(c, 4);
	*ret_offset_size = 4;
	if (length < 0xfffffff0)
		return length;
	*ret_offset_size = 8;
	if (length != 0xffffffff)
		c->failed = true;
	return dwarf_uint(c, 8);
}

/* ---- relocations ---- */

struct relocation {
	uint64_t offset, symbol, addend;
};

static struct relocation relocation_at(const struct dwarf_relocations *relocations, uint64_t i)
{
	const struct image *image = relocations->image;
	const uint8_t *at = relocations->bytes + i * relocations->entry_size;
	if (image->class == ELFCLASS32)
		return (struct relocation){
			.offset = image_decode_word(image, at),
			.symbol = image_decode_word(image, at + 4) >> 8,
			.addend = relocations->addends ? image_decode_word(image, at + 8) : 0,
		};
	return (struct relocation){
		.offset = image_decode_xword(image, at),
		.symbol = image_decode_xword(image, at + 8) >> 32,
		.addend = relocations->addends ? image_decode_xword(image, at + 16) : 0,
	};
}

/*
 * The value of an offset field at @offset, which holds @value. Assemblers write relocations in
 * order. Only absolute ones can stand on such a field, so their type need not be known, and the
 * machine neither.
 */
static uint64_t relocate(const struct dwarf_relocations *relocations, uint64_t offset,
			 uint64_t value)
{
	uint64_t low = 0, high = relocations->n;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		struct relocation r = relocation_at(relocations, middle);
		if (r.offset < offset) {
			low = middle + 1;
		} else if (r.offset > offset) {
			high = middle;
		} else {
			if (r.symbol >= relocations->n_symbols)
				return value;
			GElf_Sym symbol;
			image_decode_sym(
				relocations->image,
				relocations->symbols +
					r.symbol * image_type_size(relocations->image, ELF_T_SYM),
				&symbol);
			return symbol.st_value + (relocations->addends ? r.addend : value);
		}
	}
	return value;
}

void dwarf_relocations_find(const struct image *image, const struct section *section,
			    struct dwarf_relocations *ret)
{
	*ret = (struct dwarf_relocations){ .image = image };
	if (image->ehdr.e_type != ET_REL)
		return;
	uint64_t index = (uint64_t)(section - image->sections);
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *candidate = &image->sections[i];
		uint32_t type = candidate->shdr.sh_type;
		if ((type != SHT_REL && type != SHT_RELA) || candidate->shdr.sh_info != index)
			continue;
		uint64_t size, symbols_size;
		const uint8_t *bytes = image_section_bytes(image, candidate, &size);
		const uint8_t *symbols = image_section_bytes(
			image, &image->sections[candidate->shdr.sh_link], &symbols_size);
		ret->bytes = bytes;
		ret->addends = type == SHT_RELA;
		ret->entry_size = image_type_size(image, ret->addends ? ELF_T_RELA : ELF_T_REL);
		ret->n = size / ret->entry_size;
		ret->symbols = symbols;
		ret->n_symbols = symbols_size / image_type_size(image, ELF_T_SYM);
		return;
	}
}

uint64_t dwarf_offset(struct dwarf_cursor *c, unsigned width)
{
	uint64_t offset = c->offset + (uint64_t)(c->at - c->start);
	uint64_t value = dwarf_uint(c, width);
	if (c->failed || !c->relocations || !c->relocations->n)
		return value;
	value = relocate(c->relocations, offset, value);
	return width == 4 ? (uint32_t)value : value;
}

/* ---- sections ---- */

const struct section *dwarf_find_section(const struct image *image, const char *name)
{
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		const char *plain = section->name;
		uint64_t size;
		if (!section_is_debug(section) || !image_section_bytes(image, section, &size))
			continue;
		/* ".zdebug_x" is ".debug_x": the letter alone differs. */
		if (!strcmp(plain, name) ||
		    (!strncmp(plain, ".z", 2) && !strcmp(plain + 2, name + 1)))
			return section;
	}
	return NULL;
}

static int write_piece(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	return file_write(*(int *)context, bytes, size, "a temporary file", err);
}

/* Where temporary files go: never into the folder of the binary. Without one, into memory that has
 * no file. */
static int open_unlinked(int *ret_fd, struct error *err)
{
	const char *folder = getenv("TMPDIR");
	int dir_fd = open(folder && *folder == '/' ? folder : "/tmp",
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tmpfile tmp = TMPFILE_NONE;
	int r = dir_fd < 0 ? -errno : tmpfile_create(dir_fd, &tmp, NULL);
	if (r == 0 && tmp.name[0])
		unlinkat(dir_fd, tmp.name, 0);
	if (dir_fd >= 0)
		close(dir_fd);
	if (r < 0) {
		tmp.fd = memfd_create("dbgvault", MFD_CLOEXEC);
		if (tmp.fd < 0)
			return error_errno(err, -errno, "a temporary file");
	}
	*ret_fd = tmp.fd;
	return 0;
}

/* A file is written before it is mapped: a full disk is an error here, never a signal later. */
static int decode_into_file(const struct content *content, uint8_t **ret, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	r = open_unlinked(&fd, err);
	if (r < 0)
		return r;
	r = content_decode(content, write_piece, &fd, err);
	if (r < 0)
		return r;
	void *map = mmap(NULL, (size_t)content->size_bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return error_errno(err, -errno, "mapping a temporary file");
	*ret = map;
	return 0;
}

static int decode_into_memory(const struct content *content, uint8_t **ret, struct error *err)
{
	void *map = mmap(NULL, (size_t)content->size_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return error_no_memory(err);
	int r = content_decode_into(content, map, content->size_bytes, err);
	if (r < 0) {
		munmap(map, (size_t)content->size_bytes);
		return r;
	}
	*ret = map;
	return 0;
}

int dwarf_section_load(struct dwarf_data *d, struct dwarf_section *section, struct error *err)
{
	int r;

	if (section->loaded)
		return 0;
	const struct section *found = dwarf_find_section(d->image, section->name);
	struct content content = { 0 };
	if (found) {
		r = content_open(d->image, found, &content, err);
		if (r < 0)
			return r;
	}
	if (content.compression == COMPRESSION_NONE || content.size_bytes == 0) {
		section->bytes = content.stored;
	} else {
		r = content.size_bytes <= DWARF_MEMORY_LIMIT
			    ? decode_into_memory(&content, &section->map, err)
			    : decode_into_file(&content, &section->map, err);
		if (r < 0)
			return r;
		section->bytes = section->map;
	}
	section->size = content.size_bytes;
	section->loaded = true;
	return 0;
}

const char *dwarf_section_string(const struct dwarf_section *section, uint64_t offset,
				 uint64_t limit)
{
	if (offset >= section->size)
		return NULL;
	const uint8_t *string = section->bytes + offset;
	if (!memchr(string, 0, (size_t)min_u64(section->size - offset, limit)))
		return NULL;
	return (const char *)string;
}

void dwarf_data_open(const struct image *image, struct dwarf_data *ret)
{
	*ret = (struct dwarf_data){
		.image = image,
		.abbrev.name = ".debug_abbrev",
		.str.name = ".debug_str",
		.line_str.name = ".debug_line_str",
		.str_offsets.name = ".debug_str_offsets",
	};
}

static void section_close(struct dwarf_section *section)
{
	if (section->map)
		munmap(section->map, (size_t)section->size);
	section->map = NULL;
	section->loaded = false;
}

void dwarf_data_close(struct dwarf_data *d)
{
	section_close(&d->abbrev);
	section_close(&d->str);
	section_close(&d->line_str);
	section_close(&d->str_offsets);
}
