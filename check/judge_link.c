/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "check/go_build.h"
#include "check/judges.h"

bool judge_runs(struct subject *s, struct finding *ret)
{
	if (subject_runs(s))
		return true;
	finding_set(ret, VERDICT_NOT_APPLICABLE, "not a program or library");
	return false;
}

/* ---- position independence ---- */

/* Go's architectures that have -buildmode=pie on Linux (internal/platform, BuildModeSupported), of
 * which some need a C compiler to link one (InternalLinkPIESupported). */
static bool go_has_pie(struct subject *s, bool *ret_needs_cc)
{
	const struct image *image = s->image;
	const struct go_info *go = subject_go(s, NULL);
	switch (image->ehdr.e_machine) {
	case EM_X86_64:
	case EM_AARCH64:
		*ret_needs_cc = go && go_is_before(go->version, 15); /* release notes of Go 1.15 */
		return true;
	case EM_386:
	case EM_ARM:
	case EM_RISCV:
	case EM_S390:
	case 258: /* EM_LOONGARCH, which libelf 0.188 may lack */
		*ret_needs_cc = true;
		return true;
	case EM_PPC64:
		*ret_needs_cc = true;
		return image->encoding == ELFDATA2LSB;
	default:
		return false;
	}
}

static void judge_go_exec(struct subject *s, struct finding *ret)
{
	bool needs_cc;
	if (!go_has_pie(s, &needs_cc)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE,
			    "ET_EXEC, and Go has no -buildmode=pie for this architecture");
		return;
	}
	bool c = subject_has_c_code(s);
	finding_set(ret, c ? VERDICT_BAD : VERDICT_ADVICE, "ET_EXEC: always at the same address%s",
		    c ? ", with C code in it" : "");
	finding_advise(ret, "go build -buildmode=pie%s",
		       needs_cc ? " (it needs a C compiler for this architecture)" : "");
}

void judge_pie(struct subject *s, struct finding *ret)
{
	if (!judge_runs(s, ret))
		return;
	if (s->image->ehdr.e_type == ET_DYN) {
		finding_set(ret, VERDICT_GOOD, "ET_DYN: a position-independent %s",
			    subject_is_program(s) ? "program" : "library");
		return;
	}
	switch (subject_language(s)) {
	case LANGUAGE_GO:
		judge_go_exec(s, ret);
		return;
	case LANGUAGE_RUST:
		finding_set(ret, VERDICT_BAD, "ET_EXEC: always at the same address");
		finding_advise(ret, "leave out -C relocation-model=static");
		return;
	default:
		finding_set(ret, VERDICT_BAD, "ET_EXEC: always at the same address");
		finding_advise(ret, subject_dynamic(s)
					    ? "compile with -fPIE and link with -pie"
					    : "compile with -fPIE and link with -static-pie");
	}
}

/* ---- what is read-only once relocated ---- */

#define EXTERNAL "go build -ldflags='-linkmode=external -extldflags=-Wl,-z,relro,-z,now'"

/* @go: what Go's own linker is told; NULL: it cannot do it. @linker: what C's is. */
static void advise_linking(struct subject *s, const char *go, const char *linker,
			   struct finding *ret)
{
	switch (subject_language(s)) {
	case LANGUAGE_GO:
		finding_advise(ret, "%s", go ? go : EXTERNAL);
		break;
	case LANGUAGE_RUST:
		finding_advise(ret, "rustc -C relro-level=full");
		break;
	default:
		finding_advise(ret, "link with %s", linker);
	}
}

static void advise_relro(struct subject *s, struct finding *ret)
{
	bool needs_cc;
	bool by_pie = subject_is_go(s) && s->image->ehdr.e_type == ET_EXEC &&
		      !subject_is_linked_externally(s) && go_has_pie(s, &needs_cc);
	advise_linking(
		s,
		by_pie ? "go build -buildmode=pie, which has it; Go's linker writes none into other programs"
		       : NULL,
		"-Wl,-z,relro", ret);
}

void judge_relro(struct subject *s, struct finding *ret)
{
	if (!judge_runs(s, ret))
		return;
	const GElf_Phdr *relro = subject_segment(s, PT_GNU_RELRO);
	if (relro && relro->p_memsz) {
		finding_set(ret, VERDICT_GOOD, "PT_GNU_RELRO: %s are read-only once relocated",
			    HUMAN_BYTES(relro->p_memsz));
	} else if (!subject_dynamic(s) && subject_is_go(s)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "static: nothing is relocated");
	} else {
		finding_set(ret, subject_is_go(s) ? VERDICT_ADVICE : VERDICT_BAD,
			    "no PT_GNU_RELRO: tables of addresses stay writable");
		advise_relro(s, ret);
	}
}

static void advise_bind_now(struct subject *s, struct finding *ret)
{
	/* The linker has the flag since Go 1.22; it is not asked for before 1.23. */
	const struct go_info *go = subject_go(s, NULL);
	bool by_flag = !subject_is_linked_externally(s) && go && go_minor(go->version) >= 23;
	advise_linking(s, by_flag ? "go build -ldflags=-bindnow" : NULL, "-Wl,-z,now", ret);
}

void judge_bind_now(struct subject *s, struct finding *ret)
{
	if (!judge_runs(s, ret))
		return;
	const struct dynamic *dynamic = subject_dynamic(s);
	uint64_t plt_size = 0;
	if (!dynamic) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "static: nothing is bound");
	} else if ((dynamic->flags & DF_BIND_NOW) || (dynamic->flags_1 & DF_1_NOW)) {
		finding_set(ret, VERDICT_GOOD, "BIND_NOW: all functions are bound at the start");
	} else if (!dynamic_value(dynamic, DT_PLTRELSZ, 0, &plt_size) || !plt_size) {
		finding_set(ret, VERDICT_GOOD, "no lazily bound functions");
	} else {
		finding_set(ret, VERDICT_ADVICE,
			    "no BIND_NOW: the table of functions stays writable");
		advise_bind_now(s, ret);
	}
}

/* ---- the stack ---- */

void judge_nx_stack(struct subject *s, struct finding *ret)
{
	if (!judge_runs(s, ret))
		return;
	const GElf_Phdr *stack = subject_segment(s, PT_GNU_STACK);
	if (!stack) {
		finding_set(ret, VERDICT_ADVICE, "no PT_GNU_STACK: the kernel's default holds");
		finding_advise(ret, "link with -Wl,-z,noexecstack");
	} else if (stack->p_flags & PF_X) {
		finding_set(ret, VERDICT_BAD, "PT_GNU_STACK is executable");
		finding_advise(
			ret,
			"link with -Wl,-z,noexecstack, and give each assembly file a .note.GNU-stack section");
	} else {
		finding_set(ret, VERDICT_GOOD, "PT_GNU_STACK is not executable");
	}
}

/* ---- where libraries are looked for ---- */

static bool is_below(const char *path, size_t size, const char *folder)
{
	size_t folder_size = strlen(folder);
	return size >= folder_size && !strncmp(path, folder, folder_size) &&
	       (size == folder_size || path[folder_size] == '/');
}

const char *folder_trouble(const char *folder, size_t size, bool *ret_fixed)
{
	static const char *const loose[] = { "/tmp",  "/var/tmp", "/dev/shm", "/home",
					     "/root", "/build",   "/builds",  "/workspace" };
	if (size == 0)
		return "an empty folder, which is the working directory";
	if (is_below(folder, size, "$ORIGIN") || is_below(folder, size, "${ORIGIN}"))
		return NULL;
	if (folder[0] != '/')
		return "a folder relative to the working directory";
	for (size_t i = 0; i < ARRAY_SIZE(loose); i++)
		if (is_below(folder, size, loose[i]))
			return "a folder that others may write, or that is of the build";
	*ret_fixed = true;
	return NULL;
}

void judge_rpath(struct subject *s, struct finding *ret)
{
	if (!judge_runs(s, ret))
		return;
	const struct dynamic *dynamic = subject_dynamic(s);
	if (!dynamic) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "static: no libraries are looked for");
		return;
	}
	const char *path = dynamic->runpath ? dynamic->runpath : dynamic->rpath;
	const char *tag = dynamic->runpath ? "DT_RUNPATH" : "DT_RPATH";
	if (!path) {
		finding_set(ret, VERDICT_GOOD, "neither DT_RPATH nor DT_RUNPATH");
		return;
	}
	bool fixed = false;
	for (const char *at = path;; at++) {
		size_t size = strcspn(at, ":");
		const char *trouble = folder_trouble(at, size, &fixed);
		if (trouble) {
			finding_set(ret, VERDICT_BAD, "%s %s has %s", tag, ESCAPED(path), trouble);
			finding_advise(
				ret,
				"link without -rpath, or take it out with chrpath -d or patchelf");
			return;
		}
		at += size;
		if (!*at)
			break;
	}
	if (!dynamic->runpath || fixed) {
		finding_set(ret, VERDICT_ADVICE, "%s %s%s", tag, ESCAPED(path),
			    fixed ? "" : ", which goes before LD_LIBRARY_PATH");
		finding_advise(ret, fixed ? "link without -rpath, or with one of $ORIGIN"
					  : "link with -Wl,--enable-new-dtags");
		return;
	}
	finding_set(ret, VERDICT_GOOD, "%s %s: beside the file itself", tag, ESCAPED(path));
}

void judge_textrel(struct subject *s, struct finding *ret)
{
	if (!judge_runs(s, ret))
		return;
	const struct dynamic *dynamic = subject_dynamic(s);
	if (!dynamic) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "static: nothing is relocated");
	} else if (dynamic->flags & DF_TEXTREL) {
		finding_set(ret, VERDICT_BAD, "TEXTREL: code is made writable to relocate it");
		finding_advise(
			ret,
			"compile all of it, assembly too, position-independent (-fPIC); -Wl,-z,text names the place");
	} else {
		finding_set(ret, VERDICT_GOOD, "no relocations of code");
	}
}
