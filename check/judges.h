/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/log.h"
#include "check/finding.h"
#include "check/subject.h"

/* The judges that rules.c lists; each file holds those of one matter. For this folder alone. */

/** False, with a finding, for what is neither program nor library. */
bool judge_runs(struct subject *s, struct finding *ret);

/* check/judge_link.c: how it was linked. */
void judge_pie(struct subject *s, struct finding *ret);
void judge_relro(struct subject *s, struct finding *ret);
void judge_bind_now(struct subject *s, struct finding *ret);
void judge_nx_stack(struct subject *s, struct finding *ret);
void judge_rpath(struct subject *s, struct finding *ret);
void judge_textrel(struct subject *s, struct finding *ret);

/** A folder (or what lies in one) that libraries are looked for in: what is wrong with it, or NULL.
 * @ret_fixed  set to true for a fixed one with which nothing else is wrong; else untouched */
const char *folder_trouble(const char *folder, size_t size, bool *ret_fixed);

/* check/judge_go.c: how a Go program was built. */
void judge_trimpath(struct subject *s, struct finding *ret);
void judge_version(struct subject *s, struct finding *ret);
void judge_resolver(struct subject *s, struct finding *ret);
void judge_strip_flags(struct subject *s, struct finding *ret);
void judge_go_release(struct subject *s, struct finding *ret);

/* check/judge_machine.c: where it runs. */
void judge_arch_level(struct subject *s, struct finding *ret);
void judge_linkage(struct subject *s, struct finding *ret);

/* check/judge_paths.c: what it tells of the build machine. */
void judge_paths(struct subject *s, struct finding *ret);

/* check/judge_hardening.c: what the C compiler was told. */
void judge_stack_protector(struct subject *s, struct finding *ret);
void judge_fortify(struct subject *s, struct finding *ret);
void judge_cf_protection(struct subject *s, struct finding *ret);
void judge_stack_clash(struct subject *s, struct finding *ret);

/* check/judge_identity.c: what scanners and debuggers find it by. */
void judge_build_id(struct subject *s, struct finding *ret);
void judge_symtab(struct subject *s, struct finding *ret);
void judge_debug_info(struct subject *s, struct finding *ret);
