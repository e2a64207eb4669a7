/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/negotiate.h"

static void encodings_are_chosen(void **state)
{
	(void)state;
	static const struct {
		const char *lines[2];
		bool zstd;
	} cases[] = {
		{ { NULL }, false },
		{ { "" }, false },
		{ { "zstd" }, true },
		{ { "ZSTD" }, true },
		{ { "deflate, gzip, br, zstd" }, true }, /* libcurl of Debian 12 */
		{ { "gzip, deflate" }, false },
		{ { "gzip", "zstd" }, true },
		{ { "zstd;q=0" }, false },
		{ { "zstd;q=0.000" }, false },
		{ { "zstd;q=0.001" }, true },
		{ { "zstd ; q=0.5" }, true },
		{ { "zstd;Q=0.5" }, true },
		{ { "zstd;q=1.001" }, false },
		{ { "zstd;q=2" }, false },
		{ { "zstd;q=-1" }, false },
		{ { "zstd;q=0.1234" }, false },
		{ { "zstd;q=." }, false },
		{ { "zstd;q=" }, false },
		{ { "zstd;level=3;q=0" }, false },
		{ { "zstd;level=3" }, true },
		{ { "identity;q=1, zstd;q=0.5" }, false },
		{ { "identity;q=0.5, zstd;q=1" }, true },
		{ { "identity, zstd" }, true },
		{ { "zstd;q=0, *" }, false },
		{ { "*" }, false },
		{ { "*;q=0.5" }, false },
		{ { "identity;q=0, *" }, true },
		{ { "identity;q=0" }, false },
		{ { "*;q=0" }, false },
		{ { "xzstd" }, false },
		{ { "zstdx" }, false },
		{ { ",,, zstd ,," }, true },
		{ { ";;;,zstd" }, true },
		{ { "zst" }, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct accept_encoding accept = ACCEPT_ENCODING_NONE;
		for (size_t j = 0; j < 2 && cases[i].lines[j]; j++) {
			print_message("\"%s\" ", cases[i].lines[j]);
			accept_encoding_add(&accept, cases[i].lines[j], strlen(cases[i].lines[j]));
		}
		print_message("\n");
		assert_int_equal(accept_encoding_wants_zstd(&accept), cases[i].zstd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(encodings_are_chosen) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
