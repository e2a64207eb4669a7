/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/rules.h"
#include "tests/unit/elf_builder.h"

/*
 * Linked ELF files for the rules, with a dynamic section and symbols, made by elf_builder. What
 * fails here ends the test program.
 */

struct dynamic_entry {
	int64_t tag;
	uint64_t value;
	const char *string; /* not NULL: the value is this text's place in .dynstr */
};

struct fixture_symbol {
	const char *name;
	bool imported; /* in .dynsym, undefined; else in .symtab, a function of .text */
};

struct fixture {
	unsigned class, encoding, type, machine; /* 0: 64 bits, little, ET_DYN, x86-64 */
	const struct dynamic_entry *dynamic; /* up to one of tag 0; NULL: no dynamic section */
	const struct fixture_symbol *symbols; /* up to one without a name; NULL: no symbols */
	const char *interpreter;
	bool no_section_headers;
	const struct subject_context *context; /* may be NULL */
	void (*more)(struct elf_builder *b); /* adds what else is wanted; may be NULL */
};

/** @ret freed by the caller. */
uint8_t *fixture_build(const struct fixture *fixture, size_t *ret_size);

/** Judge a file by one rule. finding_free() the result. */
struct finding fixture_judge(const struct fixture *fixture, const char *rule);
/** Judge, and hold against what is expected: verdict, and a part of what was seen and of the advice
 * (NULL: none is expected, where the verdict is good or not applicable). */
void fixture_expect(const struct fixture *fixture, const char *rule, enum verdict verdict,
		    const char *seen, const char *advice);
