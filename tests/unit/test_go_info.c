/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/go_info.h"
#include "tests/unit/elf_builder.h"
#include "tests/unit/toolbox.h"

#define HEADER(flags) "\xff Go buildinf:\x08" flags "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define INLINE HEADER("\2")
#define MARK "0123456789abcdef" /* Go's marks are 16 bytes of their own; readers look at none */
#define MODULES \
	"path\texample.com/h/cmd\nmod\texample.com/h\tv1.2.3\th1:x=\ndep\ta\tv1\nbuild\t-compiler=gc\n"

/* An image with the bytes as .go.buildinfo, or in a writable segment without section headers. */
static int read_bytes(const void *bytes, size_t size, bool section, struct go_info *ret,
		      struct error *err)
{
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_X86_64);
	elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC, "text", 4);
	unsigned info = elf_builder_section(&b, ".go.buildinfo", SHT_PROGBITS,
					    SHF_ALLOC | SHF_WRITE, bytes, size);
	elf_builder_segment_over(&b, PT_LOAD, PF_R | PF_X, 0, 1);
	elf_builder_segment_over(&b, PT_LOAD, PF_R | PF_W, info, info);
	b.no_section_headers = !section;
	size_t file_size;
	uint8_t *file = elf_builder_build(&b, &file_size);
	struct image image;
	assert_int_equal(image_open(file, file_size, &image, err), 0);
	int r = go_info_read(&image, ret, err);
	image_close(&image);
	free(file);
	elf_builder_free(&b);
	return r;
}

static void texts_are_read(void **state)
{
	(void)state;
	static const char whole[] = INLINE "\x08go1.26.8\x72" MARK MODULES MARK;
	char shifted[sizeof(whole) + 32] = { 0 };
	memcpy(shifted + 32, whole, sizeof(whole));
	for (int section = 0; section < 2; section++) {
		struct go_info info = { 0 };
		struct error err = ERROR_NONE;
		int r = section ? read_bytes(whole, sizeof(whole) - 1, true, &info, &err)
				: read_bytes(shifted, sizeof(shifted), false, &info, &err);
		assert_string_equal(err.message, "");
		assert_int_equal(r, 0);
		assert_string_equal(info.version, "go1.26.8");
		assert_string_equal(info.module_text, MODULES);
		assert_string_equal(info.main_path, "example.com/h/cmd");
		assert_string_equal(info.main_module, "example.com/h");
		assert_string_equal(info.main_version, "v1.2.3");
		go_info_free(&info);
		go_info_free(&info); /* twice does no harm */
	}
}

static void odd_forms_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		size_t size;
		const char *bytes;
		int r;
		const char *message;
	} cases[] = {
#define CASE(what, bytes, r, message) { what, sizeof(bytes) - 1, bytes, r, message }
		CASE("no modules", INLINE "\x06go1.20\0", 0, NULL),
		CASE("modules without marks", INLINE "\x06go1.20\x04path", 0, NULL),
		CASE("marks around nothing", INLINE "\x06go1.20\x20" MARK MARK, 0, NULL),
		CASE("not Go's", "\xff Ho buildinf:\x08\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", -ENOENT,
		     "no Go build information"),
		CASE("header cut", "\xff Go buildinf:\x08\2", -ENOENT, "no Go build information"),
		CASE("pointers that are filled in later", HEADER("\0"), -ENOTSUP,
		     "its pointers are filled in when it is loaded"),
		CASE("pointers of 4 bytes", "\xff Go buildinf:\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", -EBADMSG,
		     "pointers of 4 bytes and flags 0x0"),
		CASE("pointers of the other byte order", HEADER("\1"), -EBADMSG, "flags 0x1"),
		CASE("pointers to nothing",
		     "\xff Go buildinf:\x08\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", -EBADMSG,
		     "the version at address 0x1 is not in the file"),
		CASE("nothing behind the header", INLINE, -EBADMSG, "a string's size is cut"),
		CASE("version cut", INLINE "\x06go1", -EBADMSG,
		     "the version has 6 bytes, of 3 that are left"),
		CASE("modules cut", INLINE "\x06go1.20\x7f" MARK, -EBADMSG,
		     "the module text has 127 bytes, of 16 that are left"),
		CASE("size of 2^63", INLINE "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", -EBADMSG,
		     "the version has 9223372036854775808 bytes"),
		CASE("size over 64 bits", INLINE "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
		     -EBADMSG, "a string's size is cut or over 64 bits"),
		CASE("size without end", INLINE "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		     -EBADMSG, "a string's size is cut or over 64 bits"),
		CASE("NUL in it", INLINE "\x06go\0.20\0", -EBADMSG, "the version has a NUL in it"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		/* Cut to nothing but these bytes: a sanitizer sees one too many in the file's end.
		 */
		struct go_info info = { 0 };
		struct error err = ERROR_NONE;
		assert_int_equal(read_bytes(cases[i].bytes, cases[i].size, true, &info, &err),
				 cases[i].r);
		if (cases[i].r < 0) {
			assert_non_null(strstr(err.message, cases[i].message));
			assert_null(info.version); /* untouched */
			continue;
		}
		assert_string_equal(info.version, "go1.20");
		assert_string_equal(info.module_text, "");
		assert_string_equal(info.main_path, "");
		assert_string_equal(info.main_module, "");
		assert_string_equal(info.main_version, "");
		go_info_free(&info);
	}
}

/* A real program, against what the go command says of it. */
static void go_agrees(void **state)
{
	(void)state;
	toolbox_write("go.mod", "module example.com/agree\n\ngo 1.18\n");
	toolbox_write("main.go", "package main\nfunc main() { println(\"go\") }\n");
	static const char *const flags[] = { "", "-trimpath -ldflags=-s", "-buildmode=pie" };
	if (!toolbox_has("go"))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		assert_true(toolbox_run(
			"go build -buildvcs=false %s -o program . && go version -m program >expected",
			flags[i]));
		size_t size, expected_size;
		uint8_t *file = toolbox_read("program", &size);
		char *expected = (char *)toolbox_read("expected", &expected_size);
		struct image image;
		struct go_info info;
		struct error err = ERROR_NONE;
		assert_int_equal(image_open(file, size, &image, &err), 0);
		assert_int_equal(go_info_read(&image, &info, &err), 0);

		/* "program: go1.26.8", then each line of the module text behind a tab. */
		char *line = strchr(expected, ':') + 2;
		char *end = strchr(line, '\n');
		*end = 0;
		assert_string_equal(info.version, line);
		char *rest = malloc(strlen(info.module_text) * 2 + 1), *to = rest;
		for (const char *from = info.module_text; *from; from++) {
			if (from == info.module_text || from[-1] == '\n')
				*to++ = '\t';
			*to++ = *from;
		}
		*to = 0;
		assert_string_equal(rest, end + 1);
		assert_string_equal(info.main_path, "example.com/agree");
		assert_string_equal(info.main_module, "example.com/agree");
		free(rest);
		go_info_free(&info);
		image_close(&image);
		free(file);
		free(expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read),
		cmocka_unit_test(odd_forms_are_told),
		cmocka_unit_test(go_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
