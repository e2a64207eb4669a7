/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <zlib.h>

#include "elf/source_names.h"
#include "tests/unit/elf_builder.h"
#include "tests/unit/toolbox.h"

/* ---- beside libdw ---- */

struct strings {
	char **at;
	size_t n;
};

static void strings_add(struct strings *s, const char *string)
{
	s->at = realloc(s->at, (s->n + 1) * sizeof(*s->at));
	assert_non_null(s->at);
	s->at[s->n++] = strdup(string);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void strings_unify(struct strings *s)
{
	size_t kept = 0;
	if (s->n)
		qsort(s->at, s->n, sizeof(*s->at), compare_strings);
	for (size_t i = 0; i < s->n; i++) {
		if (kept && !strcmp(s->at[kept - 1], s->at[i]))
			free(s->at[i]);
		else
			s->at[kept++] = s->at[i];
	}
	s->n = kept;
}

static void strings_free(struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->at[i]);
	free(s->at);
}

static bool is_pseudo(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t size = strlen(name);
	return !size || !strcmp(name, "?") || !strcmp(path, "???") ||
	       (name[0] == '<' && name[size - 1] == '>') || !strncmp(name, "<missing>_", 10);
}

/* libdw puts a relative folder before the files of folder 0 once more, or not, by DWARF version. */
static const char *past_dots(const char *path)
{
	while (!strncmp(path, "././", 4))
		path += 2;
	return path;
}

/* What libdw says; it leaves it to its callers to put the compilation folder before relative names.
 */
static struct strings ask_libdw(uint8_t *file, size_t size)
{
	struct strings names = { 0 };
	elf_version(EV_CURRENT);
	Elf *elf = elf_memory((char *)file, size);
	assert_non_null(elf);
	Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	assert_non_null(dwarf);
	Dwarf_CU *cu = NULL;
	uint8_t type;
	Dwarf_Die die;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		Dwarf_Files *files;
		size_t n;
		/* Type units share the tables of others, and know no folder. */
		if (type == DW_UT_type || dwarf_getsrcfiles(&die, &files, &n) != 0)
			continue;
		Dwarf_Attribute attribute;
		const char *dir = dwarf_formstring(dwarf_attr(&die, DW_AT_comp_dir, &attribute));
		for (size_t i = 0; i < n; i++) {
			const char *name = dwarf_filesrc(files, i, NULL, NULL);
			if (!name || is_pseudo(name))
				continue;
			char path[8192];
			if (*name == '/' || !dir)
				snprintf(path, sizeof(path), "%s", name);
			else
				snprintf(path, sizeof(path), "%s/%s", dir, name);
			strings_add(&names, past_dots(path));
		}
	}
	dwarf_end(dwarf);
	elf_end(elf);
	strings_unify(&names);
	return names;
}

static struct source_names ask_us(const uint8_t *file, size_t size)
{
	struct image image;
	struct source_names names = { 0 };
	struct error err = ERROR_NONE;
	if (image_open(file, size, &image, &err) < 0 || source_names_read(&image, &names, &err) < 0)
		fail_msg("%s", err.message);
	image_close(&image);
	return names;
}

static void assert_agree(const char *name)
{
	size_t size;
	uint8_t *file = toolbox_read(name, &size);
	struct source_names ours = ask_us(file, size);
	struct strings theirs = ask_libdw(file, size);
	assert_int_equal(ours.n_damaged_units, 0);
	struct strings paths = { 0 };
	for (size_t i = 0; i < ours.n_names; i++) {
		assert_int_equal(ours.names[i].absolute, ours.names[i].path[0] == '/');
		strings_add(&paths, past_dots(ours.names[i].path));
	}
	strings_unify(&paths);
	for (size_t i = 0; i < theirs.n && i < paths.n; i++)
		assert_string_equal(paths.at[i], theirs.at[i]);
	assert_int_equal(paths.n, theirs.n);
	assert_true(theirs.n > 0);
	strings_free(&paths);
	strings_free(&theirs);
	source_names_free(&ours);
	source_names_free(&ours); /* twice does no harm */
	free(file);
}

static const char HEADER_H[] = "struct big { int a; char b[10]; long c; };\n"
			       "static inline int inl(struct big *x) { return x->a + x->b[1]; }\n";
static const char A_C[] = "#include \"../inc/h.h\"\n#include <stdio.h>\n"
			  "int g(struct big *x);\n"
			  "int main(void) { struct big x = { 0 }; return inl(&x) + g(&x); }\n";
static const char B_C[] = "#include \"h.h\"\n"
			  "#line 7 \"gen/<weird>.y\"\n"
			  "int g(struct big *x) { return inl(x) + 1; }\n"
			  "#line 3 \"/abs/gen.y\"\n"
			  "int g2(struct big *x) { return inl(x) + 2; }\n";
static const char C_CC[] =
	"#include <map>\n#include <string>\n"
	"struct T { std::map<std::string, int> m; int f() { return (int)m.size(); } };\n"
	"int main() { T t; return t.f(); }\n";

static void write_sources(void)
{
	assert_true(toolbox_run("mkdir -p inc src"));
	toolbox_write("inc/h.h", HEADER_H);
	toolbox_write("src/a.c", A_C);
	toolbox_write("src/b.c", B_C);
	toolbox_write("src/c.cc", C_CC);
}

static void compilers_and_libdw_agree(void **state)
{
	(void)state;
	static const char *const compilers[] = { "gcc",
						 "clang",
						 "aarch64-linux-gnu-gcc",
						 "s390x-linux-gnu-gcc",
						 "arm-linux-gnueabihf-gcc",
						 "g++" };
	static const char *const flags[] = {
		"",
		"-gz",
		"-gz=zlib-gnu",
		"-gdwarf64",
		"-fdebug-types-section",
		"-gsplit-dwarf",
		"-O2 -flto",
		"-ffile-prefix-map=/tmp=/mapped",
	};
	unsigned n = 0;
	write_sources();
	for (size_t c = 0; c < ARRAY_SIZE(compilers); c++) {
		if (!toolbox_has(compilers[c]))
			continue;
		bool cxx = !strcmp(compilers[c], "g++");
		/* All flags with the first two compilers; machines and languages concern little of
		 * this. */
		size_t n_flags = c < 2 ? ARRAY_SIZE(flags) : 2;
		for (unsigned version = c < 1 ? 2 : 4; version <= 5; version++) {
			for (size_t f = 0; f < n_flags; f++) {
				char command[512];
				snprintf(command, sizeof(command),
					 "rm -f out; %s -gdwarf-%u %s -Iinc %s -o out",
					 compilers[c], version, flags[f],
					 cxx ? "src/c.cc" : "src/a.c src/b.c");
				/* Not each compiler knows each flag. */
				if (!toolbox_run("{ %s; } >/dev/null 2>&1", command))
					continue;
				print_message("%s\n", command);
				assert_agree("out");
				n++;
			}
		}
	}
	if (!n)
		skip();
}

static void go_and_rust_and_libdw_agree(void **state)
{
	(void)state;
	static const struct {
		const char *needs, *command;
	} programs[] = {
		{ "go", "go build -o out h.go" },
		{ "go", "go build -trimpath -o out h.go" },
		{ "go", "go build -ldflags=-compressdwarf=false -o out h.go" },
		{ "rustc", "rustc -g h.rs -o out" },
		{ "rustc", "rustc -g h.rs -o in && objcopy --compress-debug-sections=zlib in out" },
	};
	unsigned n = 0;
	toolbox_write("h.go",
		      "package main\nimport \"fmt\"\nfunc main() { fmt.Println(\"go\") }\n");
	toolbox_write("h.rs", "fn main() { println!(\"{:?}\", vec![1]); }\n");
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		if (!toolbox_has(programs[i].needs) || !toolbox_run("%s", programs[i].command))
			continue;
		print_message("%s\n", programs[i].command);
		assert_agree("out");
		n++;
	}
	if (!n)
		skip();
}

static const struct source_name *find_name(const struct source_names *names, const char *end)
{
	for (uint64_t i = 0; i < names->n_names; i++) {
		size_t n = strlen(names->names[i].path);
		if (n >= strlen(end) && !strcmp(names->names[i].path + n - strlen(end), end))
			return &names->names[i];
	}
	return NULL;
}

/* An object file's offsets into other sections stand in relocations. */
static void object_files_read_as_what_is_linked_of_them(void **state)
{
	(void)state;
	static const struct {
		const char *compiler, *flags;
	} cases[] = {
		{ "gcc", "-gdwarf-5" },
		{ "gcc", "-gdwarf-4" },
		{ "gcc", "-gdwarf-5 -gz" },
		{ "i686-linux-gnu-gcc", "-gdwarf-5" }, /* SHT_REL */
		{ "i686-linux-gnu-gcc", "-gdwarf-4" },
		{ "s390x-linux-gnu-gcc", "-gdwarf-5" }, /* the other byte order */
		{ "s390x-linux-gnu-gcc", "-gdwarf-4 -gdwarf64" },
	};
	unsigned n_compared = 0;
	write_sources();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (!toolbox_has(cases[i].compiler))
			continue;
		assert_true(toolbox_run(
			"%s %s -fPIC -c src/b.c -Iinc -o b.o && %s -fPIC %s -c src/a.c -o a.o && "
			"%s -nostdlib -r a.o b.o -o all.o && "
			"%s -nostdlib -shared a.o b.o -o all.so",
			cases[i].compiler, cases[i].flags, cases[i].compiler, cases[i].flags,
			cases[i].compiler, cases[i].compiler));
		size_t size, linked_size;
		uint8_t *file = toolbox_read("all.o", &size);
		uint8_t *linked = toolbox_read("all.so", &linked_size);
		struct source_names ours = ask_us(file, size),
				    expected = ask_us(linked, linked_size);
		assert_true(expected.n_names >= 4);
		assert_non_null(find_name(&expected, "/src/../inc/h.h"));
		assert_int_equal(ours.n_names, expected.n_names);
		for (uint64_t k = 0; k < ours.n_names; k++)
			assert_string_equal(ours.names[k].path, expected.names[k].path);
		source_names_free(&ours);
		source_names_free(&expected);
		free(file);
		free(linked);
		n_compared++;
	}
	if (!n_compared)
		skip();
}

static void md5_is_the_files_own(void **state)
{
	(void)state;
	write_sources();
	if (!toolbox_has("clang") ||
	    !toolbox_run("clang -gdwarf-5 -Iinc src/a.c src/b.c -o out && md5sum <src/a.c >md5"))
		skip();
	size_t size, md5_size;
	uint8_t *file = toolbox_read("out", &size);
	char *md5 = (char *)toolbox_read("md5", &md5_size);
	struct source_names names = ask_us(file, size);
	const struct source_name *name = find_name(&names, "/src/a.c");
	assert_non_null(name);
	assert_true(name->has_md5);
	char hex[33];
	for (size_t i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", name->md5[i]);
	assert_int_equal(strncmp(hex, md5, 32), 0);
	source_names_free(&names);
	free(md5);
	free(file);
}

/* ---- tables made in memory ---- */

struct bytes {
	uint8_t at[4096];
	size_t n;
};

static void put(struct bytes *b, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		b->at[b->n++] = (uint8_t)(value >> 8 * i);
}

static void put_string(struct bytes *b, const char *string)
{
	memcpy(b->at + b->n, string, strlen(string) + 1);
	b->n += strlen(string) + 1;
}

static void put_bytes(struct bytes *b, const struct bytes *from)
{
	memcpy(b->at + b->n, from->at, from->n);
	b->n += from->n;
}

/* A line program of no instructions around what stands behind the opcode lengths. */
static void put_lines(struct bytes *b, unsigned version, const struct bytes *tables)
{
	struct bytes unit = { 0 };
	put(&unit, version, 2);
	if (version == 5)
		put(&unit, 0x0008, 2); /* 8 bytes an address, none a segment */
	put(&unit, 6 + (version >= 4) + tables->n, 4);
	put(&unit, 1, 1);
	if (version >= 4)
		put(&unit, 1, 1);
	put(&unit, 1, 1); /* default_is_stmt */
	put(&unit, 0xfb, 1); /* line_base, line_range */
	put(&unit, 14, 1);
	put(&unit, 2, 1); /* opcode_base: one opcode */
	put(&unit, 0, 1);
	put_bytes(&unit, tables);
	put(b, unit.n, 4);
	put_bytes(b, &unit);
}

/* The old tables: folders and files, each list ended by "". */
static struct bytes old_tables(const char *const *dirs, const char *const *files,
			       const uint8_t *indexes)
{
	struct bytes b = { 0 };
	for (; *dirs; dirs++)
		put_string(&b, *dirs);
	put(&b, 0, 1);
	for (; *files; files++) {
		put_string(&b, *files);
		put(&b, *indexes++, 1);
		put(&b, 0, 2); /* time, size */
	}
	put(&b, 0, 1);
	return b;
}

/* Reads a file of just these sections; NULL: not there. @flags are .debug_line's. */
static int read_sections(const struct bytes *line, uint64_t flags, const struct bytes *line_str,
			 struct source_names *ret, struct error *err)
{
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
	elf_builder_section(&b, ".text", SHT_PROGBITS, SHF_ALLOC, "text", 4);
	if (line_str)
		elf_builder_section(&b, ".debug_line_str", SHT_PROGBITS, 0, line_str->at,
				    line_str->n);
	if (line)
		elf_builder_section(&b, ".debug_line", SHT_PROGBITS, flags, line->at, line->n);
	size_t size;
	uint8_t *file = elf_builder_build(&b, &size);
	struct image image;
	assert_int_equal(image_open(file, size, &image, err), 0);
	int r = source_names_read(&image, ret, err);
	image_close(&image);
	free(file);
	elf_builder_free(&b);
	return r;
}

static void names_are_made_whole_once_and_sorted(void **state)
{
	(void)state;
	static const char *const dirs[] = { "/abs", "rel", NULL };
	static const char *const files[] = { "z.c", "a.c", "/x/y.c", "<built-in>",
					     "?",   "b.c", "a.c",    "<missing>_7", NULL };
	static const uint8_t indexes[] = { 1, 2, 1, 0, 0, 0, 2, 0 };
	static const char *const expected[] = { "/abs/z.c", "/x/y.c", "b.c", "rel/a.c" };
	for (unsigned version = 2; version <= 4; version++) {
		struct bytes tables = old_tables(dirs, files, indexes), line = { 0 };
		put_lines(&line, version, &tables);
		put(&line, 0, 4); /* padding */
		put_lines(&line, version, &tables);
		struct source_names names;
		struct error err = ERROR_NONE;
		assert_int_equal(read_sections(&line, 0, NULL, &names, &err), 0);
		assert_int_equal(names.n_damaged_units, 0);
		assert_int_equal(names.n_names, ARRAY_SIZE(expected));
		for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
			assert_string_equal(names.names[i].path, expected[i]);
			assert_int_equal(names.names[i].absolute, expected[i][0] == '/');
			assert_false(names.names[i].has_md5);
		}
		source_names_free(&names);
	}
}

/* What stands before and behind a malformed table is read all the same, and the damage is counted.
 */
static void malformed_tables_are_counted(void **state)
{
	(void)state;
	static const char *const no_dirs[] = { NULL };
	static const char *const before[] = { "/before.c", NULL }, *const behind[] = { "/behind.c",
										       NULL };
	static const char *const outside[] = { "/ok.c", "x.c", NULL };
	static const uint8_t zero[] = { 0, 0 }, seven[] = { 0, 7 };
	enum {
		VERSION,
		HEADER_LENGTH,
		CUT,
		DIR_INDEX,
		ENDLESS_ROWS,
		NO_PATH_FORM,
		STRING_OUTSIDE,
		STRINGX_FORM,
		LOST,
		N_CASES
	};
	static const struct {
		const char *what;
		uint64_t n_names, n_damaged;
	} cases[N_CASES] = {
		[VERSION] = { "version", 2, 1 },
		[HEADER_LENGTH] = { "header length", 2, 1 },
		[CUT] = { "no end of the files", 3, 1 },
		[DIR_INDEX] = { "folder index", 3, 1 },
		[ENDLESS_ROWS] = { "2^62 rows of no bytes", 2, 1 },
		[NO_PATH_FORM] = { "unknown form", 2, 1 },
		[STRING_OUTSIDE] = { "string outside", 2, 1 },
		[STRINGX_FORM] = { "indexed string", 2, 1 },
		[LOST] = { "unit length", 1, 1 }, /* nobody knows where the next begins */
	};
	for (int i = 0; i < N_CASES; i++) {
		print_message("%s\n", cases[i].what);
		struct bytes line = { 0 }, tables = old_tables(no_dirs, before, zero);
		put_lines(&line, 4, &tables);
		size_t start = line.n;
		struct bytes line_str = { .at = "/str.c", .n = 6 }; /* no NUL at its end */
		struct bytes new_tables = { 0 };
		switch (i) {
		case VERSION:
			put_lines(&line, 4, &tables);
			line.at[start + 4] = 6;
			break;
		case HEADER_LENGTH:
			put_lines(&line, 4, &tables);
			line.at[start + 6] += 1;
			break;
		case CUT:
			tables = old_tables(no_dirs, outside, zero);
			tables.n -= 8; /* "x.c" and what follows */
			put_lines(&line, 4, &tables);
			break;
		case DIR_INDEX:
			tables = old_tables(no_dirs, outside, seven);
			put_lines(&line, 4, &tables);
			break;
		case ENDLESS_ROWS:
			put(&new_tables, 0, 1);
			put(&new_tables, 0x80, 1);
			for (int k = 0; k < 7; k++)
				put(&new_tables, 0x80, 1);
			put(&new_tables, 0x40, 1);
			put(&new_tables, 0, 2);
			put_lines(&line, 5, &new_tables);
			break;
		case NO_PATH_FORM:
		case STRINGX_FORM:
			put(&new_tables, 1, 1);
			put(&new_tables, DW_LNCT_path, 1);
			put(&new_tables, i == STRINGX_FORM ? DW_FORM_strx1 : 0x7f, 1);
			put(&new_tables, 1, 1);
			put(&new_tables, 0, 8);
			put_lines(&line, 5, &new_tables);
			break;
		case STRING_OUTSIDE:
			put(&new_tables, 1, 1);
			put(&new_tables, DW_LNCT_path, 1);
			put(&new_tables, DW_FORM_line_strp, 1);
			put(&new_tables, 1, 1);
			put(&new_tables, 0, 4);
			put_lines(&line, 5, &new_tables);
			break;
		case LOST:
			put_lines(&line, 4, &tables);
			line.at[start + 3] = 0x7f;
			break;
		default:
			break;
		}
		tables = old_tables(no_dirs, behind, zero);
		put_lines(&line, 3, &tables);
		struct source_names names;
		struct error err = ERROR_NONE;
		assert_int_equal(read_sections(&line, 0, &line_str, &names, &err), 0);
		assert_int_equal(names.n_damaged_units, cases[i].n_damaged);
		assert_int_equal(names.n_names, cases[i].n_names);
		assert_string_equal(names.names[0].path, "/before.c");
		if (i != LOST)
			assert_string_equal(names.names[1].path, "/behind.c");
		source_names_free(&names);
	}
}

static void absence_and_damage_are_told_apart(void **state)
{
	(void)state;
	struct source_names names = { .n_names = 7 };
	struct error err = ERROR_NONE;
	assert_int_equal(read_sections(NULL, 0, NULL, &names, &err), -ENOENT);
	assert_string_equal(err.message, "no DWARF line tables");
	struct bytes junk = { .at = "\1\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0not zlib",
			      .n = 32 };
	assert_int_equal(read_sections(&junk, SHF_COMPRESSED, NULL, &names, &err), -EBADMSG);
	assert_non_null(strstr(err.message, ".debug_line: its compressed stream is damaged"));
	assert_int_equal(names.n_names, 7); /* untouched */
	struct bytes empty = { .n = 3 };
	assert_int_equal(read_sections(&empty, 0, NULL, &names, &err), 0);
	assert_int_equal(names.n_names, 0);
	source_names_free(&names);
}

/* Too many names for too few bytes: refused, before memory or patience end. */
static void tables_that_multiply_are_refused(void **state)
{
	(void)state;
	/* A folder of 4000 bytes, and a million one-letter files in it, as DWARF 5 lets them be. */
	size_t n_files = 1000000, size = 5000 + 5 * n_files;
	uint8_t *line = calloc(1, size);
	struct bytes head = { 0 };
	put(&head, 1, 1);
	put(&head, DW_LNCT_path, 1);
	put(&head, DW_FORM_string, 1);
	put(&head, 1, 1);
	put(&head, '/', 1);
	uint64_t header_length = 8 + head.n + 3999 + 9 + 5 * n_files;
	struct bytes start = { 0 };
	put(&start, 8 + header_length, 4);
	put(&start, 5, 2);
	put(&start, 8, 2);
	put(&start, header_length, 4);
	put(&start, 0x01010101, 4);
	put(&start, 0x0201, 2);
	put(&start, 0, 1);
	put_bytes(&start, &head);
	memcpy(line, start.at, start.n);
	size_t at = start.n;
	memset(line + at, 'd', 3998);
	at += 3999;
	static const uint8_t format[] = {
		2,    DW_LNCT_path, DW_FORM_string, DW_LNCT_directory_index, DW_FORM_data1, 0xc0,
		0x84, 0x3d
	}; /* 1000000 */
	memcpy(line + at, format, sizeof(format));
	at += sizeof(format);
	for (size_t i = 0; i < n_files; i++) { /* three letters tell a million apart */
		line[at] = (uint8_t)(1 + i % 250);
		line[at + 1] = (uint8_t)(1 + i / 250 % 250);
		line[at + 2] = (uint8_t)(1 + i / 62500 % 250);
		at += 5;
	}
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
	/* Over the header's limit when whole: then it is damage. */
	elf_builder_section(&b, ".debug_line", SHT_PROGBITS, 0, line, size);
	size_t file_size;
	uint8_t *file = elf_builder_build(&b, &file_size);
	struct image image;
	struct source_names names;
	struct error err = ERROR_NONE;
	assert_int_equal(image_open(file, file_size, &image, NULL), 0);
	int r = source_names_read(&image, &names, &err);
	if (r == 0) {
		assert_int_equal(names.n_names, 0);
		assert_true(names.n_damaged_units > 0);
		source_names_free(&names);
	}
	image_close(&image);
	free(file);
	/* Within the limit: half of the files. */
	size_t half = size / 2;
	elf_builder_put(&b, b.sections[1].bytes, half - 4, 4);
	elf_builder_put(&b, b.sections[1].bytes + 8, half - 12, 4);
	file = elf_builder_build(&b, &file_size);
	assert_int_equal(image_open(file, file_size, &image, NULL), 0);
	assert_int_equal(source_names_read(&image, &names, &err), -EFBIG);
	assert_non_null(strstr(err.message, "bytes of their names"));
	image_close(&image);
	free(file);
	elf_builder_free(&b);
	free(line);
}

/* Strings of more than what is held in memory come from a file of their own. */
static void large_compressed_strings_are_read(void **state)
{
	(void)state;
	size_t size = 20 << 20;
	char *strings = malloc(size);
	memset(strings, 'x', size);
	for (size_t i = 99; i < size; i += 100)
		strings[i] = 0;
	memcpy(strings + size - 100, "/last.c", 8);
	uLongf n = compressBound(size);
	uint8_t *section = calloc(1, 24 + n);
	assert_int_equal(compress2(section + 24, &n, (uint8_t *)strings, size, 1), Z_OK);

	struct bytes tables = { 0 }, line = { 0 };
	put(&tables, 0, 2); /* no folders */
	put(&tables, 1, 1);
	put(&tables, DW_LNCT_path, 1);
	put(&tables, DW_FORM_line_strp, 1);
	put(&tables, 1, 1);
	put(&tables, size - 100, 4);
	put_lines(&line, 5, &tables);
	struct elf_builder b;
	elf_builder_init(&b, ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64);
	elf_builder_put(&b, section, ELFCOMPRESS_ZLIB, 4);
	elf_builder_put(&b, section + 8, size, 8);
	elf_builder_put(&b, section + 16, 1, 8);
	elf_builder_section(&b, ".debug_line_str", SHT_PROGBITS, SHF_COMPRESSED, section, 24 + n);
	elf_builder_section(&b, ".debug_line", SHT_PROGBITS, 0, line.at, line.n);
	size_t file_size;
	uint8_t *file = elf_builder_build(&b, &file_size);
	struct source_names names = ask_us(file, file_size);
	assert_int_equal(names.n_names, 1);
	assert_string_equal(names.names[0].path, "/last.c");
	source_names_free(&names);
	free(file);
	elf_builder_free(&b);
	free(section);
	free(strings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_made_whole_once_and_sorted),
		cmocka_unit_test(malformed_tables_are_counted),
		cmocka_unit_test(absence_and_damage_are_told_apart),
		cmocka_unit_test(tables_that_multiply_are_refused),
		cmocka_unit_test(large_compressed_strings_are_read),
		cmocka_unit_test(compilers_and_libdw_agree),
		cmocka_unit_test(go_and_rust_and_libdw_agree),
		cmocka_unit_test(object_files_read_as_what_is_linked_of_them),
		cmocka_unit_test(md5_is_the_files_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
