/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/builds_fixture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "store/hold.h"
#include "store/sources.h"

#define DAY (24 * 60 * 60)

/* What was told, as lines "KIND PATH". */
struct told {
	char lines[32][200];
	size_t n;
	uint64_t bytes;
};

static void tell(const char *kind, const char *what, uint64_t bytes, int64_t age_seconds,
		 void *context)
{
	struct told *told = context;
	(void)age_seconds;
	assert_true(told->n < ARRAY_SIZE(told->lines));
	snprintf(told->lines[told->n++], sizeof(told->lines[0]), "%s %s", kind, what);
	told->bytes += bytes;
}

static bool was_told(const struct told *told, const char *kind, const char *what)
{
	char line[200];
	snprintf(line, sizeof(line), "%s %s", kind, what);
	for (size_t i = 0; i < told->n; i++)
		if (!strcmp(told->lines[i], line))
			return true;
	return false;
}

static struct collect_result collect(struct store *st, struct collect_options options,
				     struct told *told)
{
	struct error err = ERROR_NONE;
	struct collect_result result = { 0 };
	struct told own = { 0 };
	assert_ok(store_collect(st, &options, NULL, tell, told ? told : &own, &result, &err));
	assert_int_equal(result.freed_bytes, (told ? told : &own)->bytes);
	return result;
}

static struct digest put_garbage(struct store *st, const char *text)
{
	struct error err = ERROR_NONE;
	struct object_result object;
	assert_ok(object_put(st, text, strlen(text), &object, &err));
	return object.digest;
}

static const char stray_text[] = "int stray(void);\n";

/* A pack and a manifest that no record names. */
static struct digest put_stray_sources(struct store *st)
{
	struct error err = ERROR_NONE;
	struct source_writer *w = NULL;
	struct source_result result;
	assert_ok(source_writer_new(st, NULL, &w, &err));
	assert_ok(
		source_writer_add(w, "/src/stray.c", stray_text, strlen(stray_text), false, &err));
	assert_ok(source_writer_finish(w, &result, &err));
	source_writer_free(w);
	return result.manifest.digest;
}

static int find_source(struct store *st, const struct digest *source)
{
	struct error err = ERROR_NONE;
	struct lookup *l = NULL;
	struct source_place place;
	assert_ok(lookup_new(st, &l, &err));
	int r = lookup_source(l, source, &place, &err);
	lookup_free(l);
	return r;
}

static void assert_pieces(struct store_fixture *f, const struct builds *b)
{
	for (size_t i = 0; i < N_PIECES; i++) {
		if (!exists(PIECE_PATH(f, &b->pieces[i])))
			fail_msg("%s is gone", piece_names[i]);
	}
	assert_whole(f->st);
}

static void what_builds_need_stays(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	static const struct collect_options cases[] = { { .dry_run = true },
							{ 0 },
							{ .ahead_seconds = 9 * DAY } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct told told = { 0 };
		struct collect_result result = collect(f->st, cases[i], &told);
		assert_int_equal(told.n, 0);
		assert_int_equal(result.n_young + result.n_unreadable + result.freed_bytes, 0);
		assert_pieces(f, &b);
	}
}

static void garbage_goes_when_it_is_old(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	struct digest garbage = put_garbage(f->st, "garbage"), manifest = put_stray_sources(f->st);
	struct digest stray = digest_of(stray_text, strlen(stray_text));
	assert_int_equal(find_source(f->st, &stray), 0);

	struct collect_result result =
		collect(f->st, (struct collect_options){ .grace_seconds = DAY }, NULL);
	assert_int_equal(result.n_objects + result.n_packs, 0);
	assert_int_equal(result.n_young, 2);
	assert_true(exists(PIECE_PATH(f, &garbage)));

	const struct collect_options late = { .grace_seconds = DAY, .ahead_seconds = DAY + 1 };
	struct collect_options dry_run = late;
	dry_run.dry_run = true;
	struct collect_result dry = collect(f->st, dry_run, NULL);
	assert_true(exists(PIECE_PATH(f, &garbage)) && exists(PIECE_PATH(f, &manifest)));
	assert_int_equal(find_source(f->st, &stray), 0);

	struct told told = { 0 };
	result = collect(f->st, late, &told);
	assert_int_equal(result.n_objects, 2);
	assert_int_equal(result.n_packs, 1);
	assert_int_equal(result.n_sources, 1);
	assert_int_equal(result.n_young, 0);
	assert_memory_equal(&dry, &result, sizeof(dry));
	char line[128];
	assert_true(was_told(&told, "object", piece_line("", &garbage, line) + 1));
	assert_false(exists(PIECE_PATH(f, &garbage)) || exists(PIECE_PATH(f, &manifest)));
	assert_int_equal(find_source(f->st, &stray), -ENOENT);
	assert_pieces(f, &b);
}

/* A removal leaves young packs alone; the source that only the removed build had goes here. */
static void a_pack_loses_what_no_build_needs(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	struct remove_result removed;
	builds_add(f->st, &b);
	assert_ok(store_remove_builds(f->st, &b.ids[0], 1, false, &removed, &err));
	assert_true(exists(PIECE_PATH(f, &b.pieces[PACK_0])));

	struct told told = { 0 };
	struct collect_result result = collect(f->st, (struct collect_options){ 0 }, &told);
	assert_int_equal(result.n_packs, 1);
	assert_int_equal(result.n_sources, 1);
	assert_int_equal(result.n_objects, 0);
	assert_int_equal(told.n, 1);
	char line[128];
	assert_true(was_told(&told, "pack-rewritten", piece_line("", &b.pieces[PACK_0], line) + 1));
	assert_false(exists(PIECE_PATH(f, &b.pieces[PACK_0])));
	assert_int_equal(find_source(f->st, &b.zero), -ENOENT);
	assert_int_equal(find_source(f->st, &b.common), 0);
	assert_int_equal(find_source(f->st, &b.one), 0);
	assert_whole(f->st);
	result = collect(f->st, (struct collect_options){ 0 }, NULL);
	assert_int_equal(result.n_packs, 0);
}

static void a_removal_that_was_cut_short_is_finished(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	assert_ok(remove_build_mark(f->st, &b.ids[0], &err));
	assert_ok(remove_source_mark(f->st, &b.one, "/src/one.c", &err));
	struct collect_result dry =
		collect(f->st, (struct collect_options){ .dry_run = true }, NULL);
	assert_int_equal(dry.n_builds, 1);
	assert_true(exists(RECORD_PATH(f, &b.ids[0])));
	struct collect_result result = collect(f->st, (struct collect_options){ 0 }, NULL);
	assert_int_equal(result.n_builds, 1);
	assert_int_equal(result.n_sources,
			 2); /* zero.c, that only it had, and one.c, that has a tombstone */
	assert_false(exists(RECORD_PATH(f, &b.ids[0])));
	assert_false(exists(PIECE_PATH(f, &b.pieces[DEBUG_0])));
	assert_false(exists(PIECE_PATH(f, &b.pieces[PACK_1])));
	assert_true(exists(PIECE_PATH(f, &b.pieces[SETTINGS])));
	assert_true(removed_build(f->st, &b.ids[0]) && removed_source(f->st, &b.one));
	assert_whole(f->st);
}

/* ---- doubt ---- */

static void put_contribution(struct store *st, const struct build_id *id, const char *text)
{
	struct error err = ERROR_NONE;
	bool was_there;
	assert_ok(contribution_publish(st, id, text, strlen(text), &was_there, &err));
}

#define CONTRIBUTION(format, more)                                                     \
	"{\"format\":" format                                                          \
	",\"build_id\":\"abcdef00\",\"time\":\"2026-11-24T00:00:00Z\",\"machine\":62," \
	"\"class\":2,\"encoding\":1,\"type\":3,\"quality\":\"none\"" more "}\n"

static void in_doubt_nothing_is_removed(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	struct digest garbage = put_garbage(f->st, "garbage");
	const char *record = RECORD_PATH(f, &b.ids[0]);
	char name[256];
	only_name(record, name);
	shell("cp -a %s %s.whole", f->path, f->path);

	/* Each spoils a copy of the store, $S, and its record of build 0, $R. */
	const struct {
		const char *how, *message;
		int r;
	} cases[] = {
		{ "for f in $R/*.json; do printf x >> $f; done", "damaged", -EBADMSG },
		{ "mv $R/*.json $R/x", "abcdef00/x: x: not the name of a contribution", -EBADMSG },
		{ "cp $R/*.json $R/x.json", "x.json: not the name of a contribution", -EBADMSG },
		{ "rm -r $R; touch $R", "builds/ab/abcdef00: ", -ENOTDIR },
		{ "mv $R $S/elsewhere; ln -s $S/elsewhere $R", "builds/ab/abcdef00: ", -ENOTDIR },
		{ "mv $S/builds/ab $S/elsewhere; ln -s $S/elsewhere $S/builds/ab",
		  "builds/ab: ", -ENOTDIR },
		{ "mkdir $S/builds/old", "builds/old: not the name of a folder of build records",
		  -EBADMSG },
		{ "mv $R $S/builds/12/", "builds/12/abcdef00: not the name of a build record",
		  -EBADMSG },
		{ "rm -r $R", "the catalog knows of 1 contributions, 0 are there", -EBADMSG },
		{ "rm $R/*.json", "the catalog knows of 1 contributions, 0 are there", -EBADMSG },
		{ "rm -r $S/builds/*", "the catalog knows of 1 contributions, 0 are there",
		  -EBADMSG },
		{ "rm $M", "source manifest", -ENOENT },
		{ "printf x > $M", "source manifest", -EBADMSG },
	};
	for (size_t i = 0; i <= ARRAY_SIZE(cases); i++) {
		shell("rm -rf %s && cp -a %s.whole %s", f->path, f->path, f->path);
		struct error err = ERROR_NONE;
		struct store *st;
		assert_ok(store_open(f->path, STORE_WRITE, &st, &err));
		if (i < ARRAY_SIZE(cases)) {
			print_message("%s\n", cases[i].how);
			shell("S=%s R=%s M=%s; %s", f->path, record,
			      PIECE_PATH(f, &b.pieces[MANIFEST_0]), cases[i].how);
		} else { /* of a newer release */
			put_contribution(st, &b.ids[0], CONTRIBUTION("2", ""));
		}
		struct told told = { 0 };
		struct collect_result result = { .n_objects = 99 };
		static const struct collect_options options = { 0 };
		int r = store_collect(st, &options, NULL, tell, &told, &result, &err);
		print_message("%s\n", err.message);
		assert_int_equal(r, i < ARRAY_SIZE(cases) ? cases[i].r : -ENOTSUP);
		assert_non_null(strstr(err.message,
				       i < ARRAY_SIZE(cases) ? cases[i].message : "format: 2"));
		assert_non_null(strstr(err.message, "nothing is removed"));
		assert_int_equal(told.n, 0);
		assert_int_equal(result.n_objects, 99);
		assert_true(exists(PIECE_PATH(f, &garbage)));
		store_close(st);
	}
}

/* What removes a build takes its manifest before its record. */
static void a_build_that_is_being_removed_is_no_doubt(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	assert_ok(remove_build_mark(f->st, &b.ids[0], &err));
	shell("rm %s", PIECE_PATH(f, &b.pieces[MANIFEST_0]));
	struct collect_result result = collect(f->st, (struct collect_options){ 0 }, NULL);
	assert_int_equal(result.n_builds, 1);
	assert_whole(f->st);
}

/* Whatever a newer release keeps in a contribution may be an object. */
static void digests_in_unknown_keys_are_needed(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	struct digest garbage[4];
	static const char *const names[] = { "a", "b", "c", "d" };
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++)
		garbage[i] = put_garbage(f->st, names[i]);
	char text[1000];
	snprintf(
		text, sizeof(text),
		CONTRIBUTION(
			"1",
			",\"x\":{\"y\":[1,{\"digest\":\"%s\"}],\"%s\":true},\"changes\":[{\"kind\":\"new\","
			"\"other\":\"%s\"}]"),
		DIGEST_HEX(&garbage[0]), DIGEST_HEX(&garbage[1]), DIGEST_HEX(&garbage[2]));
	put_contribution(f->st, &b.ids[0], text);
	collect(f->st, (struct collect_options){ 0 }, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++)
		assert_int_equal(exists(PIECE_PATH(f, &garbage[i])), i < 3);
}

/* It may be a pack, and hold what is needed. */
static void a_damaged_object_stays(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	struct digest garbage = put_garbage(f->st, "garbage");
	write_all(PIECE_PATH(f, &garbage), "x", 1);
	write_all(PIECE_PATH(f, &b.pieces[PACK_1]), "x", 1);
	struct collect_result result = collect(f->st, (struct collect_options){ 0 }, NULL);
	assert_int_equal(result.n_unreadable, 2);
	assert_int_equal(result.n_objects + result.n_packs, 0);
	assert_true(exists(PIECE_PATH(f, &garbage)));
}

/* ---- beside writers ---- */

/* Until the clock of file times has gone on. */
static void wait_a_tick(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

struct race {
	struct store *st;
	struct digest digests[4];
	size_t n_told;
};

/* A writer comes to need the others, just before their turn. */
static void hold_the_others(const char *kind, const char *what, uint64_t bytes, int64_t age_seconds,
			    void *context)
{
	struct race *race = context;
	struct error err = ERROR_NONE;
	(void)kind, (void)what, (void)bytes, (void)age_seconds;
	race->n_told++;
	for (size_t i = 0; i < ARRAY_SIZE(race->digests); i++)
		if (object_is_there(race->st, &race->digests[i]))
			assert_ok(object_hold(race->st, &race->digests[i], &err));
}

static void what_is_held_meanwhile_stays(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct race race = { .st = f->st };
	static const char *const names[] = { "one", "two", "three", "four" };
	for (size_t i = 0; i < ARRAY_SIZE(race.digests); i++) {
		race.digests[i] = put_garbage(f->st, names[i]);
		shell("touch -d '3 days ago' %s", PIECE_PATH(f, &race.digests[i]));
	}
	static const struct collect_options options = { 0 };
	struct collect_result result;
	assert_ok(store_collect(f->st, &options, NULL, hold_the_others, &race, &result, &err));
	assert_int_equal(race.n_told, 1);
	assert_int_equal(result.n_objects, 1);
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(race.digests); i++)
		n += exists(PIECE_PATH(f, &race.digests[i]));
	assert_int_equal(n, 3);
}

/*
 * Writers that put what others let go of just then, each with a thread and a store of its own, and
 * a collector that grants no time: a record that could be published has all it names for as long as
 * it is there.
 */
#define N_WRITERS 3
#define N_ROUNDS 24

struct crowd {
	const char *path;
	atomic_uint n_published, n_refused, n_collected, n_running;
	pthread_mutex_t mutex;
	char trouble[1100]; /* the first, guarded by mutex */
};

static int trouble(struct crowd *crowd, int r, const struct error *err)
{
	pthread_mutex_lock(&crowd->mutex);
	if (!*crowd->trouble)
		snprintf(crowd->trouble, sizeof(crowd->trouble), "%d: %s", r, err->message);
	pthread_mutex_unlock(&crowd->mutex);
	return r;
}

static int write_sources(struct store *st, unsigned n, struct contribution *c,
			 struct digest *ret_source, struct error *err)
{
	int r;

	char text[64];
	snprintf(text, sizeof(text), "int source_%u(void);\n", n);
	*ret_source = digest_of(text, strlen(text));
	struct source_result sources;
	scoped(source_writer_freep) struct source_writer *w = NULL;
	r = source_writer_new(st, NULL, &w, err);
	if (r == 0)
		r = source_writer_add(w, text, text, strlen(text), false, err);
	if (r == 0)
		r = source_writer_finish(w, &sources, err);
	if (r == 0)
		c->sources = sources.manifest;
	return r;
}

/* What is published is there, and stays; then it may go. */
static int check_and_drop(struct store *st, const struct build_id *id, const struct digest *object,
			  const struct digest *source, struct error *err)
{
	int r;

	scoped(lookup_freep) struct lookup *l = NULL;
	r = lookup_new(st, &l, err);
	for (int i = 0; i < 3 && r == 0; i++) {
		scoped(string_free) char *bytes = NULL;
		size_t size;
		r = object_verify(st, object, err);
		if (r == 0)
			r = source_read(st, l, source, 1000, &bytes, &size, err);
		wait_a_tick();
	}
	return r < 0 ? r : remove_build_mark(st, id, err);
}

static int write_build(struct crowd *crowd, struct store *st, unsigned writer, unsigned round,
		       struct error *err)
{
	int r;

	struct contribution c = { .machine = EM_X86_64,
				  .class = ELFCLASS64,
				  .encoding = ELFDATA2LSB,
				  .type = ET_DYN,
				  .time = 1700000000,
				  .quality = QUALITY_DWARF };
	const uint8_t id[] = { 0xcc, (uint8_t)writer, (uint8_t)round };
	r = build_id_set(&c.build_id, id, sizeof(id), err);
	if (r < 0)
		return r;
	/* Few different ones, so that they meet. */
	char text[64];
	struct object_result object;
	struct digest source;
	snprintf(text, sizeof(text), "debug image %u", (writer + round) % 3);
	r = object_put(st, text, strlen(text), &object, err);
	if (r == 0)
		r = write_sources(st, round % 2, &c, &source, err);
	if (r < 0)
		return r;
	c.debug = (struct artifact){ true, object.digest, object.size_bytes };
	if (round % 4 == 3)
		return 0; /* as if it were killed here */
	if (round % 4 == 1)
		wait_a_tick();
	r = record_put(st, &c, NULL, err);
	if (r == -ENOENT) {
		crowd->n_refused++; /* the collector was faster */
		return 0;
	}
	crowd->n_published++;
	return r < 0 ? r : check_and_drop(st, &c.build_id, &object.digest, &source, err);
}

struct writer {
	struct crowd *crowd;
	unsigned number;
};

static void *write_builds(void *context)
{
	const struct writer *writer = context;
	struct error err = ERROR_NONE;
	scoped(store_closep) struct store *st = NULL;
	int r = store_open(writer->crowd->path, STORE_WRITE, &st, &err);
	for (unsigned round = 0; r == 0 && round < N_ROUNDS; round++)
		r = write_build(writer->crowd, st, writer->number, round, &err);
	if (r < 0)
		trouble(writer->crowd, r, &err);
	writer->crowd->n_running--;
	return NULL;
}

static void *collect_until_they_are_done(void *context)
{
	struct crowd *crowd = context;
	struct error err = ERROR_NONE;
	scoped(store_closep) struct store *st = NULL;
	int r = store_open(crowd->path, STORE_WRITE, &st, &err);
	while (r == 0 && crowd->n_running) {
		static const struct collect_options options = { 0 };
		struct collect_result result;
		r = store_collect(st, &options, NULL, NULL, NULL, &result, &err);
		if (r == 0)
			crowd->n_collected += (unsigned)(result.n_objects + result.n_packs);
	}
	if (r < 0)
		trouble(crowd, r, &err);
	return NULL;
}

static void a_published_record_loses_nothing(void **state)
{
	struct store_fixture *f = *state;
	struct crowd crowd = { .path = f->path,
			       .n_running = N_WRITERS,
			       .mutex = PTHREAD_MUTEX_INITIALIZER };
	struct writer writers[N_WRITERS];
	pthread_t threads[N_WRITERS + 1];
	assert_int_equal(
		pthread_create(&threads[N_WRITERS], NULL, collect_until_they_are_done, &crowd), 0);
	for (unsigned i = 0; i < N_WRITERS; i++) {
		writers[i] = (struct writer){ &crowd, i };
		assert_int_equal(pthread_create(&threads[i], NULL, write_builds, &writers[i]), 0);
	}
	for (unsigned i = 0; i <= N_WRITERS; i++)
		pthread_join(threads[i], NULL);
	print_message("%u published, %u refused, %u collected\n", crowd.n_published,
		      crowd.n_refused, crowd.n_collected);
	assert_string_equal(crowd.trouble, "");
	assert_true(crowd.n_published > 0);
	collect(f->st, (struct collect_options){ 0 }, NULL);
	assert_whole(f->st);
}

/* ---- litter ---- */

static void litter_goes_by_its_age(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	shell("cd %s && touch tmp/.dbgvault.0123456789abcdef.tmp removed.txt catalog/.dbgvault.0123456789abcdef.tmp && "
	      "mkdir -p tmp/.dbgvault.0000000000000000.tmp && echo x > tmp/.dbgvault.0000000000000000.tmp/y && "
	      "echo 12345 > quarantine/ab-cd.1700000000.000000000",
	      f->path);
	struct collect_options options = { .grace_seconds = DAY, .quarantine_seconds = 30 * DAY };
	struct collect_result result = collect(f->st, options, NULL);
	assert_int_equal(result.n_unfinished + result.n_quarantined, 0);

	options.ahead_seconds = 2 * DAY;
	struct told told = { 0 };
	result = collect(f->st, options, &told);
	assert_int_equal(result.n_unfinished, 3);
	assert_int_equal(result.n_quarantined, 0);
	assert_int_equal(result.freed_bytes, 2);
	assert_true(was_told(&told, "unfinished", "tmp/.dbgvault.0000000000000000.tmp"));
	assert_true(was_told(&told, "unfinished", "catalog/.dbgvault.0123456789abcdef.tmp"));
	shell("cd %s && test -z \"$(ls -A tmp)\" && test -e removed.txt && test -e quarantine/ab*",
	      f->path);

	options.ahead_seconds = 31 * DAY;
	result = collect(f->st, options, NULL);
	assert_int_equal(result.n_quarantined, 1);
	assert_int_equal(result.freed_bytes, 6);
	shell("cd %s && test -z \"$(ls -A quarantine)\" && test -e removed.txt", f->path);
	assert_pieces(f, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(what_builds_need_stays),
		store_test(garbage_goes_when_it_is_old),
		store_test(a_pack_loses_what_no_build_needs),
		store_test(a_removal_that_was_cut_short_is_finished),
		store_test(in_doubt_nothing_is_removed),
		store_test(a_build_that_is_being_removed_is_no_doubt),
		store_test(digests_in_unknown_keys_are_needed),
		store_test(a_damaged_object_stays),
		store_test(what_is_held_meanwhile_stays),
		store_test(a_published_record_loses_nothing),
		store_test(litter_goes_by_its_age),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
