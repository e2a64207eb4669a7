/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "split/resolver.h"

/*
 * A tree of its own for each test, below T:
 *
 *	in/		a root
 *	two/		another root
 *	out/		below no root
 */
struct tree {
	char path[PATH_MAX];
	char in[PATH_MAX + 8], two[PATH_MAX + 8];
	const char *roots[3];
	struct resolver *resolver;
};

static void run(const char *format, ...) printf_like(1, 2);
static void run(const char *format, ...)
{
	char command[3 * PATH_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

static void put(const struct tree *t, const char *name, const char *bytes, mode_t mode)
{
	char path[2 * PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", t->path, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, strlen(bytes), f), strlen(bytes));
	assert_int_equal(fchmod(fileno(f), mode), 0);
	fclose(f);
}

/* "T/" in a target stands for the tree's own path. */
static void put_link(const struct tree *t, const char *target, const char *name)
{
	char path[2 * PATH_MAX], to[2 * PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", t->path, name);
	bool ours = !strncmp(target, "T/", 2);
	snprintf(to, sizeof(to), "%s%s", ours ? t->path : "", target + (ours ? 1 : 0));
	assert_int_equal(symlink(to, path), 0);
}

static int tree_make(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	char template[] = "/tmp/dbgvault-resolver-XXXXXX";
	assert_non_null(t);
	assert_non_null(mkdtemp(template));
	assert_non_null(realpath(template, t->path));
	run("cd %s && mkdir -p in/sub/deep two out in/.git in/.venv/.env.d in/keys.key", t->path);
	snprintf(t->in, sizeof(t->in), "%s/in", t->path);
	snprintf(t->two, sizeof(t->two), "%s/two", t->path);
	t->roots[0] = t->in;
	t->roots[1] = t->two;
	assert_int_equal(resolver_new(t->roots, &t->resolver, NULL), 0);

	put(t, "in/a.c", "alpha", 0644);
	put(t, "in/sub/b.c", "beta", 0444);
	put(t, "in/sub/deep/empty.c", "", 0644);
	put(t, "two/t.h", "two", 0644);
	put(t, "out/o.c", "secret", 0644);
	*state = t;
	return 0;
}

static int tree_remove(void **state)
{
	struct tree *t = *state;
	resolver_free(t->resolver);
	run("chmod -R u+rwX %s; rm -rf %s", t->path, t->path);
	free(t);
	return 0;
}

#define LIMIT 1000

/* Ask for "T/..." or an absolute name; what comes is compared. */
static void expect(const struct tree *t, const char *name, enum reached reached, const char *bytes)
{
	char path[2 * PATH_MAX];
	bool ours = !strncmp(name, "T/", 2);
	snprintf(path, sizeof(path), "%s%s", ours ? t->path : "", name + (ours ? 1 : 0));
	/* Twice: the second time out of what the first one learnt. */
	for (int i = 0; i < 2; i++) {
		enum reached got = (enum reached)99;
		struct reached_file file = { 0 };
		struct error err = ERROR_NONE;
		int r = resolver_read(t->resolver, path, LIMIT, &got, &file, &err);
		if (r < 0 || got != reached)
			print_error("%s: result %d %s, reached %d (%s)\n", name, r, err.message,
				    got, file.why ? file.why : "-");
		assert_int_equal(r, 0);
		assert_int_equal(got, reached);
		if (reached == REACHED_LEFT_OUT)
			assert_non_null(file.why);
		if (reached != REACHED)
			continue;
		assert_int_equal(file.size, strlen(bytes));
		assert_memory_equal(file.bytes, bytes, file.size);
		assert_true(file.mtime > 1600000000);
	}
}

static void names_below_roots_are_read(void **state)
{
	const struct tree *t = *state;
	expect(t, "T/in/a.c", REACHED, "alpha");
	expect(t, "T/in/sub/b.c", REACHED, "beta");
	expect(t, "T/in/sub/deep/empty.c", REACHED, "");
	expect(t, "T/two/t.h", REACHED, "two");
	expect(t, "T//in/./sub//../sub/b.c", REACHED, "beta");
	expect(t, "T/out/../in/a.c", REACHED, "alpha");
}

static void names_outside_are_not(void **state)
{
	const struct tree *t = *state;
	put(t, "inside.c", "not in", 0644); /* T/in is a root, "T/inside.c" only begins like it */
	static const char *const names[] = {
		"/etc/hostname",
		"/etc/passwd",
		"/proc/self/environ",
		"/proc/self/exe",
		"/proc/self/root/etc/hostname",
		"/dev/null",
		"/dev/zero",
		"/",
		"T/inside.c",
		"T/out/o.c",
		"T/in/../out/o.c",
		"T/in/sub/../../out/o.c",
		"T/in/../../../../../../etc/hostname",
		"T/out/missing.c",
		"T/missing/x.c",
		"in/a.c", /* relative */
		"./a.c",
		"a.c",
		"",
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		expect(t, names[i], REACHED_OUTSIDE, NULL);
}

static void missing_names_inside_are_missing(void **state)
{
	const struct tree *t = *state;
	expect(t, "T/in/missing.c", REACHED_NOTHING, NULL);
	expect(t, "T/in/missing/x.c", REACHED_NOTHING, NULL);
	expect(t, "T/in/a.c/x.c", REACHED_NOTHING, NULL); /* a file is no folder */
	expect(t, "T/in/missing/../a.c", REACHED_NOTHING, NULL);
	char name[NAME_MAX + 10] = "T/in/";
	memset(name + 5, 'n', sizeof(name) - 6);
	expect(t, name, REACHED_NOTHING, NULL);
}

static void links_are_walked_by_us(void **state)
{
	const struct tree *t = *state;
	put_link(t, "sub/b.c", "in/relative.c");
	put_link(t, "T/two/t.h", "in/to-two.h"); /* from one root into another */
	put_link(t, "../two", "in/folder-two");
	put_link(t, "T/in", "out/to-in"); /* from outside to the inside */
	put_link(t, "T/out/o.c", "in/to-out.c");
	put_link(t, "../out", "in/folder-out");
	put_link(t, "/etc/hostname", "in/hostname.c");
	put_link(t, "/proc/self/environ", "in/environ.c");
	put_link(t, "../../../../../../../../../etc/hostname", "in/up.c");
	put_link(t, "sub/deep", "in/far"); /* ".." behind it is sub, not in */
	put_link(t, "missing.c", "in/dangling.c");
	put_link(t, "sub", "in/to-sub");

	expect(t, "T/in/relative.c", REACHED, "beta");
	expect(t, "T/in/to-two.h", REACHED, "two");
	expect(t, "T/in/folder-two/t.h", REACHED, "two");
	expect(t, "T/out/to-in/a.c", REACHED, "alpha");
	expect(t, "T/out/to-in/sub/b.c", REACHED, "beta");
	expect(t, "T/in/far/../b.c", REACHED, "beta");
	expect(t, "T/in/far/../a.c", REACHED_NOTHING, NULL);
	expect(t, "T/in/to-out.c", REACHED_OUTSIDE, NULL);
	expect(t, "T/in/folder-out/o.c", REACHED_OUTSIDE, NULL);
	expect(t, "T/in/folder-out/missing.c", REACHED_OUTSIDE, NULL);
	expect(t, "T/in/hostname.c", REACHED_OUTSIDE, NULL);
	expect(t, "T/in/environ.c", REACHED_OUTSIDE, NULL);
	expect(t, "T/in/up.c", REACHED_OUTSIDE, NULL);
	expect(t, "T/in/dangling.c", REACHED_NOTHING, NULL);
	expect(t, "T/in/to-sub", REACHED_LEFT_OUT, NULL); /* a folder */
}

static void link_loops_end(void **state)
{
	const struct tree *t = *state;
	put_link(t, "loop.c", "in/loop.c");
	put_link(t, "two.c", "in/one.c");
	put_link(t, "one.c", "in/two.c");
	put_link(t, "round/round", "in/round");
	put_link(t, "grow/x", "in/grow");
	expect(t, "T/in/loop.c", REACHED_LEFT_OUT, NULL);
	expect(t, "T/in/one.c", REACHED_LEFT_OUT, NULL);
	expect(t, "T/in/round/x.c", REACHED_LEFT_OUT, NULL);
	expect(t, "T/in/grow/x.c", REACHED_LEFT_OUT, NULL);

	/* Forty are followed, one more is not. */
	put_link(t, "a.c", "in/l1");
	for (int i = 2; i <= 41; i++) {
		char target[16], name[16];
		snprintf(target, sizeof(target), "l%d", i - 1);
		snprintf(name, sizeof(name), "in/l%d", i);
		put_link(t, target, name);
	}
	expect(t, "T/in/l40", REACHED, "alpha");
	expect(t, "T/in/l41", REACHED_LEFT_OUT, NULL);
	put_link(t, ".", "in/here");
	char path[PATH_MAX] = "T/in";
	for (int i = 0; i < 40; i++)
		strcat(path, "/here");
	strcat(path, "/a.c");
	expect(t, path, REACHED, "alpha");
	char longer[PATH_MAX + 16];
	snprintf(longer, sizeof(longer), "T/in/here%s", path + 4);
	expect(t, longer, REACHED_LEFT_OUT, NULL);
}

static void what_must_not_be_taken_is_left_out(void **state)
{
	const struct tree *t = *state;
	put(t, "in/private.c", "x", 0600);
	put(t, "in/group.c", "x", 0640);
	put(t, "in/others.c", "x", 0604);
	put(t, "in/.env", "x", 0644);
	put(t, "in/.env.local", "x", 0644);
	put(t, "in/.envrc", "x", 0644);
	put(t, "in/tls.pem", "x", 0644);
	put(t, "in/TLS.KEY", "x", 0644);
	put(t, "in/.git/config", "x", 0644);
	put(t, "in/.venv/.env.d/x.c", "x", 0644);
	put(t, "in/keys.key/x.c", "x", 0644);
	put(t, "in/environment.c", "yes", 0644);
	put(t, "in/monkey", "yes", 0644);
	put(t, "in/x.gitignore", "yes", 0644);
	put_link(t, ".env", "in/hidden.c");
	put_link(t, "a.c", "in/link.pem");
	put_link(t, ".git", "in/history");
	put(t, "in/limit.c", "", 0644);
	put(t, "in/over.c", "", 0644);
	run("cd %s/in && mkfifo pipe.c && truncate -s 1000 limit.c && truncate -s 1001 over.c",
	    t->path);
	static const char *const names[] = {
		"T/in/private.c",    "T/in/group.c",
		"T/in/others.c",     "T/in/.env",
		"T/in/.env.local",   "T/in/.envrc",
		"T/in/tls.pem",      "T/in/TLS.KEY",
		"T/in/.git/config",  "T/in/.venv/.env.d/x.c",
		"T/in/keys.key/x.c", "T/in/hidden.c",
		"T/in/link.pem",     "T/in/history/config",
		"T/in/over.c",       "T/in/pipe.c",
		"T/in/sub",          "T/in/sub/",
		"T/in/sub/.",        "T/in/sub/..",
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		expect(t, names[i], REACHED_LEFT_OUT, NULL);
	expect(t, "T/in/environment.c", REACHED, "yes");
	expect(t, "T/in/monkey", REACHED, "yes");
	expect(t, "T/in/x.gitignore", REACHED, "yes");

	enum reached reached;
	struct reached_file file;
	char path[2 * PATH_MAX];
	snprintf(path, sizeof(path), "%s/in/limit.c", t->path);
	assert_int_equal(resolver_read(t->resolver, path, LIMIT, &reached, &file, NULL), 0);
	assert_int_equal(reached, REACHED);
	assert_int_equal(file.size, 1000);
}

static void devices_are_left_out(void **state)
{
	const struct tree *t = *state;
	char path[2 * PATH_MAX];
	snprintf(path, sizeof(path), "%s/in/device.c", t->path);
	if (mknod(path, S_IFCHR | 0644, 0x0105) < 0) { /* as /dev/zero */
		print_message("cannot make a device here\n");
		skip();
	}
	expect(t, "T/in/device.c", REACHED_LEFT_OUT, NULL);
}

static void a_root_may_have_any_name(void **state)
{
	struct tree *t = *state;
	put(t, "in/.git/x.c", "named", 0644);
	put(t, "in/keys.key/x.c", "not named", 0644);
	char git[2 * PATH_MAX];
	snprintf(git, sizeof(git), "%s/in/.git", t->path);
	const char *const roots[] = { t->in, git, NULL };
	resolver_free(t->resolver);
	assert_int_equal(resolver_new(roots, &t->resolver, NULL), 0);
	expect(t, "T/in/.git/x.c", REACHED, "named");
	expect(t, "T/in/keys.key/x.c", REACHED_LEFT_OUT, NULL);

	static const char *const none[] = { NULL };
	resolver_free(t->resolver);
	assert_int_equal(resolver_new(none, &t->resolver, NULL), 0);
	expect(t, "T/in/a.c", REACHED_OUTSIDE, NULL);

	static const char *const all[] = { "/", NULL };
	resolver_free(t->resolver);
	assert_int_equal(resolver_new(all, &t->resolver, NULL), 0);
	expect(t, "T/out/o.c", REACHED, "secret");
	expect(t, "/dev/zero", REACHED_LEFT_OUT, NULL);
}

/* Folders that are replaced by links while we know them as folders. */
static void a_folder_that_becomes_a_link_is_not_followed(void **state)
{
	const struct tree *t = *state;
	put(t, "out/b.c", "secret", 0644);
	expect(t, "T/in/sub/b.c", REACHED, "beta");
	/* Our descriptor still is the old folder: what is in it is what is read, wherever it is by
	 * now. */
	run("cd %s && mv in/sub in/old && ln -s ../out in/sub", t->path);
	enum reached reached;
	struct reached_file file;
	char path[2 * PATH_MAX];
	snprintf(path, sizeof(path), "%s/in/sub/b.c", t->path);
	assert_int_equal(resolver_read(t->resolver, path, LIMIT, &reached, &file, NULL), 0);
	if (reached == REACHED)
		assert_memory_equal(file.bytes, "beta", 4);

	/* Many other folders later the descriptor is closed, and the name is a link: nothing is
	 * there. */
	for (int i = 0; i < 300; i++) {
		char name[64];
		run("mkdir %s/two/d%d && echo %d >%s/two/d%d/x.c", t->path, i, i, t->path, i);
		char text[16];
		snprintf(name, sizeof(name), "T/two/d%d/x.c", i);
		snprintf(text, sizeof(text), "%d\n", i);
		expect(t, name, REACHED, text);
	}
	expect(t, "T/in/sub/b.c", REACHED_NOTHING, NULL);
	expect(t, "T/two/d0/x.c", REACHED, "0\n"); /* closed and opened again */
}

/* While another process swaps @a and @b as fast as it can, read @name: it gives what is inside, or
 * nothing. */
static void race(struct tree *t, const char *a, const char *b, const char *name)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (chdir(t->in) < 0)
			_exit(1);
		for (;;)
			syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
	}
	char path[2 * PATH_MAX];
	snprintf(path, sizeof(path), "%s/in/%s", t->path, name);
	unsigned n_read = 0, n_leaked = 0, n_other = 0;
	for (int i = 0; i < 20000; i++) {
		resolver_free(t->resolver);
		assert_int_equal(resolver_new(t->roots, &t->resolver, NULL), 0);
		enum reached reached;
		struct reached_file file;
		assert_int_equal(resolver_read(t->resolver, path, LIMIT, &reached, &file, NULL), 0);
		if (reached != REACHED)
			n_other++;
		else if (file.size == 4 && !memcmp(file.bytes, "beta", 4))
			n_read++;
		else
			n_leaked++;
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	print_message("%s: read %u times, not read %u times\n", name, n_read, n_other);
	assert_int_equal(n_leaked, 0);
	assert_true(n_read > 0);
}

static void racing_links_never_lead_out(void **state)
{
	struct tree *t = *state;
	put(t, "out/b.c", "secret", 0644);
	put_link(t, "../../out/b.c", "in/sub/link");
	race(t, "sub/b.c", "sub/link", "sub/b.c");
	run("rm -rf %s/in/sub && mkdir %s/in/sub", t->path, t->path);
	put(t, "in/sub/b.c", "beta", 0644);
	put_link(t, "../out", "in/away");
	race(t, "sub", "away", "sub/b.c");
}

static void deep_folders_are_reached(void **state)
{
	struct tree *t = *state;
	char path[PATH_MAX] = "in";
	for (int i = 0; i < 400; i++)
		strcat(path, "/d");
	run("mkdir -p %s/%s", t->path, path);
	strcat(path, "/x.c");
	put(t, path, "deep", 0644);
	char name[PATH_MAX + 2];
	snprintf(name, sizeof(name), "T/%s", path);
	expect(t, name, REACHED, "deep");
	expect(t, "T/in/a.c", REACHED, "alpha");
	expect(t, name, REACHED, "deep");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tree_make, tree_remove)
	const struct CMUnitTest tests[] = {
		TEST(names_below_roots_are_read),
		TEST(names_outside_are_not),
		TEST(missing_names_inside_are_missing),
		TEST(links_are_walked_by_us),
		TEST(link_loops_end),
		TEST(what_must_not_be_taken_is_left_out),
		TEST(devices_are_left_out),
		TEST(a_root_may_have_any_name),
		TEST(a_folder_that_becomes_a_link_is_not_followed),
		TEST(racing_links_never_lead_out),
		TEST(deep_folders_are_reached),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
