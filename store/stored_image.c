/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "store/stored_image.h"

/* Build information, function table and inline trees, and what leads to them; see elf/go_*.h. */
const char *const stored_image_go_sections[] = {
	".go.buildinfo",
	".gopclntab",
	".data.rel.ro.gopclntab",
	".go.module",
	".noptrdata",
	".data.rel.ro",
	".rodata",
	".dynamic",
	".rela.dyn",
	NULL,
};

static int read_range(struct stored_image *si, struct object_reader *reader, uint64_t offset,
		      uint64_t size, struct error *err)
{
	if (!range_fits(offset, size, si->size_bytes))
		return error_set(err, -EBADMSG,
				 "0x%" PRIx64 " bytes at 0x%" PRIx64 " end past the 0x%" PRIx64
				 "-byte file",
				 size, offset, si->size_bytes);
	for (uint64_t done = 0; done < size;) {
		size_t n;
		int r = object_read(reader, offset + done, si->bytes + offset + done,
				    (size_t)(size - done), &n, err);
		if (r < 0)
			return r;
		if (!n)
			return error_set(err, -EBADMSG, "it ends at 0x%" PRIx64, offset + done);
		done += n;
	}
	return 0;
}

static uint64_t field(const struct stored_image *si, unsigned at, unsigned width)
{
	uint64_t value = 0;
	bool big = si->bytes[EI_DATA] == ELFDATA2MSB;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)si->bytes[at + i] << 8 * (big ? width - 1 - i : i);
	return value;
}

/* Header and header tables, as far as image_open() looks. What is not as expected is left to it. */
static int read_tables(struct stored_image *si, struct object_reader *reader, struct error *err)
{
	int r = read_range(si, reader, 0, min_u64(si->size_bytes, sizeof(Elf64_Ehdr)), err);
	if (r < 0 || !image_is_elf(si->bytes, si->size_bytes) ||
	    si->size_bytes < sizeof(Elf64_Ehdr))
		return r;
	bool wide = si->bytes[EI_CLASS] == ELFCLASS64;
	const struct {
		unsigned offset, size, n;
	} tables[] = { { wide ? 32 : 28, wide ? 54 : 42, wide ? 56 : 44 },
		       { wide ? 40 : 32, wide ? 58 : 46, wide ? 60 : 48 } };
	for (size_t i = 0; i < ARRAY_SIZE(tables) && r == 0; i++) {
		uint64_t offset = field(si, tables[i].offset, wide ? 8 : 4);
		uint64_t size = field(si, tables[i].size, 2) * field(si, tables[i].n, 2);
		/* With extended numbering, the first entry has the number. */
		if (!size && offset)
			size = si->size_bytes - min_u64(offset, si->size_bytes);
		if (range_fits(offset, size, si->size_bytes))
			r = read_range(si, reader, offset, size, err);
	}
	return r;
}

static bool is_wanted(const struct object_section *section, const char *const *names)
{
	if (section->type == SHT_NOBITS || section->type == SHT_NULL)
		return false;
	if (section->type == SHT_STRTAB && !(section->flags & SHF_ALLOC) &&
	    !strcmp(section->name, ".shstrtab"))
		return true;
	for (; *names; names++)
		if (!strcmp(section->name, *names))
			return true;
	return false;
}

static int read_wanted(struct stored_image *si, struct object_reader *reader,
		       const char *const *names, struct error *err)
{
	int r = read_tables(si, reader, err);
	size_t n;
	const struct object_section *sections = object_sections(si->object, &n);
	for (size_t i = 0; i < n && r == 0; i++)
		if (is_wanted(&sections[i], names))
			r = read_range(si, reader, sections[i].offset, sections[i].size_bytes, err);
	return r;
}

int stored_image_complete(struct stored_image *si, struct error *err)
{
	if (si->is_whole)
		return 0;
	scoped(object_reader_freep) struct object_reader *reader = NULL;
	int r = object_reader_new(si->object, &reader, err);
	if (r == 0)
		r = read_range(si, reader, 0, si->size_bytes, err);
	si->is_whole = r == 0;
	return r;
}

int stored_image_open(struct store *st, const struct digest *digest, const char *const *names,
		      struct stored_image *ret, struct error *err)
{
	int r;

	scoped(stored_image_close) struct stored_image si = { 0 };
	r = object_open(st, digest, &si.object, err);
	if (r < 0)
		return r;
	uint64_t size = object_size(si.object);
	if (!size || size > SIZE_MAX / 2)
		return error_set(err, -ENOEXEC, "not an ELF file");
	void *bytes = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bytes == MAP_FAILED)
		return error_errno(err, -errno, "room for %" PRIu64 " bytes", size);
	si.bytes = bytes;
	si.size_bytes = size;
	scoped(object_reader_freep) struct object_reader *reader = NULL;
	r = object_reader_new(si.object, &reader, err);
	if (r == 0)
		r = read_wanted(&si, reader, names, err);
	/* Files of an odd form are read as a whole before anything is said of them. */
	if (r == 0 && image_open(si.bytes, si.size_bytes, &si.image, NULL) < 0) {
		r = stored_image_complete(&si, err);
		if (r == 0)
			r = image_open(si.bytes, si.size_bytes, &si.image, err);
	}
	if (r < 0)
		return r;
	*ret = si;
	si = (struct stored_image){ 0 };
	return 0;
}

void stored_image_close(struct stored_image *si)
{
	image_close(&si->image);
	if (si->bytes)
		munmap(si->bytes, (size_t)si->size_bytes);
	object_close(si->object);
	*si = (struct stored_image){ 0 };
}
