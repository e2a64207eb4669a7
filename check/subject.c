/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "check/subject.h"

const char *language_name(enum language language)
{
	static const char *const names[] = { "other", "go", "rust", "c++" };
	return names[language];
}

void subject_open(const char *path, const struct image *image,
		  const struct subject_context *context, struct subject *ret)
{
	*ret = (struct subject){ .path = path, .image = image, .context = context };
}

void subject_close(struct subject *s)
{
	go_info_free(&s->go);
	*s = (struct subject){ 0 };
}

bool subject_runs(const struct subject *s)
{
	return !s->image->separate_debug && s->image->n_segments && image_is_loadable(s->image);
}

/* Linkers mark position-independent programs with DF_1_PIE since 2015; before, what has an
 * interpreter and no name of its own is one. */
bool subject_is_program(struct subject *s)
{
	if (!subject_runs(s))
		return false;
	if (s->image->ehdr.e_type == ET_EXEC)
		return true;
	const struct dynamic *dynamic = subject_dynamic(s);
	uint64_t soname;
	return dynamic &&
	       ((dynamic->flags_1 & DF_1_PIE) ||
		(subject_segment(s, PT_INTERP) && !dynamic_value(dynamic, DT_SONAME, 0, &soname)));
}

const struct go_info *subject_go(struct subject *s, struct error *err)
{
	if (!s->has_go) {
		s->has_go = true;
		s->go_result = go_info_read(s->image, &s->go, &s->go_error);
	}
	if (s->go_result == 0)
		return &s->go;
	error_set(err, s->go_result, "%s", s->go_error.message);
	return NULL;
}

bool subject_is_go(struct subject *s)
{
	return subject_go(s, NULL) || s->go_result != -ENOENT ||
	       image_find_section(s->image, ".gopclntab");
}

const struct dynamic *subject_dynamic(struct subject *s)
{
	if (!s->has_dynamic) {
		s->has_dynamic = true;
		s->dynamic_result = dynamic_read(s->image, &s->dynamic, NULL);
	}
	return s->dynamic_result == 0 ? &s->dynamic : NULL;
}

const struct symbol_facts *subject_symbols(struct subject *s)
{
	if (!s->has_symbols) {
		s->has_symbols = true;
		symbol_facts_read(s->image, subject_dynamic(s), &s->symbols);
	}
	return &s->symbols;
}

const struct text_facts *subject_texts(struct subject *s)
{
	if (!s->has_texts) {
		s->has_texts = true;
		text_facts_read(s->image, &s->texts);
	}
	return &s->texts;
}

static bool section_says(const struct image *image, const char *name, const char *word)
{
	const struct section *section = image_find_section(image, name);
	uint64_t size = 0;
	const uint8_t *bytes = section ? image_section_bytes(image, section, &size) : NULL;
	return bytes && memmem(bytes, (size_t)size, word, strlen(word));
}

static bool needs_cxx(struct subject *s)
{
	const struct dynamic *dynamic = subject_dynamic(s);
	const char *name;
	for (uint64_t i = 0; dynamic && (name = dynamic_needed(dynamic, i)); i++)
		if (!strncmp(name, "libstdc++.so", 12) || !strncmp(name, "libc++.so", 9))
			return true;
	return false;
}

enum language subject_language(struct subject *s)
{
	if (subject_is_go(s))
		return LANGUAGE_GO;
	const struct symbol_facts *symbols = subject_symbols(s);
	if (symbols->rust || section_says(s->image, ".comment", "rustc version"))
		return LANGUAGE_RUST;
	return symbols->cxx || needs_cxx(s) ? LANGUAGE_CXX : LANGUAGE_OTHER;
}

bool subject_is_linked_externally(struct subject *s)
{
	/* The C compiler adds its startup files, which have these; Go's linker writes neither. */
	return image_find_section(s->image, ".init") || subject_segment(s, PT_GNU_EH_FRAME);
}

bool subject_has_c_code(struct subject *s)
{
	if (!subject_is_go(s))
		return true;
	const struct dynamic *dynamic = subject_dynamic(s);
	return subject_symbols(s)->cgo || subject_is_linked_externally(s) ||
	       (dynamic && dynamic_needed(dynamic, 0));
}

const GElf_Phdr *subject_segment(const struct subject *s, uint32_t type)
{
	for (uint64_t i = 0; i < s->image->n_segments; i++)
		if (s->image->segments[i].p_type == type)
			return &s->image->segments[i];
	return NULL;
}
