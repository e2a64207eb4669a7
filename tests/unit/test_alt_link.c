/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "elf/alt_link.h"
#include "tests/unit/elf_builder.h"

static void the_link_is_read_strictly(void **state)
{
	(void)state;
	static const struct {
		const char *what, *bytes;
		size_t size;
		int r;
		const char *path, *id;
	} cases[] = {
		{ "whole", "x.dwz\0\xab\xcd\xef\x01", 10, 0, "x.dwz", "abcdef01" },
		{ "a NUL in the ID", "/d/.dwz/a\0\x00\x01", 12, 0, "/d/.dwz/a", "0001" },
		{ "no ID", "x.dwz\0", 6, -EBADMSG, NULL, NULL },
		{ "no NUL", "x.dwz", 5, -EBADMSG, NULL, NULL },
		{ "no path", "\0\xab\xcd", 3, -EBADMSG, NULL, NULL },
		{ "empty", "", 0, -ENOENT, NULL, NULL },
		{ "an ID over the limit",
		  "x\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 67,
		  -EBADMSG, NULL, NULL },
		{ "absent", NULL, 0, -ENOENT, NULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		struct elf_builder b;
		elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
		if (cases[i].bytes)
			elf_builder_section(&b, ".gnu_debugaltlink", SHT_PROGBITS, 0,
					    cases[i].bytes, cases[i].size);
		size_t size;
		scoped(string_free) char *bytes = (char *)elf_builder_build(&b, &size);
		elf_builder_free(&b);
		struct error err = ERROR_NONE;
		scoped(image_close) struct image image = { 0 };
		assert_int_equal(image_open((const uint8_t *)bytes, size, &image, &err), 0);
		struct alt_link link = { 0 };
		assert_int_equal(image_alt_link(&image, &link, &err), cases[i].r);
		if (cases[i].r < 0) {
			assert_null(link.path);
			continue;
		}
		assert_string_equal(link.path, cases[i].path);
		assert_string_equal(BUILD_ID_HEX(&link.id), cases[i].id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_link_is_read_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
