/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "base/file.h"
#include "split/replace.h"
#include "tests/unit/scratch.h"

static void note_warning(const char *text, void *context)
{
	snprintf(context, 256, "%s", text);
}

/* An old file and a new one, both open; the new one is a tmpfile of the folder. */
struct pair {
	struct scratch s;
	int old_fd;
	struct stat old;
	struct tmpfile t;
};

static void pair_start(struct pair *p, mode_t mode)
{
	p->s = scratch_make();
	scratch_put(&p->s, "prog", "old");
	p->old_fd = openat(p->s.fd, "prog", O_RDONLY | O_CLOEXEC);
	assert_true(p->old_fd >= 0);
	assert_int_equal(fchmod(p->old_fd, mode), 0);
	assert_int_equal(tmpfile_create(p->s.fd, &p->t, NULL), 0);
	assert_int_equal(file_write(p->t.fd, "new", 3, "new", NULL), 0);
}

static void pair_end(struct pair *p)
{
	tmpfile_discard(&p->t);
	close(p->old_fd);
	scratch_remove(&p->s);
}

static void stat_old(struct pair *p)
{
	assert_int_equal(fstat(p->old_fd, &p->old), 0);
}

static void mode_and_times_are_kept(void **state)
{
	(void)state;
	static const mode_t modes[] = { 0644, 0755, 04755, 0400, 0 };
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct pair p;
		struct stat st;
		char warning[256] = "";
		pair_start(&p, modes[i]);
		const struct timespec times[2] = { { 1500000000, 1 }, { 1600000000, 2 } };
		assert_int_equal(futimens(p.old_fd, times), 0);
		stat_old(&p);
		assert_int_equal(replace_attributes(p.old_fd, &p.old, p.t.fd, true, note_warning,
						    warning, NULL),
				 0);
		assert_int_equal(fstat(p.t.fd, &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
		assert_int_equal(st.st_mtim.tv_sec, 1600000000);
		assert_int_equal(st.st_mtim.tv_nsec, 2);
		assert_int_equal(st.st_atim.tv_sec, 1500000000);
		assert_string_equal(warning, "");
		pair_end(&p);
	}
}

static void owner_is_kept_or_refused(void **state)
{
	(void)state;
	struct pair p;
	struct stat st;
	struct error err = ERROR_NONE;
	pair_start(&p, 04750);
	stat_old(&p);
	p.old.st_uid = 4321;
	p.old.st_gid = 1234;
	int r = replace_attributes(p.old_fd, &p.old, p.t.fd, false, note_warning, NULL, &err);
	if (geteuid() == 0) {
		assert_int_equal(r, 0);
		assert_int_equal(fstat(p.t.fd, &st), 0);
		assert_int_equal(st.st_uid, 4321);
		assert_int_equal(st.st_gid, 1234);
		/* chown(2) clears it: the mode comes after. */
		assert_int_equal(st.st_mode & 07777, 04750);
	} else {
		assert_int_equal(r, -EPERM);
		assert_non_null(strstr(err.message, "owner 4321 and group 1234 cannot be kept"));
	}
	pair_end(&p);
}

static void attributes_are_kept_but_signatures(void **state)
{
	(void)state;
	struct pair p;
	char value[64], warning[256] = "";
	pair_start(&p, 0755);
	if (fsetxattr(p.old_fd, "user.note", "kept", 4, 0) < 0) {
		pair_end(&p);
		skip();
	}
	bool signed_ = geteuid() == 0 && fsetxattr(p.old_fd, "security.ima", "\1sig", 4, 0) == 0;
	stat_old(&p);
	assert_int_equal(
		replace_attributes(p.old_fd, &p.old, p.t.fd, false, note_warning, warning, NULL),
		0);
	assert_int_equal(fgetxattr(p.t.fd, "user.note", value, sizeof(value)), 4);
	assert_memory_equal(value, "kept", 4);
	if (signed_) {
		assert_int_equal(fgetxattr(p.t.fd, "security.ima", value, sizeof(value)), -1);
		assert_non_null(strstr(warning, "security.ima"));
	}
	pair_end(&p);
}

static void the_name_changes_hands(void **state)
{
	(void)state;
	struct pair p;
	pair_start(&p, 0755);
	stat_old(&p);
	assert_int_equal(replace_name(&p.t, p.s.fd, "prog", &p.old, NULL), 0);
	assert_string_equal(scratch_get(&p.s, "prog"), "new");
	pair_end(&p);
}

static void another_file_of_that_name_is_left_alone(void **state)
{
	(void)state;
	struct pair p;
	pair_start(&p, 0755);
	stat_old(&p);
	assert_int_equal(unlinkat(p.s.fd, "prog", 0), 0);
	assert_int_equal(replace_name(&p.t, p.s.fd, "prog", &p.old, NULL), -ENOENT);
	scratch_put(&p.s, "prog", "somebody else's");
	assert_int_equal(replace_name(&p.t, p.s.fd, "prog", &p.old, NULL), -EBUSY);
	assert_string_equal(scratch_get(&p.s, "prog"), "somebody else's");
	/* Not a link to the old file either: it would be the link that goes. */
	assert_int_equal(unlinkat(p.s.fd, "prog", 0), 0);
	assert_int_equal(symlinkat("elsewhere", p.s.fd, "prog"), 0);
	assert_int_equal(replace_name(&p.t, p.s.fd, "prog", &p.old, NULL), -EBUSY);
	pair_end(&p);
}

static void further_names_follow(void **state)
{
	(void)state;
	struct pair p;
	struct stat first, second;
	pair_start(&p, 0755);
	assert_int_equal(linkat(p.s.fd, "prog", p.s.fd, "again", 0), 0);
	stat_old(&p);
	assert_int_equal(replace_name(&p.t, p.s.fd, "prog", &p.old, NULL), 0);
	assert_int_equal(replace_link(p.s.fd, "prog", p.s.fd, "again", &p.old, NULL), 0);
	assert_int_equal(fstatat(p.s.fd, "prog", &first, 0), 0);
	assert_int_equal(fstatat(p.s.fd, "again", &second, 0), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(first.st_nlink, 2);
	assert_string_equal(scratch_get(&p.s, "again"), "new");
	/* It is no longer the old file, so it does not change hands twice. */
	assert_int_equal(replace_link(p.s.fd, "prog", p.s.fd, "again", &p.old, NULL), -EBUSY);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode_and_times_are_kept),
		cmocka_unit_test(owner_is_kept_or_refused),
		cmocka_unit_test(attributes_are_kept_but_signatures),
		cmocka_unit_test(the_name_changes_hands),
		cmocka_unit_test(another_file_of_that_name_is_left_alone),
		cmocka_unit_test(further_names_follow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
