/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/go_functions.h"
#include "tests/unit/go_program.h"
#include "tests/unit/toolbox.h"

static const struct go_program_function functions[] = {
	{ "main.main", "/src/main.go", { "main.tiny", "example.com/p.(*T).Get" } },
	{ "example.com/p.Set", "/src/p/p.go", { 0 } },
	{ "strings.ToUpper", "/go/src/strings/strings.go", { "example.com/p.Only" } },
};

/* What was visited, a line each: kind, name and file. */
struct lines {
	char text[1 << 14];
	size_t n_visits;
	int result;
	bool colon;
};

static int collect(const struct go_function *f, void *context, struct error *err)
{
	struct lines *lines = context;
	lines->n_visits++;
	lines->colon = f->generated_colon;
	size_t used = strlen(lines->text);
	if (lines->result < 0)
		return error_set(err, lines->result, "enough");
	snprintf(lines->text + used, sizeof(lines->text) - used, "%c %.*s %.*s\n", "fil"[f->kind],
		 (int)f -> name_size, f -> name, (int)f -> file_size, f -> file ? f -> file : "");
	return 0;
}

static int read_file(const uint8_t *file, size_t size, struct lines *lines,
		     struct go_functions *ret, struct error *err)
{
	struct image image;
	*lines = (struct lines){ .result = lines->result };
	assert_int_equal(image_open(file, size, &image, err), 0);
	int r = go_functions_read(&image, collect, lines, ret, err);
	image_close(&image);
	return r;
}

static int read_program(struct go_program *p, unsigned class, unsigned encoding,
			struct lines *lines, struct go_functions *ret, struct error *err)
{
	size_t size;
	uint8_t *file = go_program_build(p, class, encoding, &size);
	int r = read_file(file, size, lines, ret, err);
	free(file);
	return r;
}

static struct go_program program(enum go_program_format format)
{
	return (struct go_program){
		.format = format,
		.functions = functions,
		.n_functions = ARRAY_SIZE(functions),
		.version = "go1.14",
	};
}

static const char *const format_names[] = { "1.2", "1.16", "1.18", "1.20" };

static void every_format_is_read(void **state)
{
	(void)state;
	static const char with_files[] = "f main.main /src/main.go\n"
					 "f example.com/p.Set /src/p/p.go\n"
					 "f strings.ToUpper /go/src/strings/strings.go\n"
					 "i main.tiny \n"
					 "i example.com/p.(*T).Get \n"
					 "i example.com/p.Only \n";
	static const char without[] = "f main.main \nf example.com/p.Set \nf strings.ToUpper \n"
				      "i main.tiny \ni example.com/p.(*T).Get \n"
				      "i example.com/p.Only \n";
	for (unsigned variant = 0; variant < 4 * 2 * 2 * 3; variant++) {
		unsigned format = variant & 3;
		struct go_program p = program(format);
		unsigned found_by = variant >> 4;
		if (found_by == 1)
			p.section = ".data.rel.ro"; /* by the magic number, in the segment */
		p.no_section_headers = found_by == 2;
		struct lines lines = { 0 };
		struct go_functions f = { 0 };
		struct error err = ERROR_NONE;
		print_message("format %s, class %u, order %u, found by %u\n", format_names[format],
			      1 + (variant >> 2 & 1), 1 + (variant >> 3 & 1), found_by);
		int r = read_program(&p, 1 + (variant >> 2 & 1), 1 + (variant >> 3 & 1), &lines, &f,
				     &err);
		assert_string_equal(err.message, "");
		assert_int_equal(r, 0);
		assert_string_equal(lines.text, format == PROGRAM_1_2 ? without : with_files);
		assert_string_equal(f.format, format_names[format]);
		assert_int_equal(lines.colon, format == PROGRAM_1_20);
		assert_string_equal(f.why, "");
		assert_true(f.whole);
		assert_int_equal(f.n_functions, 3);
		assert_int_equal(f.n_inlined, 3);
		assert_int_equal(f.n_left, 0);
	}
}

static void what_is_left_is_told(void **state)
{
	(void)state;
	struct go_program p = program(PROGRAM_1_20);
	p.left = "example.com/p.Gone";
	struct lines lines = { 0 };
	struct go_functions f;
	assert_int_equal(read_program(&p, ELFCLASS64, ELFDATA2LSB, &lines, &f, NULL), 0);
	assert_true(f.whole);
	assert_int_equal(f.n_left, 1);
	assert_non_null(strstr(lines.text, "l example.com/p.Gone \n"));

	/* Without the base of the trees, what is inlined is left, and that is said. */
	p.no_module_data = true;
	assert_int_equal(read_program(&p, ELFCLASS64, ELFDATA2LSB, &lines, &f, NULL), 0);
	assert_false(f.whole);
	assert_string_equal(f.why, "inline trees: the runtime's module data is not found, and "
				   "there is no symbol table");
	assert_int_equal(f.n_inlined, 0);
	assert_int_equal(f.n_left, 4);
	assert_non_null(strstr(lines.text, "l example.com/p.Only \n"));

	/* Trees of Go 1.11 have another form; here no build information says what it is. */
	p = program(PROGRAM_1_2);
	p.version = NULL;
	assert_int_equal(read_program(&p, ELFCLASS64, ELFDATA2LSB, &lines, &f, NULL), 0);
	assert_false(f.whole);
	assert_string_equal(f.why, "inline trees: Go 1.11 or older, or of unknown version");
	assert_int_equal(f.n_functions, 3);
}

static void a_visit_ends_it(void **state)
{
	(void)state;
	struct go_program p = program(PROGRAM_1_20);
	struct lines lines = { .result = -ECANCELED };
	struct go_functions f = { .n_functions = 77 };
	struct error err = ERROR_NONE;
	assert_int_equal(read_program(&p, ELFCLASS64, ELFDATA2LSB, &lines, &f, &err), -ECANCELED);
	assert_string_equal(err.message, "enough");
	assert_int_equal(lines.n_visits, 1);
	assert_int_equal(f.n_functions, 77); /* untouched */
}

static void damage_is_told(void **state)
{
	(void)state;
	struct go_program layout = program(PROGRAM_1_20);
	size_t size;
	uint8_t *whole = go_program_build(&layout, ELFCLASS64, ELFDATA2LSB, &size);
	/* Each writes a number of 4 bytes somewhere. */
	const struct {
		const char *what;
		uint64_t at;
		uint32_t value;
		int r;
		const char *message; /* of the failure, or the reason why it is not whole */
	} cases[] = {
		{ "magic", layout.table_at, 0xfffffff7, -EBADMSG, "does not begin as Go" },
		{ "functions", layout.table_at + 8, 1u << 30, -EBADMSG,
		  "1073741824 functions, which its" },
		{ "names", layout.table_at + 8 + 3 * 8, 1u << 30, -EBADMSG,
		  "names at 0x40000000, past its" },
		{ "no functions", layout.table_at + 8, 0, 0, "it is empty" },
		{ "a function", layout.functions_at + 4, 1u << 30, 0,
		  "function 0 at 0x40000000, past its" },
		{ "a name", layout.functions_at + 32 + 4, 1, 0, "function 0 has no name" },
		{ "a name far away", layout.functions_at + 32 + 4, UINT32_MAX, 0,
		  "function 0 has no name" },
		{ "values far away", layout.functions_at + 32 + 44 + 8, 1u << 30, 0,
		  "PC values of function 0 are damaged" },
		{ "values without end", layout.functions_at + 32 + 44 + 8, 0, 0, "" },
		{ "tree far away", layout.functions_at + 32 + 44 + 12 + 12, 1u << 30, 0,
		  "the inline tree of function 0 is not in the file" },
		{ "name in a tree", layout.trees_at + 4, 3, 0,
		  "the inline tree of function 0 is damaged" },
		{ "a huge tree", layout.pc_values_at + 4, 0x7f7f7ffe, 0,
		  "the inline tree of function 0 is not in the file" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t *file = malloc(size);
		assert_non_null(file);
		memcpy(file, whole, size);
		for (unsigned k = 0; k < 4; k++)
			file[cases[i].at + k] = (uint8_t)(cases[i].value >> 8 * k);
		print_message("%s\n", cases[i].what);
		struct lines lines = { 0 };
		struct go_functions f = { 0 };
		struct error err = ERROR_NONE;
		assert_int_equal(read_file(file, size, &lines, &f, &err), cases[i].r);
		const char *said = cases[i].r < 0 ? err.message : f.why;
		if (!strstr(said, cases[i].message))
			print_error("said: %s\n", said);
		assert_non_null(strstr(said, cases[i].message));
		if (cases[i].r == 0 && *cases[i].message)
			assert_false(f.whole);
		free(file);
	}
	free(whole);
}

static void no_table_is_told(void **state)
{
	(void)state;
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_X86_64);
	unsigned text = elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC, "text", 4);
	elf_builder_segment_over(&b, PT_LOAD, PF_R | PF_X, 0, text);
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	struct lines lines = { 0 };
	struct go_functions f;
	struct error err = ERROR_NONE;
	assert_int_equal(read_file(file, size, &lines, &f, &err), -ENOENT);
	assert_string_equal(err.message, "no Go function table");
	free(file);
	elf_builder_free(&b);
}

/* ---- real programs ---- */

static const char main_go[] =
	"package main\n"
	"import (\"os\"; \"strings\"; \"fmt\")\n"
	"type pair[T any] struct { a, b T }\n"
	"func (p *pair[T]) first() T { return p.a }\n"
	"func tiny(s string) string { return strings.ToUpper(s) }\n"
	"//go:noinline\n"
	"func big[T any](v T) string { return fmt.Sprint(v) }\n"
	"func main() { p := &pair[string]{\"a\", os.Args[0]}; println(tiny(p.first()), big(1)) }\n";
/* The functions that Go's own reader finds; with an address, it must be of the text's start. */
static const char judge_go[] =
	"package main\n"
	"import (\"debug/elf\"; \"debug/gosym\"; \"fmt\"; \"os\")\n"
	"func main() {\n"
	"	f, err := elf.Open(os.Args[1])\n"
	"	if err != nil { panic(err) }\n"
	"	s := f.Section(\".gopclntab\")\n"
	"	if s == nil { s = f.Section(\".data.rel.ro.gopclntab\") }\n"
	"	b, err := s.Data()\n"
	"	if err != nil { panic(err) }\n"
	"	t, err := gosym.NewTable(nil, gosym.NewLineTable(b, f.Section(\".text\").Addr))\n"
	"	if err != nil { panic(err) }\n"
	"	for _, f := range t.Funcs { fmt.Println(f.Name) }\n"
	"}\n";

static FILE *names;

static int write_name(const struct go_function *f, void *context, struct error *err)
{
	(void)context;
	(void)err;
	if (f->kind == GO_FUNCTION)
		fprintf(names, "%.*s\n", (int)f->name_size, f->name);
	if (f->kind == GO_INLINED && f->name_size == 9 && !memcmp(f->name, "main.tiny", 9))
		*(bool *)context = true;
	return 0;
}

static void go_agrees(void **state)
{
	(void)state;
	static const struct {
		const char *flags;
		bool needs_gcc;
	} cases[] = {
		{ "", false },
		{ "-ldflags=-s", false },
		{ "-ldflags=-w -trimpath", false },
		{ "-buildmode=pie", false },
		{ "-buildmode=pie -ldflags='-linkmode=external -s'", true },
		{ "-ldflags=-linkmode=external", true },
	};
	if (!toolbox_has("go"))
		skip();
	toolbox_write("go.mod", "module example.com/agree\n\ngo 1.18\n");
	toolbox_write("main.go", main_go);
	assert_true(toolbox_run("mkdir -p judge"));
	toolbox_write("judge/main.go", judge_go);
	assert_true(toolbox_run("go build -buildvcs=false -o reader ./judge"));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].needs_gcc && !toolbox_has("gcc"))
			continue;
		print_message("go build %s\n", cases[i].flags);
		assert_true(toolbox_run("CGO_ENABLED=%d go build -buildvcs=false %s -o program ."
					" && ./reader program | sort -u >expected",
					cases[i].needs_gcc, cases[i].flags));
		size_t size, n_expected, n_seen;
		uint8_t *file = toolbox_read("program", &size);
		char *expected = (char *)toolbox_read("expected", &n_expected);
		if (!n_expected) {
			print_message("SKIPPED: this Go's own reader finds no table there\n");
			free(expected);
			free(file);
			continue;
		}
		struct image image;
		struct go_functions f = { 0 };
		struct error err = ERROR_NONE;
		bool tiny = false;
		assert_int_equal(image_open(file, size, &image, &err), 0);
		char *seen;
		size_t seen_size;
		names = open_memstream(&seen, &seen_size);
		assert_int_equal(go_functions_read(&image, write_name, &tiny, &f, &err), 0);
		fclose(names);
		toolbox_write("seen", seen);
		free(seen);
		assert_true(toolbox_run("sort -u seen >sorted"));
		char *sorted = (char *)toolbox_read("sorted", &n_seen);
		assert_string_equal(f.why, "");
		assert_true(f.whole);
		assert_int_equal(f.n_left, 0); /* the trees name all that the linker wrote */
		assert_true(f.n_functions > 1000 && f.n_inlined > 100);
		assert_true(tiny);
		assert_string_equal(sorted, expected);
		free(sorted);
		free(expected);
		image_close(&image);
		free(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_is_read), cmocka_unit_test(what_is_left_is_told),
		cmocka_unit_test(a_visit_ends_it),      cmocka_unit_test(damage_is_told),
		cmocka_unit_test(no_table_is_told),     cmocka_unit_test(go_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
