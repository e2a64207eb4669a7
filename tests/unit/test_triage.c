/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "check/triage.h"
#include "tests/unit/go_program.h"
#include "tests/unit/toolbox.h"

/* A database of one entry for each case; the module is example.com/m, of v1.5.0. */
static struct vulndb *write_database(const char *affected)
{
	char text[2048];
	assert_true(toolbox_run("mkdir -p db/index db/ID && pwd >where"));
	toolbox_write("db/index/db.json", "{\"modified\":\"2026-01-02T03:04:05Z\"}");
	toolbox_write("db/index/modules.json",
		      "[{\"path\":\"example.com/m\",\"vulns\":[{\"id\":\"GO-2026-0001\"}]}]");
	snprintf(
		text, sizeof(text),
		"{\"id\":\"GO-2026-0001\",\"affected\":[{\"package\":{\"name\":\"example.com/m\"},%s}]}",
		affected);
	toolbox_write("db/ID/GO-2026-0001.json", text);
	size_t size;
	char *where = (char *)toolbox_read("where", &size);
	where[strcspn(where, "\n")] = 0;
	char path[512];
	snprintf(path, sizeof(path), "%s/db", where);
	free(where);
	struct vulndb *db = NULL;
	struct error err = ERROR_NONE;
	assert_int_equal(vulndb_open(path, &db, &err), 0);
	assert_string_equal(vulndb_modified(db), "2026-01-02T03:04:05Z");
	return db;
}

#define FILES "/src/m/m.go"
static const struct go_program_function functions[] = {
	{ "runtime.main", "/go/src/runtime/proc.go", { 0 } },
	{ "main.main", "/src/main.go", { "example.com/m.Inlined" } },
	{ "example.com/m.(*T).Get", FILES, { 0 } },
	{ "example.com/m.Map[...]", FILES, { 0 } },
	{ "example.com/m.Each.func1", FILES, { 0 } },
	{ "example.com/m/link.One", "/src/m/link/link.go", { 0 } },
	{ "example.com/m/link.Two", "/src/m/link/link.go", { 0 } },
	{ "example.com/user.shown", "/src/m/link/link.go", { 0 } },
	{ "example.com/m/odd.One", "/checkout/src.go", { 0 } },
	{ "example.com/m/odd.Two", "/checkout/src.go", { 0 } },
	{ "example.com/user.other", "/checkout/src.go", { 0 } },
	{ "example.com/user.alone", "/mod/example.com/m@v1.5.0/only/only.go", { 0 } },
};

#define BUILD "path\texample.com/app/cmd\nmod\texample.com/app\t(devel)\t\n"
#define DEP "dep\texample.com/m\tv1.5.0\th1:=\n"

static void levels_and_doubts(void **state)
{
	(void)state;
#define SYMBOLS(path, symbols)                                                \
	"\"ecosystem_specific\":{\"imports\":[{\"path\":\"example.com/m" path \
	"\",\"symbols\":[" symbols "]}]}"
	static const struct {
		const char *what, *affected, *modules;
		int level; /* -1: nothing is found */
		const char *doubt;
	} cases[] = {
		{ "a method", SYMBOLS("", "\"T.Get\""), BUILD DEP, TRIAGE_SYMBOL, NULL },
		{ "inlined", SYMBOLS("", "\"Inlined\""), BUILD DEP, TRIAGE_SYMBOL, NULL },
		{ "generic", SYMBOLS("", "\"Map\""), BUILD DEP, TRIAGE_SYMBOL, NULL },
		{ "another method", SYMBOLS("", "\"T.Set\""), BUILD DEP, TRIAGE_PACKAGE, NULL },
		{ "a closure of it", SYMBOLS("", "\"Each\""), BUILD DEP, TRIAGE_PACKAGE,
		  "Each.func1 is there, which is made of it" },
		{ "its name is left", SYMBOLS("", "\"Left\""), BUILD DEP, TRIAGE_PACKAGE,
		  "Left is a name that the function table has of no function" },
		{ "another package", SYMBOLS("/absent", "\"F\""), BUILD DEP, TRIAGE_MODULE, NULL },
		{ "all of a package", SYMBOLS("/link", ""), BUILD DEP, TRIAGE_SYMBOL, NULL },
		{ "all of a module", "\"ranges\":[]", BUILD DEP, TRIAGE_SYMBOL, NULL },
		{ "linkname", SYMBOLS("/link", "\"Shown\""), BUILD DEP, TRIAGE_PACKAGE,
		  "example.com/m/link gives functions other names, example.com/user.shown for one" },
		{ "linkname, in a folder of another name", SYMBOLS("/odd", "\"Other\""), BUILD DEP,
		  TRIAGE_PACKAGE,
		  "example.com/m/odd gives functions other names, example.com/user.other for one" },
		{ "linkname alone", SYMBOLS("/only", "\"F\""), BUILD DEP, TRIAGE_MODULE,
		  "example.com/m/only may have given a function the name example.com/user.alone" },
		{ "fixed before",
		  "\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"1.5.0\"}]}]",
		  BUILD DEP, -1, NULL },
		{ "replaced by a version", SYMBOLS("", "\"T.Get\""),
		  BUILD DEP "=>\texample.com/m\tv1.6.0\th1:=\n", TRIAGE_SYMBOL, NULL },
		{ "replaced by a module", SYMBOLS("", "\"T.Get\""),
		  BUILD DEP "=>\texample.com/n\tv1.6.0\th1:=\n", -1, NULL },
		{ "replaced by a folder", SYMBOLS("", "\"T.Get\""), BUILD DEP "=>\t./m\t\t\n", -1,
		  NULL },
		{ "not a module of it", SYMBOLS("", "\"T.Get\""), BUILD, -1, NULL },
		{ "the main module", SYMBOLS("/cmd", "\"main\""),
		  "path\texample.com/m/cmd\nmod\texample.com/m\tv1.5.0\t\n", TRIAGE_SYMBOL, NULL },
		{ "the main module without a version", SYMBOLS("/cmd", "\"main\""),
		  "path\texample.com/m/cmd\nmod\texample.com/m\t(devel)\t\n", -1, NULL },
		{ "packages in other files", SYMBOLS("", "\"T.Set\""),
		  BUILD DEP "build\t-linkshared=true\n", TRIAGE_PACKAGE,
		  "packages of it are in other files (-linkshared)" },
		{ "a plugin's main package", SYMBOLS("/cmd", "\"F\""),
		  "path\texample.com/m/cmd\n" DEP "build\t-buildmode=plugin\n", TRIAGE_PACKAGE,
		  "a plugin's main package may have any name in it" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		struct vulndb *db = write_database(cases[i].affected);
		struct go_program p = {
			.format = PROGRAM_1_20,
			.functions = functions,
			.n_functions = ARRAY_SIZE(functions),
			.left = "example.com/m.Left",
			.version = "go1.22.3",
			.modules = cases[i].modules,
		};
		size_t size;
		uint8_t *file = go_program_build(&p, ELFCLASS64, ELFDATA2LSB, &size);
		struct image image;
		struct triage triage = { 0 };
		struct error err = ERROR_NONE;
		assert_int_equal(image_open(file, size, &image, &err), 0);
		int r = triage_run(&image, db, true, &triage, &err);
		assert_string_equal(err.message, "");
		assert_int_equal(r, 0);
		assert_string_equal(triage.why, "");
		assert_int_equal(triage.n_vulns, cases[i].level >= 0);
		for (int level = 0; level < N_TRIAGE_LEVELS; level++)
			assert_int_equal(triage.n[level], level <= cases[i].level);
		if (cases[i].level >= 0) {
			assert_int_equal(triage.vulns[0].level, cases[i].level);
			if (cases[i].doubt) {
				assert_non_null(triage.vulns[0].doubt);
				if (!strstr(triage.vulns[0].doubt, cases[i].doubt))
					print_error("doubt: %s\n", triage.vulns[0].doubt);
				assert_non_null(strstr(triage.vulns[0].doubt, cases[i].doubt));
			} else {
				assert_null(triage.vulns[0].doubt);
			}
		}
		triage_free(&triage);
		triage_free(&triage); /* twice does no harm */
		image_close(&image);
		free(file);
		vulndb_close(db);
	}
}

/* Go before 1.16 tells less of what has which name. */
static void old_tables_leave_a_doubt(void **state)
{
	(void)state;
	static const struct {
		enum go_program_format format;
		const char *version;
		bool doubted;
	} cases[] = {
		{ PROGRAM_1_2, "go1.15.2", true },
		{ PROGRAM_1_16, "go1.16.1", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vulndb *db = write_database(SYMBOLS("/absent", "\"F\""));
		struct go_program p = {
			.format = cases[i].format,
			.functions = functions,
			.n_functions = ARRAY_SIZE(functions),
			.version = cases[i].version,
			.modules = BUILD DEP,
		};
		size_t size;
		uint8_t *file = go_program_build(&p, ELFCLASS64, ELFDATA2LSB, &size);
		struct image image;
		struct triage triage = { 0 };
		assert_int_equal(image_open(file, size, &image, NULL), 0);
		assert_int_equal(triage_run(&image, db, true, &triage, NULL), 0);
		assert_int_equal(triage.n_vulns, 1);
		assert_string_equal(triage.why, "");
		assert_int_equal(triage.vulns[0].level, TRIAGE_MODULE);
		assert_int_equal(triage.vulns[0].doubt != NULL, cases[i].doubted);
		if (cases[i].doubted)
			assert_non_null(strstr(triage.vulns[0].doubt, "before 1.16"));
		triage_free(&triage);
		image_close(&image);
		free(file);
		vulndb_close(db);
	}
}

static void without_a_table_all_is_taken_to_be_there(void **state)
{
	(void)state;
	struct vulndb *db = write_database(SYMBOLS("/absent", "\"F\",\"g\""));
	struct go_program p = {
		.format = PROGRAM_1_20,
		.functions = functions,
		.n_functions = ARRAY_SIZE(functions),
		.version = "go1.22.3",
		.modules = BUILD DEP,
	};
	size_t size;
	uint8_t *file = go_program_build(&p, ELFCLASS64, ELFDATA2LSB, &size);
	file[p.table_at] = 0;
	struct image image;
	struct triage triage = { 0 };
	assert_int_equal(image_open(file, size, &image, NULL), 0);
	assert_int_equal(triage_run(&image, db, true, &triage, NULL), 0);
	assert_true(triage.is_assumed);
	assert_non_null(strstr(triage.why, "it does not begin as Go"));
	assert_int_equal(triage.vulns[0].level, TRIAGE_SYMBOL);
	assert_int_equal(triage.vulns[0].packages[0].n_symbols, 1); /* the exported one */
	assert_string_equal(triage.vulns[0].packages[0].symbols[0], "F");
	triage_free(&triage);
	image_close(&image);
	free(file);
	vulndb_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_and_doubts),
		cmocka_unit_test(old_tables_leave_a_doubt),
		cmocka_unit_test(without_a_table_all_is_taken_to_be_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
