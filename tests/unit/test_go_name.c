/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/go_name.h"

static void names_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *name, *package, *symbol, *plain;
		bool old; /* the compiler's own names begin with "go." */
	} cases[] = {
		{ "main.main", "main", "main", "main" },
		{ "net/http.(*Client).Do", "net/http", "Client.Do", "Client.Do" },
		{ "net/http.Header.Get", "net/http", "Header.Get", "Header.Get" },
		{ "net/http.(*Client).Do-fm", "net/http", "Client.Do-fm", "Client.Do-fm" },
		{ "net/http.(*Client).do.func1", "net/http", "Client).do.func1",
		  "Client.do.func1" },
		{ "gopkg.in/inf%2ev0.(*Dec).Add", "gopkg.in/inf.v0", "Dec.Add", "Dec.Add" },
		{ "a.b/c%2ed%zz.F", "a.b/c.d%zz", "F", "F" },
		{ "example.com/p.Map[...]", "example.com/p", "Map[...]", "Map" },
		{ "example.com/p.(*L[...]).Push", "example.com/p", "L[...].Push", "L.Push" },
		{ "example.com/p.(*L[go.shape.string]).Push", "example.com/p",
		  "L[go.shape.string].Push", "L.Push" },
		{ "example.com/p.F[a.b/c.T]", "example.com/p", "F[a.b/c.T]", "F" },
		{ "go.uber.org/zap.(*Logger).Info", "go.uber.org/zap", "Logger.Info",
		  "Logger.Info" },
		{ "go.uber.org/zap.AddCaller", "go.uber.org/zap", "AddCaller", "AddCaller", true },
		{ "go:buildid", "", "go:buildid", "go:buildid" },
		{ "type:.eq.a/b.T", "", "T", "type:.eq.a/b.T" },
		{ "type..eq.a/b.T", "", "T", "type..eq.a/b.T", true },
		{ "go.(*struct { a/b.T }).Get", "", "T }).Get", "go.struct { a/b.T }.Get", true },
		{ "go.buildid", "", "buildid", "go.buildid", true },
		{ "memmove", "", "memmove", "memmove" },
		{ "", "", "", "" },
		{ "a.", "a", "", "" },
		{ ".", "", "", "" },
		{ "a.[", "a", "[", "[" },
		{ "a.]b[", "a", "]b[", "]b[" },
	};
	struct go_name name = { 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = ERROR_NONE;
		print_message("%s\n", cases[i].name);
		assert_int_equal(go_name_parse(cases[i].name, strlen(cases[i].name), !cases[i].old,
					       &name, &err),
				 0);
		assert_string_equal(name.package, cases[i].package);
		assert_string_equal(name.symbol, cases[i].symbol);
		assert_string_equal(name.plain, cases[i].plain);
	}
	struct error err = ERROR_NONE;
	assert_int_equal(go_name_parse("a\0b", 3, true, &name, &err), -EBADMSG);
	assert_string_equal(err.message, "Go function name: a NUL in it");
	go_name_free(&name);
	go_name_free(&name); /* twice does no harm */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names_are_taken_apart) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
