/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/symbol_facts.h"
#include "check/text_facts.h"
#include "elf/dynamic.h"
#include "elf/go_info.h"
#include "elf/image.h"

struct go_release;
struct store;

/** What a program is written in, as far as it shows. Others: C, assembly, and what we do not know.
 */
enum language { LANGUAGE_OTHER, LANGUAGE_GO, LANGUAGE_RUST, LANGUAGE_CXX };
/** "other", "go", "rust", "c++". */
const char *language_name(enum language language);

/** What the user has told of the world that files are judged in. */
struct subject_context {
	struct store *store; /* to look debug information up in; NULL: none was named */
	const struct go_release *go_releases; /* the newest ones of Go */
	size_t n_go_releases;
};

/**
 * A file under judgement: its image, and facts that are read when they are first asked for. What a
 * function returns lives as long as the subject.
 */
struct subject {
	const char *path; /* as the user would write it */
	const struct image *image;
	const struct subject_context *context;

	/* Private: what was read. */
	bool has_go, has_dynamic, has_symbols, has_texts;
	int go_result, dynamic_result;
	struct go_info go;
	struct error go_error;
	struct dynamic dynamic;
	struct symbol_facts symbols;
	struct text_facts texts;
};

/** All three are kept, and must outlive it. */
void subject_open(const char *path, const struct image *image,
		  const struct subject_context *context, struct subject *ret);
void subject_close(struct subject *s); /* a guard */

/** A program or library: not an object file, a kernel module or a separate debug file. */
bool subject_runs(const struct subject *s);
/** A program that is started: not a library. */
bool subject_is_program(struct subject *s);

/** What Go's linker wrote about the build; NULL: not a Go program, or one that we cannot read (its
 * message in @err). */
const struct go_info *subject_go(struct subject *s, struct error *err);
/** Is it a Go program, whether or not its build information can be read? */
bool subject_is_go(struct subject *s);
/** NULL: there is no dynamic section, or none that can be read. */
const struct dynamic *subject_dynamic(struct subject *s);
const struct symbol_facts *subject_symbols(struct subject *s);
/** Reads all data and debug information: the costly one. */
const struct text_facts *subject_texts(struct subject *s);
enum language subject_language(struct subject *s);
/** Is there machine code of a C compiler in it? Go programs have some where cgo is in use. */
bool subject_has_c_code(struct subject *s);
/** Of a Go program: was it linked by the C compiler, and not by Go's own linker? */
bool subject_is_linked_externally(struct subject *s);
/** The first program header of that type, or NULL. */
const GElf_Phdr *subject_segment(const struct subject *s, uint32_t type);
