/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
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
#include "base/mapping.h"
#include "split/capture.h"
#include "store/internal.h"

/*
 * Real programs, compiled in a project of their own:
 *
 *	project/.git/  project/main.c  project/inc/...	the working directory's project
 *	outside/					below no root
 */
static char tree[64], started_in[PATH_MAX], myself[PATH_MAX];
static struct store *store;

static int run(const char *format, ...) printf_like(1, 2);
static int run(const char *format, ...)
{
	char command[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

static const char *below(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *ret = path[turn++ % 4];
	snprintf(ret, sizeof(path[0]), "%s/%s", tree, name);
	return ret;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(below(name), "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int tree_make(void **state)
{
	(void)state;
	struct error err = ERROR_NONE;
	char template[] = "/tmp/dbgvault-capture-XXXXXX", resolved[PATH_MAX];
	assert_non_null(getcwd(started_in, sizeof(started_in)));
	assert_non_null(mkdtemp(template));
	assert_non_null(realpath(template, resolved));
	assert_in_range(snprintf(tree, sizeof(tree), "%s", resolved), 1, sizeof(tree) - 1);
	assert_int_equal(
		run("umask 022; cd %s && mkdir -p home project/.git project/inc outside", tree), 0);
	setenv("HOME", below("home"), 1);
	assert_int_equal(chdir(below("project")), 0);
	umask(022);
	if (store_init(below("store"), STORE_PRIVATE, (gid_t)-1, &err) < 0 ||
	    store_open(below("store"), STORE_WRITE, &store, &err) < 0)
		fail_msg("%s", err.message);
	return 0;
}

static int tree_remove(void **state)
{
	(void)state;
	store_close(store);
	assert_int_equal(chdir(started_in), 0);
	return run("rm -rf %s", tree);
}

static void compile(const char *compiler, const char *arguments)
{
	if (run("command -v %s >/dev/null", compiler)) {
		print_message("SKIPPED: no %s here\n", compiler);
		skip();
	}
	assert_int_equal(run("cd %s/project && %s -o prog %s", tree, compiler, arguments), 0);
}

/* What was reported as left out, a line each. */
static char reported[4096];

static void report(const char *path, const char *why, void *context)
{
	(void)context;
	size_t n = strlen(reported);
	bool ours = !strncmp(path, tree, strlen(tree));
	snprintf(reported + n, sizeof(reported) - n, "%s: %s\n", ours ? path + strlen(tree) : path,
		 why);
}

static int capture(const char *program, const struct source_roots *roots, struct store *to,
		   struct capture_result *ret, struct error *err)
{
	int r;

	*reported = 0;
	scoped(fd_close) int fd = -1;
	r = file_open_at(AT_FDCWD, program, O_RDONLY, 0, &fd, err);
	if (r < 0)
		return r;
	scoped(mapping_closep) struct mapping *mapping = NULL;
	r = mapping_open(fd, program, &mapping, err);
	if (r < 0)
		return r;
	scoped(image_close) struct image image = { 0 };
	r = image_open(mapping_bytes(mapping), mapping_size(mapping), &image, err);
	if (r < 0)
		return r;
	return capture_sources(to, &image, roots, mapping_stat(mapping)->st_mtime, report, NULL, NULL,
			       ret, err);
}

static struct capture_result capture_program(const char *const *extra, size_t n_extra)
{
	struct error err = ERROR_NONE;
	struct capture_result ret = { 0 };
	scoped(source_roots_freep) struct source_roots *roots = NULL;
	if (source_roots_new(extra, n_extra, &roots, &err) < 0 ||
	    capture(below("project/prog"), roots, store, &ret, &err) < 0)
		fail_msg("%s", err.message);
	return ret;
}

/* Is @path (below the tree, unless it begins with "//") in the manifest, with this text? */
static void expect(const struct capture_result *result, const char *path, const char *text,
		   bool doubtful)
{
	struct error err = ERROR_NONE;
	scoped(manifest_closep) struct manifest *m = NULL;
	assert_true(result->stored.manifest.present);
	assert_int_equal(manifest_open(store, &result->stored.manifest.digest, &m, &err), 0);
	struct manifest_entry entry;
	bool found = manifest_find(m, strncmp(path, "//", 2) ? below(path) : path, &entry);
	if (found != (text != NULL))
		print_error("%s\n", path);
	assert_int_equal(found, text != NULL);
	if (!text)
		return;
	assert_int_equal(entry.doubtful, doubtful);
	scoped(lookup_freep) struct lookup *lookup = NULL;
	assert_int_equal(lookup_new(store, &lookup, &err), 0);
	scoped(string_free) char *bytes = NULL;
	size_t size;
	assert_int_equal(source_read(store, lookup, &entry.digest, 1 << 20, &bytes, &size, &err),
			 0);
	assert_string_equal(bytes, text);
}

static const char main_c[] = "#include \"inc/h.h\"\nint main(void) { return help(0); }\n";
static const char h_h[] = "static inline int help(int x) { return x + 0; }\n";

static void put_program(void)
{
	put("project/main.c", main_c);
	put("project/inc/h.h", h_h);
	/* Older than what will be compiled from them. */
	assert_int_equal(
		run("touch -d '1 hour ago' %s/project/main.c %s/project/inc/h.h", tree, tree), 0);
}

static void a_project_s_sources_are_captured(void **state)
{
	(void)state;
	put_program();
	compile("cc", "-g main.c");
	struct capture_result result = capture_program(NULL, 0);
	assert_true(result.n_named >= 2);
	assert_int_equal(result.stored.n_files, 2);
	assert_int_equal(result.stored.n_new_files, 2);
	assert_int_equal(result.stored.bytes, sizeof(main_c) - 1 + sizeof(h_h) - 1);
	assert_int_equal(result.n_doubtful, 0);
	assert_int_equal(result.n_left_out, 0);
	assert_string_equal(reported, "");
	expect(&result, "project/main.c", main_c, false);
	expect(&result, "project/inc/h.h", h_h, false);

	/* From a folder of no project: nothing below a root, and nothing stored. */
	assert_int_equal(chdir(below("outside")), 0);
	result = capture_program(NULL, 0);
	assert_int_equal(result.stored.n_files, 0);
	assert_false(result.stored.manifest.present);
	assert_true(result.n_outside >= 2);

	/* But with a root that is named. */
	const char *const extra[] = { "../project/inc" };
	result = capture_program(extra, 1);
	assert_int_equal(result.stored.n_files, 1);
	assert_int_equal(result.stored.n_new_files, 0); /* the store has it */
	expect(&result, "project/inc/h.h", h_h, false);
	expect(&result, "project/main.c", NULL, false);
}

static void nothing_to_capture_is_no_error(void **state)
{
	(void)state;
	put_program();
	compile("cc", "-g0 -s main.c");
	struct capture_result result = capture_program(NULL, 0);
	assert_int_equal(result.n_named, 0);
	assert_int_equal(result.stored.n_files, 0);
	assert_false(result.stored.manifest.present);
}

/* What debuginfod -F gives away: any file that a #line names. */
static const char leaks[] = "int main(void) { return 0; }\n"
			    "#line 1 \"/etc/hostname\"\n"
			    "int a(void) { return 1; }\n"
			    "#line 1 \"/proc/self/environ\"\n"
			    "int b(void) { return 1; }\n"
			    "#line 1 \"../outside/secret.c\"\n"
			    "int c(void) { return 1; }\n"
			    "#line 1 \"inc/../../outside/secret.c\"\n"
			    "int d(void) { return 1; }\n"
			    "#line 1 \"inc/link.c\"\n"
			    "int e(void) { return 1; }\n"
			    "#line 1 \"/etc/passwd\"\n"
			    "int f(void) { return 1; }\n"
			    "#line 1 \"inc/private.h\"\n"
			    "int g(void) { return 1; }\n"
			    "#line 1 \".env\"\n"
			    "int h(void) { return 1; }\n"
			    "#line 1 \"inc/pipe.h\"\n"
			    "int i(void) { return 1; }\n"
			    "#line 1 \".git/config\"\n"
			    "int j(void) { return 1; }\n"
			    "#line 1 \"inc/gone.h\"\n"
			    "int k(void) { return 1; }\n";

static void put_leaks(void)
{
	put("project/main.c", leaks);
	put("outside/secret.c", "secret");
	put("project/.env", "PASSWORD=secret");
	put("project/.git/config", "secret");
	put("project/inc/private.h", "secret");
	assert_int_equal(run("cd %s/project/inc && chmod 600 private.h && mkfifo pipe.h && "
			     "ln -s ../../outside/secret.c link.c",
			     tree),
			 0);
}

static void nothing_outside_is_captured(void **state)
{
	(void)state;
	put_leaks();
	compile("cc", "-g main.c");
	struct capture_result result = capture_program(NULL, 0);
	expect(&result, "project/main.c", leaks, false);
	expect(&result, "//etc/hostname", NULL, false);
	expect(&result, "//etc/passwd", NULL, false);
	expect(&result, "//proc/self/environ", NULL, false);
	expect(&result, "outside/secret.c", NULL, false);
	expect(&result, "project/inc/link.c", NULL, false);
	assert_int_equal(result.stored.n_files, 1);
	assert_int_equal(result.n_missing, 1);
	assert_int_equal(result.n_left_out, 4);
	assert_true(result.n_outside >= 5);
	assert_non_null(
		strstr(reported, "/project/inc/private.h: not readable by group and others\n"));
	assert_non_null(strstr(reported, "/project/.env: a name that secrets go by\n"));
	assert_non_null(strstr(reported, "/project/.git/config: a name that secrets go by\n"));
	assert_non_null(strstr(reported, "/project/inc/pipe.h: not a regular file\n"));
	assert_int_equal(run("! grep -rq secret %s/store", tree), 0);
}

/*
 * The same under strace: behind the mark, what is opened for reading lies below a root or in the
 * store. As strace tells it: openat(5</a/b>, "c.h", O_RDONLY|...) = 6</a/b/c.h>
 */
static const char mark[] = "/capture-begins-here";

static int capture_for_strace(char **argv)
{
	struct error err = ERROR_NONE;
	scoped(source_roots_freep) struct source_roots *roots = NULL;
	scoped(store_closep) struct store *to = NULL;
	struct capture_result result;
	int r = source_roots_new(NULL, 0, &roots, &err);
	if (r == 0)
		r = store_open(argv[2], STORE_WRITE, &to, &err);
	if (r < 0)
		return 2;
	(void)digest_of("", 0); /* libcrypto reads its settings, once */
	(void)!access(mark, F_OK);
	r = capture(argv[1], roots, to, &result, &err);
	fprintf(stderr, "%s\n", err.message);
	return r < 0 ? 3 : 0;
}

static void strace_sees_no_other_file_opened(void **state)
{
	(void)state;
	if (run("strace -o /dev/null true 2>/dev/null")) {
		print_message("SKIPPED: no strace here, or not allowed\n");
		skip();
	}
	put_leaks();
	compile("cc", "-g main.c");
	/* A leak sanitizer cannot work under strace. */
	assert_int_equal(
		run("ASAN_OPTIONS=detect_leaks=0 strace -f -y -o %s/log -e trace=access,faccessat,faccessat2,open,openat,openat2,creat "
		    "'%s' prog %s/store 2>%s/errors",
		    tree, myself, tree, tree),
		0);

	const char *const allowed[] = { below("project"), below("store"),
					"/dev/urandom" /* SQLite's */ };
	FILE *f = fopen(below("log"), "re");
	assert_non_null(f);
	bool begun = false;
	unsigned n_project = 0, n_path_only = 0;
	for (char line[8192]; fgets(line, sizeof(line), f);) {
		begun = begun || strstr(line, mark);
		const char *path = strstr(line, "= ");
		path = path ? strchr(path, '<') : NULL;
		if (!begun || !path || !strstr(line, "open"))
			continue; /* before, or not opened */
		if (strstr(line, "O_PATH")) {
			n_path_only++;
			continue;
		}
		bool good = false;
		for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
			size_t n = strlen(allowed[i]);
			good = good || (!strncmp(path + 1, allowed[i], n) &&
					(path[n + 1] == '/' || path[n + 1] == '>'));
		}
		if (!good)
			print_error("%s", line);
		assert_true(good);
		assert_null(strstr(path, "private.h"));
		assert_null(strstr(path, "pipe.h"));
		n_project += strstr(path, "/project/main.c") != NULL;
	}
	fclose(f);
	assert_true(begun);
	assert_int_equal(n_project, 1);
	assert_true(n_path_only > 0);
}

static void a_file_newer_than_the_program_is_doubtful(void **state)
{
	(void)state;
	put_program();
	compile("cc", "-g main.c");
	put("project/inc/h.h", "changed since\n");
	assert_int_equal(run("touch -d '1 hour' %s/project/inc/h.h", tree), 0);
	struct capture_result result = capture_program(NULL, 0);
	assert_int_equal(result.stored.n_files, 2);
	assert_int_equal(result.n_doubtful, 1);
	expect(&result, "project/main.c", main_c, false);
	expect(&result, "project/inc/h.h", "changed since\n", true);
}

static void md5_decides_where_there_is_one(void **state)
{
	(void)state;
	put_program();
	compile("clang", "-g -gdwarf-5 main.c");
	/* Newer, and the same; older, and another. */
	assert_int_equal(
		run("cd %s/project && touch -d '1 hour' main.c && printf 'another\\n' >inc/h.h && "
		    "touch -d '1 hour ago' inc/h.h",
		    tree),
		0);
	struct capture_result result = capture_program(NULL, 0);
	assert_int_equal(result.n_doubtful, 1);
	expect(&result, "project/main.c", main_c, false);
	expect(&result, "project/inc/h.h", "another\n", true);
}

static void one_file_by_two_names_is_there_by_both(void **state)
{
	(void)state;
	put("project/main.c",
	    "#include \"inc/a.h\"\n#include \"link/b.h\"\nint main(void) { return a() + b(); }\n");
	put("project/inc/a.h", "static inline int a(void) { return 0; }\n");
	put("project/inc/b.h", "static inline int b(void) { return 0; }\n");
	assert_int_equal(run("ln -s inc %s/project/link", tree), 0);
	compile("cc", "-g main.c");
	struct capture_result result = capture_program(NULL, 0);
	assert_int_equal(result.stored.n_files, 3);
	expect(&result, "project/inc/a.h", "static inline int a(void) { return 0; }\n", false);
	expect(&result, "project/link/b.h", "static inline int b(void) { return 0; }\n", false);
	expect(&result, "project/inc/b.h", NULL, false); /* as DWARF names it */
}

static void removed_sources_are_left_out(void **state)
{
	(void)state;
	put_program();
	compile("cc", "-g main.c");
	struct digest digest = digest_of(h_h, sizeof(h_h) - 1);
	assert_int_equal(remove_source_mark(store, &digest, "x", NULL), 0);
	struct capture_result result = capture_program(NULL, 0);
	assert_int_equal(result.stored.n_files, 1);
	assert_int_equal(result.n_left_out, 1);
	assert_string_equal(reported, "/project/inc/h.h: removed from the store for good\n");
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return capture_for_strace(argv);
	if (!realpath("/proc/self/exe", myself))
		return 77;
#define TEST(f) cmocka_unit_test_setup_teardown(f, tree_make, tree_remove)
	const struct CMUnitTest tests[] = {
		TEST(a_project_s_sources_are_captured),
		TEST(nothing_to_capture_is_no_error),
		TEST(nothing_outside_is_captured),
		TEST(strace_sees_no_other_file_opened),
		TEST(a_file_newer_than_the_program_is_doubtful),
		TEST(md5_decides_where_there_is_one),
		TEST(one_file_by_two_names_is_there_by_both),
		TEST(removed_sources_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
