/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "elf/image.h"
#include "elf/internal.h"

bool image_is_elf(const uint8_t *bytes, uint64_t size_bytes)
{
	return size_bytes >= SELFMAG && !memcmp(bytes, ELFMAG, SELFMAG);
}

/* ---- opening ---- */

static int read_ident(struct image *image, struct error *err)
{
	const uint8_t *ident = image->bytes;
	if (!image_is_elf(ident, image->size_bytes))
		return error_set(err, -ENOEXEC, "not an ELF file");
	if (image->size_bytes < EI_NIDENT)
		return error_set(err, -EBADMSG,
				 "ELF header: the file ends at 0x%" PRIx64 ", in e_ident",
				 image->size_bytes);
	if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)
		return error_set(err, -ENOTSUP,
				 "ELF header: class %u, expected 1 (32-bit) or 2 (64-bit)",
				 ident[EI_CLASS]);
	if (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB)
		return error_set(err, -ENOTSUP,
				 "ELF header: byte order %u, expected 1 (little) or 2 (big)",
				 ident[EI_DATA]);
	if (ident[EI_VERSION] != EV_CURRENT)
		return error_set(err, -ENOTSUP, "ELF header: version %u, expected 1",
				 ident[EI_VERSION]);
	image->class = ident[EI_CLASS];
	image->encoding = ident[EI_DATA];
	return 0;
}

static int read_header(struct image *image, struct error *err)
{
	uint64_t size = image_type_size(image, ELF_T_EHDR);
	if (image->size_bytes < size)
		return error_set(err, -EBADMSG,
				 "ELF header: the file ends at 0x%" PRIx64 ", inside its 0x%" PRIx64
				 " bytes",
				 image->size_bytes, size);
	image_decode_ehdr(image, image->bytes, &image->ehdr);
	if (image->ehdr.e_version != EV_CURRENT)
		return error_set(err, -ENOTSUP, "ELF header: e_version %u, expected 1",
				 image->ehdr.e_version);
	return 0;
}

/* A table of @n entries at @offset that must lie in the file. */
static int check_table(const struct image *image, const char *what, uint64_t offset, uint64_t n,
		       unsigned entry_size, uint64_t expected_size, struct error *err)
{
	if (entry_size != expected_size)
		return error_set(err, -EBADMSG, "%s: entries of %u bytes, expected %" PRIu64, what,
				 entry_size, expected_size);
	/* Divided, not multiplied: a count from the file cannot overflow. */
	if (offset > image->size_bytes || n > (image->size_bytes - offset) / expected_size)
		return error_set(err, -EBADMSG,
				 "%s: %" PRIu64 " entries at 0x%" PRIx64 " end past the 0x%" PRIx64
				 "-byte file",
				 what, n, offset, image->size_bytes);
	return 0;
}

/*
 * How many entries the tables have. Past what fits 16 bits the numbers are in section header 0
 * (gABI, e_shnum, e_shstrndx; PN_XNUM as in the x86-64 psABI).
 */
static int read_counts(struct image *image, struct error *err)
{
	int r;
	const GElf_Ehdr *ehdr = &image->ehdr;
	bool extended = (ehdr->e_shnum == 0 && ehdr->e_shoff != 0) || ehdr->e_phnum == PN_XNUM ||
			(ehdr->e_shnum != 0 && ehdr->e_shstrndx == SHN_XINDEX);
	GElf_Shdr first = { 0 };
	if (extended) {
		if (ehdr->e_shoff == 0)
			return error_set(
				err, -EBADMSG,
				"ELF header: extended numbering, but no section header table");
		r = check_table(image, "section header table", ehdr->e_shoff, 1, ehdr->e_shentsize,
				image_type_size(image, ELF_T_SHDR), err);
		if (r < 0)
			return r;
		image_decode_shdr(image, image->bytes + ehdr->e_shoff, &first);
	}
	image->n_sections = ehdr->e_shnum ? ehdr->e_shnum : first.sh_size;
	if (ehdr->e_shoff == 0 && image->n_sections)
		return error_set(err, -EBADMSG,
				 "ELF header: %" PRIu64 " section headers at offset 0",
				 image->n_sections);
	image->n_segments = ehdr->e_phnum == PN_XNUM ? first.sh_info : ehdr->e_phnum;
	image->names_index = ehdr->e_shstrndx == SHN_XINDEX ? first.sh_link : ehdr->e_shstrndx;
	if (ehdr->e_shstrndx >= SHN_LORESERVE && ehdr->e_shstrndx != SHN_XINDEX &&
	    image->n_sections)
		return error_set(err, -EBADMSG, "ELF header: e_shstrndx 0x%x is a reserved number",
				 ehdr->e_shstrndx);
	return 0;
}

static int read_segments(struct image *image, struct error *err)
{
	if (!image->n_segments)
		return 0;
	uint64_t size = image_type_size(image, ELF_T_PHDR);
	int r = check_table(image, "program header table", image->ehdr.e_phoff, image->n_segments,
			    image->ehdr.e_phentsize, size, err);
	if (r < 0)
		return r;
	image->segments = calloc(image->n_segments, sizeof(*image->segments));
	if (!image->segments)
		return error_no_memory(err);
	for (uint64_t i = 0; i < image->n_segments; i++)
		image_decode_phdr(image, image->bytes + image->ehdr.e_phoff + i * size,
				  &image->segments[i]);
	return 0;
}

/* Does the section have bytes in the file? */
static bool in_file(const struct section *section)
{
	return section->shdr.sh_type != SHT_NOBITS && section->shdr.sh_type != SHT_NULL &&
	       section->shdr.sh_size != 0;
}

static int check_section(const struct image *image, uint64_t i, struct error *err)
{
	const struct section *section = &image->sections[i];
	if (in_file(section) &&
	    !range_fits(section->shdr.sh_offset, section->shdr.sh_size, image->size_bytes))
		return error_set(err, -EBADMSG,
				 "section %" PRIu64 " (%s): 0x%" PRIx64 " bytes at 0x%" PRIx64
				 " end past the 0x%" PRIx64 "-byte file",
				 i, ESCAPED(section->name), section->shdr.sh_size,
				 section->shdr.sh_offset, image->size_bytes);
	/* The first one's sh_link is an extended e_shstrndx, checked as such. */
	if (i && section->shdr.sh_link >= image->n_sections)
		return error_set(err, -EBADMSG,
				 "section %" PRIu64 " (%s): sh_link %u, of %" PRIu64 " sections", i,
				 ESCAPED(section->name), section->shdr.sh_link, image->n_sections);
	return 0;
}

static int read_names(struct image *image, struct error *err)
{
	uint64_t names_index = image->names_index;
	if (!names_index)
		return 0;
	if (names_index >= image->n_sections)
		return error_set(err, -EBADMSG,
				 "ELF header: section names are in section %" PRIu64
				 ", of %" PRIu64,
				 names_index, image->n_sections);
	int r = check_section(image, names_index, err);
	if (r < 0)
		return r;
	uint64_t size;
	const uint8_t *names = image_section_bytes(image, &image->sections[names_index], &size);
	/* Where the last NUL is: a name that begins at or before it ends in the table. */
	const uint8_t *last = size ? memrchr(names, 0, size) : NULL;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		uint64_t at = image->sections[i].shdr.sh_name;
		if (at == 0 && !last)
			continue;
		if (!last || at > (uint64_t)(last - names))
			return error_set(err, -EBADMSG,
					 "section %" PRIu64 ": its name at 0x%" PRIx64
					 " does not end in the 0x%" PRIx64 "-byte name table",
					 i, at, size);
		image->sections[i].name = (const char *)names + at;
	}
	return 0;
}

static int read_sections(struct image *image, struct error *err)
{
	if (!image->n_sections) {
		image->names_index = 0;
		return 0;
	}
	uint64_t size = image_type_size(image, ELF_T_SHDR);
	int r = check_table(image, "section header table", image->ehdr.e_shoff, image->n_sections,
			    image->ehdr.e_shentsize, size, err);
	if (r < 0)
		return r;
	image->sections = calloc(image->n_sections, sizeof(*image->sections));
	if (!image->sections)
		return error_no_memory(err);
	for (uint64_t i = 0; i < image->n_sections; i++) {
		image_decode_shdr(image, image->bytes + image->ehdr.e_shoff + i * size,
				  &image->sections[i].shdr);
		image->sections[i].name = "";
	}

	r = read_names(image, err);
	for (uint64_t i = 0; r == 0 && i < image->n_sections; i++)
		r = check_section(image, i, err);
	return r;
}

/*
 * A separate debug file keeps the section headers of the original, and turns what is loaded into
 * SHT_NOBITS; notes keep their bytes. An object file with nothing but .bss, which is SHT_NOBITS and
 * writable by nature, is none. A dwz common file (no allocated section but notes) counts as one.
 */
static bool looks_separate(const struct image *image)
{
	bool linked = image->ehdr.e_type == ET_EXEC || image->ehdr.e_type == ET_DYN;
	bool turned = false, allocated = false, debug = false;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		debug = debug || (section_is_debug(section) && in_file(section));
		if (!(section->shdr.sh_flags & SHF_ALLOC) || section->shdr.sh_type == SHT_NOTE)
			continue;
		if (in_file(section))
			return false;
		allocated = true;
		if (section->shdr.sh_type == SHT_NOBITS &&
		    (linked || (section->shdr.sh_size && (!(section->shdr.sh_flags & SHF_WRITE) ||
							  section->shdr.sh_flags & SHF_EXECINSTR))))
			turned = true;
	}
	return turned || (debug && !allocated);
}

static int check_segments(const struct image *image, struct error *err)
{
	for (uint64_t i = 0; i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type == PT_NULL || segment->p_filesz == 0)
			continue;
		if (!range_fits(segment->p_offset, segment->p_filesz, image->size_bytes))
			return error_set(err, -EBADMSG,
					 "segment %" PRIu64 ": 0x%" PRIx64 " bytes at 0x%" PRIx64
					 " end past the 0x%" PRIx64 "-byte file",
					 i, segment->p_filesz, segment->p_offset,
					 image->size_bytes);
	}
	return 0;
}

static void find_ends(struct image *image)
{
	uint64_t end = image_type_size(image, ELF_T_EHDR);
	if (image->n_segments)
		end = max_u64(end, image->ehdr.e_phoff +
					   image->n_segments * image_type_size(image, ELF_T_PHDR));
	for (uint64_t i = 0; !image->separate_debug && i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type != PT_NULL && segment->p_filesz)
			end = max_u64(end, segment->p_offset + segment->p_filesz);
	}
	uint64_t loadable_end = end;
	if (image->n_sections)
		end = max_u64(end, image->ehdr.e_shoff +
					   image->n_sections * image_type_size(image, ELF_T_SHDR));
	for (uint64_t i = 0; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (!in_file(section))
			continue;
		end = max_u64(end, section->shdr.sh_offset + section->shdr.sh_size);
		if (section->shdr.sh_flags & SHF_ALLOC)
			loadable_end = max_u64(loadable_end,
					       section->shdr.sh_offset + section->shdr.sh_size);
	}
	image->end = end;
	image->loadable_end = loadable_end;
}

int image_open(const uint8_t *bytes, uint64_t size_bytes, struct image *ret, struct error *err)
{
	int r;

	scoped(image_close) struct image image = { .bytes = bytes, .size_bytes = size_bytes };
	r = read_ident(&image, err);
	if (r < 0)
		return r;
	r = read_header(&image, err);
	if (r < 0)
		return r;
	r = read_counts(&image, err);
	if (r < 0)
		return r;
	r = read_segments(&image, err);
	if (r < 0)
		return r;
	r = read_sections(&image, err);
	if (r < 0)
		return r;
	image.separate_debug = looks_separate(&image);
	if (!image.separate_debug) {
		r = check_segments(&image, err);
		if (r < 0)
			return r;
	}
	find_ends(&image);

	*ret = image;
	image.sections = NULL;
	image.segments = NULL;
	return 0;
}

void image_close(struct image *image)
{
	free(image->sections);
	free(image->segments);
	image->sections = NULL;
	image->segments = NULL;
	image->n_sections = image->n_segments = 0;
}

/* ---- asking ---- */

const uint8_t *image_section_bytes(const struct image *image, const struct section *section,
				   uint64_t *ret_size)
{
	if (!in_file(section)) {
		*ret_size = 0;
		return NULL;
	}
	*ret_size = section->shdr.sh_size;
	return image->bytes + section->shdr.sh_offset;
}

const struct section *image_find_section(const struct image *image, const char *name)
{
	for (uint64_t i = 1; i < image->n_sections; i++)
		if (!strcmp(image->sections[i].name, name))
			return &image->sections[i];
	return NULL;
}

static bool begins(const char *string, const char *start)
{
	return !strncmp(string, start, strlen(start));
}

/*
 * What strip -g takes, which goes by the same names, and .gnu_debugaltlink, which is of no use
 * without the debug information. Rust's .debug_gdb_scripts is loaded, and so is none.
 * .gnu.debuglto_* is what a linker needs, not a debugger; .gnu_debuglink is replaced, not moved.
 */
bool section_is_debug(const struct section *section)
{
	static const char *const starts[] = { ".debug", ".zdebug", ".stab", ".gnu.linkonce.wi." };
	static const char *const names[] = { ".gdb_index", ".line", ".gnu_debugaltlink" };

	if (section->shdr.sh_flags & SHF_ALLOC)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (begins(section->name, starts[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(section->name, names[i]))
			return true;
	return false;
}

bool image_section_is_debug(const struct image *image, const struct section *section)
{
	if (section_is_debug(section))
		return true;
	if (section->shdr.sh_type != SHT_REL && section->shdr.sh_type != SHT_RELA)
		return false;
	if (section->shdr.sh_flags & SHF_ALLOC || section->shdr.sh_info == 0)
		return false;
	return section->shdr.sh_info < image->n_sections &&
	       section_is_debug(&image->sections[section->shdr.sh_info]);
}

bool image_is_relocatable(const struct image *image)
{
	return image->ehdr.e_type == ET_REL && image->n_segments == 0;
}

bool image_is_separate_debug(const struct image *image)
{
	return image->separate_debug;
}

bool image_has_dwarf(const struct image *image)
{
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (section_is_debug(section) && in_file(section) &&
		    (!strcmp(section->name, ".debug_info") ||
		     !strcmp(section->name, ".zdebug_info")))
			return true;
	}
	return false;
}

bool image_has_symbols(const struct image *image)
{
	for (uint64_t i = 1; i < image->n_sections; i++)
		if (image->sections[i].shdr.sh_type == SHT_SYMTAB &&
		    image->sections[i].shdr.sh_size > image_type_size(image, ELF_T_SYM))
			return true;
	return false;
}

bool image_is_loadable(const struct image *image)
{
	if (image->ehdr.e_type != ET_EXEC && image->ehdr.e_type != ET_DYN)
		return false;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (section->shdr.sh_flags & SHF_ALLOC && section->shdr.sh_type != SHT_NOTE &&
		    in_file(section))
			return true;
	}
	if (image->n_sections)
		return false;
	/* No section headers at all: then the segments alone say what it is. */
	for (uint64_t i = 0; i < image->n_segments; i++)
		if (image->segments[i].p_type == PT_LOAD && image->segments[i].p_filesz)
			return true;
	return false;
}
