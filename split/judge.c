/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/notes.h"
#include "split/addrsig.h"
#include "split/judge.h"

#define NOT_THERE UINT32_MAX

struct judge {
	const struct image *in, *out;
	const struct judge_options *options;
	const struct byte_patch *patches[2]; /* in order of offset */
	size_t n_patches;
	uint32_t *map; /* where each section of the input is in the output, or NOT_THERE */
};

static void map_free(uint32_t **map)
{
	free(*map);
}

/* ---- bytes that must be the same ---- */

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t size)
{
	for (uint64_t at = 0; at < size; at++)
		if (a[at] != b[at])
			return at;
	return size;
}

static int same_bytes(const char *what, const uint8_t *a, const uint8_t *b, uint64_t size,
		      struct error *err)
{
	if (size == 0 || !memcmp(a, b, (size_t)size))
		return 0;
	return error_set(err, -EIO, "%s differs from the input at byte 0x%" PRIx64, what,
			 first_difference(a, b, size));
}

static int judge_header(const struct judge *j, struct error *err)
{
	GElf_Ehdr in = j->in->ehdr, out = j->out->ehdr;
	in.e_shoff = out.e_shoff = 0;
	in.e_shnum = out.e_shnum = in.e_shstrndx = out.e_shstrndx = 0;
	if (memcmp(&in, &out, sizeof(in)) != 0)
		return error_set(
			err, -EIO,
			"the ELF header differs from the input in more than the place of the section headers");
	return 0;
}

/* ---- what is done about the build ID ---- */

/* A PT_NOTE that covers what it did, and more. */
static bool is_wider_segment(const struct judge *j, const struct byte_patch *patch)
{
	uint64_t size = image_type_size(j->in, ELF_T_PHDR);
	uint64_t i = patch->offset < j->in->ehdr.e_phoff
			     ? UINT64_MAX
			     : (patch->offset - j->in->ehdr.e_phoff) / size;
	if (i >= j->in->n_segments || patch->offset != j->in->ehdr.e_phoff + i * size ||
	    patch->size != size || j->out->n_segments != j->in->n_segments)
		return false;
	GElf_Phdr in = j->in->segments[i], out = j->out->segments[i];
	return in.p_type == PT_NOTE && out.p_type == PT_NOTE && in.p_flags == out.p_flags &&
	       in.p_align == out.p_align && out.p_filesz == out.p_memsz &&
	       out.p_offset <= in.p_offset &&
	       out.p_offset + out.p_filesz >= in.p_offset + in.p_filesz &&
	       in.p_vaddr - out.p_vaddr == in.p_offset - out.p_offset &&
	       in.p_paddr - out.p_paddr == in.p_offset - out.p_offset;
}

/* Zeros that no section of the input covers. */
static bool is_nobodys(const struct judge *j, const struct byte_patch *patch)
{
	uint64_t end = patch->offset + patch->size;
	uint64_t tables[][2] = {
		{ j->in->ehdr.e_phoff, j->in->n_segments * image_type_size(j->in, ELF_T_PHDR) },
		{ j->in->ehdr.e_shoff, j->in->n_sections * image_type_size(j->in, ELF_T_SHDR) },
	};
	for (uint64_t at = patch->offset; at < end; at++)
		if (j->in->bytes[at])
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (tables[i][0] < end && tables[i][0] + tables[i][1] > patch->offset)
			return false;
	for (uint64_t i = 1; i < j->in->n_sections; i++) {
		uint64_t size, from = j->in->sections[i].shdr.sh_offset;
		image_section_bytes(j->in, &j->in->sections[i], &size);
		if (size && from < end && from + size > patch->offset)
			return false;
	}
	return true;
}

static bool is_description(const struct judge *j, const struct byte_patch *patch)
{
	struct build_id id;
	struct build_id_place place;
	return image_build_id(j->in, &id, &place, NULL) == 0 &&
	       place.desc_offset == patch->offset && id.size == patch->size;
}

static int judge_patch(const struct judge *j, const struct byte_patch *patch, struct error *err)
{
	const struct build_id_note *note = j->options->note;
	if (!(note->widened && is_wider_segment(j, patch)) &&
	    !(note->added && is_nobodys(j, patch)) && !(note->replaced && is_description(j, patch)))
		return error_set(err, -EIO, "a change at 0x%" PRIx64 " is none we allow",
				 patch->offset);
	return same_bytes("what is changed", j->out->bytes + patch->offset, patch->bytes,
			  patch->size, err);
}

/* What all this is for: the ID can be read, from the notes that are loaded. */
static int judge_build_id(const struct judge *j, struct error *err)
{
	const struct build_id_note *note = j->options->note;
	struct build_id id;
	struct build_id_place place;
	if (!j->n_patches)
		return 0;
	if (image_build_id(j->out, &id, &place, NULL) < 0 || !build_id_equal(&id, &note->id) ||
	    (note->widened && !place.in_segment))
		return error_set(err, -EIO, "its build ID is not the one that it was given");
	return 0;
}

static int judge_loadable(const struct judge *j, struct error *err)
{
	int r;

	uint64_t header_size = image_type_size(j->in, ELF_T_EHDR);
	/* Nothing maps an object file: its sections are compared one by one, wherever they lie. */
	if (image_is_relocatable(j->in))
		return 0;
	if (j->out->size_bytes < j->in->loadable_end)
		return error_set(err, -EIO, "loadable bytes are cut at 0x%" PRIx64,
				 j->out->size_bytes);
	uint64_t at = header_size;
	for (size_t i = 0; i < j->n_patches; i++) {
		const struct byte_patch *patch = j->patches[i];
		if (patch->offset < at ||
		    !range_fits(patch->offset, patch->size, j->in->loadable_end))
			return error_set(err, -EIO, "a change at 0x%" PRIx64 " is none we allow",
					 patch->offset);
		r = same_bytes("loadable part", j->in->bytes + at, j->out->bytes + at,
			       patch->offset - at, err);
		if (r == 0)
			r = judge_patch(j, patch, err);
		if (r < 0)
			return r;
		at = patch->offset + patch->size;
	}
	return same_bytes("loadable part", j->in->bytes + at, j->out->bytes + at,
			  j->in->loadable_end - at, err);
}

static int judge_tail(const struct judge *j, struct error *err)
{
	uint64_t size = j->in->size_bytes - j->in->end;
	uint64_t written = j->out->size_bytes - j->out->end;
	if (size != written)
		return error_set(err, -EIO,
				 "%" PRIu64 " bytes behind the ELF file, expected %" PRIu64,
				 written, size);
	return same_bytes("what is appended", j->in->bytes + j->in->end,
			  j->out->bytes + j->out->end, size, err);
}

/* ---- sections ---- */

/* What symbol tables are made of stays, whatever it is called. */
static bool holds_symbols(uint32_t type)
{
	return type == SHT_SYMTAB || type == SHT_DYNSYM || type == SHT_SYMTAB_SHNDX ||
	       type == SHT_STRTAB || type == SHT_NULL;
}

static bool may_leave(const struct judge *j, uint64_t i)
{
	const struct section *section = &j->in->sections[i];
	uint32_t type = section->shdr.sh_type;
	if (section->shdr.sh_flags & SHF_ALLOC || (holds_symbols(type) && type != SHT_STRTAB))
		return false;
	if (section_is_debug(section) || !strcmp(section->name, ".gnu_debuglink"))
		return true;
	if (type == SHT_GROUP)
		return true; /* looked at again once it is known what left */
	if (type == SHT_REL || type == SHT_RELA)
		return section->shdr.sh_info > 0 && section->shdr.sh_info < j->in->n_sections &&
		       section->shdr.sh_info != i && may_leave(j, section->shdr.sh_info);
	for (size_t k = 0; k < j->options->n_removed; k++)
		if (!strcmp(section->name, j->options->removed[k]))
			return true;
	return false;
}

/* Content that follows sections and symbols as they are renumbered, and is compared by what it
 * says. */
static bool is_renumbered(const struct image *image, const GElf_Shdr *shdr)
{
	switch (shdr->sh_type) {
	case SHT_SYMTAB:
	case SHT_SYMTAB_SHNDX:
	case SHT_GROUP:
	case SHT_ADDRSIG:
		return true;
	case SHT_REL:
	case SHT_RELA:
		return !(shdr->sh_flags & SHF_ALLOC) || image_is_relocatable(image);
	default:
		return false;
	}
}

static bool is_new_link(const struct section *section)
{
	return !strcmp(section->name, ".gnu_debuglink") && !(section->shdr.sh_flags & SHF_ALLOC);
}

/* Could this be that section of the input? By all that splitting leaves alone. */
static bool same_header(const struct judge *j, uint64_t i, const struct section *out)
{
	const struct section *in = &j->in->sections[i];
	if (strcmp(in->name, out->name) != 0 || in->shdr.sh_type != out->shdr.sh_type ||
	    in->shdr.sh_flags != out->shdr.sh_flags || in->shdr.sh_addr != out->shdr.sh_addr ||
	    in->shdr.sh_addralign != out->shdr.sh_addralign ||
	    in->shdr.sh_entsize != out->shdr.sh_entsize)
		return false;
	if (in->shdr.sh_flags & SHF_ALLOC && in->shdr.sh_type != SHT_NOBITS &&
	    !image_is_relocatable(j->in) && in->shdr.sh_offset != out->shdr.sh_offset)
		return false;
	return is_renumbered(j->in, &in->shdr) || i == j->in->names_index ||
	       in->shdr.sh_size == out->shdr.sh_size;
}

/* A group whose members all leave does too: its header alone does not tell it from the next one's.
 */
static bool group_leaves(const struct judge *j, uint64_t i)
{
	if (j->in->sections[i].shdr.sh_type != SHT_GROUP || !may_leave(j, i))
		return false;
	uint64_t size;
	const uint8_t *words = image_section_bytes(j->in, &j->in->sections[i], &size);
	for (uint64_t at = 4; at + 4 <= size; at += 4) {
		uint32_t member = image_decode_word(j->in, words + at);
		if (member == i || member >= j->in->n_sections || !may_leave(j, member))
			return false;
	}
	return size >= 8;
}

/* Both tables have the same order, so one pass pairs them. */
static int pair_sections(struct judge *j, struct error *err)
{
	const struct image *in = j->in, *out = j->out;
	uint64_t next = 1;
	j->map[0] = 0;
	for (uint64_t i = 1; i < in->n_sections; i++) {
		j->map[i] = NOT_THERE;
		bool leaves = is_new_link(&in->sections[i]) || group_leaves(j, i);
		if (next < out->n_sections && !leaves && same_header(j, i, &out->sections[next])) {
			j->map[i] = (uint32_t)next++;
			continue;
		}
		if (!may_leave(j, i))
			return error_set(err, -EIO, "section %s is missing, or its header differs",
					 ESCAPED(in->sections[i].name));
	}
	for (uint64_t k = 1; k < out->n_sections; k++)
		if (section_is_debug(&out->sections[k]) &&
		    !holds_symbols(out->sections[k].shdr.sh_type))
			return error_set(err, -EIO, "section %s is still there",
					 ESCAPED(out->sections[k].name));
	if (j->n_patches && j->options->note->with_section) {
		const struct section *added = next < out->n_sections ? &out->sections[next] : NULL;
		const GElf_Shdr *shdr = &j->options->note->shdr;
		if (!added || strcmp(added->name, BUILD_ID_SECTION) != 0 ||
		    added->shdr.sh_type != SHT_NOTE || added->shdr.sh_flags != SHF_ALLOC ||
		    added->shdr.sh_offset != shdr->sh_offset ||
		    added->shdr.sh_addr != shdr->sh_addr || added->shdr.sh_size != shdr->sh_size)
			return error_set(err, -EIO, "the section of the build ID is missing");
		next++;
	}
	if (next + (j->options->link ? 1 : 0) != out->n_sections)
		return error_set(err, -EIO, "%" PRIu64 " sections, expected %" PRIu64,
				 out->n_sections, next + (j->options->link ? 1 : 0));
	return 0;
}

static uint32_t mapped(const struct judge *j, uint64_t index)
{
	if (index >= j->in->n_sections)
		return (uint32_t)index;
	return j->map[index] == NOT_THERE ? 0 : j->map[index];
}

static bool names_section(const GElf_Shdr *shdr)
{
	return shdr->sh_type == SHT_REL || shdr->sh_type == SHT_RELA ||
	       shdr->sh_flags & SHF_INFO_LINK;
}

static int judge_section(const struct judge *j, uint64_t i, struct error *err)
{
	const struct section *in = &j->in->sections[i], *out = &j->out->sections[j->map[i]];
	char what[128];
	snprintf(what, sizeof(what), "section %.100s", ESCAPED(in->name));
	if (out->shdr.sh_link != mapped(j, in->shdr.sh_link))
		return error_set(err, -EIO, "%s: sh_link %u, expected %u", what, out->shdr.sh_link,
				 mapped(j, in->shdr.sh_link));
	bool by_symbols = in->shdr.sh_type == SHT_SYMTAB || in->shdr.sh_type == SHT_GROUP;
	uint32_t info = names_section(&in->shdr) ? mapped(j, in->shdr.sh_info) : in->shdr.sh_info;
	if (!by_symbols && out->shdr.sh_info != info)
		return error_set(err, -EIO, "%s: sh_info %u, expected %u", what, out->shdr.sh_info,
				 info);
	if (is_renumbered(j->in, &in->shdr) || i == j->in->names_index)
		return 0;
	uint64_t size, out_size;
	const uint8_t *in_bytes = image_section_bytes(j->in, in, &size);
	const uint8_t *out_bytes = image_section_bytes(j->out, out, &out_size);
	/* One that lies among loadable bytes has been compared with them. */
	if (!image_is_relocatable(j->in) && in->shdr.sh_offset == out->shdr.sh_offset &&
	    in->shdr.sh_offset + size <= j->in->loadable_end)
		return 0;
	return same_bytes(what, in_bytes, out_bytes, size, err);
}

/* ---- symbols ---- */

/* A symbol table with what belongs to it. */
struct table {
	const struct image *image;
	const uint8_t *symbols;
	uint64_t n_symbols;
	const uint8_t *extended;
	uint64_t n_extended;
	const char *names;
	uint64_t names_size;
};

/* What a malformed file calls its symbol table may be none, or have left: there, no symbol is. */
static struct table table_open(const struct image *image, uint64_t index)
{
	struct table table = { .image = image };
	uint64_t size;
	if (index == 0 || index >= image->n_sections)
		return table;
	table.symbols = image_section_bytes(image, &image->sections[index], &size);
	table.n_symbols = size / image_type_size(image, ELF_T_SYM);
	const struct section *names = &image->sections[image->sections[index].shdr.sh_link];
	table.names = (const char *)image_section_bytes(image, names, &table.names_size);
	for (uint64_t i = 1; i < image->n_sections; i++) {
		if (image->sections[i].shdr.sh_type != SHT_SYMTAB_SHNDX ||
		    image->sections[i].shdr.sh_link != index)
			continue;
		table.extended = image_section_bytes(image, &image->sections[i], &size);
		table.n_extended = size / 4;
	}
	return table;
}

struct symbol {
	GElf_Sym sym;
	bool in_section; /* defined in one; else sym.st_shndx says what it is */
	uint32_t section;
};

/* The section a symbol is defined in, or 0: read by itself, for most symbols need no more. */
static uint32_t section_of(const struct table *table, uint64_t k)
{
	bool wide = table->image->class == ELFCLASS64;
	const uint8_t *at = table->symbols + k * (wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym)) +
			    (wide ? offsetof(Elf64_Sym, st_shndx) : offsetof(Elf32_Sym, st_shndx));
	uint32_t section = table->image->encoding == ELFDATA2LSB ? at[0] | (uint32_t)at[1] << 8
								 : at[1] | (uint32_t)at[0] << 8;
	if (section == SHN_XINDEX && k < table->n_extended)
		return image_decode_word(table->image, table->extended + 4 * k);
	return section < SHN_LORESERVE ? section : 0;
}

static struct symbol symbol_at(const struct table *table, uint64_t k)
{
	struct symbol symbol = { 0 };
	image_decode_sym(table->image,
			 table->symbols + k * image_type_size(table->image, ELF_T_SYM),
			 &symbol.sym);
	symbol.section = section_of(table, k);
	symbol.in_section = symbol.section > 0 && symbol.section < table->image->n_sections;
	return symbol;
}

static bool symbol_leaves(const struct judge *j, const struct symbol *symbol)
{
	return symbol->in_section && j->map[symbol->section] == NOT_THERE;
}

/* Names are compared as numbers: the string table is proved the same, byte for byte. */
static bool same_symbol(const struct judge *j, const struct symbol *in, const struct symbol *out)
{
	return in->sym.st_name == out->sym.st_name && in->sym.st_value == out->sym.st_value &&
	       in->sym.st_size == out->sym.st_size && in->sym.st_info == out->sym.st_info &&
	       in->sym.st_other == out->sym.st_other && in->in_section == out->in_section &&
	       (in->in_section ? j->map[in->section] == out->section
			       : in->sym.st_shndx == out->sym.st_shndx);
}

/* The usual case: no byte differs, and no number has another meaning than before. */
static bool same_table(const struct judge *j, const struct table *in, const struct table *out)
{
	uint64_t size = in->n_symbols * image_type_size(j->in, ELF_T_SYM);
	if (in->n_symbols != out->n_symbols ||
	    (size && memcmp(in->symbols, out->symbols, size) != 0))
		return false;
	for (uint64_t k = 0; k < in->n_symbols; k++) {
		uint32_t section = section_of(in, k);
		if (section && section < j->in->n_sections && j->map[section] != section)
			return false;
	}
	return true;
}

static int judge_symbols(const struct judge *j, uint64_t i, struct error *err)
{
	const struct section *in_section = &j->in->sections[i];
	const struct section *out_section = &j->out->sections[j->map[i]];
	struct table in = table_open(j->in, i), out = table_open(j->out, j->map[i]);
	uint64_t entry_size = image_type_size(j->in, ELF_T_SYM);
	if (in_section->shdr.sh_size % entry_size != out_section->shdr.sh_size % entry_size)
		return error_set(err, -EIO, "the symbol table is cut");
	if (!in.extended && in_section->shdr.sh_info == out_section->shdr.sh_info &&
	    same_table(j, &in, &out))
		return 0;

	uint64_t at = 0, n_locals = in_section->shdr.sh_info;
	for (uint64_t k = 0; k < in.n_symbols; k++) {
		struct symbol symbol = symbol_at(&in, k);
		if (symbol_leaves(j, &symbol)) {
			n_locals -= k < in_section->shdr.sh_info;
			continue;
		}
		struct symbol written = { 0 };
		if (at < out.n_symbols)
			written = symbol_at(&out, at);
		if (at >= out.n_symbols || !same_symbol(j, &symbol, &written)) {
			const char *name = symbol.sym.st_name < in.names_size
						   ? in.names + symbol.sym.st_name
						   : "";
			uint64_t room = symbol.sym.st_name < in.names_size
						? in.names_size - symbol.sym.st_name
						: 0;
			char text[256];
			return error_set(
				err, -EIO, "symbol %" PRIu64 " (%s) is missing or differs", k,
				escape_bytes(name, strnlen(name, room), text, sizeof(text)));
		}
		at++;
	}
	if (at != out.n_symbols || out_section->shdr.sh_info != n_locals)
		return error_set(err, -EIO,
				 "%" PRIu64 " symbols, %u of them local; expected %" PRIu64
				 " and %" PRIu64,
				 out.n_symbols, out_section->shdr.sh_info, at, n_locals);
	return 0;
}

/* Is symbol @to of the output what symbol @from of the input is? */
static bool same_symbol_number(const struct judge *j, const struct table *in,
			       const struct table *out, uint64_t from, uint64_t to)
{
	if (from == 0 || to == 0 || from >= in->n_symbols || to >= out->n_symbols)
		return from == to;
	struct symbol a = symbol_at(in, from), b = symbol_at(out, to);
	return same_symbol(j, &a, &b);
}

/* The two sides of the table that a section of the input has its symbols in. */
static void tables_of(const struct judge *j, const struct section *section, struct table *ret_in,
		      struct table *ret_out)
{
	*ret_in = table_open(j->in, section->shdr.sh_link);
	*ret_out = table_open(j->out, mapped(j, section->shdr.sh_link));
}

/* ---- relocations and groups that are not loaded ---- */

static int judge_relocations(const struct judge *j, uint64_t i, struct error *err)
{
	const struct section *section = &j->in->sections[i];
	uint64_t size, out_size;
	const uint8_t *in = image_section_bytes(j->in, section, &size);
	const uint8_t *out = image_section_bytes(j->out, &j->out->sections[j->map[i]], &out_size);
	if (size != out_size)
		return error_set(err, -EIO, "section %s has another size", ESCAPED(section->name));
	struct table in_table, out_table;
	tables_of(j, section, &in_table, &out_table);
	if (!size || (in_table.n_symbols == out_table.n_symbols && !memcmp(in, out, (size_t)size)))
		return 0;
	bool wide = j->in->class == ELFCLASS64;
	bool mips = wide && j->in->ehdr.e_machine == EM_MIPS && j->in->encoding == ELFDATA2LSB;
	uint64_t entry = section->shdr.sh_type == SHT_RELA ? (wide ? 24 : 12) : (wide ? 16 : 8);
	for (uint64_t at = 0; at + entry <= size; at += entry) {
		const uint8_t *a = in + at, *b = out + at;
		uint64_t word = wide ? 8 : 4, from, to, from_type, to_type;
		if (mips) {
			from = image_decode_word(j->in, a + 8),
			to = image_decode_word(j->out, b + 8);
			from_type = image_decode_word(j->in, a + 12);
			to_type = image_decode_word(j->out, b + 12);
		} else if (wide) {
			uint64_t x = image_decode_xword(j->in, a + 8);
			uint64_t y = image_decode_xword(j->out, b + 8);
			from = x >> 32, to = y >> 32, from_type = (uint32_t)x,
			to_type = (uint32_t)y;
		} else {
			uint32_t x = image_decode_word(j->in, a + 4);
			uint32_t y = image_decode_word(j->out, b + 4);
			from = x >> 8, to = y >> 8, from_type = x & 0xff, to_type = y & 0xff;
		}
		if (from_type != to_type || memcmp(a, b, word) != 0 ||
		    memcmp(a + 2 * word, b + 2 * word, entry - 2 * word) != 0 ||
		    !same_symbol_number(j, &in_table, &out_table, from, to))
			return error_set(err, -EIO, "section %s: relocation %" PRIu64 " differs",
					 ESCAPED(section->name), at / entry);
	}
	return 0;
}

static int judge_addrsig(const struct judge *j, uint64_t i, struct error *err)
{
	int r;

	const struct section *section = &j->in->sections[i];
	uint64_t size, out_size, at = 0, out_at = 0;
	const uint8_t *in = image_section_bytes(j->in, section, &size);
	const uint8_t *out = image_section_bytes(j->out, &j->out->sections[j->map[i]], &out_size);
	struct table in_table, out_table;
	tables_of(j, section, &in_table, &out_table);
	if (in_table.n_symbols == out_table.n_symbols)
		return size == out_size ? same_bytes(section->name, in, out, size, err)
					: error_set(err, -EIO, "section %s has another size",
						    ESCAPED(section->name));
	while (at < size) {
		uint32_t from, to;
		r = addrsig_next(in, size, &at, &from, err);
		if (r < 0)
			return r;
		if (from < in_table.n_symbols) {
			struct symbol symbol = symbol_at(&in_table, from);
			if (symbol_leaves(j, &symbol))
				continue;
		}
		r = addrsig_next(out, out_size, &out_at, &to, err);
		if (r < 0 || !same_symbol_number(j, &in_table, &out_table, from, to))
			return error_set(err, -EIO, "section %s: symbol %u is missing",
					 ESCAPED(section->name), from);
	}
	return out_at == out_size ? 0
				  : error_set(err, -EIO, "section %s has more symbols",
					      ESCAPED(section->name));
}

static int judge_group(const struct judge *j, uint64_t i, struct error *err)
{
	const struct section *section = &j->in->sections[i];
	uint64_t size, out_size = 0;
	const uint8_t *in = image_section_bytes(j->in, section, &size), *out = NULL;
	bool there = j->map[i] != NOT_THERE;
	if (there)
		out = image_section_bytes(j->out, &j->out->sections[j->map[i]], &out_size);
	uint64_t at = 4;
	for (uint64_t k = 4; k + 4 <= size; k += 4) {
		uint32_t member = image_decode_word(j->in, in + k);
		if (member < j->in->n_sections && j->map[member] == NOT_THERE)
			continue;
		if (!there || at + 4 > out_size ||
		    image_decode_word(j->out, out + at) != mapped(j, member))
			return error_set(err, -EIO, "section group %" PRIu64 " lost section %u", i,
					 member);
		at += 4;
	}
	if (there && (at != max_u64(out_size, 4) || (size >= 4 && memcmp(in, out, 4) != 0)))
		return error_set(err, -EIO, "section group %" PRIu64 " differs", i);
	struct table in_table, out_table;
	tables_of(j, section, &in_table, &out_table);
	if (there && !same_symbol_number(j, &in_table, &out_table, section->shdr.sh_info,
					 j->out->sections[j->map[i]].shdr.sh_info))
		return error_set(err, -EIO, "section group %" PRIu64 " has another signature", i);
	return 0;
}

/* ---- the debug link ---- */

static int judge_link(const struct judge *j, struct error *err)
{
	const struct debuglink *expected = j->options->link;
	const struct section *section = image_find_section(j->out, ".gnu_debuglink");
	if (!expected || !section)
		return !expected && !section
			       ? 0
			       : error_set(err, -EIO, "a .gnu_debuglink %s",
					   expected ? "is missing" : "is there that should not be");
	uint64_t size, crc_at = align_up(strlen(expected->name) + 1, 4);
	const uint8_t *bytes = image_section_bytes(j->out, section, &size);
	bool padded = size == crc_at + 4;
	for (uint64_t at = strlen(expected->name); padded && at < crc_at; at++)
		padded = bytes[at] == 0;
	if (!padded || strcmp((const char *)bytes, expected->name) != 0 ||
	    image_decode_word(j->out, bytes + crc_at) != expected->crc)
		return error_set(err, -EIO, ".gnu_debuglink does not name %s with its CRC",
				 ESCAPED(expected->name));
	return 0;
}

static int judge_sections(struct judge *j, struct error *err)
{
	int r;

	r = pair_sections(j, err);
	for (uint64_t i = 1; r == 0 && i < j->in->n_sections; i++) {
		uint32_t type = j->in->sections[i].shdr.sh_type;
		if (type == SHT_GROUP)
			r = judge_group(j, i, err);
		if (r < 0 || j->map[i] == NOT_THERE)
			continue;
		r = judge_section(j, i, err);
		if (r == 0 && type == SHT_SYMTAB)
			r = judge_symbols(j, i, err);
		else if (r == 0 && type == SHT_ADDRSIG)
			r = judge_addrsig(j, i, err);
		else if (r == 0 && is_renumbered(j->in, &j->in->sections[i].shdr) &&
			 (type == SHT_REL || type == SHT_RELA))
			r = judge_relocations(j, i, err);
	}
	return r;
}

int judge_stripped(const struct image *input, const uint8_t *written, uint64_t size,
		   const struct judge_options *options, struct error *err)
{
	int r;

	scoped(image_close) struct image out = { 0 };
	r = image_open(written, size, &out, err);
	if (r < 0)
		return error_prefix(err, -EIO, "the written file cannot be read back");
	struct judge j = { .in = input, .out = &out, .options = options };
	scoped(map_free) uint32_t *map = calloc(input->n_sections + 1, sizeof(*map));
	if (!map)
		return error_no_memory(err);
	j.map = map;

	const struct build_id_note *note = options->note;
	j.n_patches = note ? note->n_patches : 0;
	for (size_t i = 0; i < j.n_patches; i++)
		j.patches[i] = &note->patches[i];
	if (j.n_patches == 2 && j.patches[0]->offset > j.patches[1]->offset) {
		j.patches[0] = &note->patches[1];
		j.patches[1] = &note->patches[0];
	}

	r = judge_header(&j, err);
	if (r == 0)
		r = judge_loadable(&j, err);
	if (r == 0)
		r = judge_tail(&j, err);
	if (r == 0)
		r = judge_sections(&j, err);
	if (r == 0)
		r = judge_link(&j, err);
	if (r == 0)
		r = judge_build_id(&j, err);
	return r < 0 ? error_prefix(err, r, "the written file failed its check, and is not used")
		     : 0;
}
