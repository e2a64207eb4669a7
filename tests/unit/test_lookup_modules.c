/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/builds_fixture.h"

#include <elf.h>
#include <errno.h>

#include "store/module_list.h"

/* Go programs: what they say of themselves, and how it is listed. */
static const struct {
	const char *id, *toolchain, *main_module, *main_version, *text;
} programs[] = {
	{ "aa01", "go1.24.2", "example.com/a", "v1.0.0",
	  "path\texample.com/a\nmod\texample.com/a\tv1.0.0\t\ndep\tgolang.org/x/net\tv0.9.0\th1:x\n"
	  "dep\tgolang.org/x/text\tv0.3.0\th1:y\nbuild\t-compiler=gc\n" },
	{ "aa02", "go1.24.10 X:boringcrypto", "example.com/b", "(devel)",
	  "path\texample.com/b\nmod\texample.com/b\t(devel)\t\ndep\tgolang.org/x/net\tv0.33.0\th1:x\n" },
	{ "aa03", "go1.25rc1", "example.com/c", NULL,
	  "path\texample.com/c\ndep\tgolang.org/x/net\tv0.1.0\n=>\texample.com/fork\tv2.0.0\th1:z\n"
	  "dep\tgolang.org/x/text\tv0.4.0\n=>\t../text\t\n" },
	{ "aa04", NULL, NULL, NULL, NULL }, /* no Go program */
	{ "aa05", "devel go1.26-abc", NULL, NULL,
	  "dep\tgolang.org/x/net\tv0.33.0-0.20240102150405-abcdef123456\th1:x\n" },
};

static void put_programs(struct store *st)
{
	struct error err = ERROR_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct contribution c = { .machine = EM_X86_64,
					  .class = ELFCLASS64,
					  .encoding = ELFDATA2LSB,
					  .type = ET_EXEC,
					  .time = 1700000000 };
		assert_int_equal(build_id_parse(programs[i].id, 4, &c.build_id, NULL), 0);
		c.origin.toolchain = (char *)programs[i].toolchain;
		c.origin.main_module = (char *)programs[i].main_module;
		c.origin.main_version = (char *)programs[i].main_version;
		struct object_result object;
		if (programs[i].text) {
			assert_ok(object_put(st, programs[i].text, strlen(programs[i].text),
					     &object, &err));
			c.origin.settings =
				(struct artifact){ true, object.digest, object.size_bytes };
		}
		assert_ok(record_put(st, &c, NULL, &err));
	}
}

static void modules_are_what_is_there(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	put_programs(f->st);
	static const char *const expected[] = {
		" go1.24.2, example.com/a v1.0.0, golang.org/x/net v0.9.0, golang.org/x/text v0.3.0, ",
		" go1.24.10 X:boringcrypto, example.com/b (devel), golang.org/x/net v0.33.0, ",
		/* a fork by its own name; a folder by the name of what it stands for, of no version
		 */
		" go1.25rc1, example.com/c , example.com/fork v2.0.0, golang.org/x/text , ",
		"",
		" devel go1.26-abc, golang.org/x/net v0.33.0-0.20240102150405-abcdef123456, ",
	};
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		scoped(record_free) struct record record = { 0 };
		struct build_id id;
		assert_int_equal(build_id_parse(programs[i].id, 4, &id, NULL), 0);
		assert_ok(record_read(f->st, &id, &record, &err));
		scoped(module_list_free) struct module_list list = { 0 };
		assert_ok(module_list_of_record(f->st, &record, &list, &err));
		char text[1000] = "";
		for (size_t k = 0; k < list.n; k++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s, ",
				 list.items[k].path, list.items[k].version);
		assert_string_equal(text, expected[i]);
	}
}

static bool is_wanted(const char *version, void *context)
{
	(void)context;
	return strcmp(version, "v0.9.0") != 0;
}

static bool is_any(const char *version, void *context)
{
	(void)version, (void)context;
	return true;
}

static int note(const struct build_id *id, const char *version, void *context, struct error *err)
{
	(void)err;
	char *text = context;
	snprintf(text + strlen(text), 500 - strlen(text), "%s %s, ", BUILD_ID_HEX(id), version);
	return 0;
}

static void builds_are_found(struct store *st)
{
	static const struct {
		const char *path;
		lookup_version wanted;
		const char *found;
	} cases[] = {
		{ "golang.org/x/net", is_any,
		  "aa01 v0.9.0, aa02 v0.33.0, aa05 v0.33.0-0.20240102150405-abcdef123456, " },
		{ "golang.org/x/net", is_wanted,
		  "aa02 v0.33.0, aa05 v0.33.0-0.20240102150405-abcdef123456, " },
		{ "golang.org/x/text", is_any, "aa01 v0.3.0, aa03 , " },
		{ "example.com/fork", is_any, "aa03 v2.0.0, " },
		{ "example.com/b", is_any, "aa02 (devel), " },
		{ "golang.org/x", is_any, "" },
		{ "", is_any,
		  "aa01 go1.24.2, aa02 go1.24.10 X:boringcrypto, aa03 go1.25rc1, aa05 devel go1.26-abc, " },
	};
	struct error err = ERROR_NONE;
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(st, &l, &err));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[500] = "";
		assert_ok(lookup_module(l, cases[i].path, cases[i].wanted, note, text, &err));
		assert_string_equal(text, cases[i].found);
	}
}

static void modules_are_indexed(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	put_programs(f->st);
	builds_are_found(f->st);
	assert_ok(store_reindex(f->st, NULL, &err));
	builds_are_found(f->st);
	shell("rm %s/catalog/*", f->path);
	builds_are_found(f->st);
}

/* What is removed, and what a build lost when its record was written anew. */
static void what_goes_is_forgotten(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct remove_result result;
	put_programs(f->st);
	struct build_id id;
	assert_int_equal(build_id_parse("aa02", 4, &id, NULL), 0);
	assert_ok(store_remove_builds(f->st, &id, 1, false, &result, &err));
	char text[500] = "";
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	assert_ok(lookup_module(l, "golang.org/x/net", is_wanted, note, text, &err));
	assert_string_equal(text, "aa05 v0.33.0-0.20240102150405-abcdef123456, ");
}

static int count(const struct build_id *id, const char *version, void *context, struct error *err)
{
	(void)id, (void)err;
	assert_string_equal(version, "v1.0.0");
	++*(size_t *)context;
	return 0;
}

/* More than a page of builds, each found once. */
static void many_builds_are_paged(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct object_result object;
	static const char text[] = "dep\texample.com/many\tv1.0.0\th1:x\n";
	assert_ok(object_put(f->st, text, strlen(text), &object, &err));
	enum { N = 600 };
	for (unsigned i = 0; i < N; i++) {
		struct contribution c = { .machine = EM_X86_64,
					  .class = ELFCLASS64,
					  .encoding = ELFDATA2LSB,
					  .type = ET_EXEC,
					  .time = 1700000000 };
		const uint8_t bytes[] = { 0xaa, (uint8_t)(i >> 8), (uint8_t)i };
		assert_ok(build_id_set(&c.build_id, bytes, sizeof(bytes), &err));
		c.origin.settings = (struct artifact){ true, object.digest, object.size_bytes };
		struct record record = { .id = c.build_id,
					 .contributions = &c,
					 .n_contributions = 1 };
		assert_ok(catalog_put_build(f->st, &record, &err));
	}
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	size_t n = 0;
	assert_ok(lookup_module(l, "example.com/many", is_any, count, &n, &err));
	assert_int_equal(n, N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(modules_are_what_is_there),
		store_test(modules_are_indexed),
		store_test(what_goes_is_forgotten),
		store_test(many_builds_are_paged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
