/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/builds_fixture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "store/hold.h"
#include "store/needs.h"

static struct stat stat_of(struct store_fixture *f, const struct digest *digest)
{
	struct stat is;
	assert_int_equal(stat(PIECE_PATH(f, digest), &is), 0);
	return is;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Until the clock of file times has gone on. */
static void wait_a_tick(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

/* The contribution of build 0. */
static void read_contribution(struct store *st, const struct builds *b, struct record *ret)
{
	struct error err = ERROR_NONE;
	assert_ok(record_read(st, &b->ids[0], ret, &err));
	assert_int_equal(ret->n_contributions, 1);
}

/* What its writer noted stays, for him to know it by; what the collector goes by is new. */
static void holding_renews_the_time_of_change_alone(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	struct stat before = stat_of(f, &b.pieces[DEBUG_0]);
	wait_a_tick();
	assert_ok(object_hold(f->st, &b.pieces[DEBUG_0], &err));
	struct stat after = stat_of(f, &b.pieces[DEBUG_0]);
	assert_true(same_time(before.st_mtim, after.st_mtim));
	assert_false(same_time(before.st_ctim, after.st_ctim));

	struct digest none = digest_of("none", 4);
	assert_int_equal(object_hold(f->st, &none, &err), -ENOENT);
}

static void a_record_holds_all_it_names(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	scoped(record_free) struct record record = { 0 };
	read_contribution(f->st, &b, &record);
	struct stat before[N_PIECES];
	for (size_t i = 0; i < N_PIECES; i++)
		before[i] = stat_of(f, &b.pieces[i]);
	wait_a_tick();
	record.contributions[0].origin.package[0] = 'E'; /* another one */
	assert_ok(record_put(f->st, &record.contributions[0], NULL, &err));
	for (size_t i = 0; i < N_PIECES; i++) {
		bool held = i != ORIGINAL_1 && i != MANIFEST_1 && i != PACK_1;
		struct stat after = stat_of(f, &b.pieces[i]);
		print_message("%s\n", piece_names[i]);
		assert_int_equal(same_time(before[i].st_ctim, after.st_ctim), !held);
		assert_true(same_time(before[i].st_mtim, after.st_mtim));
	}
}

static void a_record_is_refused_without_what_it_names(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	scoped(record_free) struct record record = { 0 };
	read_contribution(f->st, &b, &record);
	struct contribution *c = &record.contributions[0];
	assert_true(build_id_parse("cafe01", 6, &c->build_id, NULL) == 0);
	static const enum piece needed[] = { DEBUG_0, STRIPPED_0, MANIFEST_0, SETTINGS, PACK_0 };
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		struct error err = ERROR_NONE;
		const char *path = PIECE_PATH(f, &b.pieces[needed[i]]);
		print_message("%s\n", piece_names[needed[i]]);
		shell("mv %s %s.away", path, path);
		assert_int_equal(record_put(f->st, c, NULL, &err), -ENOENT);
		assert_false(exists(RECORD_PATH(f, &c->build_id)));
		assert_non_null(strstr(err.message, "cafe01"));
		if (needed[i] == PACK_0)
			assert_non_null(strstr(err.message, "2 of the 2 sources"));
		shell("mv %s.away %s", path, path);
	}
	struct error err = ERROR_NONE;
	assert_ok(record_put(f->st, c, NULL, &err));
	assert_whole(f->st);
}

/* Its tombstone says that it is to be missing. */
static void a_removed_source_is_not_needed(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	struct remove_result removed;
	builds_add(f->st, &b);
	scoped(record_free) struct record record = { 0 };
	read_contribution(f->st, &b, &record);
	assert_ok(store_remove_source(f->st, "/src/zero.c", false, &removed, &err));
	record.contributions[0].origin.package[0] = 'E';
	assert_ok(record_put(f->st, &record.contributions[0], NULL, &err));
	assert_whole(f->st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(holding_renews_the_time_of_change_alone),
		store_test(a_record_holds_all_it_names),
		store_test(a_record_is_refused_without_what_it_names),
		store_test(a_removed_source_is_not_needed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
