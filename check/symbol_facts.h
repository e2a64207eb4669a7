/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/word_list.h"
#include "elf/symbols.h"

/** What the names of symbols tell, gathered in one pass over both symbol tables. */
struct symbol_facts {
	bool has_table; /* .symtab, with more than the null symbol */
	uint64_t n_functions; /* in it */

	bool stack_protector; /* what -fstack-protector calls is there */
	struct word_list checked; /* functions that _FORTIFY_SOURCE put in place of others */
	struct word_list unchecked; /* imported, and there is a checked one of each */
	struct word_list resolver; /* imported: libc's resolver and user database (NSS) */
	bool defines_resolver; /* getaddrinfo() is in it: a static libc */

	bool cgo; /* Go with C code in it */
	bool rust, cxx;

	struct word_list stamps; /* Go variables set by -X, "main.Version=1.2.3" */
	bool stamps_version; /* one of them is a version */
};

/** Is a Go variable one of a version, by its name ("main.Version", "example.com/x/build.gitTag")?
 */
bool symbol_is_version_name(const char *name);

/** @dynamic may be NULL. */
void symbol_facts_read(const struct image *image, const struct dynamic *dynamic,
		       struct symbol_facts *ret);
