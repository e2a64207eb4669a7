/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "check/annobin.h"
#include "check/judges.h"
#include "check/properties.h"

/* What a C compiler was told. It shows in debug information (gcc), in annobin's notes, and else in
 * what the code calls. */

/* False, with a finding, where there is no C code. */
static bool has_c(struct subject *s, struct finding *ret)
{
	if (!judge_runs(s, ret))
		return false;
	if (!subject_has_c_code(s))
		finding_set(ret, VERDICT_NOT_APPLICABLE, "Go without C code");
	else if (subject_language(s) == LANGUAGE_RUST)
		finding_set(ret, VERDICT_NOT_APPLICABLE, "Rust, whose compiler has no such flag");
	else
		return true;
	return false;
}

/* @flags are the C compiler's. Go passes them by variables, of which ours replace "-g -O2". */
static void advise_flags(struct subject *s, const char *flags, struct finding *ret)
{
	if (subject_is_go(s))
		finding_advise(ret, "CGO_CFLAGS='-g -O2 %s' go build", flags);
	else
		finding_advise(ret, "compile with %s", flags);
}

/* By what debug information says of @n_with of the compilations; @worst where all are without.
 * False: it says nothing. */
static bool judge_compilations(struct subject *s, uint64_t n_with, const char *flag,
			       enum verdict worst, struct finding *ret)
{
	uint64_t n = subject_texts(s)->compilations.n;
	if (!n)
		return false;
	if (n_with == n) {
		finding_set(ret, VERDICT_GOOD, "%s, as debug information says", flag);
		return true;
	}
	finding_set(ret, n_with || subject_is_go(s) ? VERDICT_ADVICE : worst,
		    "%" PRIu64 " of %" PRIu64
		    " kinds of compilation have %s, as debug information says",
		    n_with, n, flag);
	advise_flags(s, flag, ret);
	return true;
}

/* By annobin's notes, the same way. */
static bool judge_notes(struct subject *s, enum annobin_answer answer, const char *flag,
			struct finding *ret)
{
	if (answer == ANNOBIN_SILENT)
		return false;
	bool all = answer == ANNOBIN_ALL;
	finding_set(ret, all ? VERDICT_GOOD : VERDICT_ADVICE, "annobin notes: %s%s",
		    all                      ? ""
		    : answer == ANNOBIN_SOME ? "not everywhere "
					     : "without ",
		    flag);
	if (!all)
		advise_flags(s, flag, ret);
	return true;
}

void judge_stack_protector(struct subject *s, struct finding *ret)
{
	static const char flag[] = "-fstack-protector-strong";
	if (!has_c(s, ret))
		return;
	const struct annobin notes = annobin_read(s->image);
	if (judge_notes(s, notes.stack_protector, flag, ret) ||
	    judge_compilations(s, subject_texts(s)->compilations.n_stack_protector, flag,
			       VERDICT_BAD, ret))
		return;
	bool seen = subject_symbols(s)->stack_protector;
	if (!subject_dynamic(s)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE,
			    "static: cannot be told apart from libc's own code");
	} else if (seen) {
		finding_set(ret, VERDICT_GOOD, "__stack_chk_fail is called");
	} else {
		finding_set(ret, VERDICT_ADVICE,
			    "no __stack_chk_fail: not compiled with it, or no function needs it");
		advise_flags(s, flag, ret);
	}
}

static bool is_musl(struct subject *s)
{
	const struct dynamic *dynamic = subject_dynamic(s);
	const char *name;
	for (uint64_t i = 0; dynamic && (name = dynamic_needed(dynamic, i)); i++)
		if (!strncmp(name, "libc.musl", 9) || !strcmp(name, "libc.so"))
			return true;
	return false;
}

void judge_fortify(struct subject *s, struct finding *ret)
{
	static const char flags[] = "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3";
	if (!has_c(s, ret))
		return;
	struct symbol_facts facts = *subject_symbols(s);
	const struct annobin notes = annobin_read(s->image);
	if (judge_notes(s, notes.fortify, "-D_FORTIFY_SOURCE", ret))
		return;
	if (!subject_dynamic(s)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE,
			    "static: cannot be told apart from libc's own code");
	} else if (is_musl(s)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "musl has no checked functions");
	} else if (facts.checked.n_words) {
		finding_set(ret, VERDICT_GOOD, "checked: %s%s%s", word_list_text(&facts.checked),
			    facts.unchecked.n_words ? "; as they are: " : "",
			    facts.unchecked.n_words ? word_list_text(&facts.unchecked) : "");
	} else if (facts.unchecked.n_words) {
		finding_set(ret, VERDICT_ADVICE, "none checked, or no sizes known: %s",
			    word_list_text(&facts.unchecked));
		advise_flags(s, subject_is_go(s) ? flags + strlen("-O2 ") : flags, ret);
	} else {
		finding_set(ret, VERDICT_NOT_APPLICABLE,
			    "no function is called of which libc has a checked one");
	}
}

struct branch_feature {
	uint16_t machine;
	uint32_t property, bits;
	const char *flag, *names;
};

static const struct branch_feature *find_feature(const struct image *image)
{
	static const struct branch_feature features[] = {
		{ EM_X86_64, PROPERTY_X86_FEATURE_1_AND,
		  PROPERTY_X86_FEATURE_1_IBT | PROPERTY_X86_FEATURE_1_SHSTK, "-fcf-protection=full",
		  "IBT and SHSTK" },
		{ EM_386, PROPERTY_X86_FEATURE_1_AND,
		  PROPERTY_X86_FEATURE_1_IBT | PROPERTY_X86_FEATURE_1_SHSTK, "-fcf-protection=full",
		  "IBT and SHSTK" },
		{ EM_AARCH64, PROPERTY_AARCH64_FEATURE_1_AND,
		  PROPERTY_AARCH64_FEATURE_1_BTI | PROPERTY_AARCH64_FEATURE_1_PAC,
		  "-mbranch-protection=standard", "BTI and PAC" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].machine == image->ehdr.e_machine)
			return &features[i];
	return NULL;
}

void judge_cf_protection(struct subject *s, struct finding *ret)
{
	const struct branch_feature *feature = find_feature(s->image);
	if (!has_c(s, ret))
		return;
	if (!feature) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "not for this architecture");
		return;
	}
	/* One object without it takes it from the whole file, and Go's compiler makes only such. */
	if (subject_is_go(s)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "Go's own code is without it");
		return;
	}
	uint32_t bits = 0;
	property_find(s->image, feature->property, &bits);
	if ((bits & feature->bits) == feature->bits) {
		finding_set(ret, VERDICT_GOOD, "%s", feature->names);
		return;
	}
	const struct compilations *compilations = &subject_texts(s)->compilations;
	bool given = compilations->n && compilations->n_branch == compilations->n;
	finding_set(ret, VERDICT_ADVICE, "%s %s%s",
		    bits & feature->bits ? "not both of" : "without", feature->names,
		    given ? ", though all that gcc compiled has it" : "");
	if (given && feature->machine != EM_AARCH64)
		finding_advise(ret,
			       "link with -Wl,-z,cet-report=warning, which names what is without");
	else
		finding_advise(ret, "compile all of it, assembly too, with %s", feature->flag);
}

/*
 * The probe of a page that gcc and clang make for x86-64: sub $0x1000,%rsp; orq $0,(%rsp), or
 * orq $0,0xff8(%rsp) where the size is not constant.
 */
static bool has_probe(const struct image *image)
{
	static const uint8_t sub[] = { 0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00, 0x48, 0x83 };
	for (uint64_t i = 0; !image->separate_debug && i < image->n_segments; i++) {
		const GElf_Phdr *load = &image->segments[i];
		if (load->p_type != PT_LOAD || !(load->p_flags & PF_X))
			continue;
		const uint8_t *at = image->bytes + load->p_offset, *end = at + load->p_filesz;
		while ((at = memmem(at, (size_t)(end - at), sub, sizeof(sub)))) {
			at += sizeof(sub);
			if (end - at >= 2 && (at[0] == 0x0c || at[0] == 0x8c) && at[1] == 0x24)
				return true;
		}
	}
	return false;
}

void judge_stack_clash(struct subject *s, struct finding *ret)
{
	static const char flag[] = "-fstack-clash-protection";
	if (!has_c(s, ret))
		return;
	const struct annobin notes = annobin_read(s->image);
	if (judge_notes(s, notes.stack_clash, flag, ret) ||
	    judge_compilations(s, subject_texts(s)->compilations.n_stack_clash, flag,
			       VERDICT_ADVICE, ret))
		return;
	if (s->image->ehdr.e_machine == EM_X86_64 && has_probe(s->image))
		finding_set(ret, VERDICT_GOOD, "pages of the stack are probed");
	else
		finding_set(ret, VERDICT_NOT_APPLICABLE,
			    "cannot be told: no function needs it, or it was compiled without");
}
