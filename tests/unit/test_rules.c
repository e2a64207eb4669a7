/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/subject_fixture.h"

#define NONE ((const struct dynamic_entry[]){ { 0 } })
#define TAG(...) ((const struct dynamic_entry[]){ { __VA_ARGS__ }, { 0 } })

static void add_relro(struct elf_builder *b)
{
	elf_builder_segment(b, &(GElf_Phdr){ .p_type = PT_GNU_RELRO, .p_memsz = 4096 });
}

static void add_stack(struct elf_builder *b)
{
	elf_builder_segment(b, &(GElf_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W });
}

static void add_executable_stack(struct elf_builder *b)
{
	elf_builder_segment(b,
			    &(GElf_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W | PF_X });
}

static void add_debug(struct elf_builder *b)
{
	elf_builder_section(b, ".debug_info", SHT_PROGBITS, 0, NULL, 2000);
}

static void add_link(struct elf_builder *b)
{
	elf_builder_section(b, ".gnu_debuglink", SHT_PROGBITS, 0, "prog.debug\0\0crc", 16);
}

static void add_build_id(struct elf_builder *b)
{
	unsigned note = elf_builder_note(b, ".note.gnu.build-id", "GNU", 3, "\1\2\3\4\5\6\7\10", 8);
	elf_builder_segment_over(b, PT_NOTE, PF_R, note, note);
}

static void add_hidden_build_id(struct elf_builder *b)
{
	elf_builder_note(b, ".note.gnu.build-id", "GNU", 3, "\1\2\3\4\5\6\7\10", 8);
}

static void add_zero_build_id(struct elf_builder *b)
{
	unsigned note = elf_builder_note(b, ".note.gnu.build-id", "GNU", 3, "\0\0\0\0\0\0\0", 8);
	elf_builder_segment_over(b, PT_NOTE, PF_R, note, note);
}

struct rule_case {
	const char *rule;
	struct fixture fixture;
	enum verdict verdict;
	const char *seen, *advice;
};

static const struct rule_case cases[] = {
	{ "pie",
	  { .dynamic = TAG(DT_FLAGS_1, DF_1_PIE) },
	  VERDICT_GOOD,
	  "a position-independent program",
	  NULL },
	{ "pie",
	  { .dynamic = NONE, .interpreter = "/lib/ld.so" },
	  VERDICT_GOOD,
	  "independent program",
	  NULL },
	{ "pie",
	  { .dynamic = TAG(DT_SONAME, 0, "libx.so"), .interpreter = "/lib/ld.so" },
	  VERDICT_GOOD,
	  "independent library",
	  NULL },
	{ "pie", { .type = ET_EXEC, .dynamic = NONE }, VERDICT_BAD, "ET_EXEC", "link with -pie" },
	{ "pie", { .type = ET_EXEC }, VERDICT_BAD, "ET_EXEC", "-static-pie" },
	{ "pie", { .type = ET_REL }, VERDICT_NOT_APPLICABLE, "not a program", NULL },

	{ "relro",
	  { .dynamic = NONE, .more = add_relro },
	  VERDICT_GOOD,
	  "4.10 kB are read-only",
	  NULL },
	{ "relro", { .dynamic = NONE }, VERDICT_BAD, "no PT_GNU_RELRO", "-Wl,-z,relro" },

	{ "bind-now", { .dynamic = TAG(DT_FLAGS_1, DF_1_NOW) }, VERDICT_GOOD, "BIND_NOW", NULL },
	{ "bind-now", { .dynamic = TAG(DT_FLAGS, DF_BIND_NOW) }, VERDICT_GOOD, "BIND_NOW", NULL },
	{ "bind-now", { .dynamic = TAG(DT_BIND_NOW, 0) }, VERDICT_GOOD, "BIND_NOW", NULL },
	{ "bind-now",
	  { .dynamic = TAG(DT_PLTRELSZ, 24) },
	  VERDICT_ADVICE,
	  "no BIND_NOW",
	  "-Wl,-z,now" },
	{ "bind-now", { .dynamic = NONE }, VERDICT_GOOD, "no lazily bound", NULL },
	{ "bind-now", { .type = ET_EXEC }, VERDICT_NOT_APPLICABLE, "static", NULL },

	{ "nx-stack", { .more = add_stack }, VERDICT_GOOD, "is not executable", NULL },
	{ "nx-stack",
	  { .more = add_executable_stack },
	  VERDICT_BAD,
	  "is executable",
	  "noexecstack" },
	{ "nx-stack", { .type = ET_EXEC }, VERDICT_ADVICE, "no PT_GNU_STACK", "noexecstack" },

	{ "rpath", { .dynamic = NONE }, VERDICT_GOOD, "neither", NULL },
	{ "rpath",
	  { .dynamic = TAG(DT_RUNPATH, 0, "$ORIGIN/../lib") },
	  VERDICT_GOOD,
	  "beside the file",
	  NULL },
	{ "rpath",
	  { .dynamic = TAG(DT_RPATH, 0, "${ORIGIN}") },
	  VERDICT_ADVICE,
	  "before LD_LIBRARY_PATH",
	  "new-dtags" },
	{ "rpath",
	  { .dynamic = TAG(DT_RUNPATH, 0, "/opt/x/lib") },
	  VERDICT_ADVICE,
	  "DT_RUNPATH /opt/x/lib",
	  "ORIGIN" },
	{ "rpath",
	  { .dynamic = TAG(DT_RUNPATH, 0, "$ORIGIN:/tmp/lib") },
	  VERDICT_BAD,
	  "others may write",
	  "chrpath" },
	{ "rpath",
	  { .dynamic = TAG(DT_RUNPATH, 0, "$ORIGINAL") },
	  VERDICT_BAD,
	  "relative to",
	  "chrpath" },
	{ "rpath",
	  { .dynamic = TAG(DT_RUNPATH, 0, "/tmpfiles") },
	  VERDICT_ADVICE,
	  "/tmpfiles",
	  "ORIGIN" },
	{ "rpath", { .dynamic = TAG(DT_RPATH, 0, "lib") }, VERDICT_BAD, "relative to", "chrpath" },
	{ "rpath",
	  { .dynamic = TAG(DT_RPATH, 0, "/usr/lib:") },
	  VERDICT_BAD,
	  "empty folder",
	  "chrpath" },
	{ "rpath",
	  { .dynamic = TAG(DT_RPATH, 0, "/a\x1b[2J") },
	  VERDICT_ADVICE,
	  "/a\\x1b[2J",
	  "ORIGIN" },
	{ "rpath",
	  { .dynamic = (const struct dynamic_entry[]){ { DT_RPATH, 0, "lib" },
						       { DT_RUNPATH, 0, "$ORIGIN" },
						       { 0 } } },
	  VERDICT_GOOD,
	  "DT_RUNPATH",
	  NULL },
	{ "rpath", { .type = ET_EXEC }, VERDICT_NOT_APPLICABLE, "static", NULL },

	{ "textrel", { .dynamic = NONE }, VERDICT_GOOD, "no relocations of code", NULL },
	{ "textrel", { .dynamic = TAG(DT_TEXTREL, 0) }, VERDICT_BAD, "TEXTREL", "-fPIC" },
	{ "textrel", { .dynamic = TAG(DT_FLAGS, DF_TEXTREL) }, VERDICT_BAD, "TEXTREL", "-fPIC" },
	{ "textrel", { .type = ET_EXEC }, VERDICT_NOT_APPLICABLE, "static", NULL },

	{ "build-id", { .more = add_build_id }, VERDICT_GOOD, "0102030405060708", NULL },
	{ "build-id",
	  { .more = add_hidden_build_id },
	  VERDICT_ADVICE,
	  "no PT_NOTE shows it",
	  "--build-id=mend" },
	{ "build-id", { .more = add_zero_build_id }, VERDICT_BAD, "means nothing", "--build-id" },
	{ "build-id", { .dynamic = NONE }, VERDICT_BAD, "no GNU build ID", "-Wl,--build-id" },
	{ "build-id", { .type = ET_REL }, VERDICT_NOT_APPLICABLE, "object file", NULL },

	{ "symtab",
	  { .dynamic = NONE,
	    .symbols =
		    (const struct fixture_symbol[]){
			    { "f", false }, { "g", false }, { "h", true }, { 0 } } },
	  VERDICT_GOOD,
	  ".symtab with 2 functions",
	  NULL },
	{ "symtab", { .dynamic = NONE }, VERDICT_ADVICE, "no .symtab", "dbgsplit" },

	{ "debug-info",
	  { .dynamic = NONE, .more = add_debug },
	  VERDICT_ADVICE,
	  "2.00 kB of debug",
	  "dbgsplit" },
	{ "debug-info",
	  { .dynamic = NONE, .more = add_link },
	  VERDICT_ADVICE,
	  "a debug file prog.debug",
	  "--store" },
	{ "debug-info", { .dynamic = NONE }, VERDICT_ADVICE, "none in the file", "--store" },
};

static void each_rule_in_files_of_either_kind(void **state)
{
	(void)state;
	static const struct {
		unsigned class, encoding, machine;
	} kinds[] = { { ELFCLASS64, ELFDATA2LSB, EM_X86_64 },
		      { ELFCLASS64, ELFDATA2MSB, EM_S390 },
		      { ELFCLASS32, ELFDATA2LSB, EM_386 },
		      { ELFCLASS32, ELFDATA2MSB, EM_PPC } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			struct fixture fixture = cases[i].fixture;
			fixture.class = kinds[k].class;
			fixture.encoding = kinds[k].encoding;
			fixture.machine = kinds[k].machine;
			fixture_expect(&fixture, cases[i].rule, cases[i].verdict, cases[i].seen,
				       cases[i].advice);
		}
	}
}

/* What runs is judged the same where section headers were taken away. */
static void without_section_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture fixture = cases[i].fixture;
		if (fixture.type == ET_REL || fixture.more == add_hidden_build_id ||
		    fixture.more == add_debug || fixture.more == add_link || fixture.symbols)
			continue;
		fixture.no_section_headers = true;
		fixture_expect(&fixture, cases[i].rule, cases[i].verdict, cases[i].seen,
			       cases[i].advice);
	}
}

static void rules_are_found_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_rules; i++) {
		assert_ptr_equal(rule_find(rules[i].name), &rules[i]);
		assert_non_null(rules[i].help);
		assert_non_null(rules[i].source);
	}
	assert_null(rule_find("nx"));
	assert_null(rule_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_in_files_of_either_kind),
		cmocka_unit_test(without_section_headers),
		cmocka_unit_test(rules_are_found_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
