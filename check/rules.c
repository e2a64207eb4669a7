/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "check/judges.h"
#include "check/rules.h"

const struct rule rules[] = {
	{ "pie", "loaded at an address of chance",
	  "OpenSSF, Compiler Options Hardening Guide: -fPIE -pie", judge_pie },
	{ "relro", "tables of addresses are read-only once relocated",
	  "OpenSSF, Compiler Options Hardening Guide: -Wl,-z,relro", judge_relro },
	{ "bind-now", "functions are bound at the start, so that their table is read-only",
	  "OpenSSF, Compiler Options Hardening Guide: -Wl,-z,now", judge_bind_now },
	{ "nx-stack", "the stack is not executable",
	  "OpenSSF, Compiler Options Hardening Guide: -Wl,-z,noexecstack", judge_nx_stack },
	{ "rpath", "libraries are not looked for where others may write",
	  "ld.so(8), DT_RPATH and DT_RUNPATH; CWE-426", judge_rpath },
	{ "textrel", "code is not written to", "gABI, DT_TEXTREL; ld(1), -z text", judge_textrel },
	{ "build-id", "there is a build ID, and a running process shows it",
	  "ld(1), --build-id; debuginfod(8)", judge_build_id },
	{ "symtab", "the symbol table is there", "golang/go issue 57764; elfutils and perf read it",
	  judge_symtab },
	{ "debug-info", "debug information is kept in a store, and not in the file", "dbgsplit(1)",
	  judge_debug_info },
	{ "trimpath", "-trimpath was given", "go help build; reproducible-builds.org",
	  judge_trimpath },
	{ "version", "a release that can be told by its version, from a clean tree",
	  "runtime/debug.BuildInfo; go tool link, -X", judge_version },
	{ "strip-flags", "the linker was not told to leave symbols and debug information out",
	  "go tool link, -s and -w; golang/go issue 57764", judge_strip_flags },
	{ "resolver", "names are looked up without libc",
	  "package net, Name Resolution; package os/user", judge_resolver },
	{ "go-release", "Go's release is supported", "go.dev/doc/devel/release, Release Policy",
	  judge_go_release },
	{ "arch-level", "code for the processors of today",
	  "go.dev/wiki/MinimumRequirements; x86-64 psABI, Micro-architecture levels",
	  judge_arch_level },
	{ "linkage", "linked with what the systems it is for have", "ld.so(8)", judge_linkage },
	{ "paths", "no paths of the build machine are in it",
	  "reproducible-builds.org, Build path; CWE-200", judge_paths },
	{ "stack-protector", "C code checks its stack before it returns",
	  "OpenSSF, Compiler Options Hardening Guide: -fstack-protector-strong",
	  judge_stack_protector },
	{ "fortify", "C code calls libc's functions that check sizes",
	  "OpenSSF, Compiler Options Hardening Guide: -D_FORTIFY_SOURCE=3", judge_fortify },
	{ "cf-protection", "C code marks where jumps may go",
	  "OpenSSF, Compiler Options Hardening Guide: -fcf-protection=full, -mbranch-protection=standard",
	  judge_cf_protection },
	{ "stack-clash", "C code touches each page of its stack",
	  "OpenSSF, Compiler Options Hardening Guide: -fstack-clash-protection",
	  judge_stack_clash },
};
const size_t n_rules = ARRAY_SIZE(rules);

const struct rule *rule_find(const char *name)
{
	for (size_t i = 0; i < n_rules; i++)
		if (!strcmp(rules[i].name, name))
			return &rules[i];
	return NULL;
}
