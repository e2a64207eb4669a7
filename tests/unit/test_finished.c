/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "split/finished.h"

#define SHA1 "00112233445566778899aabbccddeeff00112233"
#define SHA256 SHA1 "445566778899AABBCCDDEEFF"

static void lines_of_checksum_files_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *line, *digits, *name; /* NULL: none */
	} cases[] = {
		{ SHA256 "  prog_linux_amd64.tar.gz", SHA256, "prog_linux_amd64.tar.gz" },
		{ SHA256 " *bin/prog", SHA256, "bin/prog" },
		{ SHA256 "  name with blanks", SHA256, "name with blanks" },
		{ SHA256 " one", SHA256, "one" },
		{ SHA1 "  prog", SHA1, "prog" },
		{ "SHA256 (prog (1)) = " SHA256, SHA256, "prog (1)" },
		{ "SHA256 (prog) = no digits", NULL, NULL },
		{ "SHA256 () = " SHA256, NULL, NULL },
		{ SHA256, NULL, NULL },
		{ SHA256 "  ", NULL, NULL },
		{ SHA256 "x prog", NULL, NULL },
		{ "0123456789abcdef  prog", NULL, NULL },
		{ "# checksums", NULL, NULL },
		{ ") = (", NULL, NULL },
		{ "", NULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[256];
		const char *digits = NULL, *name = NULL;
		print_message("%s\n", cases[i].line);
		strcpy(line, cases[i].line);
		assert_int_equal(checksum_line_read(line, &digits, &name), cases[i].name != NULL);
		if (!cases[i].name)
			continue;
		assert_string_equal(digits, cases[i].digits);
		assert_string_equal(name, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lines_of_checksum_files_are_read) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
