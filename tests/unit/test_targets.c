/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "check/targets.h"
#include "tests/unit/scratch.h"

/* Enough of an ELF file for a walk, which looks at the first bytes alone. */
static void put_elf(const struct scratch *s, const char *name, uint8_t type)
{
	const uint8_t bytes[20] = { 0x7f,       'E',         'L',        'F',
				    ELFCLASS64, ELFDATA2LSB, EV_CURRENT, [16] = type };
	scoped(fd_close) int fd =
		openat(s->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
}

static void find(const struct scratch *s, const char *const *names, size_t n, struct targets *ret)
{
	char paths[4][128];
	const char *pointers[4];
	for (size_t i = 0; i < n; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", s->path, names[i]);
		pointers[i] = paths[i];
	}
	assert_int_equal(targets_find(pointers, n, ret, NULL), 0);
}

static const struct target *target_of(const struct targets *targets, const char *end)
{
	for (size_t i = 0; i < targets->n; i++) {
		const char *path = targets->items[i].path;
		if (strlen(path) >= strlen(end) && !strcmp(path + strlen(path) - strlen(end), end))
			return &targets->items[i];
	}
	return NULL;
}

static void a_folder_gives_what_runs(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	static const char *const folders[] = { "usr",          "usr/lib",           "usr/lib/debug",
					       "usr/store",    "usr/store/objects", "usr/objects",
					       "usr/objects/a" };
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		assert_int_equal(mkdirat(s.fd, folders[i], 0755), 0);
	put_elf(&s, "usr/exec", ET_EXEC);
	put_elf(&s, "usr/dyn", ET_DYN);
	put_elf(&s, "usr/module.ko", ET_REL);
	put_elf(&s, "usr/object", ET_REL);
	put_elf(&s, "usr/lib/debug/debug", ET_DYN);
	put_elf(&s, "usr/store/objects/object", ET_DYN);
	put_elf(&s, "usr/objects/a/near", ET_DYN); /* "objects" alone makes no store */
	scratch_put(&s, "usr/store/FORMAT", "dbgvault-store 1\n");
	scratch_put(&s, "usr/archive.a", "!<arch>\n");
	scratch_put(&s, "usr/module.ko.xz", "xz");
	scratch_put(&s, "usr/script", "#!/bin/sh\n");
	scratch_put(&s, "usr/cut", "\177ELF");
	assert_int_equal(symlinkat("exec", s.fd, "usr/link"), 0);
	assert_int_equal(mkfifoat(s.fd, "usr/fifo", 0644), 0);

	scoped(targets_free) struct targets targets = { 0 };
	find(&s, (const char *[]){ "." }, 1, &targets);
	static const struct {
		const char *path, *skipped;
	} cases[] = {
		{ "usr/exec", NULL },
		{ "usr/dyn", NULL },
		{ "usr/module.ko", NULL },
		{ "usr/cut", NULL }, /* to be told that it is cut */
		{ "usr/objects/a/near", NULL },
		{ "usr/object", "an object file" },
		{ "usr/archive.a", "an archive" },
		{ "usr/module.ko.xz", "a compressed kernel module" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct target *target = target_of(&targets, cases[i].path);
		print_message("%s\n", cases[i].path);
		assert_non_null(target);
		assert_false(target->named);
		assert_null(target->trouble);
		if (cases[i].skipped)
			assert_string_equal(target->skipped, cases[i].skipped);
		else
			assert_null(target->skipped);
	}
	assert_int_equal(targets.n, ARRAY_SIZE(cases));
	scratch_remove(&s);
}

static void a_file_is_met_once(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	put_elf(&s, "one", ET_DYN);
	put_elf(&s, "three", ET_DYN);
	assert_int_equal(linkat(s.fd, "one", s.fd, "two", 0), 0);
	assert_int_equal(symlinkat("one", s.fd, "link"), 0);

	scoped(targets_free) struct targets targets = { 0 };
	find(&s, (const char *[]){ "two", "link", "." }, 3, &targets);
	assert_int_equal(targets.n, 2);
	assert_non_null(target_of(&targets, "/two")); /* the first that was named */
	assert_true(target_of(&targets, "/two")->named);
	assert_non_null(target_of(&targets, "/three"));
	assert_int_equal(targets.size_bytes, 40);
	scratch_remove(&s);
}

static void what_cannot_be_read_is_listed(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	scratch_put(&s, "text", "text");
	assert_int_equal(mkfifoat(s.fd, "fifo", 0644), 0);
	scoped(targets_free) struct targets targets = { 0 };
	find(&s, (const char *[]){ "missing", "missing", "fifo", "text" }, 4, &targets);
	assert_int_equal(targets.n, 4);
	assert_string_equal(targets.items[0].trouble, "cannot be read: No such file or directory");
	assert_non_null(targets.items[1].trouble); /* twice named is twice told */
	assert_string_equal(targets.items[2].trouble, "not a regular file");
	assert_null(targets.items[3].trouble); /* that it is no ELF file is found when it is read */
	scratch_remove(&s);
}

static void another_file_in_its_place_is_refused(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	put_elf(&s, "one", ET_DYN);
	scoped(targets_free) struct targets targets = { 0 };
	find(&s, (const char *[]){ "." }, 1, &targets);
	assert_int_equal(targets.n, 1);
	scoped(fd_close) int fd = -1;
	assert_int_equal(target_open(&targets.items[0], &fd, NULL), 0);
	put_elf(&s, "two", ET_DYN);
	assert_int_equal(renameat(s.fd, "two", s.fd, "one"), 0);
	struct error err = ERROR_NONE;
	int other = -1;
	assert_int_equal(target_open(&targets.items[0], &other, &err), -EBUSY);
	assert_string_equal(err.message, "another file is there now");
	assert_int_equal(unlinkat(s.fd, "one", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", s.fd, "one"), 0);
	assert_int_equal(target_open(&targets.items[0], &other, NULL), -ELOOP);
	scratch_remove(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_gives_what_runs),
		cmocka_unit_test(a_file_is_met_once),
		cmocka_unit_test(what_cannot_be_read_is_listed),
		cmocka_unit_test(another_file_in_its_place_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
