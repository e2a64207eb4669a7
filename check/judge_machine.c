/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "check/go_build.h"
#include "check/judges.h"
#include "check/properties.h"

/* ---- which processors it runs on ---- */

static void judge_go_amd64(const char *level, struct finding *ret)
{
	if (!strcmp(level, "v1")) {
		finding_set(ret, VERDICT_ADVICE,
			    "GOAMD64=v1: code for the first x86-64 processors");
		finding_advise(ret, "GOAMD64=v2 go build: processors since about 2009 run it");
		return;
	}
	finding_set(ret, VERDICT_GOOD, "GOAMD64=%s%s", ESCAPED(level),
		    !strcmp(level, "v3")   ? ", for processors with AVX2"
		    : !strcmp(level, "v4") ? ", for processors with AVX-512"
					   : "");
}

static void judge_go_arm(const char *level, struct finding *ret)
{
	if (strchr("56", level[0]) || strstr(level, "softfloat")) {
		finding_set(ret, VERDICT_ADVICE, "GOARM=%s", ESCAPED(level));
		finding_advise(ret,
			       "GOARM=7 go build, where all its processors are ARMv7 or newer");
	} else {
		finding_set(ret, VERDICT_GOOD, "GOARM=%s", ESCAPED(level));
	}
}

static void judge_go_386(const char *level, struct finding *ret)
{
	if (!strcmp(level, "softfloat")) {
		finding_set(ret, VERDICT_ADVICE, "GO386=softfloat: floating point without the FPU");
		finding_advise(ret, "GO386=sse2 go build");
	} else {
		finding_set(ret, VERDICT_GOOD, "GO386=%s", ESCAPED(level));
	}
}

static void judge_any_level(const char *key, const char *level, struct finding *ret)
{
	finding_set(ret, VERDICT_GOOD, "%s=%s", key, ESCAPED(level));
}

static bool judge_go_level(const struct go_info *go, struct finding *ret)
{
	static const struct {
		const char *key;
		void (*judge)(const char *level, struct finding *ret);
	} levels[] = { { "GOAMD64", judge_go_amd64 },
		       { "GOARM64", NULL },
		       { "GOARM", judge_go_arm },
		       { "GO386", judge_go_386 },
		       { "GOPPC64", NULL },
		       { "GORISCV64", NULL },
		       { "GOMIPS", NULL },
		       { "GOMIPS64", NULL } };
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		char level[64];
		if (!go_setting(go, levels[i].key, level, sizeof(level)) || !level[0])
			continue;
		if (levels[i].judge)
			levels[i].judge(level, ret);
		else
			judge_any_level(levels[i].key, level, ret);
		return true;
	}
	return false;
}

static void judge_isa_note(struct subject *s, struct finding *ret)
{
	static const char *const names[] = { "x86-64 (baseline)", "x86-64-v2", "x86-64-v3",
					     "x86-64-v4" };
	uint32_t needed;
	if ((s->image->ehdr.e_machine != EM_X86_64 && s->image->ehdr.e_machine != EM_386) ||
	    !property_find(s->image, PROPERTY_X86_ISA_1_NEEDED, &needed) || !(needed & 15)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "no note of the instruction set");
		return;
	}
	unsigned level = 31 - (unsigned)__builtin_clz(needed & 15);
	finding_set(ret, level >= 2 ? VERDICT_ADVICE : VERDICT_GOOD, "needs %s", names[level]);
	if (level >= 2)
		finding_advise(
			ret,
			"build with -march=x86-64-v2, or put this one in glibc-hwcaps/ beside one that runs everywhere");
}

void judge_arch_level(struct subject *s, struct finding *ret)
{
	const struct go_info *go = subject_go(s, NULL);
	if (!go) {
		judge_isa_note(s, ret);
		return;
	}
	char arch[32];
	go_setting(go, "GOARCH", arch, sizeof(arch));
	if (judge_go_level(go, ret))
		return;
	if (!strcmp(arch, "arm64")) /* recorded since Go 1.23 */
		finding_set(ret, VERDICT_GOOD, "GOARM64=v8.0, as always before Go 1.23");
	else
		finding_set(ret, VERDICT_NOT_APPLICABLE, "no level is recorded%s%s",
			    *arch ? " for " : "", ESCAPED(arch));
}

/* ---- what it is linked with ---- */

static const char *interpreter(struct subject *s)
{
	const GElf_Phdr *interp = subject_segment(s, PT_INTERP);
	if (!interp || s->image->separate_debug || !interp->p_filesz ||
	    s->image->bytes[interp->p_offset + interp->p_filesz - 1])
		return NULL;
	return (const char *)s->image->bytes + interp->p_offset;
}

static const char *find_needed_path(const struct dynamic *dynamic)
{
	const char *name;
	for (uint64_t i = 0; (name = dynamic_needed(dynamic, i)); i++)
		if (strchr(name, '/'))
			return name;
	return NULL;
}

static void judge_dynamic(struct subject *s, const struct dynamic *dynamic, struct finding *ret)
{
	struct word_list needed = { 0 };
	const char *name;
	for (uint64_t i = 0; (name = dynamic_needed(dynamic, i)); i++)
		word_list_add(&needed, name);
	const char *path = find_needed_path(dynamic), *loader = interpreter(s);
	bool fixed;
	if (path) {
		finding_set(ret, VERDICT_BAD, "needs a library by its path, %s", ESCAPED(path));
		finding_advise(ret, "link that library with a -soname, or by -L and -l");
	} else if (loader && folder_trouble(loader, strlen(loader), &fixed)) {
		finding_set(ret, VERDICT_BAD, "its dynamic linker is %s", ESCAPED(loader));
		finding_advise(
			ret,
			"link with -Wl,--dynamic-linker of the systems it is for, or with patchelf --set-interpreter");
	} else if (!needed.n_words) {
		finding_set(ret, VERDICT_GOOD, "needs no libraries");
	} else {
		finding_set(ret, VERDICT_GOOD, "needs %s", word_list_text(&needed));
	}
}

void judge_linkage(struct subject *s, struct finding *ret)
{
	if (!judge_runs(s, ret))
		return;
	const struct dynamic *dynamic = subject_dynamic(s);
	if (dynamic) {
		judge_dynamic(s, dynamic, ret);
	} else if (subject_symbols(s)->defines_resolver && !subject_is_go(s)) {
		finding_set(
			ret, VERDICT_ADVICE,
			"static, with libc's resolver: glibc's loads NSS libraries, which must be of the very same glibc");
		finding_advise(ret,
			       "link dynamically, or statically with a libc without NSS (musl)");
	} else {
		finding_set(ret, VERDICT_GOOD, "static");
	}
}
