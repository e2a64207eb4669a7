/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/subject_fixture.h"

static uint32_t property_type, property_bits;

static void add_property(struct elf_builder *b)
{
	uint8_t desc[32] = { 0 };
	elf_builder_put(b, desc, 0xc0008001, 4); /* another one before it */
	elf_builder_put(b, desc + 4, 4, 4);
	elf_builder_put(b, desc + 16, property_type, 4);
	elf_builder_put(b, desc + 20, 4, 4);
	elf_builder_put(b, desc + 24, property_bits, 4);
	unsigned note = elf_builder_note(b, ".note.gnu.property", "GNU", 5, desc, sizeof(desc));
	elf_builder_segment_over(b, PT_NOTE, PF_R, note, note);
}

static const char *producers;
static size_t producers_size;

static void add_producers(struct elf_builder *b)
{
	elf_builder_section(b, ".debug_str", SHT_PROGBITS, 0, producers, producers_size);
}

static void add_probe(struct elf_builder *b)
{
	unsigned code =
		elf_builder_section(b, ".text.probe", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
				    "\x90\x48\x81\xec\x00\x10\x00\x00\x48\x83\x0c\x24\x00\xc3", 14);
	elf_builder_segment_over(b, PT_LOAD, PF_R | PF_X, code, code);
}

/* annobin's notes, of names that hold NULs. */
static const char *notes[4];
static size_t note_sizes[4];

static void add_annobin(struct elf_builder *b)
{
	uint8_t all[512] = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(notes) && notes[i]; i++) {
		elf_builder_put(b, all + n, note_sizes[i], 4);
		elf_builder_put(b, all + n + 8, 0x100, 4);
		memcpy(all + n + 12, notes[i], note_sizes[i]);
		n += 12 + align_up(note_sizes[i], 4);
	}
	elf_builder_section(b, ".gnu.build.attributes", SHT_NOTE, 0, all, n);
}

#define SYMBOLS(...) ((const struct fixture_symbol[]){ __VA_ARGS__, { 0 } })
#define DYNAMIC ((const struct dynamic_entry[]){ { 0 } })
#define LIBC ((const struct dynamic_entry[]){ { DT_NEEDED, 0, "libc.so.6" }, { 0 } })
#define MUSL ((const struct dynamic_entry[]){ { DT_NEEDED, 0, "libc.so" }, { 0 } })

static const struct {
	const char *rule;
	struct fixture fixture;
	enum verdict verdict;
	const char *seen, *advice;
} calls[] = {
	{ "stack-protector",
	  { .dynamic = LIBC, .symbols = SYMBOLS({ "__stack_chk_fail", true }) },
	  VERDICT_GOOD,
	  "__stack_chk_fail is called",
	  NULL },
	{ "stack-protector",
	  { .dynamic = LIBC, .symbols = SYMBOLS({ "puts", true }) },
	  VERDICT_ADVICE,
	  "no __stack_chk_fail",
	  "compile with -fstack-protector-strong" },
	{ "stack-protector",
	  { .type = ET_EXEC, .symbols = SYMBOLS({ "__stack_chk_fail", false }) },
	  VERDICT_NOT_APPLICABLE,
	  "static",
	  NULL },
	{ "stack-protector",
	  { .dynamic = LIBC, .symbols = SYMBOLS({ "rust_eh_personality", false }) },
	  VERDICT_NOT_APPLICABLE,
	  "Rust",
	  NULL },
	{ "stack-protector", { .type = ET_REL }, VERDICT_NOT_APPLICABLE, "not a program", NULL },
	{ "fortify",
	  { .dynamic = LIBC,
	    .symbols = SYMBOLS({ "__memcpy_chk", true }, { "strcpy", true }, { "puts", true }) },
	  VERDICT_GOOD,
	  "checked: memcpy; as they are: strcpy",
	  NULL },
	{ "fortify",
	  { .dynamic = LIBC, .symbols = SYMBOLS({ "__fdelt_chk", true }) },
	  VERDICT_GOOD,
	  "checked: fdelt",
	  NULL },
	{ "fortify",
	  { .dynamic = LIBC, .symbols = SYMBOLS({ "strcpy", true }) },
	  VERDICT_ADVICE,
	  "none checked",
	  "-D_FORTIFY_SOURCE=3" },
	{ "fortify",
	  { .dynamic = LIBC,
	    .symbols = SYMBOLS({ "puts", true }, { "__stack_chk_fail", true },
			       { "__no_such_chk", true }) },
	  VERDICT_NOT_APPLICABLE,
	  "no function is called",
	  NULL },
	{ "fortify",
	  { .dynamic = MUSL, .symbols = SYMBOLS({ "strcpy", true }) },
	  VERDICT_NOT_APPLICABLE,
	  "musl",
	  NULL },
	{ "fortify", { .type = ET_EXEC }, VERDICT_NOT_APPLICABLE, "static", NULL },
	{ "stack-clash", { .dynamic = LIBC, .more = add_probe }, VERDICT_GOOD, "are probed", NULL },
	{ "stack-clash", { .dynamic = LIBC }, VERDICT_NOT_APPLICABLE, "cannot be told", NULL },
	{ "stack-clash",
	  { .dynamic = LIBC, .machine = EM_AARCH64, .more = add_probe },
	  VERDICT_NOT_APPLICABLE,
	  "cannot be told",
	  NULL },
};

static void by_what_is_called(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		fixture_expect(&calls[i].fixture, calls[i].rule, calls[i].verdict, calls[i].seen,
			       calls[i].advice);
}

static void by_properties(void **state)
{
	(void)state;
	static const struct {
		unsigned machine;
		uint32_t type, bits;
		enum verdict verdict;
		const char *seen, *advice;
	} cases[] = {
		{ EM_X86_64, 0xc0000002, 3, VERDICT_GOOD, "IBT and SHSTK", NULL },
		{ EM_X86_64, 0xc0000002, 7, VERDICT_GOOD, "IBT and SHSTK", NULL },
		{ EM_X86_64, 0xc0000002, 1, VERDICT_ADVICE, "not both of", "-fcf-protection=full" },
		{ EM_X86_64, 0xc0000000, 3, VERDICT_ADVICE, "without IBT", "-fcf-protection=full" },
		{ EM_AARCH64, 0xc0000000, 3, VERDICT_GOOD, "BTI and PAC", NULL },
		{ EM_AARCH64, 0xc0000000, 2, VERDICT_ADVICE, "not both of", "-mbranch-protection" },
		{ EM_S390, 0xc0000002, 3, VERDICT_NOT_APPLICABLE, "architecture", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		property_type = cases[i].type;
		property_bits = cases[i].bits;
		const struct fixture fixture = { .machine = cases[i].machine,
						 .dynamic = LIBC,
						 .more = add_property };
		fixture_expect(&fixture, "cf-protection", cases[i].verdict, cases[i].seen,
			       cases[i].advice);
	}
	static const struct {
		uint32_t bits;
		enum verdict verdict;
		const char *seen;
	} levels[] = { { 1, VERDICT_GOOD, "baseline" },
		       { 3, VERDICT_GOOD, "x86-64-v2" },
		       { 7, VERDICT_ADVICE, "x86-64-v3" },
		       { 15, VERDICT_ADVICE, "x86-64-v4" },
		       { 16, VERDICT_NOT_APPLICABLE, "no note" } };
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		property_type = 0xc0008002;
		property_bits = levels[i].bits;
		const struct fixture fixture = { .dynamic = LIBC, .more = add_property };
		fixture_expect(&fixture, "arch-level", levels[i].verdict, levels[i].seen,
			       "glibc-hwcaps");
	}
}

#define HARD "GNU C17 12.2.0 -O2 -fstack-protector-strong -fstack-clash-protection"
#define SOFT "GNU C17 12.2.0 -O2"

static void by_debug_information(void **state)
{
	(void)state;
	static const struct {
		const char *texts;
		size_t size;
		enum verdict verdict;
		const char *seen;
	} cases[] = {
#define TEXTS(texts) texts, sizeof(texts)
		{ TEXTS("main.c\0" HARD), VERDICT_GOOD, "as debug information says" },
		{ TEXTS(SOFT "\0" HARD), VERDICT_ADVICE, "1 of 2 kinds of compilation have" },
		{ TEXTS(SOFT), VERDICT_BAD, "0 of 1 kinds of compilation have" },
	};
	static const char *const names[] = { "stack-protector", "stack-clash" };
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		producers = cases[i / 2].texts;
		producers_size = cases[i / 2].size;
		const struct fixture fixture = { .dynamic = LIBC, .more = add_producers };
		/* Without -fstack-clash-protection alone, nothing is bad. */
		enum verdict verdict = cases[i / 2].verdict;
		if (i % 2 && verdict == VERDICT_BAD)
			verdict = VERDICT_ADVICE;
		fixture_expect(&fixture, names[i % 2], verdict, cases[i / 2].seen,
			       "compile with -fstack-");
	}
}

#define NOTE(text) notes[n] = text, note_sizes[n++] = sizeof(text)

static void by_annobin_notes(void **state)
{
	(void)state;
	const struct fixture fixture = { .dynamic = LIBC, .more = add_annobin };
	size_t n = 0;
	NOTE("GA*\2\3");
	NOTE("GA*FORTIFY\0\3");
	NOTE("GA+stack_clash");
	notes[n] = NULL;
	fixture_expect(&fixture, "stack-protector", VERDICT_GOOD, "annobin notes", NULL);
	fixture_expect(&fixture, "fortify", VERDICT_GOOD, "annobin notes", NULL);
	fixture_expect(&fixture, "stack-clash", VERDICT_GOOD, "annobin notes", NULL);
	n = 0;
	NOTE("GA*\2\4"); /* explicit: where the source asks for it */
	NOTE("GA*\2\3");
	NOTE("GA*FORTIFY\0\xff"); /* not known */
	NOTE("GA!stack_clash");
	fixture_expect(&fixture, "stack-protector", VERDICT_ADVICE, "not everywhere",
		       "-fstack-protector");
	fixture_expect(&fixture, "fortify", VERDICT_NOT_APPLICABLE, "no function is called", NULL);
	fixture_expect(&fixture, "stack-clash", VERDICT_ADVICE, "without", "-fstack-clash");
}

static void add_paths(struct elf_builder *b)
{
	static const char functions[] = "/opt/go/src/runtime/proc.go\0/home/ann/x/main.go";
	static const char strings[] = "/srv/ci/y.c\0/home/ann/y";
	elf_builder_section(b, ".gopclntab", SHT_PROGBITS, SHF_ALLOC, functions, sizeof(functions));
	elf_builder_section(b, ".rodata", SHT_PROGBITS, SHF_ALLOC, strings, 12);
	elf_builder_section(b, ".debug_line", SHT_PROGBITS, 0, strings, sizeof(strings));
}

static void add_debug_paths(struct elf_builder *b)
{
	static const char strings[] = "/srv/ci/y.c\0/home/ann/y";
	elf_builder_section(b, ".debug_str", SHT_PROGBITS, 0, strings, sizeof(strings));
}

static void paths_by_place_and_kind(void **state)
{
	(void)state;
	fixture_expect(
		&(struct fixture){ .more = add_paths }, "paths", VERDICT_BAD,
		"46 B in Go's table of functions (home 19 B, Go root 27 B), 11 B in strings (build folder 11 B), "
		"22 B in debug information (home 11 B, build folder 11 B); /home/ann/x/main.go",
		"go build -trimpath");
	fixture_expect(&(struct fixture){ .more = add_debug_paths }, "paths", VERDICT_ADVICE,
		       "22 B in debug information", "dbgsplit");
	fixture_expect(&(struct fixture){ .dynamic = DYNAMIC }, "paths", VERDICT_GOOD, "no paths",
		       NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_what_is_called),       cmocka_unit_test(by_properties),
		cmocka_unit_test(by_debug_information),    cmocka_unit_test(by_annobin_notes),
		cmocka_unit_test(paths_by_place_and_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
