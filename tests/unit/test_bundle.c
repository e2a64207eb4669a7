/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "store/bundle_folder.h"
#include "store/bundle_script.h"
#include "tests/unit/scratch.h"

static void names_stay_in_the_folder(void **state)
{
	(void)state;
	static const struct {
		const char *path, *name; /* NULL: refused */
	} cases[] = {
		{ "/usr/bin/x", "root/usr/bin/x" },
		{ "x.c", "root/x.c" },
		{ "//usr/./bin/../lib/x", "root/usr/lib/x" },
		{ "/../../etc/passwd", "root/etc/passwd" },
		{ "../../../etc/passwd", "root/etc/passwd" },
		{ "/usr/bin/..", "root/usr" },
		{ "", NULL },
		{ "/", NULL },
		{ "..", NULL },
		{ "/usr/", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].path);
		scoped(string_free) char *name = NULL;
		struct error err = ERROR_NONE;
		int r = bundle_folder_name("root", cases[i].path, &name, &err);
		assert_int_equal(r, cases[i].name ? 0 : -EINVAL);
		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
		else
			assert_true(!name && err.message[0]);
	}
}

static void nothing_is_written_twice(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	char path[128];
	snprintf(path, sizeof(path), "%s/a/bundle", s.path);
	struct error err = ERROR_NONE;
	scoped(fd_close) int folder = -1;
	assert_int_equal(bundle_folder_make(path, &folder, &err), 0);
	int again = -1;
	assert_int_equal(bundle_folder_make(path, &again, &err), -ENOTEMPTY);
	assert_int_equal(again, -1);

	int fd = -1;
	assert_int_equal(bundle_folder_create(folder, "root/usr/x", 0666, &fd, &err), 0);
	assert_int_equal(write(fd, "first", 5), 5);
	close(fd);
	assert_int_equal(bundle_folder_create(folder, "root/usr/x", 0666, &fd, &err), -EEXIST);
	assert_int_equal(bundle_folder_create(folder, "root/usr", 0666, &fd, &err), -EEXIST);
	assert_int_equal(bundle_folder_create(folder, "root/usr/x/y", 0666, &fd, &err), -ENOTDIR);
	assert_int_equal(bundle_folder_alias(folder, "root/usr/x", "root/lib/y", &err), 0);
	assert_string_equal(scratch_get(&s, "a/bundle/root/lib/y"), "first");
	/* What is there stays. */
	assert_int_equal(bundle_folder_create(folder, "root/usr/z", 0666, &fd, &err), 0);
	close(fd);
	assert_int_equal(bundle_folder_alias(folder, "root/usr/z", "root/lib/y", &err), 0);
	assert_int_equal(bundle_folder_link(folder, "root/lib/y", "../usr/z", &err), 0);
	assert_string_equal(scratch_get(&s, "a/bundle/root/lib/y"), "first");
	/* And no link leads out. */
	assert_int_equal(bundle_folder_link(folder, "root/out", "/tmp", &err), 0);
	assert_int_equal(bundle_folder_create(folder, "root/out", 0666, &fd, &err), -EEXIST);
	scratch_remove(&s);
}

static void script_quotes_what_others_wrote(void **state)
{
	(void)state;
	scoped(bundle_tops_free) struct bundle_tops tops = { 0 };
	struct error err = ERROR_NONE;
	static const char *const paths[] = {
		"/usr/include/a.h", "/usr/lib", "//build//x.c", "x.c", "/",
		"/$(rm)/x.c",       "/a b/x.c", "/\"/x.c"
	};
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_int_equal(bundle_tops_add(&tops, paths[i], &err), 0);
	assert_int_equal(tops.n, 2);
	assert_string_equal(tops.names[0], "usr");
	assert_string_equal(tops.names[1], "build");

	scoped(string_free) char *text = NULL;
	assert_int_equal(bundle_script("root/it's $HOME", &tops, &text, &err), 0);
	assert_non_null(
		strstr(text, "-iex \"set substitute-path /usr \\\"$here/sources/usr\\\"\""));
	assert_non_null(strstr(text, "\"$here\"/'root/it'\\''s $HOME' -c \"$here/core\"\n"));
	string_free(&text);
	assert_int_equal(bundle_script(NULL, &tops, &text, &err), 0);
	assert_non_null(strstr(text, "\t\"$@\" -c \"$here/core\"\n"));

	/* More than there is room for are left out. */
	for (unsigned i = 0; i < 2 * BUNDLE_SOURCE_TOPS; i++) {
		char path[32];
		snprintf(path, sizeof(path), "/top%u/x.c", i);
		assert_int_equal(bundle_tops_add(&tops, path, &err), 0);
	}
	assert_int_equal(tops.n, BUNDLE_SOURCE_TOPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stay_in_the_folder),
		cmocka_unit_test(nothing_is_written_twice),
		cmocka_unit_test(script_quotes_what_others_wrote),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
