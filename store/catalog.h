/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sqlite3.h>
#include <sys/stat.h>
#include "store/internal.h"

/*
 * The catalog's file, catalog/catalog.sqlite, for its writing side (catalog.c) and its reading side
 * (lookup.c). It holds nothing that records and packs do not say, and can be made again from them.
 */

/* Tables of another version are not read (the records are) and not written. */
#define CATALOG_VERSION 2

/** Make the catalog's three files where they are missing, each with the store's mode and group from the moment
 * it can be seen, so that no process of another user ever meets one that it may not use. */
must_check int catalog_file_make(struct store *st, struct error *err);

/** Which file a connection is to, and how it was opened. */
struct catalog_file {
	dev_t device;
	ino_t inode;
	unsigned generation;
	bool alone; /* without SQLite's locks: good until a writer comes */
	struct timespec changed[2]; /* of database and log, where alone */
	off_t sizes[2];
};

/**
 * For reading, where SQLite cannot without writing: a writer was killed and its log wants recovery, or the
 * medium is read-only. Then the connection keeps its own index of the log and takes no locks; it is right as long
 * as nobody writes, which catalog_file_is() looks at.
 *
 * Errors: -ENOENT no catalog; -EBADMSG damaged; -ENOTSUP of another version; -EACCES; -EBUSY
 */
must_check int catalog_file_open(struct store *st, bool to_write, sqlite3 **ret,
				 struct catalog_file *ret_file, struct error *err);
/** Is the connection to the file that now is the catalog, and as good as one that would be made now? Some stat
 * calls; the file itself is never opened: closing it would drop this process's locks on it (fcntl(2)). */
bool catalog_file_is(struct store *st, const struct catalog_file *file);
/** To be called when a connection was closed. */
void catalog_file_closed(const struct catalog_file *file);

/** Move a damaged catalog to quarantine, its log before it. */
must_check int catalog_file_quarantine(struct store *st, struct error *err);

/** The negative errno and the message for what SQLite said. */
int catalog_error(sqlite3 *db, int code, struct error *err);
