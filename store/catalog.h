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
#define CATALOG_VERSION 1

/** Make the catalog's three files where they are missing, each with the store's mode and group from the moment
 * it can be seen, so that no process of another user ever meets one that it may not use. */
must_check int catalog_file_make(struct store *st, struct error *err);

/**
 * @ret_file  tells by device and inode when another file has taken its place; see catalog_file_is()
 * Errors: -ENOENT no catalog; -EBADMSG damaged; -ENOTSUP of another version; -EACCES; -EBUSY
 */
must_check int catalog_file_open(struct store *st, bool to_write, sqlite3 **ret, struct stat *ret_file,
				 struct error *err);
/** Is the catalog's name still this file's? A stat; the file itself is never opened: closing it would
 * drop this process's locks on it (fcntl(2)). */
bool catalog_file_is(struct store *st, const struct stat *file);

/** Move a damaged catalog to quarantine, its log before it. */
must_check int catalog_file_quarantine(struct store *st, struct error *err);

/** The negative errno and the message for what SQLite said. */
int catalog_error(sqlite3 *db, int code, struct error *err);
