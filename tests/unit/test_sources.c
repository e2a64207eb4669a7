/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
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
#include "store/internal.h"

static char folder[64];
static struct store *store;

static int run(const char *format, ...) printf_like(1, 2);
static int run(const char *format, ...)
{
	char command[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

static int store_make(void **state)
{
	(void)state;
	char path[128];
	struct error err = ERROR_NONE;
	strcpy(folder, "/tmp/dbgvault-sources-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/store", folder);
	if (store_init(path, STORE_PRIVATE, (gid_t)-1, &err) < 0 ||
	    store_open(path, STORE_WRITE, &store, &err) < 0)
		fail_msg("%s", err.message);
	return 0;
}

static int store_remove(void **state)
{
	(void)state;
	store_close(store);
	return run("rm -rf %s", folder);
}

struct file {
	const char *path, *text;
	bool doubtful;
	int r;
};

static struct source_result add_all(const struct file *files, size_t n)
{
	scoped(source_writer_freep) struct source_writer *w = NULL;
	struct error err = ERROR_NONE;
	assert_int_equal(source_writer_new(store, NULL, &w, &err), 0);
	for (size_t i = 0; i < n; i++) {
		int r = source_writer_add(w, files[i].path, files[i].text, strlen(files[i].text),
					  files[i].doubtful, &err);
		if (r != files[i].r)
			print_error("%s: %s\n", files[i].path, err.message);
		assert_int_equal(r, files[i].r);
	}
	struct source_result ret;
	if (source_writer_finish(w, &ret, &err) < 0)
		fail_msg("%s", err.message);
	return ret;
}
#define ADD(...)                                      \
	add_all((const struct file[]){ __VA_ARGS__ }, \
		sizeof((const struct file[]){ __VA_ARGS__ }) / sizeof(struct file))

/* What the store gives for a path of a manifest; "" in front and a "?" behind the text of a
 * doubtful one. */
static void expect(const struct source_result *result, const char *path, const char *text,
		   bool doubtful)
{
	scoped(manifest_closep) struct manifest *m = NULL;
	struct error err = ERROR_NONE;
	assert_true(result->manifest.present);
	if (manifest_open(store, &result->manifest.digest, &m, &err) < 0)
		fail_msg("%s", err.message);
	struct manifest_entry entry;
	assert_int_equal(manifest_find(m, path, &entry), text != NULL);
	if (!text)
		return;
	assert_int_equal(entry.doubtful, doubtful);

	scoped(lookup_freep) struct lookup *lookup = NULL;
	assert_int_equal(lookup_new(store, &lookup, &err), 0);
	scoped(string_free) char *bytes = NULL;
	size_t size;
	if (source_read(store, lookup, &entry.digest, 1 << 20, &bytes, &size, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(size, strlen(text));
	assert_string_equal(bytes, text);
}

static void files_come_back_by_path(void **state)
{
	(void)state;
	struct source_result result =
		ADD({ "/p/b.c", "bravo" }, { "/p/a.c", "alpha" }, { "/p/empty.c", "" },
		    { "/p/same.c", "alpha" }, { "/p/odd\n\\\xff.c", "odd" },
		    { "/p/x/../folded.c", "folded" }, { "/p/old.c", "old", true });
	assert_int_equal(result.n_files, 7);
	assert_int_equal(result.bytes, 5 + 5 + 0 + 5 + 3 + 6 + 3);
	assert_int_equal(result.n_new_files, 6); /* alpha once */
	assert_true(result.stored_bytes > 0);
	expect(&result, "/p/a.c", "alpha", false);
	expect(&result, "/p/b.c", "bravo", false);
	expect(&result, "/p/empty.c", "", false);
	expect(&result, "/p/same.c", "alpha", false);
	expect(&result, "/p/odd\n\\\xff.c", "odd", false);
	expect(&result, "/p/folded.c", "folded", false);
	expect(&result, "/p//./x/../folded.c", "folded", false);
	expect(&result, "/p/old.c", "old", true);
	expect(&result, "/p/c.c", NULL, false);
}

static uint64_t n_objects(void)
{
	char command[256];
	snprintf(command, sizeof(command), "find %s/store/objects -type f | wc -l", folder);
	FILE *f = popen(command, "re");
	assert_non_null(f);
	unsigned long n = 0;
	assert_int_equal(fscanf(f, "%lu", &n), 1);
	pclose(f);
	return n;
}

static void a_second_build_adds_only_what_changed(void **state)
{
	(void)state;
	struct source_result first = ADD({ "/p/a.c", "alpha" }, { "/p/b.c", "bravo" });
	assert_int_equal(first.n_new_files, 2);
	assert_int_equal(n_objects(), 2); /* pack and manifest */

	struct source_result second = ADD({ "/p/a.c", "alpha" }, { "/p/b.c", "bravo, changed" });
	assert_int_equal(second.n_files, 2);
	assert_int_equal(second.n_new_files, 1);
	assert_int_equal(n_objects(), 4);
	expect(&first, "/p/b.c", "bravo", false);
	expect(&second, "/p/a.c", "alpha", false);
	expect(&second, "/p/b.c", "bravo, changed", false);

	/* The same again: nothing at all. */
	struct source_result third = ADD({ "/p/b.c", "bravo, changed" }, { "/p/a.c", "alpha" });
	assert_int_equal(third.n_new_files, 0);
	assert_int_equal(third.stored_bytes, 0);
	assert_true(digest_equal(&third.manifest.digest, &second.manifest.digest));
	assert_int_equal(n_objects(), 4);

	/* Other places of the same files: a manifest alone. */
	struct source_result moved = ADD({ "/q/a.c", "alpha" });
	assert_int_equal(moved.n_new_files, 0);
	assert_true(moved.stored_bytes > 0);
	assert_int_equal(n_objects(), 5);
}

static void the_better_file_of_a_path_wins(void **state)
{
	(void)state;
	struct source_result result = ADD(
		{ "/1", "first" }, { "/1", "second" }, { "/2", "first", true }, { "/2", "second" },
		{ "/2", "third" }, { "/3", "first", true }, { "/3", "second", true },
		{ "/4", "first" }, { "/4", "second", true }, { "//4", "third" });
	assert_int_equal(result.n_files, 4);
	expect(&result, "/1", "first", false);
	expect(&result, "/2", "second", false);
	expect(&result, "/3", "first", true);
	expect(&result, "/4", "first", false);
	assert_int_equal(result.bytes, 5 + 6 + 5 + 5);
}

static void nothing_added_stores_nothing(void **state)
{
	(void)state;
	scoped(source_writer_freep) struct source_writer *w = NULL;
	assert_int_equal(source_writer_new(store, NULL, &w, NULL), 0);
	struct source_result result = { .n_files = 77, .manifest.present = true };
	assert_int_equal(source_writer_finish(w, &result, NULL), 0);
	assert_false(result.manifest.present);
	assert_int_equal(result.n_files, 0);
	assert_int_equal(result.stored_bytes, 0);
	assert_int_equal(n_objects(), 0);
}

static void an_abandoned_writer_leaves_nothing(void **state)
{
	(void)state;
	struct source_writer *w = NULL;
	assert_int_equal(source_writer_new(store, NULL, &w, NULL), 0);
	assert_int_equal(source_writer_add(w, "/a", "alpha", 5, false, NULL), 0);
	source_writer_free(w);
	assert_int_equal(n_objects(), 0);
	assert_int_equal(run("test -z \"$(ls %s/store/tmp)\"", folder), 0);
	source_writer_free(NULL);
}

static void removed_files_do_not_come_back(void **state)
{
	(void)state;
	struct digest removed = digest_of("secret", 6);
	assert_int_equal(remove_source_mark(store, &removed, "/p/s.c", NULL), 0);
	struct source_result result = ADD({ "/p/s.c", "secret", false, -EPERM },
					  { "/p/a.c", "alpha" }, { "/p/s.c", "no secret" });
	assert_int_equal(result.n_files, 2);
	expect(&result, "/p/s.c", "no secret", false);
	expect(&result, "/p/a.c", "alpha", false);
}

static void a_pack_that_was_lost_is_made_again(void **state)
{
	(void)state;
	struct source_result first = ADD({ "/p/a.c", "alpha" });
	assert_int_equal(run("find %s/store/objects -type f -delete", folder), 0);
	scoped(lookup_freep) struct lookup *lookup = NULL;
	assert_int_equal(lookup_new(store, &lookup, NULL), 0);
	struct digest alpha = digest_of("alpha", 5);
	char *bytes;
	size_t size;
	assert_int_equal(source_read(store, lookup, &alpha, 100, &bytes, &size, NULL), -ENOENT);

	struct source_result again = ADD({ "/p/a.c", "alpha" });
	assert_int_equal(again.n_new_files, 1);
	assert_true(digest_equal(&first.manifest.digest, &again.manifest.digest));
	expect(&again, "/p/a.c", "alpha", false);
}

static void a_pack_that_is_used_again_is_young_again(void **state)
{
	(void)state;
	(void)ADD({ "/p/a.c", "alpha" });
	assert_int_equal(
		run("find %s/store/objects -type f -exec touch -d 2001-01-01 {} +", folder), 0);
	(void)ADD({ "/p/a.c", "alpha" }, { "/p/b.c", "bravo" });
	assert_int_equal(
		run("test $(find %s/store/objects -type f ! -newermt 2002-01-01 | wc -l) = 1",
		    folder),
		0); /* the first manifest */
}

static void reading_is_limited_and_checked(void **state)
{
	(void)state;
	(void)ADD({ "/p/a.c", "alpha" }, { "/p/empty.c", "" });
	scoped(lookup_freep) struct lookup *lookup = NULL;
	assert_int_equal(lookup_new(store, &lookup, NULL), 0);
	struct digest alpha = digest_of("alpha", 5), nothing = digest_of("", 0),
		      missing = digest_of("x", 1);
	char *bytes = NULL;
	size_t size = 77;
	assert_int_equal(source_read(store, lookup, &alpha, 4, &bytes, &size, NULL), -EFBIG);
	assert_int_equal(source_read(store, lookup, &missing, 4, &bytes, &size, NULL), -ENOENT);
	assert_true(!bytes && size == 77); /* untouched */
	assert_int_equal(source_read(store, lookup, &alpha, 5, &bytes, &size, NULL), 0);
	assert_string_equal(bytes, "alpha");
	free(bytes);
	assert_int_equal(source_read(store, lookup, &nothing, 0, &bytes, &size, NULL), 0);
	assert_int_equal(size, 0);
	assert_string_equal(bytes, "");
	free(bytes);

	/* A catalog that names a wrong place is not believed. */
	struct object_result other;
	assert_int_equal(object_put(store, "beta5", 5, &other, NULL), 0);
	struct pack_member lies[] = { { digest_of("lie 1", 5), 0, 5 },
				      { digest_of("lie 2", 5), 3, 5 },
				      { digest_of("lie 3", 5), UINT32_MAX, 5 },
				      { digest_of("lie 4", 5), 0, UINT64_C(1) << 50 } };
	assert_int_equal(catalog_put_pack(store, &other.digest, lies, ARRAY_SIZE(lies), NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		bytes = NULL;
		assert_int_equal(source_read(store, lookup, &lies[i].digest, UINT64_MAX, &bytes,
					     &size, NULL),
				 -EBADMSG);
		assert_null(bytes);
	}
}

static void files_over_the_limit_are_refused(void **state)
{
	(void)state;
	scoped(source_writer_freep) struct source_writer *w = NULL;
	assert_int_equal(source_writer_new(store, NULL, &w, NULL), 0);
	scoped(string_free) char *large = calloc(1, SOURCE_SIZE_LIMIT + 1u);
	assert_non_null(large);
	struct error err = ERROR_NONE;
	assert_int_equal(source_writer_add(w, "/l", large, SOURCE_SIZE_LIMIT + 1u, false, &err),
			 -EFBIG);
	assert_int_equal(source_writer_add(w, "/l", large, SOURCE_SIZE_LIMIT, false, &err), 0);
	assert_int_equal(source_writer_add(w, "", large, 1, false, &err), -EINVAL);
	struct source_result result;
	assert_int_equal(source_writer_finish(w, &result, &err), 0);
	assert_int_equal(result.n_files, 1);
	assert_int_equal(result.bytes, SOURCE_SIZE_LIMIT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, store_make, store_remove)
	const struct CMUnitTest tests[] = {
		TEST(files_come_back_by_path),
		TEST(a_second_build_adds_only_what_changed),
		TEST(the_better_file_of_a_path_wins),
		TEST(nothing_added_stores_nothing),
		TEST(an_abandoned_writer_leaves_nothing),
		TEST(removed_files_do_not_come_back),
		TEST(a_pack_that_was_lost_is_made_again),
		TEST(a_pack_that_is_used_again_is_young_again),
		TEST(reading_is_limited_and_checked),
		TEST(files_over_the_limit_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
