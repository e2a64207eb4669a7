/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/vulndb.h"
#include "elf/go_functions.h"
#include "elf/go_modules.h"

/*
 * Which known vulnerabilities a Go program has, and how near: is the module in it, the package,
 * or the function itself. Modules, versions and matches are as govulncheck -mode=binary decides,
 * with the function table and the inline trees in place of the symbol table.
 */

enum triage_level { TRIAGE_MODULE, TRIAGE_PACKAGE, TRIAGE_SYMBOL };
#define N_TRIAGE_LEVELS (TRIAGE_SYMBOL + 1)
/** "module", "package", "symbol". */
const char *triage_level_name(enum triage_level level);

struct triage_package {
	char *path; /* owned */
	char **symbols; /* the vulnerable ones that are there, in order; owned */
	size_t n_symbols;
	bool is_whole; /* all of the package counts, and no symbols are named */
};

/** A vulnerability of one of the modules. */
struct triage_vuln {
	const struct vuln_entry *entry; /* the database's */
	const struct go_module *module;
	enum triage_level level;
	char *fixed; /* the first version without it, "v1.2.3"; NULL: none. Owned */
	struct triage_package
		*packages; /* affected ones that are there, in order of paths; owned */
	size_t n_packages;
	/* Below TRIAGE_SYMBOL: why it does not follow that the code is absent; NULL: it does.
	 * Owned. */
	char *doubt;
};

struct triage {
	struct go_info info;
	struct go_modules modules;
	struct triage_vuln *vulns; /* in the order of IDs, then of modules */
	size_t n_vulns;
	size_t n[N_TRIAGE_LEVELS]; /* distinct IDs at this level or nearer */
	/* No function table: then every known symbol is taken to be there, as govulncheck does. */
	bool is_assumed;
	struct go_functions functions; /* zeroed where there is no table */
	char why[GO_FUNCTIONS_WHY_SIZE]; /* it was not read in full; "" if it was */
};

/**
 * @wants_doubts  find out what triage_vuln.doubt says, which takes another look at the table
 * Errors: -ENOENT not a Go program, or without build information; -EBADMSG that, or the database,
 *	   is damaged
 */
must_check int triage_run(const struct image *image, struct vulndb *db, bool wants_doubts,
			  struct triage *ret, struct error *err);
/** The next ID from *@at on, which moves behind it; NULL: no more. One ID may be of several modules.
 * @ret_level: the nearest of them. */
const char *triage_next_id(const struct triage *triage, size_t *at, enum triage_level *ret_level);
/** Also accepts a zeroed one. A guard. */
void triage_free(struct triage *triage);
