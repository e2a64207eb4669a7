/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/text_map.h"
#include "check/triage.h"

/* Names of functions, looked up among what the vulnerabilities are about. For this folder alone. */

/** What a vulnerability of the triage is about: this package of its module, or all of them. */
struct concern {
	size_t vuln; /* in the triage */
	const struct vuln_package *package; /* NULL: all */
};

/** A concern that a package of the program meets. */
struct match {
	const struct concern *concern;
	bool has_symbol;
	char *trace; /* a name that is no proof, but shows that code may be there; owned */
	struct match *next; /* of the same package */
};

struct named_symbol {
	bool is_seen;
	struct match_link {
		struct match *match;
		struct match_link *next;
	} * matches; /* owned */
};

struct named_package {
	char *path; /* owned */
	bool is_seen; /* a function of it is there */
	struct match *matches; /* owned */
	struct text_map symbols; /* vulnerable ones -> struct named_symbol, owned */
};

struct wanted {
	struct triage *triage;
	const bool *is_known; /* has the database entries of this module? */
	struct concern *concerns; /* owned */
	size_t n_concerns;
	struct text_map packages; /* -> struct named_package, owned */
	struct named_package *last; /* that was noted: names of a package stand together */
};

/** Note that a function is there, or that its name is left. Errors: -ENOMEM */
must_check int wanted_note(struct wanted *wanted, enum go_function_kind kind, const char *package,
			   const char *symbol, const char *plain, struct error *err);
/** What was seen of a package; NULL: none of its functions. */
struct named_package *wanted_find(const struct wanted *wanted, const char *package);
/** Put what was seen into the triage's vulnerabilities. Errors: -ENOMEM */
must_check int wanted_settle(struct wanted *wanted, struct error *err);
void wanted_free(struct wanted *wanted); /* a guard */
