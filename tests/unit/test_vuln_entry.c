/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check/vuln_entry.h"

#define NOW 1000000000 /* 2001-09-09T01:46:40Z */

static struct vuln_entry *parse(const char *text)
{
	struct vuln_entry *entry = NULL;
	struct error err = ERROR_NONE;
	int r = vuln_entry_parse(text, strlen(text), NOW, &entry, &err);
	assert_string_equal(err.message, "");
	assert_int_equal(r, 0);
	return entry;
}

static void versions_are_in_ranges(void **state)
{
	(void)state;
	static const struct {
		const char *ranges, *version;
		bool affected;
	} cases[] = {
#define SEMVER(events) "[{\"type\":\"SEMVER\",\"events\":[" events "]}]"
#define FROM(v) "{\"introduced\":\"" v "\"}"
#define TO(v) "{\"fixed\":\"" v "\"}"
		{ "[]", "v1.0.0", true },
		{ "[{\"type\":\"SEMVER\"}]", "v1.0.0", true },
		{ "[{\"type\":\"ECOSYSTEM\",\"events\":[" FROM("7") "]}]", "v1.0.0", true },
		{ SEMVER(FROM("0")), "v0.0.1", true },
		{ SEMVER(FROM("0")), "", false },
		{ SEMVER(FROM("0")), "(devel)", false },
		{ SEMVER(FROM("0") "," TO("1.2.0")), "v1.1.9", true },
		{ SEMVER(FROM("0") "," TO("1.2.0")), "v1.2.0", false },
		{ SEMVER(FROM("0") "," TO("1.2.0")), "v1.2.0-rc.1", true },
		{ SEMVER(FROM("0") "," TO("1.2.0")), "v1.2.0+incompatible", false },
		{ SEMVER(FROM("1.0.0") "," TO("1.2.0")), "v0.9.0", false },
		{ SEMVER(FROM("1.0.0") "," TO("1.2.0")), "v1.0.0", true },
		{ SEMVER(FROM("0") "," TO("1.2.0") "," FROM("1.3.0-0") "," TO("1.3.4")),
		  "v1.3.0-rc.2", true },
		{ SEMVER(FROM("0") "," TO("1.2.0") "," FROM("1.3.0-0") "," TO("1.3.4")), "v1.2.5",
		  false },
		/* In any order. */
		{ SEMVER(TO("1.3.4") "," FROM("1.3.0") "," TO("1.2.0") "," FROM("0")), "v1.2.5",
		  false },
		{ SEMVER(TO("1.3.4") "," FROM("1.3.0") "," TO("1.2.0") "," FROM("0")), "v1.1.0",
		  true },
		{ SEMVER(TO("1.3.4") "," FROM("1.3.0") "," TO("1.2.0") "," FROM("0")), "v1.3.3",
		  true },
		/* Pseudo-versions. */
		{ SEMVER(FROM("0") "," TO("0.0.0-20240102000000-abcdefabcdef")),
		  "v0.0.0-20240101000000-ffffffffffff", true },
		{ SEMVER(FROM("0") "," TO("0.0.0-20240102000000-abcdefabcdef")),
		  "v0.0.0-20240103000000-000000000000", false },
		{ SEMVER(FROM("0") "," TO("1.2.0")), "nonsense", true }, /* before every version */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024];
		snprintf(
			text, sizeof(text),
			"{\"id\":\"GO-1\",\"affected\":[{\"package\":{\"name\":\"m\"},\"ranges\":%s}]}",
			cases[i].ranges);
		print_message("%s in %s\n", cases[i].version, cases[i].ranges);
		struct vuln_entry *entry = parse(text);
		assert_string_equal(entry->affected[0].module, "m");
		assert_int_equal(vuln_affects(&entry->affected[0], cases[i].version),
				 cases[i].affected);
		vuln_entry_free(entry);
	}
}

static void all_of_it_is_read(void **state)
{
	(void)state;
	struct vuln_entry *entry = parse(
		"{\"id\":\"GO-2024-0001\",\"summary\":\"s\",\"aliases\":[\"CVE-1\",\"GHSA-2\"],"
		"\"withdrawn\":null,\"more\":[1],\"affected\":[{\"package\":{\"name\":\"m\"},"
		"\"ecosystem_specific\":{\"imports\":[{\"path\":\"m/p\",\"symbols\":[\"T.F\"],"
		"\"goos\":[\"linux\",\"windows\"],\"goarch\":[\"386\"]},{\"path\":\"m/q\"}]}}]}");
	assert_string_equal(entry->id, "GO-2024-0001");
	assert_string_equal(entry->summary, "s");
	assert_int_equal(entry->aliases.n, 2);
	assert_string_equal(entry->aliases.items[1], "GHSA-2");
	assert_false(entry->withdrawn);
	assert_int_equal(entry->affected[0].n_packages, 2);
	const struct vuln_package *p = entry->affected[0].packages;
	assert_string_equal(p[0].path, "m/p");
	assert_string_equal(p[0].symbols.items[0], "T.F");
	assert_int_equal(p[1].symbols.n, 0);
	assert_true(vuln_package_fits(&p[0], "linux", "386"));
	assert_true(vuln_package_fits(&p[0], "windows", ""));
	assert_true(vuln_package_fits(&p[0], "", ""));
	assert_false(vuln_package_fits(&p[0], "darwin", "386"));
	assert_false(vuln_package_fits(&p[0], "linux", "amd64"));
	assert_true(vuln_package_fits(&p[1], "plan9", "mips"));
	vuln_entry_free(entry);

	static const struct {
		const char *time;
		bool withdrawn;
	} times[] = { { "2001-09-09T01:46:39Z", true },
		      { "2001-09-09T01:46:40Z", false },
		      { "2001-09-08T01:46:39.123456Z", true },
		      { "2199-01-01T00:00:00Z", false } };
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		char text[128];
		snprintf(text, sizeof(text), "{\"id\":\"GO-1\",\"withdrawn\":\"%s\"}",
			 times[i].time);
		entry = parse(text);
		assert_int_equal(entry->withdrawn, times[i].withdrawn);
		vuln_entry_free(entry);
	}
}

static void what_is_wrong_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "{", "" },
		{ "[]", "id: expected a name" },
		{ "{\"id\":7}", "id: expected a string" },
		{ "{\"id\":\"\"}", "id: expected a name" },
		{ "{\"id\":\"a\",\"withdrawn\":\"soon\"}", "withdrawn: " },
		{ "{\"id\":\"a\",\"aliases\":[1]}", "aliases: expected strings" },
		{ "{\"id\":\"a\",\"affected\":{}}", "affected: expected an array" },
		{ "{\"id\":\"a\",\"affected\":[{\"ranges\":7}]}", "ranges: expected an array" },
		{ "{\"id\":\"a\",\"affected\":[{\"ranges\":[{\"events\":[{\"fixed\":1}]}]}]}",
		  "fixed: expected a string" },
		{ "{\"id\":\"a\",\"affected\":[{\"ecosystem_specific\":{\"imports\":[{\"symbols\":[[]]}]}}]}",
		  "symbols: expected strings" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vuln_entry *entry = NULL;
		struct error err = ERROR_NONE;
		print_message("%s\n", cases[i].text);
		assert_int_equal(
			vuln_entry_parse(cases[i].text, strlen(cases[i].text), NOW, &entry, &err),
			-EBADMSG);
		assert_null(entry);
		assert_non_null(strstr(err.message, cases[i].message));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_in_ranges),
		cmocka_unit_test(all_of_it_is_read),
		cmocka_unit_test(what_is_wrong_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
