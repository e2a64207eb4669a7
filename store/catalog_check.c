/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/catalog.h"

struct connection {
	sqlite3 *db;
	struct catalog_file file;
};

static void connection_close(struct connection *c)
{
	if (!c->db)
		return;
	sqlite3_close(c->db);
	catalog_file_closed(&c->file);
}

int catalog_check(struct store *st, struct error *err)
{
	int r;

	scoped(connection_close) struct connection c = { 0 };
	r = catalog_file_open(st, false, &c.db, &c.file, err);
	if (r < 0)
		return r;
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(c.db, "PRAGMA integrity_check(1)", -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (!text)
		r = catalog_error(c.db, code == SQLITE_ROW ? SQLITE_NOMEM : code, err);
	else if (strcmp(text, "ok") != 0)
		r = error_set(err, -EBADMSG, "%s", text);
	sqlite3_finalize(statement);
	return r;
}
