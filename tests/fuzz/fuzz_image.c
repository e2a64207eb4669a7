/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/content.h"
#include "elf/identity.h"
#include "elf/notes.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/elf_builder.h"

/* The input is an ELF file: everything that may be asked of one is asked. */

static uint64_t sum; /* of what was read, so that reading is not left out */

static void read_all(const uint8_t *bytes, uint64_t size)
{
	for (uint64_t i = 0; i < size; i += 61)
		sum += bytes[i];
	if (size)
		sum += bytes[size - 1];
}

static void ask_notes(const struct image *image)
{
	struct error err;
	struct build_id id;
	struct build_id_place place;
	if (image_build_id(image, &id, &place, &err) == 0) {
		FUZZ_CHECK(id.size > 0 && id.size <= BUILD_ID_MAX_SIZE);
		FUZZ_CHECK(range_fits(place.desc_offset, id.size, image->size_bytes));
		FUZZ_CHECK(!memcmp(image->bytes + place.desc_offset, id.bytes, id.size));
		FUZZ_CHECK(place.in_section || place.in_segment);
	}
	const char *text;
	uint64_t size;
	if (image_go_build_id(image, &text, &size, &err) == 0)
		read_all((const uint8_t *)text, size);
	if (image_package_note(image, &text, &size, &err) == 0)
		read_all((const uint8_t *)text, size);
	uint64_t at = 0, n = 0;
	struct note note;
	while (n < 100 &&
	       note_next(image, &at, image->size_bytes, n % 2 ? 4 : 8, &note, &err) == 0) {
		read_all((const uint8_t *)note.name, note.name_size);
		read_all(note.desc, note.desc_size);
		n++;
	}
}

static void ask_sections(const struct image *image)
{
	for (uint64_t i = 0; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		uint64_t size;
		const uint8_t *bytes = image_section_bytes(image, section, &size);
		FUZZ_CHECK(!size ||
			   range_fits((uint64_t)(bytes - image->bytes), size, image->size_bytes));
		if (i < 100)
			read_all(bytes, size);
		sum += strlen(section->name) + image_section_is_debug(image, section);
		if (i)
			FUZZ_CHECK(section->shdr.sh_link < image->n_sections);
		struct content content;
		struct error err;
		if (content_open(image, section, &content, &err) == 0)
			read_all(content.stored, i < 100 ? content.stored_size : 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_NONE;
	struct image image;
	int r = image_open(data, size, &image, &err);
	if (r < 0) {
		FUZZ_CHECK(r == -ENOEXEC || r == -EBADMSG || r == -ENOTSUP);
		FUZZ_CHECK(err.message[0]);
		return 0;
	}
	FUZZ_CHECK(image.loadable_end <= image.end && image.end <= size);
	ask_sections(&image);
	for (uint64_t i = 0; !image.separate_debug && i < image.n_segments; i++)
		if (image.segments[i].p_type != PT_NULL && image.segments[i].p_filesz)
			FUZZ_CHECK(range_fits(image.segments[i].p_offset,
					      image.segments[i].p_filesz, size));
	ask_notes(&image);
	sum += image_has_dwarf(&image) + image_has_symbols(&image) + image_is_loadable(&image);
	struct digest digest;
	r = image_identity(&image, &digest, &err);
	FUZZ_CHECK(r == 0 || r == -ENOENT || r == -EBADMSG);
	r = image_memory_layout(&image, &digest, &err);
	FUZZ_CHECK(r == 0 || r == -ENOENT);
	image_close(&image);
	return 0;
}

void fuzz_seeds(fuzz_add add)
{
	for (unsigned i = 0; i < 8; i++) {
		struct elf_builder b;
		bool debug = i & 4;
		elf_builder_init(&b, i & 1 ? ELFCLASS64 : ELFCLASS32,
				 i & 2 ? ELFDATA2MSB : ELFDATA2LSB, ET_DYN, EM_X86_64);
		unsigned note = elf_builder_note(&b, ".note.gnu.build-id", "GNU", NT_GNU_BUILD_ID,
						 "12345678", 8);
		unsigned go = elf_builder_note(&b, ".note.go.buildid", "Go", 4, "a/b/c/d", 7);
		elf_builder_note(&b, ".note.package", "FDO", 0xcafe1a7e, "{}", 3);
		unsigned text = elf_builder_section(&b, ".text", debug ? SHT_NOBITS : SHT_PROGBITS,
						    SHF_ALLOC | SHF_EXECINSTR, NULL, 16);
		unsigned bss = elf_builder_section(&b, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE,
						   NULL, 64);
		unsigned info = elf_builder_section(&b, ".zdebug_info", SHT_PROGBITS, 0,
						    "ZLIB\0\0\0\0\0\0\0\x08xxxxxxxx", 20);
		unsigned rela = elf_builder_section(&b, ".rela.debug_info", SHT_RELA, 0, NULL, 24);
		b.sections[rela].shdr.sh_info = info;
		elf_builder_segment_over(&b, PT_LOAD, PF_R, 0, debug ? go : text);
		elf_builder_segment_over(&b, PT_NOTE, PF_R, note, go);
		elf_builder_segment_over(&b, PT_LOAD, PF_W, bss, bss);
		b.no_section_headers = i == 3;
		size_t size;
		uint8_t *file = elf_builder_build(&b, &size);
		add(file, size);
		free(file);
		elf_builder_free(&b);
	}
}
