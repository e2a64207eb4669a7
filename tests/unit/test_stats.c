/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/builds_fixture.h"

/* What a shell counts. */
static unsigned long long shell_number(const char *format, ...) printf_like(1, 2);
static unsigned long long shell_number(const char *format, ...)
{
	char command[1024];
	va_list list;
	va_start(list, format);
	vsnprintf(command, sizeof(command), format, list);
	va_end(list);
	FILE *out = popen(command, "r");
	assert_non_null(out);
	unsigned long long number = 0;
	assert_int_equal(fscanf(out, "%llu", &number), 1);
	assert_int_equal(pclose(out), 0);
	return number;
}

static void assert_equals_recount(struct store_fixture *f)
{
	struct error err = ERROR_NONE;
	struct store_stats s;
	assert_ok(store_stats(f->st, &s, &err));
	assert_int_equal(s.disk_bytes, shell_number("du -s --block-size=1 %s", f->path));
	assert_int_equal(s.n_objects, shell_number("find %s/objects -name '*.zst' | wc -l", f->path));
	assert_int_equal(s.object_stored_bytes,
			 shell_number("find %s/objects -name '*.zst' -printf '%%s\\n' | awk '{ n += $1 } END "
				      "{ print n + 0 }'", f->path));
	assert_int_equal(s.object_bytes,
			 shell_number("find %s/objects -name '*.zst' -exec zstd -dcq {} + | wc -c", f->path));
	assert_int_equal(s.n_contributions, shell_number("find %s/builds -name '*.json' | wc -l", f->path));
	assert_int_equal(s.n_builds, shell_number("find %s/builds -mindepth 2 -type d | wc -l", f->path));
}

static void counts_equal_a_recount(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store_stats s;
	assert_equals_recount(f);

	struct builds b;
	builds_add(f->st, &b);
	assert_equals_recount(f);
	assert_ok(store_stats(f->st, &s, &err));
	assert_int_equal(s.n_builds, 2);
	assert_int_equal(s.n_collisions, 0);
	assert_int_equal(s.n_debug, 1);
	assert_int_equal(s.debug_bytes, b.sizes[DEBUG_0]);
	assert_int_equal(s.n_executables, 2); /* stripped, and the original */
	assert_int_equal(s.executable_bytes, b.sizes[STRIPPED_0] + b.sizes[ORIGINAL_1]);
	assert_int_equal(s.n_sources, 3);
	assert_int_equal(s.n_packs, 2);
	assert_int_equal(s.source_bytes, 31 + 29 + 28); /* the three texts */

	/* Stored sizes are those of the files. */
	assert_int_equal(s.debug_stored_bytes, shell_number("stat -c %%s %s", PIECE_PATH(f, &b.pieces[DEBUG_0])));
	assert_int_equal(s.pack_stored_bytes,
			 shell_number("stat -c %%s %s", PIECE_PATH(f, &b.pieces[PACK_0])) +
				 shell_number("stat -c %%s %s", PIECE_PATH(f, &b.pieces[PACK_1])));

	/* A file of two names counts once, as du counts it; a large one by its blocks. */
	shell("cd %s && truncate -s 1G tmp/sparse && echo x > tmp/a && ln tmp/a tmp/b && mkdir -p tmp/c/d/e", f->path);
	assert_equals_recount(f);

	struct remove_result removed;
	assert_ok(store_remove_builds(f->st, &b.ids[0], 1, false, &removed, &err));
	assert_equals_recount(f);
	assert_ok(store_stats(f->st, &s, &err));
	assert_int_equal(s.n_debug, 0);
	assert_int_equal(s.n_builds, 1);
}

static void a_collision_is_counted(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct builds b;
	builds_add(f->st, &b);
	struct record record;
	assert_ok(record_read(f->st, &b.ids[0], &record, &err));
	struct contribution c = record.contributions[0]; /* borrows */
	for (uint8_t i = 1; i < 3; i++) {
		c.has_identity = true;
		memset(&c.identity, i, sizeof(c.identity));
		assert_ok(record_put(f->st, &c, NULL, &err));
	}
	record_free(&record);
	struct store_stats s;
	assert_ok(store_stats(f->st, &s, &err));
	assert_int_equal(s.n_collisions, 1);
	assert_int_equal(s.n_contributions, 4);
	assert_equals_recount(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(counts_equal_a_recount),
		store_test(a_collision_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
