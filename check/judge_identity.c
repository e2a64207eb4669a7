/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "check/go_build.h"
#include "check/judges.h"
#include "elf/content.h"
#include "elf/notes.h"
#include "store/record.h"

/* ---- build ID ---- */

static bool is_constant(const struct build_id *id)
{
	for (unsigned i = 1; i < id->size; i++)
		if (id->bytes[i] != id->bytes[0])
			return false;
	return true;
}

static void advise_build_id(struct subject *s, struct finding *ret)
{
	const struct go_info *go = subject_go(s, NULL);
	switch (subject_language(s)) {
	case LANGUAGE_GO:
		if (go && go_minor(go->version) >= 24)
			finding_advise(
				ret,
				"leave -B=none and -buildid= out of -ldflags: Go 1.24 and newer write one");
		else if (go && go_minor(go->version) == 23)
			finding_advise(
				ret, "go build -ldflags=-B=gobuildid, or dbgsplit, which adds it");
		else
			finding_advise(
				ret,
				"dbgsplit, which adds the one that newer linkers write; or Go 1.24 or newer");
		break;
	case LANGUAGE_RUST:
		finding_advise(ret, "rustc -C link-arg=-Wl,--build-id");
		break;
	default:
		finding_advise(ret, "link with -Wl,--build-id");
	}
}

void judge_build_id(struct subject *s, struct finding *ret)
{
	struct build_id id;
	struct build_id_place place;
	bool found = image_build_id(s->image, &id, &place, NULL) == 0;
	if (!found && image_is_relocatable(s->image)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "an object file: its linker writes one");
	} else if (!found) {
		finding_set(ret, VERDICT_BAD, "no GNU build ID");
		advise_build_id(s, ret);
	} else if (is_constant(&id)) {
		finding_set(ret, VERDICT_BAD, "build ID %s, which means nothing",
			    BUILD_ID_HEX(&id));
		advise_build_id(s, ret);
	} else if (!place.in_segment && s->image->n_segments) {
		finding_set(
			ret, VERDICT_ADVICE,
			"build ID %s in a section, and no PT_NOTE shows it: core files and profilers do not see it",
			BUILD_ID_HEX(&id));
		if (subject_is_go(s))
			finding_advise(
				ret,
				"link with -ldflags=-linkmode=external, or mend the file with dbgsplit --build-id=mend");
		else
			finding_advise(ret, "mend the file with dbgsplit --build-id=mend");
	} else {
		finding_set(ret, VERDICT_GOOD, "%s", BUILD_ID_HEX(&id));
	}
}

/* ---- symbols ---- */

static bool has_go_table(const struct image *image)
{
	return image_find_section(image, ".gopclntab") ||
	       image_find_section(image, ".data.rel.ro.gopclntab");
}

void judge_symtab(struct subject *s, struct finding *ret)
{
	const struct symbol_facts *symbols = subject_symbols(s);
	if (symbols->has_table) {
		finding_set(ret, VERDICT_GOOD, ".symtab with %" PRIu64 " functions",
			    symbols->n_functions);
		return;
	}
	if (!subject_is_go(s)) {
		finding_set(
			ret, VERDICT_ADVICE,
			"no .symtab: profilers and backtraces have the names of exported functions alone");
		finding_advise(
			ret, "strip with dbgsplit or strip -g, which leave symbols where they are");
		return;
	}
	finding_set(
		ret, VERDICT_BAD, "no .symtab%s",
		has_go_table(s->image)
			? "; Go's own table of functions remains, but govulncheck does not read it"
			: "");
	finding_advise(ret,
		       "leave -s out of -ldflags, and strip with dbgsplit, which leaves symbols");
}

/* ---- debug information ---- */

static uint64_t debug_size(const struct image *image)
{
	uint64_t sum = 0;
	for (uint64_t i = 0; i < image->n_sections; i++)
		if (section_is_debug(&image->sections[i]) &&
		    image->sections[i].shdr.sh_type != SHT_NOBITS)
			sum += image->sections[i].shdr.sh_size;
	return sum;
}

enum stored { STORED_NO, STORED_YES, STORED_UNKNOWN };

/* Does the store have the DWARF of this build ID? */
static enum stored find_stored(struct subject *s, struct error *err)
{
	struct build_id id;
	if (!s->context->store)
		return STORED_UNKNOWN;
	if (image_build_id(s->image, &id, NULL, NULL) < 0)
		return STORED_NO;
	struct record record = { 0 };
	int r = record_read(s->context->store, &id, &record, err);
	if (r < 0)
		return r == -ENOENT ? STORED_NO : STORED_UNKNOWN;
	struct build build = { 0 };
	record_merge(&record, &build);
	enum stored stored = build.quality == QUALITY_DWARF ? STORED_YES : STORED_NO;
	record_free(&record);
	return stored;
}

static void judge_present(struct subject *s, enum stored stored, struct finding *ret)
{
	const char *size = HUMAN_BYTES(debug_size(s->image));
	switch (stored) {
	case STORED_YES:
		finding_set(ret, VERDICT_ADVICE, "%s of debug information, which the store has too",
			    size);
		finding_advise(ret, "take it out with dbgsplit");
		break;
	case STORED_NO:
		finding_set(ret, VERDICT_BAD, "%s of debug information, and the store lacks it",
			    size);
		finding_advise(ret, "keep it, and take it out, with dbgsplit");
		break;
	case STORED_UNKNOWN:
		finding_set(ret, VERDICT_ADVICE, "%s of debug information", size);
		finding_advise(
			ret,
			"keep it in a store, and take it out, with dbgsplit; --store=DIR tells whether it is there");
	}
}

/* The name in .gnu_debuglink, or NULL. */
static const char *debug_link(const struct image *image)
{
	const struct section *section = image_find_section(image, ".gnu_debuglink");
	uint64_t size = 0;
	const uint8_t *bytes = section ? image_section_bytes(image, section, &size) : NULL;
	return size && memchr(bytes, 0, (size_t)size) ? (const char *)bytes : NULL;
}

static void judge_absent(struct subject *s, enum stored stored, struct finding *ret)
{
	const char *link = debug_link(s->image);
	if (stored == STORED_YES) {
		finding_set(ret, VERDICT_GOOD, "none in the file, and the store has it");
		return;
	}
	if (stored == STORED_NO)
		finding_set(ret, VERDICT_BAD, "none in the file, and none in the store");
	else if (link)
		finding_set(ret, VERDICT_ADVICE, "none in the file; it names a debug file %s",
			    ESCAPED(link));
	else
		finding_set(ret, VERDICT_ADVICE, "none in the file");
	if (stored == STORED_UNKNOWN)
		finding_advise(ret, "--store=DIR tells whether it is kept");
	else
		finding_advise(ret, "build with it (%s), and split with dbgsplit",
			       subject_is_go(s) ? "no -w and no -s in -ldflags" : "-g");
}

void judge_debug_info(struct subject *s, struct finding *ret)
{
	struct error err = ERROR_NONE;
	enum stored stored = find_stored(s, &err);
	if (stored == STORED_UNKNOWN && s->context->store) {
		finding_set(ret, VERDICT_ADVICE, "the store cannot tell: %s", err.message);
		finding_advise(ret, "see what dbgstore verify says");
	} else if (image_has_dwarf(s->image)) {
		judge_present(s, stored, ret);
	} else {
		judge_absent(s, stored, ret);
	}
}
