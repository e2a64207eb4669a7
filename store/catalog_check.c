/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/catalog.h"

static void database_close(sqlite3 **db)
{
	sqlite3_close(*db);
}

int catalog_check(struct store *st, struct error *err)
{
	int r;

	scoped(database_close) sqlite3 *db = NULL;
	struct stat file;
	r = catalog_file_open(st, false, &db, &file, err);
	if (r < 0)
		return r;
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (!text)
		r = catalog_error(db, code == SQLITE_ROW ? SQLITE_NOMEM : code, err);
	else if (strcmp(text, "ok") != 0)
		r = error_set(err, -EBADMSG, "%s", text);
	sqlite3_finalize(statement);
	return r;
}
