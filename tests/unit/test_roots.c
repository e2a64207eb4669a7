/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "split/roots.h"

static char tree[64]; /* resolved, made for each test; $HOME is tree/home */
static char started_in[PATH_MAX];

static void run(const char *command)
{
	char line[PATH_MAX];
	snprintf(line, sizeof(line), "cd %s && %s", tree, command);
	assert_int_equal(system(line), 0);
}

static void set(const char *key, const char *below)
{
	char value[PATH_MAX];
	snprintf(value, sizeof(value), "%s/%s", tree, below);
	assert_int_equal(setenv(key, value, 1), 0);
}

static void enter(const char *below)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", tree, below);
	assert_int_equal(chdir(path), 0);
}

static int tree_make(void **state)
{
	(void)state;
	char template[] = "/tmp/dbgvault-roots-XXXXXX";
	assert_non_null(getcwd(started_in, sizeof(started_in)));
	assert_non_null(mkdtemp(template));
	char resolved[PATH_MAX];
	assert_non_null(realpath(template, resolved));
	assert_in_range(snprintf(tree, sizeof(tree), "%s", resolved), 1, sizeof(tree) - 1);
	run("mkdir home empty");
	static const char *const keys[] = { "GOROOT",          "GOPATH",     "GOMODCACHE", "GOENV",
					    "XDG_CONFIG_HOME", "CARGO_HOME", "RUSTUP_HOME" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		unsetenv(keys[i]);
	set("HOME", "home");
	/* Tools for run() first, for what it needs; no go there. */
	run("mkdir bin && for t in mkdir touch ln chmod rm cp; do ln -s $(command -v $t) bin/; done");
	set("PATH", "bin");
	enter("empty");
	return 0;
}

static int tree_remove(void **state)
{
	(void)state;
	assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
	assert_int_equal(chdir(started_in), 0);
	run("rm -rf \"$PWD\"");
	return 0;
}

static bool has(const struct source_roots *roots, const char *path)
{
	for (const char *const *at = source_roots_paths(roots); *at; at++)
		if (!strcmp(*at, path))
			return true;
	return false;
}

/* Are these, below the tree, among the roots (with "!" before: not)? */
static void expect(const char *const *below)
{
	scoped(source_roots_freep) struct source_roots *roots = NULL;
	struct error err = ERROR_NONE;
	assert_int_equal(source_roots_new(NULL, 0, &roots, &err), 0);
	for (; *below; below++) {
		bool wanted = **below != '!';
		const char *name = *below + !wanted;
		char path[PATH_MAX];
		snprintf(path, sizeof(path), "%s%s%s", tree, *name ? "/" : "", name);
		if (has(roots, path) != wanted)
			print_error("%s\n", *below);
		assert_int_equal(has(roots, path), wanted);
	}
}
#define EXPECT(...) expect((const char *const[]){ __VA_ARGS__, NULL })

static void the_project_is_the_nearest(void **state)
{
	(void)state;
	run("mkdir -p a/b/c/d e f g h && touch a/Cargo.toml a/b/go.mod && mkdir e/.git && "
	    "touch f/.git g/meson.build");
	EXPECT("!", "!empty");
	enter("a/b/c/d");
	EXPECT("a/b", "!a", "!a/b/c/d");
	enter("a/b");
	EXPECT("a/b", "!a");
	enter("a");
	EXPECT("a", "!a/b");
	enter("e");
	EXPECT("e");
	enter("f"); /* a worktree's .git is a file */
	EXPECT("f");
	enter("g");
	EXPECT("g");
	enter("h");
	EXPECT("!h", "!");
}

static void a_home_is_no_project(void **state)
{
	(void)state;
	run("mkdir -p home/.git home/x/y home/p && touch home/p/go.mod && touch go.mod");
	enter("home");
	EXPECT("!home", "!");
	enter("home/x/y");
	EXPECT("!home", "!home/x/y", "!");
	enter("home/p");
	EXPECT("home/p");
	/* It holds the home folder. */
	enter("empty");
	EXPECT("!");
	/* Anyone may have left a marker where anyone may write. */
	run("mkdir -p open/x && chmod 1777 open && touch open/go.mod");
	enter("open/x");
	EXPECT("!open", "!open/x");
	run("chmod 0777 open");
	EXPECT("open");

	assert_int_equal(chdir("/etc"), 0);
	scoped(source_roots_freep) struct source_roots *roots = NULL;
	assert_int_equal(source_roots_new(NULL, 0, &roots, NULL), 0);
	assert_false(has(roots, "/etc"));
	assert_false(has(roots, "/"));
}

static void go_is_where_its_command_looks(void **state)
{
	(void)state;
	run("mkdir -p go1/src/runtime go1/bin go2/src/runtime not/src home/go/pkg/mod home/sdk/go1.99/src/runtime "
	    "home/sdk/other path1/pkg/mod path2/pkg/mod cache filecache home/.config/go config/go && "
	    "touch go1/bin/go && chmod 755 go1/bin/go");
	EXPECT("home/go/pkg/mod", "home/sdk/go1.99", "!home/sdk/other", "!go1", "!go2");

	set("GOROOT", "go2");
	EXPECT("go2", "go2/src");
	set("GOROOT", "not"); /* holds no Go */
	EXPECT("!not", "!go2");
	set("GOROOT", "go1");
	EXPECT("go1");
	unsetenv("GOROOT");

	/* By the program in $PATH, through links. */
	run("ln -s ../go1/bin/go bin/go");
	EXPECT("go1", "go1/src");
	run("rm bin/go && mkdir x && mkdir x/bin && touch x/bin/go && chmod 755 x/bin/go && ln -s ../x/bin/go bin/go");
	EXPECT("!go1", "!x"); /* as with gccgo's /usr/bin/go */

	/* A link in it, as distributions have it. */
	run("mkdir -p share/src/runtime go3 && ln -s ../share/src go3/src");
	set("GOROOT", "go3");
	EXPECT("go3", "share/src", "!share");
	unsetenv("GOROOT");

	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/path1:%s/path2", tree, tree);
	assert_int_equal(setenv("GOPATH", path, 1), 0);
	EXPECT("path1/pkg/mod", "!path2/pkg/mod", "!home/go/pkg/mod");
	set("GOMODCACHE", "cache");
	EXPECT("cache", "!path1/pkg/mod");
	set("GOMODCACHE", "missing");
	EXPECT("!cache", "!missing", "!path1/pkg/mod");
	assert_int_equal(setenv("GOMODCACHE", "relative", 1), 0);
	EXPECT("!cache", "!path1/pkg/mod");
	set("GOMODCACHE", ""); /* holds the home folder: no root of itself */
	EXPECT("!");
	unsetenv("GOMODCACHE");
	unsetenv("GOPATH");

	/* By what go env -w wrote. */
	char line[512];
	snprintf(line, sizeof(line),
		 "printf '# x\\nGOFLAGS=-v\\nGOMODCACHE=%s/filecache\\n' >home/.config/go/env",
		 tree);
	run(line);
	EXPECT("filecache", "!home/go/pkg/mod");
	set("XDG_CONFIG_HOME", "config");
	EXPECT("!filecache", "home/go/pkg/mod");
	set("GOENV", "home/.config/go/env");
	EXPECT("filecache");
	run("cp home/.config/go/env empty/off");
	assert_int_equal(setenv("GOENV", "off", 1), 0);
	unsetenv("XDG_CONFIG_HOME");
	EXPECT("!filecache", "home/go/pkg/mod");
}

static void rust_is_where_cargo_and_rustup_put_it(void **state)
{
	(void)state;
	run("mkdir -p home/.cargo/registry/src home/.rustup/toolchains/stable/lib/rustlib/src "
	    "cargo/registry/src rustup/toolchains/a/lib/rustlib/src rustup/toolchains/b/lib/rustlib/src");
	EXPECT("home/.cargo/registry/src", "home/.rustup/toolchains/stable/lib/rustlib/src",
	       "!home/.cargo");
	set("CARGO_HOME", "cargo");
	set("RUSTUP_HOME", "rustup");
	EXPECT("cargo/registry/src", "rustup/toolchains/a/lib/rustlib/src",
	       "rustup/toolchains/b/lib/rustlib/src", "!home/.cargo/registry/src",
	       "!home/.rustup/toolchains/stable/lib/rustlib/src");
}

static void the_system_s_headers_are_there(void **state)
{
	(void)state;
	static const char *const paths[] = { "/usr/include", "/usr/src" };
	/* Whatever $HOME says. */
	assert_int_equal(setenv("HOME", "/usr/src/app", 1), 0);
	scoped(source_roots_freep) struct source_roots *roots = NULL;
	assert_int_equal(source_roots_new(NULL, 0, &roots, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], F_OK) == 0)
			assert_true(has(roots, paths[i]));
	size_t n = 0;
	for (const char *const *at = source_roots_paths(roots); *at; at++) {
		assert_string_not_equal(*at, "/");
		n += !strncmp(*at, "/usr/lib/gcc/", 13);
	}
	if (access("/usr/lib/gcc", F_OK) == 0)
		assert_true(n > 0);
}

static void named_roots_must_be_there(void **state)
{
	(void)state;
	run("mkdir named && touch file && ln -s named link");
	enter("");
	scoped(source_roots_freep) struct source_roots *roots = NULL;
	struct error err = ERROR_NONE;
	char named[PATH_MAX];
	snprintf(named, sizeof(named), "%s/named", tree);
	const char *const good[] = { "link", named, "/" };
	assert_int_equal(source_roots_new(good, 3, &roots, &err), 0);
	assert_string_equal(source_roots_paths(roots)[0], named);
	assert_string_equal(source_roots_paths(roots)[1],
			    "/"); /* each once, and as the user says */

	struct source_roots *none = NULL;
	const char *const missing[] = { "named", "missing" };
	assert_int_equal(source_roots_new(missing, 2, &none, &err), -ENOENT);
	assert_string_equal(err.message, "source root missing: No such file or directory");
	const char *const file[] = { "file" };
	assert_int_equal(source_roots_new(file, 1, &none, &err), -ENOTDIR);
	assert_null(none);
}

static void environment_files_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text, *value;
	} cases[] = {
		{ "", NULL },
		{ "GOPATH=/x", "/x" },
		{ "GOPATH=/x\n", "/x" },
		{ "GOPATH=/x\r\n", "/x" },
		{ "#GOPATH=/x\n", NULL },
		{ "# c\nA=b\nGOPATH=/x y\nZ=\n", "/x y" },
		{ "GOPATHS=/x\n", NULL },
		{ " GOPATH=/x\n", NULL },
		{ "GOPATH=\n", NULL },
		{ "GOPATH=/a\nGOPATH=/b\n", "/b" },
		{ "GOPATH=/a=b\n", "/a=b" },
		{ "GOPATH", NULL },
		{ "\n\n\n", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scoped(string_free) char *text = strdup(cases[i].text);
		const char *value = go_env_value(text, "GOPATH");
		print_message("%s\n", cases[i].text);
		if (cases[i].value)
			assert_string_equal(value, cases[i].value);
		else
			assert_null(value);
	}
}

static void below_goes_by_components(void **state)
{
	(void)state;
	assert_true(path_is_below("/a", "/a"));
	assert_true(path_is_below("/a/b", "/a"));
	assert_true(path_is_below("/a", "/"));
	assert_true(path_is_below("/", "/"));
	assert_false(path_is_below("/ab", "/a"));
	assert_false(path_is_below("/", "/a"));
	assert_false(path_is_below("/b/a", "/a"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tree_make, tree_remove)
	const struct CMUnitTest tests[] = {
		TEST(the_project_is_the_nearest),
		TEST(a_home_is_no_project),
		TEST(go_is_where_its_command_looks),
		TEST(rust_is_where_cargo_and_rustup_put_it),
		TEST(the_system_s_headers_are_there),
		TEST(named_roots_must_be_there),
		cmocka_unit_test(environment_files_are_read),
		cmocka_unit_test(below_goes_by_components),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
