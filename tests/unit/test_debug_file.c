/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "split/debug_file.h"
#include "split/debug_image.h"
#include "tests/unit/scratch.h"
#include "tests/unit/split_fixture.h"

static const struct build_id id = { 4, { 0xab, 0xcd, 0xef, 0x01 } };
static const struct build_id none;

static void where_it_goes(void **state)
{
	(void)state;
	static const struct {
		const char *file, *dir;
		const struct build_id *id;
		const char *path, *name;
		int r;
	} cases[] = {
		{ "x.debug", NULL, &id, "x.debug", "x.debug", 0 },
		{ "a/b/x.debug", NULL, &none, "a/b/x.debug", "x.debug", 0 },
		{ NULL, "dir", &id, "dir/.build-id/ab/cdef01.debug", "cdef01.debug", 0 },
		{ NULL, "dir", &none, "dir/usr/bin/prog.debug", "prog.debug", 0 },
		{ "a/", NULL, &id, NULL, NULL, -EISDIR },
		{ "..", NULL, &id, NULL, NULL, -EISDIR },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct debug_file d = DEBUG_FILE_NONE;
		assert_int_equal(debug_file_choose(cases[i].file, cases[i].dir, cases[i].id,
						   "usr/bin/prog", &d, NULL),
				 cases[i].r);
		if (cases[i].path) {
			assert_string_equal(d.path, cases[i].path);
			assert_string_equal(d.name, cases[i].name);
		}
		debug_file_close(&d);
	}
}

/* A debug file of the fixture, in the folder. */
static void put_debug(const struct scratch *s, const char *name)
{
	struct split_fixture f;
	struct plan plan;
	struct debug_image debug;
	bool damaged;
	split_fixture_init(&f, &split_fixture_kinds[0]);
	split_fixture_build(&f, NULL);
	assert_int_equal(plan_make(&f.image, NULL, &plan, NULL), 0);
	assert_int_equal(debug_image_plan(&plan, &debug, NULL), 0);
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	struct file_sink file = { .fd = fd, .what = name, .wants_crc = true };
	const struct sink sink = file_sink(&file);
	assert_int_equal(debug_image_write(&debug, &sink, &damaged, NULL), 0);
	assert_int_equal(file.size_bytes, debug.size_bytes);
	close(fd);
	debug_image_free(&debug);
	plan_free(&plan);
	split_fixture_free(&f);
}

static void what_is_there(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	put_debug(&s, "good");
	scratch_put(&s, "text", "a letter to a friend");
	scratch_put(&s, "empty", "");
	assert_int_equal(mkdirat(s.fd, "folder", 0755), 0);
	static const struct {
		const char *name;
		int r;
		bool there;
	} cases[] = {
		{ "good", 0, true },        { "missing", 0, false },      { "no/such", 0, false },
		{ "text", -EEXIST, false }, { "folder", -EEXIST, false }, { "empty", 0, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[128];
		struct debug_file d = DEBUG_FILE_NONE;
		struct debug_file_found found;
		snprintf(path, sizeof(path), "%s/%s", s.path, cases[i].name);
		print_message("%s\n", cases[i].name);
		assert_int_equal(debug_file_choose(path, NULL, &none, "", &d, NULL), 0);
		assert_int_equal(debug_file_look(&d, true, &found, NULL), cases[i].r);
		assert_int_equal(found.is_there, cases[i].there);
		assert_int_equal(found.has_dwarf, cases[i].there);
		assert_int_equal(found.has_memory_layout, cases[i].there);
		assert_int_equal(found.id.size, cases[i].there ? 8 : 0);
		debug_file_close(&d);
	}
	scratch_remove(&s);
}

static void it_appears_whole_or_not_at_all(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	char dir[128];
	struct stat st;
	snprintf(dir, sizeof(dir), "%s/deep/debug", s.path);
	for (int i = 0; i < 2; i++) {
		struct debug_file d;
		assert_int_equal(debug_file_choose(NULL, dir, &id, "prog", &d, NULL), 0);
		assert_int_equal(debug_file_create(&d, NULL), 0);
		assert_int_equal(file_write(d.file.fd, "whole", 5, "d", NULL), 0);
		if (i == 1)
			assert_int_equal(debug_file_publish(&d, 0644, NULL), 0);
		debug_file_close(&d);
		const char *text = scratch_get(&s, "deep/debug/.build-id/ab/cdef01.debug");
		assert_int_equal(text != NULL, i == 1);
		if (text)
			assert_string_equal(text, "whole");
	}
	assert_int_equal(fstatat(s.fd, "deep/debug/.build-id/ab/cdef01.debug", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	scratch_remove(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_it_goes),
		cmocka_unit_test(what_is_there),
		cmocka_unit_test(it_appears_whole_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
