/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/internal.h"
#include "store/lookup_internal.h"
#include "store/names.h"
#include "store_fixture.h"

/* Records, the catalog and lookups, as writers and readers of several processes meet them. */

static struct build_id id_of(unsigned n)
{
	struct build_id id = { 20, { 0 } };
	/* Spread over the folders, and in no order. */
	uint32_t mixed = n * 2654435761u;
	memcpy(id.bytes, &mixed, sizeof(mixed));
	memcpy(id.bytes + 4, &n, sizeof(n));
	return id;
}

static struct artifact object_of(struct store *st, const char *text)
{
	struct error err = ERROR_NONE;
	struct object_result object;
	assert_ok(object_put(st, text, strlen(text), &object, &err));
	return (struct artifact){ true, object.digest, object.size_bytes };
}

/* A stripped half, or, with @debug, a debug half. */
static struct contribution half(struct store *st, unsigned n, bool debug, char *path)
{
	struct contribution c = {
		.build_id = id_of(n),
		.machine = 62,
		.class = 2,
		.encoding = 1,
		.type = 3,
		.time = 1000 + debug,
		.has_memory_layout = true,
		.quality = debug ? QUALITY_DWARF : QUALITY_NONE,
		.origin = { .path = path },
	};
	*(debug ? &c.debug : &c.stripped) = object_of(st, debug ? "debug" : "stripped");
	return c;
}

static int build_of(struct lookup *l, unsigned n, struct build *ret)
{
	struct build_id id = id_of(n);
	return lookup_build(l, &id, ret, NULL);
}

static unsigned n_files(struct store *st, const struct build_id *id)
{
	uint32_t n = 0;
	struct error err = ERROR_NONE;
	assert_ok(record_count(st, id, &n, &err));
	return n;
}

static void halves_are_put_and_found(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	struct build build = { .quality = QUALITY_SYMBOLS };
	assert_int_equal(build_of(l, 1, &build), -ENOENT);
	assert_int_equal(build.quality, QUALITY_SYMBOLS); /* untouched */

	struct contribution c = half(f->st, 1, false, (char *)"usr/bin/\xff");
	assert_ok(record_put(f->st, &c, &build, &err));
	assert_true(build.executable.present && !build.debug.present);
	assert_int_equal(build_of(l, 1, &build), 0);
	assert_true(build.executable.present && !build.debug.present);

	/* The same again, later: nothing is written. */
	c.time += 1000;
	assert_ok(record_put(f->st, &c, &build, &err));
	assert_int_equal(build.time, 1000);
	assert_int_equal(n_files(f->st, &c.build_id), 1);

	/* The other half comes while the reader holds a snapshot that does not have it. */
	assert_int_equal(build_of(l, 1, &build), 0);
	struct contribution other = half(f->st, 1, true, NULL);
	assert_ok(record_put(f->st, &other, NULL, &err));
	assert_ok(lookup_build_again(l, &c.build_id, &build, &err));
	assert_true(build.executable.present && build.debug.present);
	assert_int_equal(build.n_contributions, 2);
	assert_int_equal(build.quality, QUALITY_DWARF);
	assert_int_equal(build.debug.size_bytes, 5);

	scoped(origin_free) struct origin origin = { 0 };
	assert_ok(lookup_origin(l, &c.build_id, &origin, &err));
	assert_string_equal(origin.path, "usr/bin/\xff");
	uint64_t n = 0;
	assert_ok(lookup_count(l, &n, &err));
	assert_int_equal(n, 1);
}

static void missing_objects_are_refused(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct contribution c = half(f->st, 1, false, NULL);
	c.origin.settings = (struct artifact){ true, { { 7 } }, 7 };
	assert_int_equal(record_put(f->st, &c, NULL, &err), -ENOENT);
	assert_non_null(strstr(err.message, "settings"));
	uint32_t n;
	assert_int_equal(record_count(f->st, &c.build_id, &n, NULL), -ENOENT);
}

static void removed_builds_stay_away(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct contribution c = half(f->st, 1, false, NULL), other = half(f->st, 2, false, NULL);
	assert_ok(remove_build_mark(f->st, &c.build_id, &err));
	assert_int_equal(record_put(f->st, &c, NULL, &err), -EEXIST);
	assert_ok(record_put(f->st, &other, NULL, &err));
}

/* What a writer that was killed between record and catalog leaves, and rsync brings. */
static void records_without_a_row_are_found(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct contribution c = half(f->st, 1, false, NULL),
			    late = half(f->st, 2, true, (char *)"lib/x");
	assert_ok(record_put(f->st, &c, NULL, &err));
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	struct build build;
	assert_int_equal(build_of(l, 2, &build), -ENOENT);

	scoped(string_free) char *text = NULL;
	size_t size;
	bool was_there;
	assert_ok(contribution_format(&late, &text, &size, &err));
	assert_ok(contribution_publish(f->st, &late.build_id, text, size, &was_there, &err));
	assert_false(was_there);
	assert_int_equal(build_of(l, 2, &build), 0);
	assert_true(build.debug.present);
	scoped(origin_free) struct origin origin = { 0 };
	assert_ok(lookup_origin(l, &late.build_id, &origin, &err));
	assert_string_equal(origin.path, "lib/x");

	/* And a second contribution beside one that has a row. */
	struct contribution other = half(f->st, 1, true, NULL);
	scoped(string_free) char *other_text = NULL;
	assert_ok(contribution_format(&other, &other_text, &size, &err));
	assert_ok(contribution_publish(f->st, &other.build_id, other_text, size, &was_there, &err));
	assert_int_equal(build_of(l, 1, &build), 0);
	assert_false(build.debug.present); /* the row's view */
	assert_ok(lookup_build_again(l, &c.build_id, &build, &err));
	assert_true(build.debug.present && build.executable.present);
}

static void damaged_contributions_are_counted(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct contribution c = half(f->st, 1, false, NULL), other = half(f->st, 1, true, NULL);
	assert_ok(record_put(f->st, &c, NULL, &err));

	/* Its bytes are not what its name says. */
	char path[256], folder[RECORD_NAME_SIZE];
	snprintf(path, sizeof(path), "%s/%s/%064d.json", f->path, record_name(&c.build_id, folder),
		 0);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "{}", 2), 2);
	close(fd);
	scoped(record_free) struct record record = { 0 };
	assert_ok(record_read(f->st, &c.build_id, &record, &err));
	assert_int_equal(record.n_contributions, 1);
	assert_int_equal(record.n_damaged, 1);
	assert_ok(record_put(f->st, &other, NULL, &err)); /* it keeps no good one out */

	/* Of another build: renamed into this folder. */
	struct build_id id = id_of(3);
	struct record none = { 0 };
	assert_int_equal(record_read(f->st, &id, &none, &err), -ENOENT);
	scoped(string_free) char *text = NULL;
	size_t size;
	bool was_there;
	assert_ok(contribution_format(&other, &text, &size, &err));
	assert_ok(contribution_publish(f->st, &id, text, size, &was_there, &err));
	assert_int_equal(record_read(f->st, &id, &none, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "another build ID"));
}

struct seen {
	char text[512];
};

static int see(const struct build *build, const char *path, void *context, struct error *err)
{
	(void)err;
	struct seen *seen = context;
	size_t used = strlen(seen->text);
	snprintf(seen->text + used, sizeof(seen->text) - used, "%u:%s ", build->id.bytes[4], path);
	return 0;
}

static bool is_usr(const char *path, void *context)
{
	(void)context;
	return !strncmp(path, "usr/", 4);
}

static void check_paths(struct lookup *l)
{
	static const struct {
		const char *path, *seen;
	} cases[] = {
		{ "bin/ls", "1:bin/ls 2:usr/bin/ls " },
		{ "ls", "1:bin/ls 2:usr/bin/ls 3:ls " },
		{ "/usr/bin/ls", "2:usr/bin/ls " },
		{ "s", "" },
		{ "in/ls", "" },
		{ "bin/", "" },
		{ "bin", "4:bin 4:usr/bin " },
		{ "\xff\xfe", "5:\xff\xfe " },
	};
	struct error err = ERROR_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].path);
		struct seen seen = { "" };
		assert_ok(lookup_path(l, cases[i].path, see, &seen, &err));
		/* The order is the index's. */
		for (const char *at = cases[i].seen; *at; at = strchr(at, ' ') + 1) {
			char one[64];
			snprintf(one, sizeof(one), "%.*s", (int)(strchr(at, ' ') + 1 - at), at);
			assert_non_null(strstr(seen.text, one));
		}
		assert_int_equal(strlen(seen.text), strlen(cases[i].seen));
	}
	assert_int_equal(lookup_path(l, "/", see, NULL, &err), -EINVAL);

	static const struct {
		const char *end, *seen;
	} ends[] = {
		{ "s", "1:bin/ls 2:usr/bin/ls 3:ls " },
		{ "bin", "4:bin 4:usr/bin " },
		{ "in/ls", "1:bin/ls 2:usr/bin/ls " },
		{ "x", "" },
		{ "\xfe", "5:\xff\xfe " },
		{ "\xff\xfe", "5:\xff\xfe " },
		{ "\xff", "" },
		{ "", "1:bin/ls 2:usr/bin/ls 3:ls 4:bin 4:usr/bin 5:\xff\xfe " },
	};
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct seen seen = { "" };
		print_message("ends in \"%s\"\n", ends[i].end);
		assert_ok(lookup_path_end(l, ends[i].end, NULL, see, &seen, &err));
		assert_int_equal(strlen(seen.text), strlen(ends[i].seen));
		struct seen chosen = { "" };
		assert_ok(lookup_path_end(l, ends[i].end, is_usr, see, &chosen, &err));
		assert_int_equal(strstr(ends[i].seen, "2:usr/bin/ls") != NULL,
				 strstr(chosen.text, "2:usr/bin/ls") != NULL);
		assert_null(strstr(chosen.text, "1:"));
	}

	struct seen package = { "" };
	assert_ok(lookup_package(l, "coreutils", see, &package, &err));
	assert_string_equal(package.text, "1:bin/ls ");
	struct seen all = { "" };
	assert_ok(lookup_each(l, see, &all, &err));
	assert_int_equal(strlen(all.text), strlen("1:bin/ls 2:usr/bin/ls 3:ls 4:bin 5:\xff\xfe "));
	struct seen prefixed = { "" };
	struct build_id id = id_of(3);
	char prefix[8];
	snprintf(prefix, sizeof(prefix), "%.7s", BUILD_ID_HEX(&id));
	prefix[0] = (char)(prefix[0] >= 'a' ? prefix[0] - 'a' + 'A' : prefix[0]);
	assert_ok(lookup_prefix(l, prefix, see, &prefixed, &err));
	assert_string_equal(prefixed.text, "3:ls ");
	assert_int_equal(lookup_prefix(l, "abcde", see, &prefixed, &err), -EINVAL);
	assert_int_equal(lookup_prefix(l, "abcdeg", see, &prefixed, &err), -EINVAL);
	assert_ok(lookup_prefix(l, "abcdef", see, &prefixed, &err));
	uint64_t n = 0;
	assert_ok(lookup_count(l, &n, &err));
	assert_int_equal(n, 5);
}

static void put_paths(struct store *st)
{
	static const struct {
		unsigned n;
		const char *path;
	} builds[] = {
		{ 1, "bin/ls" }, { 2, "usr/bin/ls" }, { 3, "ls" },
		{ 4, "bin" },    { 4, "usr/bin" },    { 5, "\xff\xfe" },
	};
	struct error err = ERROR_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		struct contribution c = half(st, builds[i].n, false, (char *)builds[i].path);
		c.time += (int64_t)i;
		c.origin.package = i == 0 ? (char *)"coreutils" : NULL;
		assert_ok(record_put(st, &c, NULL, &err));
	}
}

static void builds_are_found_by_path_package_and_prefix(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	put_paths(f->st);
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	check_paths(l);
	assert_non_null(l->db);
}

static void remove_catalog(struct store *st)
{
	static const char *const names[] = { "catalog.sqlite", "catalog.sqlite-wal",
					     "catalog.sqlite-shm" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(st->catalog_fd, names[i], 0);
}

static void records_answer_without_a_catalog(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	put_paths(f->st);
	remove_catalog(f->st);
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	check_paths(l);
	assert_null(l->db);
	struct digest digest = { { 9 } };
	struct source_place place;
	/* In some pack, perhaps: "not there" would be a guess. */
	assert_int_equal(lookup_source(l, &digest, &place, &err), -ENXIO);
}

/* As soon as there is one, and not only with the next snapshot. */
static void a_new_catalog_is_seen_at_once(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct digest pack = { { 1 } };
	struct pack_member member = { { { 2 } }, 512, 10 };
	struct source_place place;
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	assert_int_equal(lookup_source(l, &member.digest, &place, &err), -ENXIO);
	assert_ok(catalog_put_pack(f->st, &pack, &member, 1, &err));
	assert_ok(lookup_source(l, &member.digest, &place, &err));
	assert_int_equal(place.offset, 512);
}

static void damage_catalog(struct store *st)
{
	/* Closed, so that all is in the file, and then overwritten from its second page on. */
	catalog_close(st->catalog);
	st->catalog = NULL;
	int fd = openat(st->catalog_fd, "catalog.sqlite", O_RDWR);
	struct stat file;
	assert_int_equal(fstat(fd, &file), 0);
	for (off_t at = 4096; at < file.st_size; at += 8)
		assert_int_equal(pwrite(fd, "\xde\xad\xbe\xef\xde\xad\xbe\xef", 8, at), 8);
	close(fd);
}

static int fill_all(struct store *st, void *context, struct error *err)
{
	(void)context;
	for (unsigned n = 1; n <= 5; n++) {
		scoped(record_free) struct record record = { 0 };
		struct build_id id = id_of(n);
		int r = record_read(st, &id, &record, err);
		if (r == 0)
			r = catalog_put_build(st, &record, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fill_and_fail(struct store *st, void *context, struct error *err)
{
	int r = fill_all(st, context, err);
	return r < 0 ? r : error_set(err, -EIO, "no more");
}

static void damaged_catalog_is_made_again(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	put_paths(f->st);
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	struct build build;
	assert_int_equal(build_of(l, 1, &build), 0);
	assert_non_null(l->db);
	lookup_free(take(l));
	damage_catalog(f->st);

	assert_ok(lookup_new(f->st, &l, &err));
	check_paths(l); /* from the records */
	struct contribution c = half(f->st, 6, false, NULL);
	assert_int_equal(record_put(f->st, &c, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "reindex"));

	assert_ok(catalog_rebuild(f->st, fill_all, NULL, &err));
	usleep(110000); /* the reader's next renewal */
	check_paths(l);
	assert_non_null(l->db);
	assert_int_equal(build_of(l, 6, &build), 0); /* its record is there */
	assert_ok(record_put(f->st, &c, NULL, &err));

	scoped(names_free) struct names quarantine = { 0 };
	assert_ok(names_read(f->st->quarantine_fd, ".", &quarantine, &err));
	assert_int_equal(quarantine.n, 3); /* database, log, and its index */
	assert_non_null(strstr(quarantine.names[0], "catalog.sqlite"));
}

static void rebuilding_is_one_step(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	put_paths(f->st);
	struct contribution c = half(f->st, 6, false, NULL);
	assert_ok(record_put(f->st, &c, NULL, &err));
	struct digest pack = { { 1 } };
	struct pack_member member = { { { 2 } }, 512, 10 };
	assert_ok(catalog_put_pack(f->st, &pack, &member, 1, &err));
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	uint64_t n = 0;

	assert_int_equal(catalog_rebuild(f->st, fill_and_fail, NULL, &err), -EIO);
	assert_ok(lookup_count(l, &n, &err));
	assert_int_equal(n, 6);
	struct source_place place;
	assert_ok(lookup_source(l, &member.digest, &place, &err));
	assert_int_equal(place.offset, 512);
	assert_int_equal(place.size_bytes, 10);
	assert_true(digest_equal(&place.object, &pack));

	assert_ok(catalog_rebuild(f->st, fill_all, NULL, &err));
	usleep(110000);
	assert_ok(lookup_count(l, &n, &err));
	assert_int_equal(n, 5);
	assert_int_equal(lookup_source(l, &member.digest, &place, &err), -ENOENT);
}

static void packs_are_put_and_forgotten(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct digest first = { { 1 } }, second = { { 2 } };
	struct pack_member members[] = { { { { 10 } }, 512, 1 }, { { { 11 } }, 1536, 0 } };
	struct pack_member again = { { { 10 } }, 2048, 1 };
	assert_ok(catalog_put_pack(f->st, &first, members, 2, &err));
	assert_ok(catalog_put_pack(f->st, &first, members, 2, &err));
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	struct source_place place;
	assert_ok(lookup_source(l, &members[1].digest, &place, &err));
	assert_int_equal(place.offset, 1536);

	/* A source that a snapshot does not have: looked for past it. */
	struct pack_member late = { { { 12 } }, 4096, 3 };
	assert_int_equal(lookup_source(l, &late.digest, &place, &err), -ENOENT);
	assert_ok(catalog_put_pack(f->st, &second, (struct pack_member[]){ again, late }, 2, &err));
	assert_ok(lookup_source(l, &late.digest, &place, &err));

	/* In both: what is left of them serves. */
	assert_ok(catalog_forget_pack(f->st, &first, &err));
	usleep(110000);
	assert_ok(lookup_source(l, &members[0].digest, &place, &err));
	assert_true(digest_equal(&place.object, &second));
	assert_int_equal(lookup_source(l, &members[1].digest, &place, &err), -ENOENT);

	/* An object of its own. */
	struct artifact own = object_of(f->st, "source text");
	assert_ok(lookup_source(l, &own.digest, &place, &err));
	assert_int_equal(place.size_bytes, 11);
	assert_int_equal(place.offset, 0);
}

#define N_WRITERS 4
#define N_EACH 12

static void write_halves(const char *path, unsigned writer)
{
	struct error err = ERROR_NONE;
	struct store *st = NULL;
	assert_ok(store_open(path, STORE_WRITE, &st, &err));
	for (unsigned n = 0; n < N_EACH; n++) {
		/* All of them write all builds, each another contribution. */
		char name[32];
		snprintf(name, sizeof(name), "from/%u", writer);
		struct contribution c = half(st, n, writer & 1, name);
		assert_ok(record_put(st, &c, NULL, &err));
	}
	store_close(st);
}

static void writers_of_one_build_lose_nothing(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	pid_t children[N_WRITERS];
	for (unsigned i = 0; i < N_WRITERS; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			write_halves(f->path, i);
			_exit(0);
		}
	}
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	for (unsigned i = 0; i < N_WRITERS; i++) {
		int status;
		struct build build;
		for (unsigned n = 0; n < N_EACH; n++) /* a reader in between never sees trouble */
			assert_in_set(-build_of(l, n, &build),
				      ((const unsigned long[]){ 0, ENOENT }), 2);
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	usleep(110000);
	for (unsigned n = 0; n < N_EACH; n++) {
		struct build build;
		assert_int_equal(build_of(l, n, &build), 0);
		assert_int_equal(build.n_contributions, N_WRITERS);
		assert_true(build.debug.present && build.executable.present);
	}
	assert_non_null(l->db);
	struct seen seen = { "" };
	assert_ok(lookup_path(l, "3", see, &seen, &err));
	unsigned n_seen = 0;
	for (const char *at = seen.text; *at; at++)
		n_seen += *at == ':';
	assert_int_equal(n_seen, N_EACH);
}

static void files_have_the_stores_mode(void **state)
{
	(void)state;
	char folder[64], path[80];
	store_fixture_make_folder(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/store", folder);
	struct error err = ERROR_NONE;
	mode_t mask = umask(077);
	scoped(store_closep) struct store *st = NULL;
	assert_ok(store_init(path, STORE_WORLD, (gid_t)-1, &err));
	assert_ok(store_open(path, STORE_WRITE, &st, &err));
	struct contribution c = half(st, 1, false, NULL);
	assert_ok(record_put(st, &c, NULL, &err));
	store_close(take(st)); /* the log stays */
	umask(mask);

	static const char *const names[] = { "catalog.sqlite", "catalog.sqlite-wal",
					     "catalog.sqlite-shm" };
	assert_ok(store_open(path, STORE_WRITE, &st, &err));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct stat file;
		print_message("%s\n", names[i]);
		assert_int_equal(fstatat(st->catalog_fd, names[i], &file, 0), 0);
		assert_int_equal(file.st_mode & 07777, 0664);
	}
	char name[RECORD_NAME_SIZE];
	struct stat file;
	assert_int_equal(fstatat(st->fd, record_name(&c.build_id, name), &file, 0), 0);
	assert_int_equal(file.st_mode & 07777, 02775);
	nftw(folder, store_fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void every_statement_uses_an_index(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	put_paths(f->st);
	scoped(lookup_freep) struct lookup *l = NULL;
	assert_ok(lookup_new(f->st, &l, &err));
	assert_true(lookup_connected(l));
	for (unsigned which = LOOKUP_BUILD; which < N_LOOKUPS; which++) {
		if (which == LOOKUP_COUNT)
			continue;
		print_message("%s\n", lookup_sql(which));
		char sql[600];
		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", lookup_sql(which));
		sqlite3_stmt *statement;
		assert_int_equal(sqlite3_prepare_v2(l->db, sql, -1, &statement, NULL), SQLITE_OK);
		unsigned n = 0;
		for (; sqlite3_step(statement) == SQLITE_ROW; n++) {
			const char *plan = (const char *)sqlite3_column_text(statement, 3);
			print_message("  %s\n", plan);
			assert_null(strstr(plan, "SCAN"));
			assert_null(strstr(plan, "TEMP B-TREE"));
		}
		assert_true(n > 0);
		sqlite3_finalize(statement);
	}
}

/* A row that no writer of ours makes must not be believed. */
static void strange_rows_are_not_believed(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct contribution c = half(f->st, 1, true, NULL);
	assert_ok(record_put(f->st, &c, NULL, &err));
	catalog_close(f->st->catalog);
	f->st->catalog = NULL;
	static const char *const acts[] = {
		"UPDATE builds SET debug = x'00'",
		"UPDATE builds SET debug = 'text'",
		"UPDATE builds SET debug_size = -1",
		"UPDATE builds SET quality = 9",
	};
	char path[128];
	snprintf(path, sizeof(path), "%s/catalog/catalog.sqlite", f->path);
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		print_message("%s\n", acts[i]);
		sqlite3 *db;
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, acts[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		scoped(lookup_freep) struct lookup *l = NULL;
		assert_ok(lookup_new(f->st, &l, &err));
		struct build build;
		assert_int_equal(build_of(l, 1, &build), 0);
		assert_int_equal(build.debug.size_bytes, 5); /* the record's */
		assert_ok(catalog_refresh_build(f->st, &c.build_id, NULL, &err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(halves_are_put_and_found),
		store_test(missing_objects_are_refused),
		store_test(removed_builds_stay_away),
		store_test(records_without_a_row_are_found),
		store_test(damaged_contributions_are_counted),
		store_test(builds_are_found_by_path_package_and_prefix),
		store_test(records_answer_without_a_catalog),
		store_test(a_new_catalog_is_seen_at_once),
		store_test(damaged_catalog_is_made_again),
		store_test(rebuilding_is_one_step),
		store_test(packs_are_put_and_forgotten),
		store_test(writers_of_one_build_lose_nothing),
		cmocka_unit_test(files_have_the_stores_mode),
		store_test(every_statement_uses_an_index),
		store_test(strange_rows_are_not_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
