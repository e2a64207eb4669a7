/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "split/debug_image.h"
#include "split/recipe_make.h"
#include "split/restream.h"

/* No compiler's DWARF expands like this; deflate itself ends at 1032:1. */
#define RATIO_LIMIT 1100
#define RATIO_FREE (UINT64_C(64) << 20) /* bytes that may be promised at any ratio */
#define OVERLAP_LIMIT 8 /* sections may overlap: all together at most this many times the file */

void debug_image_free(struct debug_image *debug)
{
	free(debug->sections);
	free(debug->order);
	free(debug->head);
	free(debug->table);
	free(debug->renamed);
	free(debug->opaque);
	free(debug->streams);
	free(debug->recipe.bytes);
	section_names_free(&debug->names);
	*debug = (struct debug_image){ 0 };
}

static bool is_opaque(const struct debug_image *debug, uint64_t i)
{
	return debug->opaque[i / 64] >> (i % 64) & 1;
}

static void set_opaque(struct debug_image *debug, uint64_t i)
{
	debug->n_opaque += !is_opaque(debug, i);
	debug->opaque[i / 64] |= UINT64_C(1) << (i % 64);
}

/* ---- layout ---- */

static void plan_content(struct debug_image *debug, uint64_t i)
{
	const struct image *image = debug->plan->image;
	const struct section *section = &image->sections[i];
	struct debug_section *out = &debug->sections[i];

	struct content plain = { .stored_size = section->shdr.sh_size,
				 .size_bytes = section->shdr.sh_size };
	uint64_t size;
	plain.stored = image_section_bytes(image, section, &size);
	out->content = plain;
	if (!section_is_debug(section) || is_opaque(debug, i) || debug->streams[i].kept)
		return;
	struct content content;
	if (content_open(image, section, &content, NULL) < 0) {
		set_opaque(debug, i);
		return;
	}
	if (content.compression == COMPRESSION_NONE)
		return;
	out->content = content;
	out->decoded = true;
	out->shdr.sh_size = content.size_bytes;
	out->shdr.sh_flags &= ~(uint64_t)SHF_COMPRESSED;
	if (content.compression != COMPRESSION_ZLIB_GNU)
		out->shdr.sh_addralign = content.align;
}

static int plan_sections(struct debug_image *debug, struct error *err)
{
	const struct plan *plan = debug->plan;
	const struct image *image = plan->image;
	uint64_t stored = 0, decoded = 0;
	for (uint64_t i = 0; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		struct debug_section *out = &debug->sections[i];
		*out = (struct debug_section){ .shdr = section->shdr, .name = section->name };
		if (i == 0) /* its place and type mean nothing, and may not fit here */
			out->shdr = (GElf_Shdr){ .sh_size = section->shdr.sh_size,
						 .sh_link = section->shdr.sh_link,
						 .sh_info = section->shdr.sh_info };
		if (i == 0 || section->shdr.sh_type == SHT_NULL)
			continue;
		if (plan->sections[i].fate == FATE_KEEP) {
			out->shdr.sh_type = SHT_NOBITS;
			continue;
		}
		if (section->shdr.sh_type == SHT_NOBITS)
			continue;
		out->has_bytes = section->shdr.sh_size > 0;
		if (!out->has_bytes)
			continue;
		plan_content(debug, i);
		stored +=
			section->shdr.sh_size; /* each lies in the file: 2^32 of them cannot wrap */
		if (out->decoded && __builtin_add_overflow(decoded, out->shdr.sh_size, &decoded))
			decoded = UINT64_MAX;
	}
	if (stored / OVERLAP_LIMIT > image->size_bytes)
		return error_set(err, -EFBIG,
				 "sections overlap: their %" PRIu64
				 " bytes are more than %d times the file",
				 stored, OVERLAP_LIMIT);
	if (decoded > RATIO_FREE && decoded / RATIO_LIMIT > image->size_bytes)
		return error_set(err, -EFBIG,
				 "compressed sections promise %" PRIu64
				 " bytes, more than %d times the file",
				 decoded, RATIO_LIMIT);
	return 0;
}

/* .zdebug_info is .debug_info once it is decompressed. */
static int plan_names(struct debug_image *debug, struct error *err)
{
	int r;

	const struct image *image = debug->plan->image;
	size_t more = 1;
	for (uint64_t i = 0; i < image->n_sections; i++)
		if (debug->sections[i].content.compression == COMPRESSION_ZLIB_GNU)
			more += strlen(image->sections[i].name) + 1;
	const char **renamed = calloc(image->n_sections + 1, sizeof(*renamed));
	free(debug->renamed);
	debug->renamed = malloc(more);
	if (!renamed || !debug->renamed) {
		free(renamed);
		return error_no_memory(err);
	}
	char *at = debug->renamed;
	for (uint64_t i = image->n_sections - image->n_added; i < image->n_sections; i++)
		renamed[i] = image->sections[i].name;
	for (uint64_t i = 0; i < image->n_sections; i++) {
		const char *name = image->sections[i].name;
		if (debug->sections[i].content.compression != COMPRESSION_ZLIB_GNU ||
		    strncmp(name, ".z", 2) != 0)
			continue;
		size_t size = strlen(name + 2) + 1;
		*at = '.';
		memcpy(at + 1, name + 2, size);
		renamed[i] = debug->sections[i].name = at;
		at += size + 1;
	}
	section_names_free(&debug->names);
	r = section_names_renamed(image, renamed, &debug->names, err);
	free(renamed);
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < image->n_sections; i++)
		debug->sections[i].shdr.sh_name = debug->names.offsets[i];
	if (image->names_index && debug->names.bytes) {
		struct debug_section *table = &debug->sections[image->names_index];
		table->has_bytes = true;
		table->content = (struct content){ .stored = debug->names.bytes,
						   .stored_size = debug->names.size_bytes,
						   .size_bytes = debug->names.size_bytes };
		table->shdr.sh_size = debug->names.size_bytes;
	}
	return 0;
}

struct place {
	uint64_t offset; /* in the input */
	uint32_t section;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->section < y->section ? -1 : x->section > y->section;
}

/* In the order of the input's offsets, so that it is read from front to back. */
static int place_sections(struct debug_image *debug, struct error *err)
{
	const struct image *image = debug->plan->image;
	struct place *places = calloc(image->n_sections, sizeof(*places));
	if (!places)
		return error_no_memory(err);
	for (uint64_t i = 0; i < image->n_sections; i++)
		places[i] = (struct place){ image->sections[i].shdr.sh_offset, (uint32_t)i };
	qsort(places + 1, image->n_sections - 1, sizeof(*places), compare_places);

	uint64_t at = debug->head_size;
	debug->n_order = 0;
	for (uint64_t k = 1; k < image->n_sections; k++) {
		struct debug_section *section = &debug->sections[places[k].section];
		if (section->shdr.sh_type == SHT_NULL)
			continue;
		if (section->has_bytes) {
			uint64_t align = section->shdr.sh_addralign;
			at = align_up(at, align & (align - 1) || align > 4096 ? 16 : align);
			debug->order[debug->n_order++] = places[k].section;
		}
		section->shdr.sh_offset = at;
		if (section->has_bytes && __builtin_add_overflow(at, section->shdr.sh_size, &at))
			break;
		if (at > INT64_MAX)
			break;
	}
	free(places);
	if (at > INT64_MAX || (image->class == ELFCLASS32 && at > UINT32_MAX - (1u << 24)))
		return error_set(err, -EFBIG, "the debug information takes more than %s",
				 image->class == ELFCLASS32 ? "a 32-bit ELF file can hold"
							    : "a file can hold");
	debug->ehdr.e_shoff = align_up(at, image->class == ELFCLASS64 ? 8 : 4);
	return 0;
}

static int make_head(struct debug_image *debug, struct error *err)
{
	const struct image *image = debug->plan->image;
	uint64_t header_size = image_type_size(image, ELF_T_EHDR);
	uint64_t segments_size = image->n_segments * image_type_size(image, ELF_T_PHDR);
	debug->head_size = header_size + segments_size;
	debug->head = malloc(debug->head_size);
	if (!debug->head)
		return error_no_memory(err);
	if (segments_size)
		memcpy(debug->head + header_size, image->bytes + image->ehdr.e_phoff,
		       segments_size);
	debug->ehdr = image->ehdr;
	debug->ehdr.e_phoff = segments_size ? header_size : 0;
	debug->ehdr.e_ehsize = (GElf_Half)header_size;
	return 0;
}

/* Of the input's own sections the header tells already; section header 0, where 16 bits do not. */
static void set_count(struct debug_image *debug)
{
	uint64_t n = debug->plan->image->n_sections;
	bool many = n >= SHN_LORESERVE;
	debug->ehdr.e_shnum = many ? 0 : (GElf_Half)n;
	debug->sections[0].shdr.sh_size = many ? n : 0;
}

static int make_table(struct debug_image *debug, struct error *err)
{
	const struct image *image = debug->plan->image;
	uint64_t entry_size = image_type_size(image, ELF_T_SHDR);
	uint64_t size = image->n_sections * entry_size;
	if (image->n_added)
		set_count(debug);
	image_encode_ehdr(image, &debug->ehdr, debug->head);
	free(debug->table);
	debug->table = malloc(size);
	if (!debug->table)
		return error_no_memory(err);
	for (uint64_t i = 0; i < image->n_sections; i++)
		image_encode_shdr(image, &debug->sections[i].shdr, debug->table + i * entry_size);
	debug->size_bytes = debug->ehdr.e_shoff + size;
	return 0;
}

static int lay_out(struct debug_image *debug, struct error *err)
{
	int r;

	r = plan_sections(debug, err);
	if (r == 0)
		r = plan_names(debug, err);
	if (r == 0)
		r = place_sections(debug, err);
	if (r == 0)
		r = make_table(debug, err);
	if (r < 0 || !debug->source)
		return r;
	free(debug->recipe.bytes);
	debug->recipe = (struct recipe_body){ 0 };
	r = recipe_make(debug, debug->source, &debug->recipe, err);
	if (r == 0)
		debug->size_bytes += debug->recipe.size_bytes + RECIPE_TRAILER_SIZE;
	return r;
}

bool debug_image_has_content(const struct debug_image *debug, uint64_t index)
{
	return !is_opaque(debug, index) && !debug->streams[index].kept;
}

int debug_image_add_recipe(struct debug_image *debug, const struct recipe_source *source,
			   struct error *err)
{
	for (size_t k = 0; k < debug->n_order; k++) {
		uint32_t i = debug->order[k];
		const struct debug_section *section = &debug->sections[i];
		struct debug_stream *stream = &debug->streams[i];
		if (!section->decoded)
			continue;
		stream->level = restream_guess(&section->content);
		if (!source->exact)
			continue;
		int r = restream_prove(&section->content, &stream->level, err);
		if (r < 0)
			return r;
		stream->proved = stream->level > 0;
		stream->kept = !stream->proved;
		if (stream->kept)
			debug->kept_bytes += section->content.stored_size;
	}
	debug->source = source;
	return lay_out(debug, err);
}

int debug_image_plan(const struct plan *plan, struct debug_image *ret, struct error *err)
{
	int r;

	uint64_t n = plan->image->n_sections;
	scoped(debug_image_free) struct debug_image debug = { .plan = plan };
	debug.sections = calloc(n + 1, sizeof(*debug.sections));
	debug.order = calloc(n + 1, sizeof(*debug.order));
	debug.opaque = calloc(n / 64 + 1, sizeof(*debug.opaque));
	debug.streams = calloc(n + 1, sizeof(*debug.streams));
	if (!debug.sections || !debug.order || !debug.opaque || !debug.streams)
		return error_no_memory(err);
	r = make_head(&debug, err);
	if (r < 0)
		return r;
	r = lay_out(&debug, err);
	if (r < 0)
		return r;
	*ret = debug;
	debug = (struct debug_image){ 0 };
	return 0;
}

/* ---- writing ---- */

struct decoding {
	const struct sink *sink; /* NULL: nobody wants the bytes */
	bool lent;
	bool sink_failed;
};

static int take_decoded(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	struct decoding *decoding = context;
	if (!decoding->sink)
		return 0;
	int r = sink_take(decoding->sink, bytes, size, decoding->lent, err);
	decoding->sink_failed = r < 0;
	return r;
}

/* A sink that keeps the CRC of what goes through it. */
struct crc_sink {
	const struct sink *sink;
	uint32_t crc;
};

static int crc_put(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	struct crc_sink *crc = context;
	crc->crc = libdeflate_crc32(crc->crc, bytes, size);
	return sink_take(crc->sink, bytes, size, lent, err);
}

static int write_recipe(const struct debug_image *debug, uint32_t image_crc,
			const struct sink *sink, struct error *err)
{
	uint8_t trailer[RECIPE_TRAILER_SIZE];
	recipe_put_trailer(&debug->recipe, image_crc, debug->plan->image->bytes, trailer);
	int r = sink_take(sink, debug->recipe.bytes, debug->recipe.size_bytes, true, err);
	return r == 0 ? sink_take(sink, trailer, sizeof(trailer), false, err) : r;
}

static int write_image(const struct debug_image *debug, const struct sink *sink,
		       bool *ret_damaged, struct error *err)
{
	int r;

	*ret_damaged = false;
	r = sink_take(sink, debug->head, debug->head_size, true, err);
	if (r < 0)
		return r;
	uint64_t at = debug->head_size;
	for (size_t k = 0; k < debug->n_order; k++) {
		const struct debug_section *section = &debug->sections[debug->order[k]];
		r = sink_pad(sink, section->shdr.sh_offset - at, err);
		if (r < 0)
			return r;
		struct decoding decoding = { .sink = sink, .lent = !section->decoded };
		if (section->decoded)
			r = content_decode(&section->content, take_decoded, &decoding, err);
		else
			r = sink_take(sink, section->content.stored, section->content.stored_size,
				      true, err);
		if (r < 0) {
			*ret_damaged = section->decoded && !decoding.sink_failed && r != -ENOMEM;
			return error_prefix(err, r, "%s", ESCAPED(section->name));
		}
		at = section->shdr.sh_offset + section->shdr.sh_size;
	}
	r = sink_pad(sink, debug->ehdr.e_shoff - at, err);
	if (r < 0)
		return r;
	return sink_take(sink, debug->table,
			 debug->plan->image->n_sections *
				 image_type_size(debug->plan->image, ELF_T_SHDR),
			 true, err);
}

int debug_image_write(const struct debug_image *debug, const struct sink *sink, bool *ret_damaged,
		      struct error *err)
{
	if (!debug->source)
		return write_image(debug, sink, ret_damaged, err);
	struct crc_sink crc = { .sink = sink };
	const struct sink through = { .put = crc_put, .context = &crc };
	int r = write_image(debug, &through, ret_damaged, err);
	return r == 0 ? write_recipe(debug, crc.crc, sink, err) : r;
}

int debug_image_give_in(struct debug_image *debug, struct error *err)
{
	for (size_t k = 0; k < debug->n_order; k++) {
		const struct debug_section *section = &debug->sections[debug->order[k]];
		if (!section->decoded)
			continue;
		struct decoding decoding = { 0 };
		int r = content_decode(&section->content, take_decoded, &decoding, NULL);
		if (r == -ENOMEM)
			return error_no_memory(err);
		if (r < 0)
			set_opaque(debug, debug->order[k]);
	}
	return lay_out(debug, err);
}

int debug_image_layout(const struct debug_image *debug, struct object_layout *ret,
		       struct object_section **ret_sections, struct error *err)
{
	const struct image *image = debug->plan->image;
	struct object_section *sections = calloc(image->n_sections, sizeof(*sections));
	if (!sections)
		return error_no_memory(err);
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const struct debug_section *section = &debug->sections[i];
		sections[i] = (struct object_section){ .name = section->name,
						       .type = section->shdr.sh_type,
						       .flags = section->shdr.sh_flags,
						       .offset = section->shdr.sh_offset,
						       .size_bytes = section->shdr.sh_size };
	}
	*ret = (struct object_layout){ .sections = sections + 1,
				       .n_sections = image->n_sections - 1,
				       .size_bytes = debug->size_bytes };
	struct object_range *table = ret->tables;
	*table++ = (struct object_range){ 0, debug->head_size };
	*table++ = (struct object_range){ debug->ehdr.e_shoff,
					  debug->size_bytes - debug->ehdr.e_shoff };
	if (image->names_index && debug->names.size_bytes)
		*table++ =
			(struct object_range){ debug->sections[image->names_index].shdr.sh_offset,
					       debug->names.size_bytes };
	ret->n_tables = (size_t)(table - ret->tables);
	*ret_sections = sections;
	return 0;
}
