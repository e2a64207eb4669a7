/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "elf/given_id.h"
#include "elf/go_info.h"
#include "elf/identity.h"
#include "elf/notes.h"
#include "store/add.h"
#include "store/take_back.h"
#include "store/internal.h"

/* ---- how the sections lay ---- */

/* 64 bits do not fit a JSON number everywhere. */
static json_t *hex_number(uint64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "0x%" PRIx64, number);
	return json_string(text);
}

static json_t *section_json(const struct section *section)
{
	const GElf_Shdr *s = &section->shdr;
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "name",
			 json_bytes_string(section->name), "type", (json_int_t)s->sh_type, "flags",
			 hex_number(s->sh_flags), "addr", hex_number(s->sh_addr), "offset",
			 hex_number(s->sh_offset), "size", hex_number(s->sh_size), "entsize",
			 hex_number(s->sh_entsize), "link", (json_int_t)s->sh_link, "info",
			 (json_int_t)s->sh_info, "align", hex_number(s->sh_addralign));
}

static json_t *sections_json(const struct image *image)
{
	scoped(json_scoped_decref) json_t *sections = json_array();
	for (uint64_t i = 0; i < image->n_sections; i++)
		if (json_array_append_new(sections, section_json(&image->sections[i])) < 0)
			return NULL;
	return take(sections);
}

/* ---- where it came from ---- */

/* Take a member of the note where nothing better is known; what is no string is passed over. */
static void take_member(const json_t *note, const char *key, char **at)
{
	if (!*at && json_get_bytes(note, key, at, NULL) < 0)
		*at = NULL;
}

/* The FDO packaging metadata note:
 * {"type":"deb","os":"debian","osVersion":"12","name":"…","version":"…"}. */
static void read_package_note(const struct image *image, struct origin *origin)
{
	const char *text;
	uint64_t size;
	if (image_package_note(image, &text, &size, NULL) < 0)
		return;
	while (size && !text[size - 1])
		size--; /* padding */
	scoped(json_scoped_decref) json_t *note = NULL;
	if (json_parse(text, (size_t)size, &note, NULL) < 0 || !json_is_object(note))
		return; /* a malformed one is no reason not to keep the file */
	take_member(note, "name", &origin->package);
	take_member(note, "version", &origin->version);
	if (origin->distro)
		return;
	scoped(string_free) char *os = NULL, *version = NULL;
	take_member(note, "os", &os);
	take_member(note, "osVersion", &version);
	if (!os || !version)
		origin->distro = take(os);
	else if (string_format(&origin->distro, NULL, "%s-%s", os, version) < 0)
		origin->distro = NULL;
}

/* "" is not known. */
static char *take_text(char **text)
{
	return *text && **text ? take(*text) : NULL;
}

static int read_go_info(struct store *st, const struct image *image, struct fresh *fresh,
			struct origin *origin, struct error *err)
{
	int r;

	scoped(go_info_free) struct go_info info = { 0 };
	if (go_info_read(image, &info, NULL) < 0)
		return 0; /* not Go, or older than what is read */
	if (st && info.module_text && *info.module_text) {
		struct object_result object;
		r = object_put_noted(st, info.module_text, strlen(info.module_text), fresh,
				     &object, err);
		if (r < 0)
			return error_prefix(err, r, "module text");
		origin->settings = (struct artifact){ true, object.digest, object.size_bytes };
	}
	if (!origin->toolchain)
		origin->toolchain = take_text(&info.version);
	/* A program outside any module has a path all the same. */
	if (!origin->main_module)
		origin->main_module =
			take_text(info.main_module && *info.main_module ? &info.main_module
									: &info.main_path);
	if (!origin->main_version)
		origin->main_version = take_text(&info.main_version);
	return 0;
}

/* ---- the contribution ---- */

static int read_digests(const struct image *image, struct contribution *c, struct error *err)
{
	int r;

	r = image_identity(image, &c->identity, err);
	if (r < 0 && r != -ENOENT)
		return error_prefix(err, r, "identity");
	c->has_identity = r == 0;
	r = image_memory_layout(image, &c->memory_layout, err);
	if (r < 0 && r != -ENOENT)
		return error_prefix(err, r, "memory layout");
	c->has_memory_layout = r == 0;
	return 0;
}

int contribution_of_image(struct store *st, const struct image *image, const struct origin *origin,
			  struct fresh *fresh, struct contribution *ret, struct error *err)
{
	int r;

	scoped(contribution_free) struct contribution c = {
		.machine = image->ehdr.e_machine,
		.class = (uint8_t)image->class,
		.encoding = (uint8_t)image->encoding,
		.type = image->ehdr.e_type,
		.time = time(NULL),
	};
	r = image_known_build_id(image, &c.build_id, err);
	if (r < 0)
		return r;
	r = read_digests(image, &c, err);
	if (r < 0)
		return r;
	if (origin) {
		r = origin_copy(origin, &c.origin, err);
		if (r < 0)
			return r;
	}
	read_package_note(image, &c.origin);
	r = read_go_info(st, image, fresh, &c.origin, err);
	if (r < 0)
		return r;
	if (image->n_sections) {
		c.sections = sections_json(image);
		if (!c.sections)
			return error_no_memory(err);
	}
	*ret = c;
	c = (struct contribution){ 0 };
	return 0;
}

/* ---- adding ---- */

static int put_whole(struct store *st, const struct image *image, struct fresh *fresh,
		     struct object_result *ret, struct error *err)
{
	int r;

	scoped(object_layout_free) struct object_layout layout = { 0 };
	r = object_layout_of_image(image, &layout, err);
	if (r < 0)
		return r;
	scoped(object_writer_freep) struct object_writer *w = NULL;
	r = object_writer_new(st, &layout, 0, &w, err);
	if (r < 0)
		return r;
	object_writer_note(w, fresh);
	r = object_writer_lend(w, image->bytes, (size_t)image->size_bytes, err);
	if (r < 0)
		return r;
	return object_writer_finish(w, ret, err);
}

/* Of any type: a kernel module has it too. */
static bool has_loaded_content(const struct image *image)
{
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const GElf_Shdr *s = &image->sections[i].shdr;
		if ((s->sh_flags & SHF_ALLOC) && s->sh_type != SHT_NOBITS &&
		    s->sh_type != SHT_NOTE && s->sh_size)
			return true;
	}
	return image->n_sections == 0; /* no table left: what the segments hold */
}

/* Which part the file plays, and how good its debug information is. */
static struct artifact *place_of(const struct image *image, struct contribution *c)
{
	bool has_dwarf = image_has_dwarf(image), has_symbols = image_has_symbols(image);
	enum quality quality = has_dwarf     ? QUALITY_DWARF
			       : has_symbols ? QUALITY_SYMBOLS
					     : QUALITY_NONE;
	if (image_is_separate_debug(image) ||
	    (!has_dwarf && has_symbols && !has_loaded_content(image))) {
		c->quality = quality;
		return &c->debug;
	}
	/* Symbols beside code are no debug file: who has the executable has them, and serving them
	 * as one would hide a better answer of an upstream. */
	if (!has_dwarf)
		return &c->stripped;
	c->quality = quality;
	return &c->original;
}

static int add_image(struct store *st, const struct image *image, const struct mapping *mapping,
		     struct contribution *c, struct fresh *fresh, struct object_result *ret_object,
		     struct build *ret_build, struct error *err)
{
	int r;

	struct object_result object;
	r = put_whole(st, image, fresh, &object, err);
	if (r == 0 && mapping)
		r = mapping_check(mapping, err);
	if (r < 0)
		return r;
	*place_of(image, c) = (struct artifact){ true, object.digest, object.size_bytes };
	struct build build;
	fresh->has_record = true;
	r = record_put(st, c, &build, err);
	if (r < 0)
		return r;
	*ret_object = object;
	*ret_build = build;
	return 0;
}

int store_add_image(struct store *st, const struct image *image, const struct mapping *mapping,
		    const struct origin *origin, const struct supplement *supplement,
		    struct object_result *ret_object,
		    struct build *ret_build, struct error *err)
{
	int r;

	if (image->ehdr.e_type == ET_CORE)
		return error_set(err, -ENOTSUP, "a core file, not a program");
	struct fresh fresh = FRESH_NONE;
	scoped(contribution_free) struct contribution c = { 0 };
	r = contribution_of_image(st, image, origin, &fresh, &c, err);
	if (r == 0 && removed_build(st, &c.build_id))
		r = error_set(err, -EEXIST, "%s was removed from this store for good",
			      BUILD_ID_HEX(&c.build_id));
	if (supplement) {
		c.supplement_id = supplement->id;
		c.supplement = supplement->artifact;
	}
	if (r == 0)
		r = add_image(st, image, mapping, &c, &fresh, ret_object, ret_build, err);
	if (r < 0)
		fresh_take_back(st, &fresh, &c.build_id);
	return r;
}
