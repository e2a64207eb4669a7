/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/vuln_entry.h"

/**
 * The Go vulnerability database as it is published: index/{db,modules,vulns}.json and
 * ID/GO-….json in a folder, or in a zip of it. Entries are read when they are first asked for.
 */
struct vulndb;

#define VULNDB_FILE_LIMIT (64u << 20) /* bytes of a file in it, at most */
#define VULNDB_ZIP_LIMIT (2ull << 30) /* of all files in a zip */

/**
 * Errors: -ENOENT no such path, or no database there: says where to get one; -EBADMSG damaged;
 *	   -EFBIG over a limit
 */
must_check int vulndb_open(const char *path, struct vulndb **ret, struct error *err);
void vulndb_close(struct vulndb *db);
define_scoped(struct vulndb *, vulndb_close)

	/** When it was last changed, as it says: "2026-08-21T00:00:00Z". */
	const char *vulndb_modified(const struct vulndb *db);

struct vuln_entries {
	const struct vuln_entry *const *items; /* in the order of their IDs */
	size_t n;
};

/**
 * The entries that the index has for a module; withdrawn ones are among them.
 *
 * @ret     lives as long as the database; empty where it has none
 * Errors:  -EBADMSG an entry is missing or damaged
 * Threads: any number may ask at once
 */
must_check int vulndb_find(struct vulndb *db, const char *module, struct vuln_entries *ret,
			   struct error *err);
