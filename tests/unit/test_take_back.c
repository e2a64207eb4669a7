/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/builds_fixture.h"

#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/sources.h"
#include "store/take_back.h"

static const char text[] = "what two writers want";
static const char source_text[] = "int wanted(void);\n";
static const struct build_id no_id = { 0 };

static struct object_result put(struct store *st, struct fresh *fresh)
{
	struct error err = ERROR_NONE;
	struct object_result object;
	assert_ok(object_put_noted(st, text, strlen(text), fresh, &object, &err));
	return object;
}

static void put_sources(struct store *st, struct fresh *fresh, struct source_result *ret)
{
	struct error err = ERROR_NONE;
	scoped(source_writer_freep) struct source_writer *w = NULL;
	assert_ok(source_writer_new(st, fresh, &w, &err));
	assert_ok(source_writer_add(w, "/src/wanted.c", source_text, strlen(source_text), false,
				    &err));
	assert_ok(source_writer_finish(w, ret, &err));
}

static void what_nobody_else_wants_goes(void **state)
{
	struct store_fixture *f = *state;
	struct fresh fresh = FRESH_NONE;
	struct object_result object = put(f->st, &fresh);
	struct source_result sources;
	put_sources(f->st, &fresh, &sources);
	assert_int_equal(fresh.n, 3); /* with pack and manifest */
	fresh_take_back(f->st, &fresh, &no_id);
	assert_int_equal(fresh.n, 0);
	assert_false(object_is_there(f->st, &object.digest));
	assert_false(object_is_there(f->st, &sources.manifest.digest));
	shell("test -z \"$(find %s/objects -name '*.zst')\"", f->path);
	assert_whole(f->st);
}

/* It was there before the first writer failed, and the second has seen it: it is his now. */
static void what_a_second_writer_relies_on_stays(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct fresh first = FRESH_NONE, second = FRESH_NONE;
	struct object_result object = put(f->st, &first);
	struct source_result sources, again;
	put_sources(f->st, &first, &sources);
	assert_true(put(f->st, &second).was_there);
	put_sources(f->st, &second, &again);
	assert_int_equal(again.n_new_files, 0);
	assert_int_equal(second.n, 0); /* nothing of it is new */
	fresh_take_back(f->st, &first, &no_id);

	struct contribution c = { .machine = EM_X86_64,
				  .class = ELFCLASS64,
				  .encoding = ELFDATA2LSB,
				  .type = ET_DYN,
				  .quality = QUALITY_DWARF,
				  .sources = again.manifest,
				  .debug = { true, object.digest, object.size_bytes } };
	assert_int_equal(build_id_parse("abcd", 4, &c.build_id, NULL), 0);
	assert_ok(record_put(f->st, &c, NULL, &err));
	assert_whole(f->st);
}

/* The record that failed to come has held it (hold.h): that alone makes it nobody else's. */
static void what_its_own_record_held_goes(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct fresh fresh = FRESH_NONE;
	struct object_result object = put(f->st, &fresh);
	struct digest missing = digest_of("missing", 7);
	struct contribution c = { .machine = EM_X86_64,
				  .class = ELFCLASS64,
				  .encoding = ELFDATA2LSB,
				  .type = ET_DYN,
				  .debug = { true, object.digest, object.size_bytes },
				  .stripped = { true, missing, 7 } };
	assert_int_equal(build_id_parse("abcd", 4, &c.build_id, NULL), 0);
	fresh.has_record = true;
	assert_int_equal(record_put(f->st, &c, NULL, &err), -ENOENT);
	fresh_take_back(f->st, &fresh, &c.build_id);
	assert_false(object_is_there(f->st, &object.digest));
	assert_whole(f->st);
}

/* ---- at once ---- */

#define N_ROUNDS 60

struct race {
	const char *path;
	atomic_bool over;
	atomic_uint n_taken_back;
	int r;
	struct error err;
};

/* Adds and fails, again and again. */
static void *fail_forever(void *context)
{
	struct race *race = context;
	scoped(store_closep) struct store *st = NULL;
	if (store_open(race->path, STORE_WRITE, &st, NULL) < 0)
		return NULL;
	while (!race->over) {
		struct fresh fresh = FRESH_NONE;
		struct object_result object;
		if (object_put_noted(st, text, strlen(text), &fresh, &object, NULL) < 0)
			return NULL;
		bool was_new = fresh.n > 0;
		fresh_take_back(st, &fresh, &no_id);
		race->n_taken_back += was_new && !object_is_there(st, &object.digest);
	}
	return NULL;
}

/* Adds the same, and is never let down; then the build goes, and with it the object. */
static int add_and_remove(struct store *st, unsigned round, struct error *err)
{
	int r;

	struct object_result object;
	struct contribution c = { .machine = EM_X86_64,
				  .class = ELFCLASS64,
				  .encoding = ELFDATA2LSB,
				  .type = ET_DYN,
				  .quality = QUALITY_DWARF };
	const uint8_t id[] = { 0xaa, (uint8_t)round };
	r = build_id_set(&c.build_id, id, sizeof(id), err);
	if (r == 0)
		r = object_put(st, text, strlen(text), &object, err);
	if (r < 0)
		return r;
	c.debug = (struct artifact){ true, object.digest, object.size_bytes };
	r = record_put(st, &c, NULL, err);
	if (r == 0)
		r = object_verify(st, &object.digest, err);
	struct remove_result removed;
	return r == 0 ? store_remove_builds(st, &c.build_id, 1, false, &removed, err) : r;
}

static void a_second_writer_is_never_let_down(void **state)
{
	struct store_fixture *f = *state;
	struct race race = { .path = f->path, .err = ERROR_NONE };
	pthread_t threads[2];
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fail_forever, &race), 0);
	for (unsigned round = 0; round < N_ROUNDS && race.r == 0; round++)
		race.r = add_and_remove(f->st, round, &race.err);
	race.over = true;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	print_message("%u taken back\n", race.n_taken_back);
	if (race.r < 0)
		fail_msg("%d: %s", race.r, race.err.message);
	assert_whole(f->st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(what_nobody_else_wants_goes),
		store_test(what_a_second_writer_relies_on_stays),
		store_test(what_its_own_record_held_goes),
		store_test(a_second_writer_is_never_let_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
