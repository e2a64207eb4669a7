/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/builds_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/pack_check.h"
#include "store/sources.h"

static char *read_source(struct store_fixture *f, const struct digest *digest)
{
	struct lookup *l = NULL;
	struct error err = ERROR_NONE;
	char *text = NULL;
	size_t size;
	assert_ok(lookup_new(f->st, &l, &err));
	int r = source_read(f->st, l, digest, 1 << 20, &text, &size, &err);
	lookup_free(l);
	return r < 0 ? NULL : text;
}

static void assert_source(struct store_fixture *f, const struct digest *digest, bool there)
{
	char *text = read_source(f, digest);
	assert_int_equal(text != NULL, there);
	free(text);
}

/* Old enough for removing a build to rewrite it. */
static void age(struct store_fixture *f, const struct digest *digest)
{
	shell("touch -d '2 hours ago' %s", PIECE_PATH(f, digest));
}

static bool is_known(struct store_fixture *f, const struct build_id *id)
{
	struct lookup *l = NULL;
	struct error err = ERROR_NONE;
	struct build build;
	assert_ok(lookup_new(f->st, &l, &err));
	int r = lookup_build(l, id, &build, &err);
	lookup_free(l);
	assert_true(r == 0 || r == -ENOENT);
	return r == 0;
}

static void a_build_goes_with_what_only_it_needs(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	age(f, &b.pieces[PACK_0]);
	age(f, &b.pieces[PACK_1]);

	struct remove_result dry, result;
	assert_ok(store_remove_builds(f->st, &b.ids[0], 1, true, &dry, &err));
	assert_whole(f->st);
	assert_true(is_known(f, &b.ids[0]));
	assert_false(removed_build(f->st, &b.ids[0]));

	assert_ok(store_remove_builds(f->st, &b.ids[0], 1, false, &result, &err));
	assert_int_equal(result.n_builds, 1);
	assert_int_equal(dry.n_builds, 1);
	assert_int_equal(result.n_sources, 1);
	assert_int_equal(dry.n_sources, 1);
	assert_int_equal(result.n_objects, 4); /* debug, executable, manifest, the old pack */
	assert_int_equal(dry.n_objects, 4);
	assert_true(result.freed_bytes > 2000);
	assert_false(result.unsure);

	static const bool stays[N_PIECES] = { [ORIGINAL_1] = true, [MANIFEST_1] = true, [PACK_1] = true,
					      [SETTINGS] = true };
	for (size_t i = 0; i < N_PIECES; i++) {
		print_message("%s\n", piece_names[i]);
		assert_int_equal(exists(PIECE_PATH(f, &b.pieces[i])), stays[i]);
	}
	assert_false(exists(RECORD_PATH(f, &b.ids[0])));
	assert_false(is_known(f, &b.ids[0]));
	assert_true(is_known(f, &b.ids[1]));
	assert_source(f, &b.zero, false);
	assert_source(f, &b.common, true); /* moved to a new pack */
	assert_source(f, &b.one, true);
	assert_whole(f->st);
	char command[200];
	snprintf(command, sizeof(command), "test -z \"$(ls -A %s/tmp)\"", f->path);
	shell("%s", command);

	/* It does not come back, and removing again is no error. */
	struct contribution c = { .build_id = b.ids[0], .quality = QUALITY_DWARF };
	assert_int_equal(record_put(f->st, &c, NULL, &err), -EEXIST);
	assert_ok(store_remove_builds(f->st, &b.ids[0], 1, false, &result, &err));
	assert_int_equal(result.n_builds + result.n_objects + result.n_sources, 0);
}

static void the_last_build_takes_all(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	age(f, &b.pieces[PACK_0]);
	age(f, &b.pieces[PACK_1]);
	struct remove_result result;
	assert_ok(store_remove_builds(f->st, b.ids, 2, false, &result, &err));
	assert_int_equal(result.n_builds, 2);
	assert_int_equal(result.n_sources, 3);
	assert_int_equal(result.n_objects, N_PIECES);
	for (size_t i = 0; i < N_PIECES; i++)
		assert_false(exists(PIECE_PATH(f, &b.pieces[i])));
	assert_whole(f->st);
}

static void a_young_pack_is_left_alone(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	struct remove_result result;
	assert_ok(store_remove_builds(f->st, &b.ids[0], 1, false, &result, &err));
	assert_int_equal(result.n_sources, 0);
	assert_true(exists(PIECE_PATH(f, &b.pieces[PACK_0])));
	assert_source(f, &b.zero, true);
	assert_whole(f->st);
}

static void what_damage_may_hide_is_kept(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	age(f, &b.pieces[PACK_0]);
	char name[256];
	only_name(RECORD_PATH(f, &b.ids[1]), name);
	shell("echo x >> %s/%s", RECORD_PATH(f, &b.ids[1]), name);
	struct remove_result result;
	assert_ok(store_remove_builds(f->st, &b.ids[0], 1, false, &result, &err));
	assert_true(result.unsure);
	assert_int_equal(result.n_builds, 1);
	assert_int_equal(result.n_objects, 0);
	for (size_t i = 0; i < N_PIECES; i++)
		assert_true(exists(PIECE_PATH(f, &b.pieces[i])));
}

static void what_is_not_there_is_an_error(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	struct build_id ids[2] = { b.ids[0] };
	static const uint8_t other[] = { 1, 2, 3, 4 };
	assert_ok(build_id_set(&ids[1], other, sizeof(other), &err));
	struct remove_result result;
	assert_int_equal(store_remove_builds(f->st, ids, 2, false, &result, &err), -ENOENT);
	assert_true(is_known(f, &b.ids[0]));
	assert_false(removed_build(f->st, &b.ids[0]));
	assert_int_equal(store_remove_source(f->st, "/src/none.c", false, &result, &err), -ENOENT);
	assert_whole(f->st);
}

static void a_source_goes_from_all_builds(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	struct remove_result result;
	assert_ok(store_remove_source(f->st, "/src/common.h", true, &result, &err));
	assert_int_equal(result.n_sources, 1);
	assert_source(f, &b.common, true);

	assert_ok(store_remove_source(f->st, "/src/common.h", false, &result, &err));
	assert_int_equal(result.n_sources, 1);
	assert_false(result.unsure);
	assert_false(exists(PIECE_PATH(f, &b.pieces[PACK_0])));
	assert_source(f, &b.common, false);
	assert_source(f, &b.zero, true);
	assert_source(f, &b.one, true);
	assert_whole(f->st); /* the manifests still name it: absent, not missing */

	/* Its bytes are nowhere below the store. */
	shell("! find %s -name '*.zst' -exec zstd -dcq {} + | grep -q 'int common(void)'", f->path);

	struct source_writer *w = NULL;
	assert_ok(source_writer_new(f->st, NULL, &w, &err));
	static const char text[] = "#pragma once\nint common(void);\n";
	assert_int_equal(source_writer_add(w, "/other/name.h", text, strlen(text), false, &err), -EPERM);
	source_writer_free(w);

	assert_ok(store_remove_source(f->st, "/src/common.h", false, &result, &err));
	assert_int_equal(result.n_sources, 0);
	assert_ok(store_remove_source(f->st, "/src/zero.c", false, &result, &err));
	assert_int_equal(result.n_sources, 1); /* its pack has nothing left, and goes */
	assert_whole(f->st);
	assert_ok(store_reindex(f->st, NULL, &err));
	assert_source(f, &b.common, false);
	assert_source(f, &b.zero, false);
	assert_source(f, &b.one, true);
	assert_whole(f->st);
}

/* As a kill leaves it: the tombstone is there and nothing else has been done. */
static void what_was_cut_short_is_done(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	assert_ok(remove_source_mark(f->st, &b.common, "/src/common.h", &err));
	assert_source(f, &b.common, false); /* from now on */
	struct findings findings;
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], PIECE_LINE("stray", &b.pieces[PACK_0]));
	struct remove_result result;
	assert_ok(store_remove_source(f->st, "/src/common.h", false, &result, &err));
	assert_whole(f->st);

	assert_ok(remove_build_mark(f->st, &b.ids[1], &err));
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], "stray builds/12/12345601");

	/* Some of what it needs is gone already; a reader does not meet the rest. */
	shell("rm %s", PIECE_PATH(f, &b.pieces[ORIGINAL_1]));
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	assert_ok(store_reindex(f->st, NULL, &err));
	assert_false(is_known(f, &b.ids[1]));
	assert_ok(store_remove_builds(f->st, &b.ids[1], 1, false, &result, &err));
	assert_int_equal(result.n_builds, 1);
	assert_whole(f->st);

	/* The record is gone, the catalog's row is not. */
	assert_ok(remove_build_mark(f->st, &b.ids[0], &err));
	shell("rm -r %s", RECORD_PATH(f, &b.ids[0]));
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], "stray builds/ab/abcdef00");
	assert_ok(store_remove_builds(f->st, &b.ids[0], 1, false, &result, &err));
	assert_whole(f->st);
}

/* Names that lie: a pack of another making. */
static void a_pack_that_lies_is_no_source(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	struct pack_writer w = { 0 };
	struct object_result pack;
	assert_ok(pack_writer_add(&w, f->st, &b.one, "not one.c", 9, &err));
	assert_ok(pack_writer_finish(&w, f->st, &pack, &err));
	pack_writer_free(&w);
	struct findings findings;
	verify_store(f->st, &findings);
	assert_int_equal(findings.n - findings.n_strays, 1);
	assert_true(findings_have(&findings, PIECE_LINE("damaged", &pack.digest)));
	assert_ok(store_reindex(f->st, NULL, &err));
	assert_source(f, &b.one, true);
}

static void a_dry_run_counts_a_build_once(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	const struct build_id twice[] = { b.ids[0], b.ids[0] };
	struct remove_result dry, result;
	assert_ok(store_remove_builds(f->st, twice, 2, true, &dry, &err));
	assert_int_equal(dry.n_builds, 1);
	assert_ok(store_remove_builds(f->st, twice, 2, false, &result, &err));
	assert_int_equal(result.n_builds, 1);
	assert_ok(store_remove_builds(f->st, twice, 2, true, &dry, &err));
	assert_int_equal(dry.n_builds, 0);
}

/* It was taken into a pack that is not written yet when the tombstone comes. */
static void a_source_that_is_removed_while_it_is_added_does_not_stay(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	static const char text[] = "int secret;\n";
	struct digest digest = digest_of(text, strlen(text));
	struct source_writer *w = NULL;
	assert_ok(source_writer_new(f->st, NULL, &w, &err));
	assert_ok(source_writer_add(w, "/src/secret.c", text, strlen(text), false, &err));
	assert_ok(remove_source_mark(f->st, &digest, "/src/secret.c", &err));
	struct source_result result;
	assert_int_equal(source_writer_finish(w, &result, &err), -EAGAIN);
	source_writer_free(w);
	shell("test -z \"$(find %s/objects -type f)\"", f->path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(a_build_goes_with_what_only_it_needs),
		store_test(the_last_build_takes_all),
		store_test(a_young_pack_is_left_alone),
		store_test(what_damage_may_hide_is_kept),
		store_test(what_is_not_there_is_an_error),
		store_test(a_source_goes_from_all_builds),
		store_test(what_was_cut_short_is_done),
		store_test(a_pack_that_lies_is_no_source),
		store_test(a_dry_run_counts_a_build_once),
		store_test(a_source_that_is_removed_while_it_is_added_does_not_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
