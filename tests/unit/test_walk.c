/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/walk.h"
#include "tests/unit/scratch.h"

/* What a walk met, a line each; and how often something was in its way. */
struct met {
	char files[4096];
	char troubles[4096];
	const char *skipped; /* name of a folder */
	const char *stop_at;
};

static void append(char *text, const char *line)
{
	assert_true(strlen(text) + strlen(line) + 2 < 4096);
	strcat(text, line);
	strcat(text, "\n");
}

static int meet(const struct walk_file *file, void *context, struct error *err)
{
	struct met *met = context;
	append(met->files, file->relative);
	/* All ways to the file lead to the same one, and no further link is followed. */
	struct stat by_name, by_path;
	assert_int_equal(fstatat(file->dir_fd, file->name, &by_name, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(stat(file->path, &by_path), 0);
	assert_true(S_ISREG(file->st->st_mode));
	assert_int_equal(by_name.st_ino, file->st->st_ino);
	assert_int_equal(by_path.st_ino, file->st->st_ino);
	size_t length = strlen(file->path), relative = strlen(file->relative);
	assert_true(length >= relative);
	assert_string_equal(file->path + length - relative, file->relative);
	if (met->stop_at && !strcmp(met->stop_at, file->name))
		return error_set(err, -ECANCELED, "stopped");
	return 0;
}

static bool skip_folder(const char *path, const struct stat *st, void *context)
{
	const struct met *met = context;
	assert_true(S_ISDIR(st->st_mode));
	return met->skipped && !strcmp(strrchr(path, '/') + 1, met->skipped);
}

static void trouble(const char *path, const struct error *err, void *context)
{
	(void)path;
	append(((struct met *)context)->troubles, err->message);
}

static int walk_and_meet(const char *path, struct met *met, struct error *err)
{
	struct walk_options options = {
		.file = meet,
		.skip_folder = skip_folder,
		.trouble = trouble,
		.context = met,
	};
	return walk(path, &options, err);
}

static void tree_make(const struct scratch *s)
{
	static const char *const folders[] = { "t",        "t/a",     "t/a.d",  "t/b",
					       "t/b/deep", "t/empty", "t/.libs" };
	static const char *const files[] = { "t/a/x",      "t/a-file",
					     "t/a.d/y",    "t/b/deep/z",
					     "t/b/1",      "t/Z",
					     "t/\xc3\xbc", "t/.libs/hidden",
					     "outside",    "t/.dbgvault.0123456789abcdef.tmp" };
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		assert_int_equal(mkdirat(s->fd, folders[i], 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		scratch_put(s, files[i], "x");
	assert_int_equal(symlinkat("../outside", s->fd, "t/link"), 0);
	assert_int_equal(symlinkat("..", s->fd, "t/b/up"), 0);
	assert_int_equal(symlinkat("none", s->fd, "t/dangling"), 0);
	assert_int_equal(mkfifoat(s->fd, "t/fifo", 0644), 0);
}

static void files_come_in_order_of_their_names(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	tree_make(&s);
	static const char *const endings[] = { "/t", "/t/", "/t///", "/./t", "/link-to-t" };
	assert_int_equal(symlinkat("t", s.fd, "link-to-t"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s%s", s.path, endings[i]);
		print_message("%s\n", endings[i]);
		struct met met = { 0 };
		assert_int_equal(walk_and_meet(path, &met, NULL), 0);
		assert_string_equal(
			met.files,
			".libs/hidden\nZ\na/x\na-file\na.d/y\nb/1\nb/deep/z\n\xc3\xbc\n");
		assert_string_equal(met.troubles, "");
	}
}

static void paths_are_the_users(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	tree_make(&s);
	assert_int_equal(fchdir(s.fd), 0);
	struct met met = { 0 };
	assert_int_equal(walk_and_meet("t/b", &met, NULL), 0);
	assert_string_equal(met.files, "1\ndeep/z\n");
	met = (struct met){ 0 };
	assert_int_equal(chdir("t/b"), 0);
	assert_int_equal(walk_and_meet(".", &met, NULL), 0);
	assert_string_equal(met.files, "1\ndeep/z\n");
	assert_int_equal(chdir("/"), 0);
}

static int meet_named(const struct walk_file *file, void *context, struct error *err)
{
	assert_true(file->named);
	return meet(file, context, err);
}

static void a_named_file_is_met(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	tree_make(&s);
	assert_int_equal(symlinkat("a/x", s.fd, "t/to-x"), 0);
	assert_int_equal(symlinkat("to-x", s.fd, "t/to-to-x"), 0);
	assert_int_equal(fchdir(s.fd), 0);
	char absolute[128];
	snprintf(absolute, sizeof(absolute), "%s/t/a/x", s.path);
	const struct {
		const char *path, *relative;
	} cases[] = {
		{ "t/a/x", "x\n" },           { "outside", "outside\n" },
		{ "./outside", "outside\n" }, { "t/../outside", "outside\n" },
		{ "t/link", "link\n" },       { "t/to-to-x", "to-to-x\n" },
		{ "t/b/up/a/x", "x\n" },      { absolute, "x\n" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].path);
		struct met met = { 0 };
		struct walk_options options = { .file = meet_named, .context = &met };
		assert_int_equal(walk(cases[i].path, &options, NULL), 0);
		assert_string_equal(met.files, cases[i].relative);
	}
	assert_int_equal(chdir("/"), 0);
}

static void what_cannot_be_walked_is_refused(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	tree_make(&s);
	assert_int_equal(mkdirat(s.fd, "home", 0755), 0);
	assert_int_equal(symlinkat("home", s.fd, "to-home"), 0);
	char home[128];
	snprintf(home, sizeof(home), "%s/home", s.path);
	char *old_home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
	setenv("HOME", home, 1);
	assert_int_equal(fchdir(s.fd), 0);
	static const struct {
		const char *path;
		int r;
		const char *message;
	} cases[] = {
		{ "/", -EPERM, "/: the root folder is not walked; name a folder in it" },
		{ "//", -EPERM, "//: the root folder is not walked; name a folder in it" },
		{ "/tmp/..", -EPERM,
		  "/tmp/..: the root folder is not walked; name a folder in it" },
		{ "/proc/self/root", -EPERM, NULL },
		{ "home", -EPERM, "home: a home folder is not walked; name a folder in it" },
		{ "to-home/", -EPERM,
		  "to-home/: a home folder is not walked; name a folder in it" },
		{ "none", -ENOENT, "none: No such file or directory" },
		{ "", -ENOENT, ": No such file or directory" },
		{ "t/dangling", -ENOENT, "t/dangling: No such file or directory" },
		{ "t/fifo", -EINVAL, "t/fifo: neither a regular file nor a folder" },
		{ "/dev/null", -EINVAL, "/dev/null: neither a regular file nor a folder" },
		{ "outside/", -ENOTDIR, NULL },
		{ "outside/x", -ENOTDIR, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("\"%s\"\n", cases[i].path);
		struct met met = { 0 };
		struct error err = ERROR_NONE;
		assert_int_equal(walk_and_meet(cases[i].path, &met, &err), cases[i].r);
		if (cases[i].message)
			assert_string_equal(err.message, cases[i].message);
		assert_string_equal(met.files, "");
	}

	/* The account's home is one whatever $HOME says. */
	const struct passwd *user = getpwuid(geteuid());
	struct met met = { 0 };
	if (user && access(user->pw_dir, R_OK) == 0)
		assert_int_equal(walk_and_meet(user->pw_dir, &met, NULL), -EPERM);
	if (old_home)
		setenv("HOME", old_home, 1);
	else
		unsetenv("HOME");
	free(old_home);
	assert_int_equal(chdir("/"), 0);
}

static void folders_are_skipped(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	tree_make(&s);
	char path[128];
	snprintf(path, sizeof(path), "%s/t", s.path);
	struct met met = { .skipped = "b" };
	assert_int_equal(walk_and_meet(path, &met, NULL), 0);
	assert_string_equal(met.files, ".libs/hidden\nZ\na/x\na-file\na.d/y\n\xc3\xbc\n");
	/* Not the one that is named. */
	met = (struct met){ .skipped = "t" };
	assert_int_equal(walk_and_meet(path, &met, NULL), 0);
	assert_non_null(strstr(met.files, "b/1\n"));
}

static void a_result_ends_the_walk(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	tree_make(&s);
	struct met met = { .stop_at = "x" };
	struct error err = ERROR_NONE;
	assert_int_equal(walk_and_meet(s.path, &met, &err), -ECANCELED);
	assert_string_equal(err.message, "stopped");
	assert_string_equal(met.files, "outside\nt/.libs/hidden\nt/Z\nt/a/x\n");
}

static void folders_too_deep_are_told(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	char path[1024] = "t";
	for (int depth = 1; depth <= 257; depth++) { /* s.path itself is the first folder */
		assert_int_equal(mkdirat(s.fd, path, 0755), 0);
		if (depth == 255 || depth == 256) {
			char file[1032];
			snprintf(file, sizeof(file), "%s/f%d", path, depth);
			scratch_put(&s, file, "x");
		}
		strcat(path, "/d");
	}
	struct met met = { 0 };
	assert_int_equal(walk_and_meet(s.path, &met, NULL), 0);
	assert_non_null(strstr(met.files, "/f255\n"));
	assert_null(strstr(met.files, "/f256\n"));
	assert_non_null(strstr(met.troubles, "deeper than 256 folders\n"));
}

/* As a user who may not read: root may read all. */
static void an_unreadable_folder_is_told(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	tree_make(&s);
	assert_int_equal(fchmod(s.fd, 0755), 0);
	assert_int_equal(fchmodat(s.fd, "t/a", 0, 0), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && setuid(65534) < 0)
			_exit(77);
		struct met met = { 0 };
		char path[128], expected[128];
		snprintf(path, sizeof(path), "%s/t", s.path);
		snprintf(expected, sizeof(expected), "%s/t/a: Permission denied\n", s.path);
		bool done = walk_and_meet(path, &met, NULL) == 0;
		bool told = !strcmp(met.troubles, expected);
		bool others = !strcmp(met.files,
				      ".libs/hidden\nZ\na-file\na.d/y\nb/1\nb/deep/z\n\xc3\xbc\n");
		_exit(done && told && others ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(fchmodat(s.fd, "t/a", 0755, 0), 0);
	if (status && WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void other_file_systems_are_passed_over(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	tree_make(&s);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* A name space of its own: nobody else sees the mount. */
		char path[128];
		snprintf(path, sizeof(path), "%s/t/b", s.path);
		if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("none", path, "tmpfs", 0, "size=64k") < 0)
			_exit(77);
		char file[256]; /* from the root: s.fd is still in the old name space */
		snprintf(file, sizeof(file), "%s/mounted", path);
		int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		struct met met = { 0 };
		bool done = fd >= 0 && walk_and_meet(s.path, &met, NULL) == 0;
		bool passed_over = !strstr(met.files, "mounted") && strstr(met.files, "t/a/x\n");
		met = (struct met){ 0 };
		bool named =
			walk_and_meet(path, &met, NULL) == 0 && !strcmp(met.files, "mounted\n");
		_exit(done && passed_over && named ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (status && WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static int make_more(const struct walk_file *file, void *context, struct error *err)
{
	int r = meet(file, context, err);
	scoped(fd_close) int fd =
		openat(file->dir_fd, "zzz-made-meanwhile", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	unlinkat(file->dir_fd, "gone-meanwhile", 0);
	return r;
}

static void what_is_made_meanwhile_is_not_met(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	scratch_put(&s, "a", "x");
	scratch_put(&s, "gone-meanwhile", "x");
	struct met met = { 0 };
	struct walk_options options = { .file = make_more, .trouble = trouble, .context = &met };
	assert_int_equal(walk(s.path, &options, NULL), 0);
	assert_string_equal(met.files, "a\n");
	assert_string_equal(met.troubles, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_come_in_order_of_their_names),
		cmocka_unit_test(paths_are_the_users),
		cmocka_unit_test(a_named_file_is_met),
		cmocka_unit_test(what_cannot_be_walked_is_refused),
		cmocka_unit_test(folders_are_skipped),
		cmocka_unit_test(a_result_ends_the_walk),
		cmocka_unit_test(folders_too_deep_are_told),
		cmocka_unit_test(an_unreadable_folder_is_told),
		cmocka_unit_test(other_file_systems_are_passed_over),
		cmocka_unit_test(what_is_made_meanwhile_is_not_met),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
