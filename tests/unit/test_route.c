/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/route.h"

#define HEX20 "000102030405060708090a0b0c0d0e0f10111213"
#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void targets_are_routed(void **state)
{
	(void)state;
	static const struct {
		const char *target;
		unsigned status;
		enum kind kind;
		const char *id;
		const char *name;
	} cases[] = {
		{ "/", 0, KIND_ROOT, "", "" },
		{ "//", 0, KIND_ROOT, "", "" },
		{ "/?x=y", 0, KIND_ROOT, "", "" },
		{ "/metrics", 0, KIND_METRICS, "", "" },
		{ "/healthz", 0, KIND_HEALTH, "", "" },
		{ "/healthz?", 0, KIND_HEALTH, "", "" },
		{ "/metadata?key=x", 0, KIND_METADATA, "", "" },
		{ "/metrics/", 404, KIND_OTHER, "", "" },
		{ "/favicon.ico", 404, KIND_OTHER, "", "" },
		{ "/buildid", 404, KIND_OTHER, "", "" },
		{ "/buildid/", 404, KIND_OTHER, "", "" },
		{ "/Buildid/" HEX20 "/debuginfo", 404, KIND_OTHER, "", "" },
		{ "/buildid/" HEX20, 404, KIND_OTHER, HEX20, "" },
		{ "/buildid/" HEX20 "/", 404, KIND_OTHER, HEX20, "" },
		{ "/buildid/" HEX20 "/debuginfo", 0, KIND_DEBUGINFO, HEX20, "" },
		{ "//buildid/" HEX20 "/debuginfo", 0, KIND_DEBUGINFO, HEX20, "" },
		{ "/buildid/" HEX20 "/debuginfo?a=b", 0, KIND_DEBUGINFO, HEX20, "" },
		{ "/buildid/" HEX20 "/debuginfo/", 404, KIND_OTHER, HEX20, "" },
		{ "/buildid/" HEX20 "/debuginfo/x", 404, KIND_OTHER, HEX20, "" },
		{ "/buildid/" HEX20 "/DEBUGINFO", 404, KIND_OTHER, HEX20, "" },
		{ "/buildid/" HEX20 "//debuginfo", 404, KIND_OTHER, HEX20, "" },
		{ "/buildid/" HEX20 "/executable", 0, KIND_EXECUTABLE, HEX20, "" },
		{ "/buildid/" HEX20 "/executable/x", 404, KIND_OTHER, HEX20, "" },
		{ "/buildid/ABCDEF/debuginfo", 0, KIND_DEBUGINFO, "abcdef", "" },
		{ "/buildid/%61b/debuginfo", 0, KIND_DEBUGINFO, "ab", "" },
		{ "/buildid/ab%2Fdebuginfo", 0, KIND_DEBUGINFO, "ab", "" },
		{ "/buildid/" HEX64 HEX64 "/executable", 0, KIND_EXECUTABLE, HEX64 HEX64, "" },

		/* no build IDs */
		{ "/buildid//debuginfo", 400, KIND_OTHER, "", "" },
		{ "/buildid/a/debuginfo", 400, KIND_OTHER, "", "" },
		{ "/buildid/abc/debuginfo", 400, KIND_OTHER, "", "" },
		{ "/buildid/zz/debuginfo", 400, KIND_OTHER, "", "" },
		{ "/buildid/0x12/debuginfo", 400, KIND_OTHER, "", "" },
		{ "/buildid/" HEX64 HEX64 "00/debuginfo", 400, KIND_OTHER, "", "" },
		{ "/buildid/../debuginfo", 400, KIND_OTHER, "", "" },
		{ "/buildid/%2e%2e/%2e%2e/etc/passwd", 400, KIND_OTHER, "", "" },
		{ "/buildid/ab%20/debuginfo", 400, KIND_OTHER, "", "" },
		{ "/buildid/ab'%20or%201=1--/debuginfo", 400, KIND_OTHER, "", "" },

		/* sources: decoded once, nothing folded here */
		{ "/buildid/ab/source/usr/src/a.c", 0, KIND_SOURCE, "ab", "/usr/src/a.c" },
		{ "/buildid/ab/source/usr/a%2Bb.c", 0, KIND_SOURCE, "ab", "/usr/a+b.c" },
		{ "/buildid/ab/source/usr/a+b.c", 0, KIND_SOURCE, "ab", "/usr/a+b.c" },
		{ "/buildid/ab/source/usr%2Fsrc%2fa.c", 0, KIND_SOURCE, "ab", "/usr/src/a.c" },
		{ "/buildid/ab/source/a%3Fb", 0, KIND_SOURCE, "ab", "/a?b" },
		{ "/buildid/ab/source/a?b", 0, KIND_SOURCE, "ab", "/a" },
		{ "/buildid/ab/source/a%2520b", 0, KIND_SOURCE, "ab", "/a%20b" },
		{ "/buildid/ab/source//x/../y", 0, KIND_SOURCE, "ab", "//x/../y" },
		{ "/buildid/ab/source/\xc3\xa9%C3%A9%ff", 0, KIND_SOURCE, "ab",
		  "/\xc3\xa9\xc3\xa9\xff" },
		{ "/buildid/ab/source", 400, KIND_SOURCE, "ab", "" },
		{ "/buildid/ab/source/", 400, KIND_SOURCE, "ab", "/" },
		{ "/buildid/ab/sources/x", 404, KIND_OTHER, "ab", "" },

		/* sections */
		{ "/buildid/ab/section/.gdb_index", 0, KIND_SECTION, "ab", ".gdb_index" },
		{ "/buildid/ab/section/a/b", 0, KIND_SECTION, "ab", "a/b" },
		{ "/buildid/ab/section/", 400, KIND_SECTION, "ab", "" },
		{ "/buildid/ab/section", 400, KIND_SECTION, "ab", "" },

		/* control bytes and broken escapes */
		{ "/buildid/aa%00bb/debuginfo", 400, KIND_OTHER, "", "" },
		{ "/buildid/ab/source/x%00.c", 400, KIND_OTHER, "", "" },
		{ "/buildid/ab/source/x%0d%0aSet-Cookie:y", 400, KIND_OTHER, "", "" },
		{ "/buildid/ab/source/x%7f", 400, KIND_OTHER, "", "" },
		{ "/buildid/ab/source/x\x01", 400, KIND_OTHER, "", "" },
		{ "/%", 400, KIND_OTHER, "", "" },
		{ "/%4", 400, KIND_OTHER, "", "" },
		{ "/%zz", 400, KIND_OTHER, "", "" },
		{ "/%4g", 400, KIND_OTHER, "", "" },
		{ "/buildid/ab/section/%2", 400, KIND_OTHER, "", "" },

		/* other layouts of the same files */
		{ "/.build-id/ab/cdef.debug", 0, KIND_DEBUGINFO, "abcdef", "" },
		{ "/.build-id/AB/CDEF.debug", 0, KIND_DEBUGINFO, "abcdef", "" },
		{ "/.build-id/ab/cdef", 0, KIND_EXECUTABLE, "abcdef", "" },
		{ "/.build-id/ab/cdef.debugx", 404, KIND_OTHER, "", "" },
		{ "/.build-id/ab/cde.debug", 404, KIND_OTHER, "", "" },
		{ "/.build-id/ab/.debug", 404, KIND_OTHER, "", "" },
		{ "/.build-id/abcdef.debug", 404, KIND_OTHER, "", "" },
		{ "/.build-id/ab/cdef/debuginfo", 404, KIND_OTHER, "", "" },
		{ "/.build-id/00/" HEX64 HEX64 ".debug", 404, KIND_OTHER, "", "" },
		{ "/.build-id/", 404, KIND_OTHER, "", "" },
		{ "/ab/cdef/debuginfo", 0, KIND_DEBUGINFO, "abcdef", "" },
		{ "/ab/cdef/executable?x", 0, KIND_EXECUTABLE, "abcdef", "" },
		{ "/ab/cdef/sourcebundle", 404, KIND_OTHER, "", "" },
		{ "/ab/cdef.debug", 404, KIND_OTHER, "", "" },
		{ "/ab/cdef", 404, KIND_OTHER, "", "" },
		{ "/xx/cdef/debuginfo", 404, KIND_OTHER, "", "" },
		{ "/a/bcdef/debuginfo", 404, KIND_OTHER, "", "" },

		/* forms of a target */
		{ "http://example.com/buildid/ab/debuginfo", 0, KIND_DEBUGINFO, "ab", "" },
		{ "HTTPS://user@example.com:1/metrics", 0, KIND_METRICS, "", "" },
		{ "http://example.com", 0, KIND_ROOT, "", "" },
		{ "http://example.com?x/metrics", 0, KIND_ROOT, "", "" },
		{ "*", 400, KIND_OTHER, "", "" },
		{ "", 400, KIND_OTHER, "", "" },
		{ "metrics", 400, KIND_OTHER, "", "" },
		{ "ftp://example.com/metrics", 400, KIND_OTHER, "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* As long as the contract asks for, so that a byte more is seen by the sanitizer.
		 */
		char *scratch = malloc(strlen(cases[i].target) + 1);
		struct route route;

		print_message("%s\n", cases[i].target);
		route_parse(cases[i].target, "", scratch, &route);
		assert_int_equal(route.status, cases[i].status);
		assert_int_equal(route.kind, cases[i].kind);
		assert_string_equal(BUILD_ID_HEX(&route.id), cases[i].id);
		assert_string_equal(route.name, cases[i].name);
		assert_int_equal(route.name_size, strlen(cases[i].name));
		assert_int_equal(route.why != NULL, route.status != 0);
		free(scratch);
	}
}

static void base_paths_are_cut_off(void **state)
{
	(void)state;
	static const struct {
		const char *given, *base; /* NULL: refused */
	} bases[] = {
		{ "/", "" },        { "/a", "/a" },   { "/a/", "/a" },  { "/a/b.c/", "/a/b.c" },
		{ "/...", "/..." }, { "", NULL },     { "a", NULL },    { "//", NULL },
		{ "/a//b", NULL },  { "/a//", NULL }, { "/.", NULL },   { "/a/../b", NULL },
		{ "/a%2fb", NULL }, { "/a?b", NULL }, { "/a\n", NULL }, { "/a/..", NULL },
	};
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		char *base = malloc(strlen(bases[i].given) + 1);
		print_message("base %s\n", bases[i].given);
		assert_int_equal(base_path_parse(bases[i].given, base), bases[i].base != NULL);
		if (bases[i].base)
			assert_string_equal(base, bases[i].base);
		free(base);
	}

	static const struct {
		const char *target;
		unsigned status;
		enum kind kind;
	} cases[] = {
		{ "/a/b", 0, KIND_ROOT },
		{ "/a/b/", 0, KIND_ROOT },
		{ "/a/b?", 0, KIND_ROOT },
		{ "/a/b/buildid/ab/debuginfo", 0, KIND_DEBUGINFO },
		{ "/a/b//buildid/ab/source/x", 0, KIND_SOURCE },
		{ "/a/b/.build-id/ab/cd.debug", 0, KIND_DEBUGINFO },
		{ "//a%2Fb/metrics", 0, KIND_METRICS },
		{ "http://x/a/b/healthz", 0, KIND_HEALTH },
		{ "/a/bc/healthz", 404, KIND_OTHER },
		{ "/a", 404, KIND_OTHER },
		{ "/", 404, KIND_OTHER },
		{ "/buildid/ab/debuginfo", 404, KIND_OTHER },
		{ "/a/b/a/b/healthz", 404, KIND_OTHER },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *scratch = malloc(strlen(cases[i].target) + 1);
		struct route route;
		print_message("%s\n", cases[i].target);
		route_parse(cases[i].target, "/a/b", scratch, &route);
		assert_int_equal(route.status, cases[i].status);
		assert_int_equal(route.kind, cases[i].kind);
		free(scratch);
	}
}

/* Any bytes: no more is written than the contract says, and what is found lies in the scratch. */
static void any_bytes_are_survived(void **state)
{
	(void)state;
	static const char alphabet[] = "/%0aF?.:\x01\xff"
				       "buildid/source/section/http://";
	unsigned seed = 1;

	for (int i = 0; i < 100000; i++) {
		char target[64];
		size_t size = 0;
		int n = i % 60;
		if (i % 3)
			size = (size_t)sprintf(target, "/buildid/ab/");
		for (; (int)size < n; size++) {
			seed = seed * 1103515245 + 12345;
			target[size] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		target[size] = 0;

		char *scratch = malloc(size + 1);
		struct route route;
		route_parse(target, i % 2 ? "" : "/buildid", scratch, &route);
		assert_true(route.status == 0 || route.status == 400 || route.status == 404);
		assert_int_equal(route.name_size, strlen(route.name));
		assert_null(memchr(route.name, '\x01', route.name_size));
		free(scratch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_routed),
		cmocka_unit_test(base_paths_are_cut_off),
		cmocka_unit_test(any_bytes_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
