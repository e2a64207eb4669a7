/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "split/inputs.h"
#include "tests/unit/scratch.h"
#include "tests/unit/split_fixture.h"

/* Enough of an ELF file for a walk, which looks at the first bytes alone. */
static void put_elf(const struct scratch *s, const char *name, uint16_t type, unsigned encoding)
{
	uint8_t bytes[20] = { 0x7f, 'E', 'L', 'F', ELFCLASS64, (uint8_t)encoding, EV_CURRENT };
	bytes[16] = (uint8_t)(encoding == ELFDATA2LSB ? type : type >> 8);
	bytes[17] = (uint8_t)(encoding == ELFDATA2LSB ? type >> 8 : type);
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
}

static void find(const struct scratch *s, const char *const *names, size_t n, struct inputs *ret)
{
	static char paths[8][128]; /* inputs point into them */
	const char *pointers[8];
	for (size_t i = 0; i < n; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", s->path, names[i]);
		pointers[i] = paths[i];
	}
	const struct inputs_options options = { 0 };
	assert_int_equal(inputs_find(pointers, n, &options, ret, NULL), 0);
}

static const struct input *input_of(const struct inputs *inputs, const char *relative)
{
	for (size_t i = 0; i < inputs->n; i++)
		if (!strcmp(inputs->items[i].names[0].relative, relative))
			return &inputs->items[i];
	return NULL;
}

static const struct passed_over *passed_of(const struct inputs *inputs, const char *name)
{
	for (size_t i = 0; i < inputs->n_passed; i++)
		if (strstr(inputs->passed[i].path, name))
			return &inputs->passed[i];
	return NULL;
}

static void a_folder_gives_programs_and_libraries(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	assert_int_equal(mkdirat(s.fd, "usr", 0755), 0);
	assert_int_equal(mkdirat(s.fd, "usr/lib", 0755), 0);
	assert_int_equal(mkdirat(s.fd, "usr/lib/debug", 0755), 0);
	put_elf(&s, "usr/exec", ET_EXEC, ELFDATA2LSB);
	put_elf(&s, "usr/dyn", ET_DYN, ELFDATA2MSB);
	put_elf(&s, "usr/object", ET_REL, ELFDATA2MSB);
	put_elf(&s, "usr/core", ET_CORE, ELFDATA2LSB);
	put_elf(&s, "usr/lib/debug/debug", ET_DYN, ELFDATA2LSB);
	scratch_put(&s, "usr/archive", "!<arch>\n");
	scratch_put(&s, "usr/script", "#!/bin/sh\n");
	scratch_put(&s, "usr/empty", "");
	scratch_put(&s, "usr/cut", "\177ELF");
	assert_int_equal(mkfifoat(s.fd, "usr/fifo", 0644), 0);
	assert_int_equal(symlinkat("exec", s.fd, "usr/link"), 0);

	struct inputs inputs;
	find(&s, (const char *[]){ "." }, 1, &inputs);
	assert_int_equal(inputs.n, 3);
	assert_non_null(input_of(&inputs, "usr/exec"));
	assert_non_null(input_of(&inputs, "usr/dyn"));
	assert_non_null(input_of(&inputs, "usr/cut")); /* to be told that it is cut */
	assert_int_equal(inputs.n_passed, 3);
	assert_non_null(passed_of(&inputs, "usr/object"));
	assert_non_null(passed_of(&inputs, "usr/core"));
	assert_non_null(passed_of(&inputs, "usr/archive"));
	for (size_t i = 0; i < inputs.n_passed; i++)
		assert_false(inputs.passed[i].failed);
	assert_int_equal(inputs.size_bytes, 20 + 20 + 4);
	inputs_free(&inputs);
	scratch_remove(&s);
}

static void named_files_are_taken_as_they_are(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	scratch_put(&s, "text", "not ELF");
	assert_int_equal(mkfifoat(s.fd, "fifo", 0644), 0);
	struct inputs inputs;
	find(&s, (const char *[]){ "text", "fifo", "missing" }, 3, &inputs);
	assert_int_equal(inputs.n, 1);
	assert_non_null(input_of(&inputs, "text"));
	assert_null(inputs.items[0].names[0].root);
	assert_int_equal(inputs.n_passed, 2);
	assert_true(passed_of(&inputs, "fifo")->failed);
	assert_true(passed_of(&inputs, "missing")->failed);
	inputs_free(&inputs);
	scratch_remove(&s);
}

static void names_of_one_file_are_one_input(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	assert_int_equal(mkdirat(s.fd, "bin", 0755), 0);
	put_elf(&s, "bin/one", ET_EXEC, ELFDATA2LSB);
	assert_int_equal(linkat(s.fd, "bin/one", s.fd, "bin/two", 0), 0);
	assert_int_equal(linkat(s.fd, "bin/one", s.fd, "outside", 0), 0);
	assert_int_equal(symlinkat("bin/one", s.fd, "link"), 0);
	put_elf(&s, "bin/other", ET_EXEC, ELFDATA2LSB);
	struct inputs inputs;
	/* The folder, and again one of its files by two ways. */
	find(&s, (const char *[]){ "bin", "bin/one", "link" }, 3, &inputs);
	assert_int_equal(inputs.n, 2);
	const struct input *input = input_of(&inputs, "one");
	assert_non_null(input);
	assert_int_equal(input->n_names, 2);
	assert_int_equal(input->n_links, 3);
	assert_string_equal(input->names[1].name, "two");
	assert_int_equal(inputs.size_bytes, 40);
	inputs_free(&inputs);
	scratch_remove(&s);
}

static void what_is_opened_is_what_was_found(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	assert_int_equal(mkdirat(s.fd, "a", 0755), 0);
	assert_int_equal(mkdirat(s.fd, "a/b", 0755), 0);
	assert_int_equal(mkdirat(s.fd, "elsewhere", 0755), 0);
	put_elf(&s, "a/b/prog", ET_EXEC, ELFDATA2LSB);
	put_elf(&s, "elsewhere/prog", ET_EXEC, ELFDATA2LSB);
	struct inputs inputs;
	find(&s, (const char *[]){ "a" }, 1, &inputs);
	int folder;
	char *name;
	assert_int_equal(input_open_folder(&inputs.items[0], 0, &folder, &name, NULL), 0);
	assert_string_equal(name, "prog");
	close(folder);
	free(name);

	/* Another file under the name. */
	assert_int_equal(renameat(s.fd, "a/b/prog", s.fd, "a/b/kept"), 0);
	put_elf(&s, "a/b/prog", ET_EXEC, ELFDATA2LSB);
	assert_int_equal(input_open_folder(&inputs.items[0], 0, &folder, &name, NULL), -EBUSY);
	/* A link in the place of a folder is not followed, though it leads to the very file. */
	assert_int_equal(renameat(s.fd, "a/b/kept", s.fd, "elsewhere/prog"), 0);
	assert_int_equal(renameat(s.fd, "a/b", s.fd, "a/gone"), 0);
	assert_int_equal(symlinkat("../elsewhere", s.fd, "a/b"), 0);
	int r = input_open_folder(&inputs.items[0], 0, &folder, &name, NULL);
	assert_true(r == -ENOTDIR || r == -ELOOP);
	inputs_free(&inputs);
	scratch_remove(&s);
}

static void a_named_link_leads_to_its_file(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	assert_int_equal(mkdirat(s.fd, "bin", 0755), 0);
	put_elf(&s, "bin/real", ET_EXEC, ELFDATA2LSB);
	assert_int_equal(symlinkat("bin/real", s.fd, "link"), 0);
	struct inputs inputs;
	find(&s, (const char *[]){ "link" }, 1, &inputs);
	int folder;
	char *name;
	struct stat opened, bin;
	assert_int_equal(input_open_folder(&inputs.items[0], 0, &folder, &name, NULL), 0);
	assert_string_equal(name, "real");
	assert_int_equal(fstat(folder, &opened), 0);
	assert_int_equal(fstatat(s.fd, "bin", &bin, 0), 0);
	assert_int_equal(opened.st_ino, bin.st_ino);
	close(folder);
	free(name);
	inputs_free(&inputs);
	scratch_remove(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_gives_programs_and_libraries),
		cmocka_unit_test(named_files_are_taken_as_they_are),
		cmocka_unit_test(names_of_one_file_are_one_input),
		cmocka_unit_test(what_is_opened_is_what_was_found),
		cmocka_unit_test(a_named_link_leads_to_its_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
