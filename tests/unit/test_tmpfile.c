/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/tmpfile.h"
#include "tests/unit/scratch.h"

/* Everything is to hold for both kinds. */
static const struct {
	const char *what;
	int (*create)(int dir_fd, struct tmpfile *ret, struct error *err);
	bool named;
} kinds[] = { { "unnamed", tmpfile_create, false }, { "named", tmpfile_create_named, true } };

static int n_names(const struct scratch *s)
{
	DIR *dir = opendir(s->path);
	assert_non_null(dir);
	int n = 0;
	for (const struct dirent *entry; (entry = readdir(dir));)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return n;
}

static void create(size_t kind, const struct scratch *s, struct tmpfile *t)
{
	print_message("%s\n", kinds[kind].what);
	assert_int_equal(kinds[kind].create(s->fd, t, NULL), 0);
	if (kinds[kind].named || t->name[0]) {
		assert_true(tmpfile_is_name(t->name));
		assert_int_equal(n_names(s), 1);
	} else {
		assert_int_equal(n_names(s), 0);
	}
	struct stat st;
	assert_int_equal(fstat(t->fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(t->fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(file_write(t->fd, "new", 3, "tmp", NULL), 0);
}

static void discarding_leaves_nothing(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		scoped(scratch_remove) struct scratch s = scratch_make();
		struct tmpfile t = TMPFILE_NONE;
		create(kind, &s, &t);
		int fd = t.fd;
		tmpfile_discard(&t);
		assert_int_equal(t.fd, -1);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
		assert_int_equal(n_names(&s), 0);
		tmpfile_discard(&t); /* harmless */
	}
}

static void publishing_gives_the_name(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		scoped(scratch_remove) struct scratch s = scratch_make();
		assert_int_equal(mkdirat(s.fd, "sub", 0755), 0);
		scoped(fd_close) int sub = openat(s.fd, "sub", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		scoped(tmpfile_discard) struct tmpfile t = TMPFILE_NONE;
		assert_int_equal(kinds[kind].create(s.fd, &t, NULL), 0);
		assert_int_equal(file_write(t.fd, "new", 3, "tmp", NULL), 0);
		assert_int_equal(tmpfile_publish(&t, sub, "name", NULL), 0);
		assert_string_equal(scratch_get(&s, "sub/name"), "new");
		assert_int_equal(n_names(&s), 1); /* sub */
		struct stat st;
		assert_int_equal(fstat(t.fd, &st), 0);
		assert_int_equal(st.st_nlink, 1);
		tmpfile_discard(&t);
		assert_string_equal(scratch_get(&s, "sub/name"), "new");
	}
}

static void publishing_never_replaces(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		scoped(scratch_remove) struct scratch s = scratch_make();
		scoped(tmpfile_discard) struct tmpfile t = TMPFILE_NONE;
		create(kind, &s, &t);
		scratch_put(&s, "name", "old");
		struct error err = ERROR_NONE;
		assert_int_equal(tmpfile_publish(&t, s.fd, "name", &err), -EEXIST);
		assert_string_equal(err.message, "naming name: File exists");
		assert_string_equal(scratch_get(&s, "name"), "old");
		/* And it can still be published under another. */
		assert_int_equal(tmpfile_publish_unsynced(&t, s.fd, "other", NULL), 0);
		assert_string_equal(scratch_get(&s, "other"), "new");
		assert_int_equal(n_names(&s), 2);
	}
}

static void replacing_takes_the_name(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		scoped(scratch_remove) struct scratch s = scratch_make();
		for (int again = 0; again < 2; again++) {
			scoped(tmpfile_discard) struct tmpfile t = TMPFILE_NONE;
			if (again) {
				scratch_put(&s, "name", "old");
				assert_int_equal(kinds[kind].create(s.fd, &t, NULL), 0);
				assert_int_equal(file_write(t.fd, "new", 3, "tmp", NULL), 0);
			} else {
				create(kind, &s, &t);
			}
			assert_int_equal(tmpfile_replace(&t, s.fd, "name", NULL), 0);
			assert_string_equal(scratch_get(&s, "name"), "new");
			tmpfile_discard(&t);
			assert_int_equal(n_names(&s), 1);
		}
	}
}

static void failing_leaves_nothing(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		scoped(scratch_remove) struct scratch s = scratch_make();
		assert_int_equal(mkdirat(s.fd, "folder", 0755), 0);
		scoped(tmpfile_discard) struct tmpfile t = TMPFILE_NONE;
		struct error err = ERROR_NONE;
		print_message("%s\n", kinds[kind].what);
		assert_int_equal(kinds[kind].create(s.fd, &t, NULL), 0);
		assert_int_equal(tmpfile_replace(&t, s.fd, "folder", &err), -EISDIR);
		assert_string_equal(err.message, "replacing folder: Is a directory");
		assert_int_equal(tmpfile_publish(&t, s.fd, "none/name", &err), -ENOENT);
		tmpfile_discard(&t);
		assert_int_equal(n_names(&s), 1);

		struct tmpfile none = TMPFILE_NONE;
		scoped(fd_close) int gone =
			openat(s.fd, "folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(unlinkat(s.fd, "folder", AT_REMOVEDIR), 0);
		assert_true(kinds[kind].create(gone, &none, &err) < 0); /* kernels differ in why */
		assert_memory_equal(err.message, "making a temporary file: ", 25);
		assert_int_equal(none.fd, -1);
	}
}

static void names_are_known(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool ours;
	} cases[] = {
		{ ".dbgvault.0123456789abcdef.tmp", true },
		{ ".dbgvault.0123456789abcde.tmp", false },
		{ ".dbgvault.0123456789abcdef0.tmp", false },
		{ ".dbgvault.0123456789abcdeg.tmp", false },
		{ ".dbgvault.0123456789abcdef.tmp2", false },
		{ ".dbgvault.0123456789abcdef", false },
		{ "dbgvault.0123456789abcdef.tmp", false },
		{ ".dbgvault.", false },
		{ "", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].name);
		assert_int_equal(tmpfile_is_name(cases[i].name), cases[i].ours);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discarding_leaves_nothing),
		cmocka_unit_test(publishing_gives_the_name),
		cmocka_unit_test(publishing_never_replaces),
		cmocka_unit_test(replacing_takes_the_name),
		cmocka_unit_test(failing_leaves_nothing),
		cmocka_unit_test(names_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
