/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check/go_build.h"
#include "tests/unit/subject_fixture.h"

/* What the next file's .go.buildinfo says; fixture.more() has no context. */
static const char *version, *modules;

static size_t put_text(uint8_t *at, const char *text, bool marks)
{
	size_t size = strlen(text) + (marks ? 32 : 0), n = 0;
	at[n++] = (uint8_t)(size & 0x7f) | 0x80;
	at[n++] = (uint8_t)(size >> 7);
	n += marks ? 16 : 0;
	memcpy(at + n, text, strlen(text));
	n += strlen(text);
	return n + (marks ? 16 : 0);
}

static void add_build_info(struct elf_builder *b)
{
	uint8_t info[4096] = "\xff Go buildinf:\x08\x02";
	size_t n = 32 + put_text(info + 32, version, false);
	n += put_text(info + n, modules, *modules);
	elf_builder_section(b, ".go.buildinfo", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, info, n);
}

#define IMPORTS(...) ((const struct fixture_symbol[]){ __VA_ARGS__, { 0 } })
#define DYNAMIC ((const struct dynamic_entry[]){ { 0 } })
#define NEEDS(name) ((const struct dynamic_entry[]){ { DT_NEEDED, 0, name }, { 0 } })
#define SET "build\t-compiler=gc\n"

struct go_case {
	const char *rule, *version, *modules;
	enum verdict verdict;
	const char *seen, *advice;
	struct fixture fixture;
};

static const struct go_case cases[] = {
	{ "trimpath", "go1.26.3", SET "build\t-trimpath=true\n", VERDICT_GOOD, "-trimpath", NULL },
	{ "trimpath", "go1.26.3", SET, VERDICT_ADVICE, "without -trimpath", "-trimpath" },
	{ "trimpath", "go1.26.3", "", VERDICT_NOT_APPLICABLE, "no build settings", NULL },

	{ "version", "go1.26.3", "mod\tx\tv1.2.3\n" SET, VERDICT_GOOD, "v1.2.3", NULL },
	{ "version", "go1.26.3", "mod\tx\tv1.2.3+dirty\n" SET, VERDICT_BAD, "modified tree",
	  "clean checkout" },
	{ "version", "go1.26.3", "mod\tx\tv1.2.3\n" SET "build\tvcs.modified=true\n", VERDICT_BAD,
	  "modified tree", "clean checkout" },
	{ "version", "go1.26.3", "mod\tx\tv0.0.0-20261101120000-abcdefabcdef\n" SET, VERDICT_ADVICE,
	  "v0.0.0-2026", "-X main.Version" },
	{ "version", "go1.26.3",
	  "mod\tx\tv0.0.0-20261101120000-abcdefabcdef\n" SET
	  "build\tvcs.revision=abc\nbuild\tvcs.time=2026-11-01T12:00:00Z\n",
	  VERDICT_ADVICE, "revision abc of 2026-11-01T12:00:00Z", "tag the commit" },
	{ "version", "go1.21.3", "mod\tx\t(devel)\n" SET "build\tvcs.revision=abc\n",
	  VERDICT_ADVICE, "no module version, revision abc", "-X main.Version" },
	{ "version",
	  "go1.17.13",
	  "mod\tx\t(devel)\n",
	  VERDICT_BAD,
	  "no module version",
	  "go build -ldflags='-X main",
	  { 0 } },
	{ "pie",
	  "go1.14.15",
	  "",
	  VERDICT_ADVICE,
	  "ET_EXEC",
	  "needs a C compiler",
	  { .type = ET_EXEC } },
	{ "version", "go1.26.3", "mod\tx\t(devel)\n" SET, VERDICT_BAD, "no module version",
	  "-buildvcs=true" },
	{ "version", "go1.26.3", SET "build\t-ldflags=\"-w -X main.Version=1.2 -X=main.date=x\"\n",
	  VERDICT_GOOD, "-X main.Version=1.2, main.date=x", NULL },
	{ "version", "go1.26.3", SET "build\t-ldflags=\"-X main.Version=\"\n", VERDICT_ADVICE,
	  "-X main.Version=", "main.Version" },
	{ "version", "go1.26.3", SET "build\t-ldflags=\"-X main.date=2026\"\n", VERDICT_ADVICE,
	  "-X main.date=2026", "main.Version" },

	{ "strip-flags", "go1.26.3", SET, VERDICT_GOOD, "neither", NULL },
	{ "strip-flags", "go1.26.3", SET "build\t-ldflags=\"-s -w\"\n", VERDICT_BAD, "-s -w",
	  "leave -s and -w out" },
	{ "strip-flags", "go1.26.3", SET "build\t-ldflags=-w\n", VERDICT_ADVICE, "-w",
	  "leave -w out" },
	{ "strip-flags", "go1.26.3", SET "build\t-trimpath=true\n", VERDICT_NOT_APPLICABLE,
	  "cannot be told", NULL },

	{ "resolver", "go1.26.3", SET "build\tCGO_ENABLED=0\n", VERDICT_GOOD, "CGO_ENABLED=0",
	  NULL },
	{ "resolver", "go1.26.3", SET "build\t-tags=netgo,osusergo\n", VERDICT_GOOD,
	  "netgo,osusergo", NULL },
	{ "resolver",
	  "go1.26.3",
	  SET,
	  VERDICT_ADVICE,
	  "getaddrinfo",
	  "-tags=netgo,osusergo",
	  { .dynamic = DYNAMIC, .symbols = IMPORTS({ "getaddrinfo", true }, { "malloc", true }) } },
	{ "resolver",
	  "go1.26.3",
	  SET "build\t-tags=sqlite,netgo\n",
	  VERDICT_ADVICE,
	  "getpwnam_r",
	  "-tags=sqlite,netgo,osusergo",
	  { .dynamic = DYNAMIC, .symbols = IMPORTS({ "getpwnam_r", true }) } },
	{ "resolver",
	  "go1.26.3",
	  SET "build\t-tags=netgo,osusergo\n",
	  VERDICT_ADVICE,
	  "C code asks",
	  "C library",
	  { .dynamic = DYNAMIC, .symbols = IMPORTS({ "__res_search", true }) } },
	{ "resolver",
	  "go1.26.3",
	  SET,
	  VERDICT_BAD,
	  "very same libc",
	  "-tags=netgo,osusergo",
	  { .type = ET_EXEC, .symbols = IMPORTS({ "getaddrinfo", false }) } },

	{ "resolver",
	  "go1.26.3-X:boringcrypto",
	  SET "build\t-tags=netgo,osusergo\n",
	  VERDICT_GOOD,
	  "BoringCrypto imports getaddrinfo",
	  NULL,
	  { .dynamic = DYNAMIC, .symbols = IMPORTS({ "getaddrinfo", true }) } },
	{ "go-release", "go1.26.3", SET, VERDICT_GOOD, "go1.26.3", NULL },
	{ "go-release", "go1.26.2", SET, VERDICT_ADVICE, "go1.26.2", "again with Go 1.26.3" },
	{ "go-release", "go1.25.1", SET, VERDICT_GOOD, "go1.25.1", NULL },
	{ "go-release", "go1.24.9", SET, VERDICT_BAD, "out of support since Go 1.26", "Go 1.26" },
	{ "go-release", "go1.27rc1", SET, VERDICT_GOOD, "go1.27rc1", NULL },
	{ "go-release", "devel go1.27-abc", SET, VERDICT_NOT_APPLICABLE, "no release", NULL },

	{ "arch-level", "go1.26.3", SET "build\tGOAMD64=v1\n", VERDICT_ADVICE, "GOAMD64=v1",
	  "GOAMD64=v2" },
	{ "arch-level", "go1.26.3", SET "build\tGOAMD64=v2\n", VERDICT_GOOD, "GOAMD64=v2", NULL },
	{ "arch-level", "go1.26.3", SET "build\tGOAMD64=v3\n", VERDICT_GOOD, "AVX2", NULL },
	{ "arch-level", "go1.26.3", SET "build\tGOARM64=v8.2,lse\n", VERDICT_GOOD,
	  "GOARM64=v8.2,lse", NULL },
	{ "arch-level", "go1.21.3", SET "build\tGOARCH=arm64\n", VERDICT_GOOD, "GOARM64=v8.0",
	  NULL },
	{ "arch-level", "go1.26.3", SET "build\tGOARM=5\n", VERDICT_ADVICE, "GOARM=5", "GOARM=7" },
	{ "arch-level", "go1.26.3", SET "build\tGOARM=7,softfloat\n", VERDICT_ADVICE, "softfloat",
	  "GOARM=7" },
	{ "arch-level", "go1.26.3", SET "build\tGOARM=7\n", VERDICT_GOOD, "GOARM=7", NULL },
	{ "arch-level", "go1.26.3", SET "build\tGO386=softfloat\n", VERDICT_ADVICE, "softfloat",
	  "GO386=sse2" },
	{ "arch-level", "go1.26.3", SET "build\tGOARCH=s390x\n", VERDICT_NOT_APPLICABLE,
	  "for s390x", NULL },

	/* Advice fits what Go can do for that release, machine and kind of linking. */
	{ "pie",
	  "go1.26.3",
	  SET,
	  VERDICT_ADVICE,
	  "ET_EXEC",
	  "-buildmode=pie",
	  { .type = ET_EXEC } },
	{ "pie",
	  "go1.26.3",
	  SET,
	  VERDICT_BAD,
	  "with C code",
	  "-buildmode=pie",
	  { .type = ET_EXEC, .dynamic = NEEDS("libc.so.6") } },
	{ "pie",
	  "go1.26.3",
	  SET,
	  VERDICT_ADVICE,
	  "ET_EXEC",
	  "needs a C compiler",
	  { .type = ET_EXEC, .machine = EM_RISCV } },
	{ "pie",
	  "go1.26.3",
	  SET,
	  VERDICT_NOT_APPLICABLE,
	  "no -buildmode=pie",
	  NULL,
	  { .type = ET_EXEC, .machine = EM_MIPS } },
	{ "relro", "go1.26.3", SET, VERDICT_NOT_APPLICABLE, "static", NULL, { .type = ET_EXEC } },
	{ "relro",
	  "go1.26.3",
	  SET,
	  VERDICT_ADVICE,
	  "no PT_GNU_RELRO",
	  "-buildmode=pie, which has it",
	  { .type = ET_EXEC, .dynamic = DYNAMIC } },
	{ "relro",
	  "go1.26.3",
	  SET,
	  VERDICT_ADVICE,
	  "no PT_GNU_RELRO",
	  "-linkmode=external",
	  { .dynamic = DYNAMIC } },
	{ "bind-now",
	  "go1.26.3",
	  SET,
	  VERDICT_ADVICE,
	  "no BIND_NOW",
	  "-ldflags=-bindnow",
	  { .dynamic = (const struct dynamic_entry[]){ { DT_PLTRELSZ, 24, NULL }, { 0 } } } },
	{ "bind-now",
	  "go1.21.3",
	  SET,
	  VERDICT_ADVICE,
	  "no BIND_NOW",
	  "-linkmode=external",
	  { .dynamic = (const struct dynamic_entry[]){ { DT_PLTRELSZ, 24, NULL }, { 0 } } } },
	{ "build-id", "go1.26.3", SET, VERDICT_BAD, "no GNU build ID", "leave -B=none" },
	{ "build-id", "go1.23.3", SET, VERDICT_BAD, "no GNU build ID", "-B=gobuildid" },
	{ "build-id", "go1.22.3", SET, VERDICT_BAD, "no GNU build ID", "dbgsplit, which adds" },
	{ "symtab", "go1.26.3", SET, VERDICT_BAD, "no .symtab", "leave -s out" },
	{ "linkage",
	  "go1.26.3",
	  SET,
	  VERDICT_GOOD,
	  "needs libc.so.6",
	  NULL,
	  { .dynamic = NEEDS("libc.so.6") } },
	{ "linkage",
	  "go1.26.3",
	  SET,
	  VERDICT_BAD,
	  "by its path, /home/ci/libx.so",
	  "-soname",
	  { .dynamic = NEEDS("/home/ci/libx.so") } },
	{ "linkage",
	  "go1.26.3",
	  SET,
	  VERDICT_BAD,
	  "dynamic linker is /tmp/ld.so",
	  "--dynamic-linker",
	  { .dynamic = NEEDS("libc.so.6"), .interpreter = "/tmp/ld.so" } },
	{ "linkage", "go1.26.3", SET, VERDICT_GOOD, "static", NULL, { .type = ET_EXEC } },
};

static void each_rule_for_go(void **state)
{
	(void)state;
	const struct go_release releases[] = { { 25, 0 }, { 26, 3 } };
	const struct subject_context context = { .go_releases = releases, .n_go_releases = 2 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture fixture = cases[i].fixture;
		version = cases[i].version;
		modules = cases[i].modules;
		fixture.more = add_build_info;
		fixture.context = &context;
		fixture_expect(&fixture, cases[i].rule, cases[i].verdict, cases[i].seen,
			       cases[i].advice);
	}
}

static void without_a_release_nothing_is_out_of_support(void **state)
{
	(void)state;
	version = "go1.18";
	modules = SET;
	const struct fixture fixture = { .more = add_build_info };
	fixture_expect(&fixture, "go-release", VERDICT_NOT_APPLICABLE, "--go-release", NULL);
}

/* BoringCrypto and other FIPS backends are C: without cgo, they are gone. */
static void no_rule_advises_to_build_without_cgo(void **state)
{
	(void)state;
	static const char *const settings[] = {
		SET,
		SET "build\tCGO_ENABLED=1\nbuild\tGOEXPERIMENT=boringcrypto\n",
		SET "build\tCGO_ENABLED=1\nbuild\t-tags=goexperiment.systemcrypto\n",
		SET "build\tCGO_ENABLED=1\nbuild\tDefaultGODEBUG=fips140=on\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(settings) * n_rules; i++) {
		version = "go1.26.3 X:boringcrypto";
		modules = settings[i / n_rules];
		const struct fixture fixture = {
			.type = ET_EXEC,
			.dynamic = NEEDS("libc.so.6"),
			.symbols = IMPORTS({ "getaddrinfo", true }, { "x_cgo_init", false },
					   { "_goboringcrypto_RSA_free", false }),
			.more = add_build_info
		};
		struct finding finding = fixture_judge(&fixture, rules[i % n_rules].name);
		assert_true(!finding.advice || !strstr(finding.advice, "CGO_ENABLED=0"));
		finding_free(&finding);
	}
}

static void damaged_build_information_is_said(void **state)
{
	(void)state;
	version = "go1.26.3";
	modules = "path\tx\x01\n";
	struct fixture fixture = { .more = add_build_info };
	fixture_expect(&fixture, "version", VERDICT_BAD, "no module version", "-buildvcs");
	version = "go1.\xff\x1b[2J";
	fixture_expect(&fixture, "go-release", VERDICT_NOT_APPLICABLE, "go1.\\xff\\x1b[2J", NULL);
	fixture.more = NULL;
	fixture_expect(&fixture, "version", VERDICT_NOT_APPLICABLE, "not a Go program", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_for_go),
		cmocka_unit_test(without_a_release_nothing_is_out_of_support),
		cmocka_unit_test(no_rule_advises_to_build_without_cgo),
		cmocka_unit_test(damaged_build_information_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
