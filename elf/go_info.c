/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "elf/go_info.h"
#include "elf/go_table.h"

/*
 * Layout, as Go's debug/buildinfo documents it: a header of 32 bytes, then two strings, each a
 * uvarint of its size and its bytes; or, until Go 1.17, in the header two pointers to Go's own
 * strings, each a pointer to the bytes and their number. The module text stands between two marks
 * of 16 bytes.
 */
static const char MAGIC[14] = "\xff Go buildinf:";
#define HEADER_SIZE 32
#define FLAGS_AT 15
#define FLAG_BIG_ENDIAN 1
#define FLAG_INLINE 2 /* strings follow; without it, pointers to them (Go 1.17 and older) */
#define POINTER_SIZE_AT 14
#define POINTERS_AT 16
#define ALIGNMENT 16
#define MARK_SIZE 16

static bool is_header(struct go_span at)
{
	return at.size >= HEADER_SIZE && !memcmp(at.bytes, MAGIC, sizeof(MAGIC));
}

/* The section; without section headers, the first writable segment at each multiple of 16. */
static bool find_header(const struct image *image, struct go_span *ret)
{
	const struct section *section = image_find_section(image, ".go.buildinfo");
	if (section) {
		ret->bytes = image_section_bytes(image, section, &ret->size);
		return ret->bytes && is_header(*ret);
	}
	for (uint64_t i = 0; !image->separate_debug && i < image->n_segments; i++) {
		const GElf_Phdr *segment = &image->segments[i];
		if (segment->p_type != PT_LOAD || (segment->p_flags & (PF_W | PF_X)) != PF_W ||
		    !segment->p_filesz)
			continue;
		struct go_span at = { image->bytes + segment->p_offset, segment->p_filesz };
		for (; at.size >= HEADER_SIZE; at.bytes += ALIGNMENT, at.size -= ALIGNMENT) {
			if (is_header(at)) {
				*ret = at;
				return true;
			}
		}
		return false;
	}
	return false;
}

/* Encoding: 7 bits a byte, low ones first, the high bit says that more follow. */
static int take_uvarint(struct go_span *from, uint64_t *ret, struct error *err)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (!from->size)
			break;
		uint8_t byte = *from->bytes++;
		from->size--;
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return 0;
		}
	}
	return error_set(err, -EBADMSG,
			 "Go build information: a string's size is cut or over 64 bits");
}

static int take_string(struct go_span *from, const char *what, struct go_span *ret,
		       struct error *err)
{
	uint64_t size;
	int r = take_uvarint(from, &size, err);
	if (r < 0)
		return r;
	if (size > from->size)
		return error_set(err, -EBADMSG,
				 "Go build information: the %s has %" PRIu64 " bytes, of %" PRIu64
				 " that are left",
				 what, size, from->size);
	*ret = (struct go_span){ from->bytes, size };
	from->bytes += size;
	from->size -= size;
	return 0;
}

/* The string whose own pointer and size are where the @n-th pointer of the header points to. */
static int follow_pointer(const struct image *image, const uint8_t *header, unsigned n,
			  const char *what, struct go_span *ret, struct error *err)
{
	uint64_t width = image_type_size(image, ELF_T_ADDR);
	uint64_t address = image_decode_address(image, header + POINTERS_AT + n * width);
	if (!address) { /* no modules */
		*ret = (struct go_span){ 0 };
		return 0;
	}
	struct go_span string, bytes;
	if (!go_table_loaded(image, address, &string) || string.size < 2 * width)
		return error_set(err, -EBADMSG,
				 "Go build information: the %s at address 0x%" PRIx64
				 " is not in the file",
				 what, address);
	uint64_t size = image_decode_address(image, string.bytes + width);
	address = image_decode_address(image, string.bytes);
	if (!size) {
		*ret = (struct go_span){ 0 };
		return 0;
	}
	if (!go_table_loaded(image, address, &bytes) || size > bytes.size)
		return error_set(err, -EBADMSG,
				 "Go build information: the %s has %" PRIu64
				 " bytes at address 0x%" PRIx64 ", which are not in the file",
				 what, size, address);
	*ret = (struct go_span){ bytes.bytes, size };
	return 0;
}

static int read_pointers(const struct image *image, const uint8_t *header,
			 struct go_span *ret_version, struct go_span *ret_modules,
			 struct error *err)
{
	bool is_big = image->encoding == ELFDATA2MSB;
	if (header[POINTER_SIZE_AT] != image_type_size(image, ELF_T_ADDR) ||
	    !!(header[FLAGS_AT] & FLAG_BIG_ENDIAN) != is_big)
		return error_set(
			err, -EBADMSG,
			"Go build information: pointers of %u bytes and flags 0x%x, which are"
			" not the file's own",
			header[POINTER_SIZE_AT], header[FLAGS_AT]);
	int r = follow_pointer(image, header, 0, "version", ret_version, err);
	if (r < 0)
		return r;
	if (!ret_version->size)
		return error_set(
			err, -ENOTSUP,
			"Go build information: its pointers are filled in when it is loaded");
	return follow_pointer(image, header, 1, "module text", ret_modules, err);
}

static int read_strings(struct go_span at, struct go_span *ret_version, struct go_span *ret_modules,
			struct error *err)
{
	at.bytes += HEADER_SIZE;
	at.size -= HEADER_SIZE;
	int r = take_string(&at, "version", ret_version, err);
	return r < 0 ? r : take_string(&at, "module text", ret_modules, err);
}

static int copy_text(struct go_span from, const char *what, char **ret, struct error *err)
{
	if (from.size && memchr(from.bytes, 0, (size_t)from.size))
		return error_set(err, -EBADMSG, "Go build information: the %s has a NUL in it",
				 what);
	char *text = strndup(from.size ? (const char *)from.bytes : "", (size_t)from.size);
	if (!text)
		return error_no_memory(err);
	*ret = text;
	return 0;
}

/* What stands in the @n-th field, from 0, of the first line that begins with "@key\t"; else
 * nothing. */
static struct go_span find_field(const char *text, const char *key, unsigned n)
{
	size_t key_size = strlen(key);
	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n');
		if ((size_t)(end - line) > key_size && !memcmp(line, key, key_size) &&
		    line[key_size] == '\t') {
			const char *field = line + key_size + 1;
			for (unsigned i = 0; i < n; i++) {
				const char *tab = memchr(field, '\t', (size_t)(end - field));
				if (!tab)
					return (struct go_span){ 0 };
				field = tab + 1;
			}
			const char *tab = memchr(field, '\t', (size_t)(end - field));
			return (struct go_span){ (const uint8_t *)field,
						 (uint64_t)((tab ? tab : end) - field) };
		}
		line = *end ? end + 1 : end;
	}
	return (struct go_span){ 0 };
}

int go_info_read(const struct image *image, struct go_info *ret, struct error *err)
{
	int r;

	struct go_span at;
	if (!find_header(image, &at))
		return error_set(err, -ENOENT, "no Go build information");
	struct go_span version, modules;
	r = at.bytes[FLAGS_AT] & FLAG_INLINE
		    ? read_strings(at, &version, &modules, err)
		    : read_pointers(image, at.bytes, &version, &modules, err);
	if (r < 0)
		return r;
	/* A text of modules ends with a newline before its mark; else there is none
	 * (debug/buildinfo). */
	if (modules.size > 2 * MARK_SIZE && modules.bytes[modules.size - MARK_SIZE - 1] == '\n')
		modules =
			(struct go_span){ modules.bytes + MARK_SIZE, modules.size - 2 * MARK_SIZE };
	else
		modules.size = 0;

	scoped(go_info_free) struct go_info info = { 0 };
	r = copy_text(version, "version", &info.version, err);
	if (r < 0)
		return r;
	r = copy_text(modules, "module text", &info.module_text, err);
	if (r < 0)
		return r;
	const struct {
		const char *key;
		unsigned field;
		char **to;
	} fields[] = {
		{ "path", 0, &info.main_path },
		{ "mod", 0, &info.main_module },
		{ "mod", 1, &info.main_version },
	};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		r = copy_text(find_field(info.module_text, fields[i].key, fields[i].field),
			      fields[i].key, fields[i].to, err);
		if (r < 0)
			return r;
	}
	*ret = info;
	info = (struct go_info){ 0 };
	return 0;
}

void go_info_free(struct go_info *info)
{
	free(info->version);
	free(info->module_text);
	free(info->main_path);
	free(info->main_module);
	free(info->main_version);
	*info = (struct go_info){ 0 };
}
