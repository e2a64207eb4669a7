/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "elf/core_memory.h"
#include "elf/given_id.h"
#include "elf/internal.h"
#include "elf/notes.h"

#define NOTES_LIMIT 4000000u /* notes of a core that are looked at: some six a thread */
#define PATHS_LIMIT (64u << 20)
#define START_LIMIT (64u << 10) /* bytes of a file's start that are looked at */
#define START_SEGMENTS_LIMIT 256u

/* One entry of NT_FILE. */
struct entry {
	uint64_t start, end, page;
	const char *path;
};

struct reader {
	struct core_memory memory;
	struct entry *entries;
	uint64_t n_entries;
	uint64_t vdso; /* address, 0: not said */
	struct core core;
};

static void reader_free(struct reader *reader)
{
	free(reader->memory.spans);
	free(reader->entries);
	core_free(&reader->core);
}

void core_free(struct core *core)
{
	for (uint64_t i = 0; i < core->n_files; i++)
		free(core->files[i].loaded_as);
	free(core->files);
	free(core->paths);
	*core = (struct core){ 0 };
}

/* ---- the core's own tables ---- */

static int read_ident(struct image *image, struct error *err)
{
	if (!image_is_elf(image->bytes, image->size_bytes))
		return error_set(err, -ENOEXEC, "not an ELF file, so no core file");
	if (image->size_bytes < EI_NIDENT)
		return error_set(err, -EBADMSG,
				 "ELF header: the file ends at 0x%" PRIx64 ", in e_ident",
				 image->size_bytes);
	image->class = image->bytes[EI_CLASS];
	image->encoding = image->bytes[EI_DATA];
	if ((image->class != ELFCLASS32 && image->class != ELFCLASS64) ||
	    (image->encoding != ELFDATA2LSB && image->encoding != ELFDATA2MSB))
		return error_set(err, -ENOTSUP,
				 "ELF header: class %u and byte order %u, expected 1 or 2 in both",
				 image->class, image->encoding);
	if (image->size_bytes < image_type_size(image, ELF_T_EHDR))
		return error_set(err, -EBADMSG, "ELF header: the file ends at 0x%" PRIx64 ", in it",
				 image->size_bytes);
	image_decode_ehdr(image, image->bytes, &image->ehdr);
	return 0;
}

/* Past what fits 16 bits, the number is in section header 0 (core(5); PN_XNUM in elf(5)). */
static int count_segments(const struct image *file, uint64_t *ret, struct error *err)
{
	uint64_t n = file->ehdr.e_phnum;
	if (n == PN_XNUM) {
		GElf_Shdr first;
		if (!range_fits(file->ehdr.e_shoff, image_type_size(file, ELF_T_SHDR),
				file->size_bytes) ||
		    file->ehdr.e_shoff == 0)
			return error_set(
				err, -EBADMSG,
				"ELF header: the number of segments is in section header 0 at 0x%" PRIx64
				", outside the 0x%" PRIx64 "-byte file",
				file->ehdr.e_shoff, file->size_bytes);
		image_decode_shdr(file, file->bytes + file->ehdr.e_shoff, &first);
		n = first.sh_info;
	}
	uint64_t size = image_type_size(file, ELF_T_PHDR);
	if (n && file->ehdr.e_phentsize != size)
		return error_set(err, -EBADMSG,
				 "program header table: entries of %u bytes, expected %" PRIu64,
				 file->ehdr.e_phentsize, size);
	if (file->ehdr.e_phoff > file->size_bytes ||
	    n > (file->size_bytes - file->ehdr.e_phoff) / size)
		return error_set(err, -EBADMSG,
				 "program header table: %" PRIu64 " entries at 0x%" PRIx64
				 " end past the 0x%" PRIx64 "-byte file",
				 n, file->ehdr.e_phoff, file->size_bytes);
	if (n > CORE_SEGMENTS_LIMIT)
		return error_set(err, -EFBIG, "core file: %" PRIu64 " segments, more than %u", n,
				 CORE_SEGMENTS_LIMIT);
	*ret = n;
	return 0;
}

static GElf_Phdr segment_at(const struct image *file, uint64_t i)
{
	GElf_Phdr segment;
	image_decode_phdr(file,
			  file->bytes + file->ehdr.e_phoff + i * image_type_size(file, ELF_T_PHDR),
			  &segment);
	return segment;
}

static int compare_spans(const void *left, const void *right)
{
	const struct core_span *a = left, *b = right;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int read_spans(struct reader *reader, uint64_t n_segments, struct error *err)
{
	const struct image *file = &reader->memory.file;
	reader->memory.spans = calloc(n_segments + 1, sizeof(*reader->memory.spans));
	if (!reader->memory.spans)
		return error_no_memory(err);
	for (uint64_t i = 0; i < n_segments; i++) {
		const GElf_Phdr segment = segment_at(file, i);
		if (segment.p_type != PT_LOAD || !segment.p_filesz)
			continue;
		if (!range_fits(segment.p_offset, segment.p_filesz, file->size_bytes))
			reader->core.truncated = true;
		if (segment.p_offset >= file->size_bytes)
			continue;
		reader->memory.spans[reader->memory.n_spans++] = (struct core_span){
			.address = segment.p_vaddr,
			.offset = segment.p_offset,
			.size_bytes =
				min_u64(segment.p_filesz, file->size_bytes - segment.p_offset),
		};
	}
	qsort(reader->memory.spans, reader->memory.n_spans, sizeof(*reader->memory.spans),
	      compare_spans);
	return 0;
}

/* ---- its notes ---- */

/*
 * Layout (fs/binfmt_elf.c, fill_files_note()): count, page size; count times start, end and offset
 * in pages; then count names, each with its NUL.
 */
static int read_files_note(struct reader *reader, const struct note *note, struct error *err)
{
	const struct image *file = &reader->memory.file;
	uint64_t word = core_word_size(file);
	if (note->desc_size < 2 * word)
		return error_set(err, -EBADMSG, "NT_FILE: %u bytes, expected %" PRIu64 " or more",
				 note->desc_size, 2 * word);
	if (note->desc_size > PATHS_LIMIT)
		return error_set(err, -EFBIG, "NT_FILE: %u bytes, more than %u", note->desc_size,
				 PATHS_LIMIT);
	uint64_t n = core_word(file, note->desc, 0);
	if (n > (note->desc_size - 2 * word) / (3 * word))
		return error_set(err, -EBADMSG, "NT_FILE: %" PRIu64 " files in %u bytes", n,
				 note->desc_size);
	if (n > CORE_FILES_LIMIT)
		return error_set(err, -EFBIG, "NT_FILE: %" PRIu64 " files, more than %u", n,
				 CORE_FILES_LIMIT);

	uint64_t paths_size = note->desc_size - (2 + 3 * n) * word;
	reader->entries = calloc(n + 1, sizeof(*reader->entries));
	reader->core.paths = malloc(paths_size + 1);
	if (!reader->entries || !reader->core.paths)
		return error_no_memory(err);
	memcpy(reader->core.paths, note->desc + (2 + 3 * n) * word, paths_size);
	reader->core.paths[paths_size] = 0;

	const char *path = reader->core.paths, *end = path + paths_size;
	for (uint64_t i = 0; i < n; i++) {
		if (path >= end)
			return error_set(err, -EBADMSG,
					 "NT_FILE: names of %" PRIu64 " files, expected %" PRIu64,
					 i, n);
		reader->entries[i] = (struct entry){
			.start = core_word(file, note->desc, 2 + 3 * i),
			.end = core_word(file, note->desc, 3 + 3 * i),
			.page = core_word(file, note->desc, 4 + 3 * i),
			.path = path,
		};
		path += strlen(path) + 1;
	}
	reader->n_entries = n;
	return 0;
}

static void read_auxiliary_vector(struct reader *reader, const struct note *note)
{
	const struct image *file = &reader->memory.file;
	uint64_t n = note->desc_size / core_word_size(file);
	for (uint64_t i = 0; i + 1 < n; i += 2) {
		uint64_t type = core_word(file, note->desc, i);
		uint64_t value = core_word(file, note->desc, i + 1);
		if (type == AT_NULL)
			break;
		if (type == AT_PHDR)
			reader->memory.program_headers = value;
		if (type == AT_PHNUM)
			reader->memory.n_program_headers = value;
		if (type == AT_SYSINFO_EHDR)
			reader->vdso = value;
	}
}

static int read_notes(struct reader *reader, uint64_t n_segments, struct error *err)
{
	static const char owner[] = "CORE";
	const struct image *file = &reader->memory.file;
	uint32_t budget = NOTES_LIMIT;
	bool has_files = false, has_vector = false;
	for (uint64_t i = 0; i < n_segments && !(has_files && has_vector); i++) {
		const GElf_Phdr segment = segment_at(file, i);
		if (segment.p_type != PT_NOTE || segment.p_offset >= file->size_bytes)
			continue;
		uint64_t at = segment.p_offset;
		uint64_t end = at + min_u64(segment.p_filesz, file->size_bytes - at);
		struct note note;
		while (budget && note_next(file, &at, end, segment.p_align, &note, NULL) == 0) {
			budget--;
			if (note.name_size != sizeof(owner) ||
			    memcmp(note.name, owner, sizeof(owner)) != 0)
				continue;
			if (note.type == NT_AUXV && !has_vector) {
				read_auxiliary_vector(reader, &note);
				has_vector = true;
			}
			if (note.type == NT_FILE && !has_files) {
				int r = read_files_note(reader, &note, err);
				if (r < 0)
					return r;
				has_files = true;
			}
		}
	}
	return 0;
}

/* ---- the files' starts ---- */

/* Layout: gABI, "Note Section". Aligned to 4 wherever linkers put it. */
static bool find_stray_note(const struct image *start, uint64_t at, GElf_Phdr *ret)
{
	for (at = align_up(at, 4); range_fits(at, 16, start->size_bytes); at += 4) {
		const uint8_t *bytes = start->bytes + at;
		if (memcmp(bytes + 12, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) != 0 ||
		    image_decode_word(start, bytes) != sizeof(ELF_NOTE_GNU) ||
		    image_decode_word(start, bytes + 8) != NT_GNU_BUILD_ID)
			continue;
		uint32_t size = image_decode_word(start, bytes + 4);
		if (!size || size > BUILD_ID_MAX_SIZE ||
		    !range_fits(at + 16, size, start->size_bytes))
			continue;
		*ret = (GElf_Phdr){ .p_type = PT_NOTE,
				    .p_offset = at,
				    .p_filesz = 16 + (uint64_t)size };
		return true;
	}
	return false;
}

/*
 * An image of what the core holds of the file's start, with those of its segments that are notes
 * and lie in it. Go's own linker (1.24 to 1.26) writes the build ID's note behind the segment that
 * has Go's own: so where no segment has one, the first page is searched, in which Go's linker keeps
 * headers and notes alone. The ID is the one by which the store knows the file, so that an older Go
 * program without any is found by the one that is derived from Go's.
 */
static void read_start(const uint8_t *bytes, uint64_t size_bytes, struct core_file *file)
{
	GElf_Phdr segments[START_SEGMENTS_LIMIT + 1];
	struct image start = { .bytes = bytes,
			       .size_bytes = min_u64(size_bytes, START_LIMIT),
			       .segments = segments };
	file->start = image_is_elf(bytes, size_bytes) ? CORE_START_ELF : CORE_START_OTHER;
	if (file->start != CORE_START_ELF || read_ident(&start, NULL) < 0)
		return;
	uint64_t size = image_type_size(&start, ELF_T_PHDR);
	uint64_t at = start.ehdr.e_phoff;
	for (unsigned i = 0;
	     i < start.ehdr.e_phnum && start.n_segments < START_SEGMENTS_LIMIT &&
	     start.ehdr.e_phentsize == size && range_fits(at, size, start.size_bytes);
	     i++, at += size) {
		GElf_Phdr *segment = &segments[start.n_segments];
		image_decode_phdr(&start, bytes + at, segment);
		if (segment->p_type == PT_NOTE &&
		    range_fits(segment->p_offset, segment->p_filesz, start.size_bytes))
			start.n_segments++;
	}
	struct image page = start;
	page.size_bytes = min_u64(start.size_bytes, 4096);
	if (image_build_id(&start, &file->build_id, NULL, NULL) < 0 &&
	    find_stray_note(&page, image_type_size(&start, ELF_T_EHDR),
			    &segments[start.n_segments]))
		start.n_segments++;
	file->has_build_id = image_known_build_id(&start, &file->build_id, NULL) == 0;
}

static void add_file(struct reader *reader, struct core_file file)
{
	struct core *core = &reader->core;
	if (file.start == CORE_START_ELF) {
		uint64_t size;
		const uint8_t *bytes = core_memory_at(&reader->memory, file.address, &size);
		file.start = CORE_START_MISSING;
		if (bytes && file.end > file.address)
			read_start(bytes, min_u64(size, file.end - file.address), &file);
	}
	file.program = reader->memory.program_headers >= file.address &&
		       reader->memory.program_headers < file.end;

	/* Mapped again, by dlopen(3) of a copy or by a reader of its own symbols. */
	struct core_file *last = core->n_files ? &core->files[core->n_files - 1] : NULL;
	if (last && file.path && last->path && !strcmp(last->path, file.path) &&
	    last->has_build_id == file.has_build_id &&
	    (!file.has_build_id || build_id_equal(&last->build_id, &file.build_id))) {
		last->program = last->program || file.program;
		return;
	}
	core->files[core->n_files++] = file;
}

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = strcmp(a->path, b->path);
	if (order)
		return order;
	if (a->page != b->page)
		return a->page < b->page ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

static int compare_files(const void *left, const void *right)
{
	const struct core_file *a = left, *b = right;
	return a->address < b->address ? -1 : a->address > b->address;
}

/* Each path's mappings of its first page; one whose first page was not mapped, once. */
static void add_entries(struct reader *reader)
{
	if (reader->n_entries)
		qsort(reader->entries, reader->n_entries, sizeof(*reader->entries),
		      compare_entries);
	const char *last = NULL;
	for (uint64_t i = 0; i < reader->n_entries; i++) {
		const struct entry *entry = &reader->entries[i];
		bool first = !last || strcmp(last, entry->path) != 0;
		last = entry->path;
		if (entry->page && !first)
			continue;
		add_file(reader, (struct core_file){ .path = entry->path,
						     .address = entry->start,
						     .end = entry->end,
						     .start = entry->page ? CORE_START_MISSING
									  : CORE_START_ELF });
	}
}

/* Where no NT_FILE says what was mapped (a core that another program wrote), what begins like an
 * ELF file is one. */
static void add_unnamed(struct reader *reader)
{
	for (uint64_t i = 0; i < reader->memory.n_spans; i++) {
		const struct core_span *span = &reader->memory.spans[i];
		if (span->address == reader->vdso ||
		    !image_is_elf(reader->memory.file.bytes + span->offset, span->size_bytes))
			continue;
		add_file(reader, (struct core_file){ .address = span->address,
						     .end = span->address + span->size_bytes });
	}
}

static int add_files(struct reader *reader, struct error *err)
{
	struct core *core = &reader->core;
	core->files = calloc(max_u64(reader->n_entries, reader->memory.n_spans) + 1,
			     sizeof(*core->files));
	if (!core->files)
		return error_no_memory(err);
	add_entries(reader);
	if (!reader->n_entries)
		add_unnamed(reader);
	uint64_t size;
	if (reader->vdso && core_memory_at(&reader->memory, reader->vdso, &size))
		add_file(reader, (struct core_file){ .path = "[vdso]",
						     .address = reader->vdso,
						     .end = reader->vdso + size });
	qsort(core->files, core->n_files, sizeof(*core->files), compare_files);
	return core_name_files(&reader->memory, core, err);
}

int core_read(const uint8_t *bytes, uint64_t size_bytes, struct core *ret, struct error *err)
{
	int r;

	scoped(reader_free) struct reader reader = { 0 };
	reader.memory.file = (struct image){ .bytes = bytes, .size_bytes = size_bytes };
	r = read_ident(&reader.memory.file, err);
	if (r < 0)
		return r;
	if (reader.memory.file.ehdr.e_type != ET_CORE)
		return error_set(err, -ENOTSUP, "not a core file: ELF of type %u, expected %u",
				 reader.memory.file.ehdr.e_type, ET_CORE);
	uint64_t n_segments = 0;
	r = count_segments(&reader.memory.file, &n_segments, err);
	if (r == 0)
		r = read_spans(&reader, n_segments, err);
	if (r == 0)
		r = read_notes(&reader, n_segments, err);
	if (r == 0)
		r = add_files(&reader, err);
	if (r < 0)
		return r;
	*ret = reader.core;
	reader.core = (struct core){ 0 };
	return 0;
}
