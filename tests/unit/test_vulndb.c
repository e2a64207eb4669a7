/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/vulndb.h"
#include "tests/unit/toolbox.h"

/* A path in the toolbox's folder. */
static const char *path_of(const char *name)
{
	static char path[512];
	assert_true(toolbox_run("pwd >where"));
	size_t size;
	char *where = (char *)toolbox_read("where", &size);
	where[strcspn(where, "\n")] = 0;
	snprintf(path, sizeof(path), "%s/%s", where, name);
	free(where);
	return path;
}

static void write_entry(const char *id)
{
	char name[64], text[256];
	snprintf(name, sizeof(name), "db/ID/%s.json", id);
	snprintf(text, sizeof(text), "{\"id\":\"%s\",\"affected\":[]}", id);
	toolbox_write(name, text);
}

static void write_database(const char *modules)
{
	assert_true(toolbox_run("rm -rf db && mkdir -p db/index db/ID"));
	toolbox_write("db/index/db.json", "{\"modified\":\"2026-01-02T03:04:05Z\"}");
	toolbox_write("db/index/modules.json", modules);
	write_entry("GO-2");
	write_entry("GO-1");
	write_entry("GO-3");
}

static void entries_are_found(void **state)
{
	(void)state;
	write_database(
		"[{\"path\":\"a\",\"vulns\":[{\"id\":\"GO-2\"},{\"id\":\"GO-1\",\"fixed\":\"1.2.3\"},"
		"{\"id\":\"GO-3\",\"fixed\":\"soon\"}]},{\"path\":\"b\",\"vulns\":[{\"id\":\"GO-2\"}]}]");
	assert_true(toolbox_run(
		"mkdir -p in && rm -rf in/db && cp -r db in/ && if command -v python3; then"
		" python3 -m zipfile -c db.zip in/ && python3 -m zipfile -c flat.zip db/index/"
		" db/ID/; fi"));
	static const char *const forms[] = { "db", "db.zip", "flat.zip" };
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (i && !toolbox_has("python3"))
			continue;
		print_message("%s\n", forms[i]);
		struct vulndb *db = NULL;
		struct error err = ERROR_NONE;
		int r = vulndb_open(path_of(forms[i]), &db, &err);
		assert_string_equal(err.message, "");
		assert_int_equal(r, 0);
		assert_string_equal(vulndb_modified(db), "2026-01-02T03:04:05Z");
		struct vuln_entries a, b, again, none;
		assert_int_equal(vulndb_find(db, "a", &a, &err), 0);
		assert_int_equal(a.n, 2); /* what was fixed in no version is left out */
		assert_string_equal(a.items[0]->id, "GO-1");
		assert_string_equal(a.items[1]->id, "GO-2");
		assert_int_equal(vulndb_find(db, "b", &b, &err), 0);
		assert_ptr_equal(b.items[0], a.items[1]); /* read once */
		assert_int_equal(vulndb_find(db, "a", &again, &err), 0);
		assert_ptr_equal(again.items, a.items);
		assert_int_equal(vulndb_find(db, "c", &none, &err), 0);
		assert_int_equal(none.n, 0);
		vulndb_close(db);
	}
	vulndb_close(NULL);
}

static void what_is_wrong_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *modules, *message;
	} cases[] = {
		{ "[{\"path\":\"a\",\"vulns\":[{\"id\":\"GO-9\"}]}]",
		  "db: ID/GO-9.json is missing" },
		{ "[{\"path\":\"a\",\"vulns\":[{}]}]", "a vulnerability has no id" },
		{ "[{\"path\":\"a\",\"vulns\":[{\"id\":\"../../etc/passwd\"}]}]",
		  "\"../../etc/passwd\" is no ID" },
		{ "[{\"path\":\"a\",\"vulns\":[{\"id\":\"\"}]}]", "\"\" is no ID" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].modules);
		write_database(cases[i].modules);
		struct vulndb *db = NULL;
		struct error err = ERROR_NONE;
		assert_int_equal(vulndb_open(path_of("db"), &db, &err), 0);
		struct vuln_entries found;
		assert_int_equal(vulndb_find(db, "a", &found, &err), -EBADMSG);
		assert_non_null(strstr(err.message, cases[i].message));
		vulndb_close(db);
	}
	static const char *const indexes[][2] = {
		{ "{", "index/modules.json: " },
		{ "{}", "index/modules.json: expected an array" },
		{ "[{}]", "index/modules.json: module 0 has no path" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
		write_database(indexes[i][0]);
		struct vulndb *db = NULL;
		struct error err = ERROR_NONE;
		assert_int_equal(vulndb_open(path_of("db"), &db, &err), -EBADMSG);
		assert_null(db);
		assert_non_null(strstr(err.message, indexes[i][1]));
	}
	struct vulndb *db = NULL;
	struct error err = ERROR_NONE;
	assert_int_equal(vulndb_open(path_of("absent"), &db, &err), -ENOENT);
	assert_non_null(strstr(err.message, "https://vuln.go.dev/vulndb.zip"));
	toolbox_write("text", "no zip");
	assert_int_equal(vulndb_open(path_of("text"), &db, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "text: as a zip: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_found),
		cmocka_unit_test(what_is_wrong_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
