/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "store/format_line.h"
#include "store/internal.h"
#include "store/object.h"

#define OTHER_GROUP 4242
#define OTHER_USER 4243

struct folder_fixture {
	char folder[64];
	char path[80];
};

static int folder_setup(void **state)
{
	struct folder_fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	store_fixture_make_folder(f->folder, sizeof(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/a/store", f->folder);
	*state = f;
	return 0;
}

static int folder_teardown(void **state)
{
	struct folder_fixture *f = *state;
	nftw(f->folder, store_fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

#define folder_test(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

static mode_t mode_of(const char *folder, const char *name, gid_t *ret_group)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	struct stat is;
	if (stat(path, &is) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	if (ret_group)
		*ret_group = is.st_gid;
	return is.st_mode & 07777;
}

static void sharing_is_not_the_umasks(void **state)
{
	struct folder_fixture *f = *state;
	static const struct {
		enum store_sharing sharing;
		mode_t folder, file;
	} cases[] = {
		{ STORE_PRIVATE, 0700, 0600 },
		{ STORE_GROUP, 02770, 0660 },
		{ STORE_WORLD, 02775, 0664 },
	};
	static const mode_t umasks[] = { 077, 022, 0, 0777 };
	gid_t group = geteuid() == 0 ? OTHER_GROUP : (gid_t)-1;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(umasks); i++) {
		mode_t folder = cases[i % 3].folder, file = cases[i % 3].file;
		char path[128], name[OBJECT_NAME_SIZE], object[128] = "objects/";
		snprintf(path, sizeof(path), "%s/%zu", f->folder, i);
		struct error err = ERROR_NONE;
		mode_t before = umask(umasks[i / 3]);
		assert_ok(store_init(path, cases[i % 3].sharing, group, &err));
		struct store *st = NULL;
		assert_ok(store_open(path, STORE_WRITE, &st, &err));
		struct object_result result = { 0 };
		assert_ok(object_put(st, "hello", 5, &result, &err));
		umask(before);
		store_close(st);

		static const char *const folders[] = { "",    "objects",    "builds", "catalog",
						       "tmp", "quarantine", "removed" };
		gid_t is_group = 0;
		for (size_t j = 0; j < ARRAY_SIZE(folders); j++) {
			assert_int_equal(mode_of(path, folders[j], &is_group), folder);
			if (group != (gid_t)-1)
				assert_int_equal(is_group, group);
		}
		assert_int_equal(mode_of(path, "FORMAT", NULL), file);
		strcat(object, object_name(&result.digest, name));
		assert_int_equal(mode_of(path, object, &is_group), file);
		if (group != (gid_t)-1)
			assert_int_equal(is_group, group);
		object[strlen("objects/ab")] = 0;
		assert_int_equal(mode_of(path, object, NULL), folder);
	}
}

static void init_goes_only_where_nothing_is(void **state)
{
	struct folder_fixture *f = *state;
	struct error err = ERROR_NONE;
	assert_ok(store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err));
	assert_int_equal(store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err), -EEXIST);
	assert_non_null(strstr(err.message, "there is a store already"));

	/* One that was cut short, before FORMAT. */
	char path[128];
	snprintf(path, sizeof(path), "%s/FORMAT", f->path);
	assert_int_equal(unlink(path), 0);
	assert_ok(store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err));

	snprintf(path, sizeof(path), "%s/other", f->folder);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_ok(store_init(path, STORE_WORLD, (gid_t)-1, &err));
	snprintf(path, sizeof(path), "%s/used", f->folder);
	assert_int_equal(mkdir(path, 0755), 0);
	strcat(path, "/thesis.txt");
	assert_int_equal(mkdir(path, 0755), 0);
	*strrchr(path, '/') = 0;
	assert_int_equal(store_init(path, STORE_WORLD, (gid_t)-1, &err), -ENOTEMPTY);
	assert_non_null(strstr(err.message, "thesis.txt"));
	assert_int_equal(mode_of(path, "", NULL), 0755);
}

static void write_format(const char *store, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/FORMAT", store);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void formats_of_other_releases(void **state)
{
	struct folder_fixture *f = *state;
	static const struct {
		const char *text;
		int to_read, to_write;
		const char *message;
	} cases[] = {
		{ "dbgvault-store 1\n", 0, 0, "" },
		{ "dbgvault-store 1 deltas\n", 0, -ENOTSUP, "needs deltas" },
		{ "dbgvault-store 1 deltas=0.7\n", 0, -ENOTSUP, "dbgvault 0.7 and later" },
		{ "dbgvault-store 2 packs=1.4\n", -ENOTSUP, -ENOTSUP, "packs=1.4" },
		{ "dbgvault-store 11\n", -ENOTSUP, -ENOTSUP, "format 11" },
		{ "dbgvault-store\n", -EBADMSG, -EBADMSG, "expected" },
		{ "dbgvault-store 1", -EBADMSG, -EBADMSG, "expected" },
		{ "something\n", -EBADMSG, -EBADMSG, "expected" },
		{ "", -EBADMSG, -EBADMSG, "expected" },
	};
	struct error err = ERROR_NONE;
	assert_ok(store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].text);
		write_format(f->path, cases[i].text);
		struct store *st = NULL;
		assert_int_equal(store_open(f->path, STORE_READ, &st, &err), cases[i].to_read);
		store_close(st);
		st = NULL;
		err = ERROR_NONE;
		assert_int_equal(store_open(f->path, STORE_WRITE, &st, &err), cases[i].to_write);
		assert_non_null(strstr(err.message, cases[i].message));
		store_close(st);
	}
}

static void what_is_no_store(void **state)
{
	struct folder_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store *st = NULL;
	assert_int_equal(store_open(f->path, STORE_READ, &st, &err), -ENOENT);
	assert_int_equal(store_open(f->folder, STORE_READ, &st, &err), -EINVAL);
	assert_non_null(strstr(err.message, "no store"));
	assert_null(st);
}

/* Run @act as another user; returns its result's negative, which must fit an exit status. */
static int as_user(uid_t user, gid_t group, int (*act)(const char *path), const char *path)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		gid_t groups[] = { group };
		if (setgroups(1, groups) < 0 || setgid(user) < 0 || setuid(user) < 0)
			_exit(255);
		umask(077);
		_exit(-act(path));
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char text[] = "an object that several users meet";

static int act_read(const char *path)
{
	scoped(store_closep) struct store *st = NULL;
	int r = store_open(path, STORE_READ, &st, NULL);
	if (r < 0)
		return r;
	struct digest digest = digest_of(text, sizeof(text));
	return object_verify(st, &digest, NULL);
}

static int act_write(const char *path)
{
	scoped(store_closep) struct store *st = NULL;
	struct error err = ERROR_NONE;
	int r = store_open(path, STORE_WRITE, &st, &err);
	if (r == -EACCES && !strstr(err.message, "mode 277"))
		return -EPROTO;
	if (r < 0)
		return r;
	struct object_result result;
	r = object_put(st, text, sizeof(text), &result, NULL);
	if (r < 0)
		return r;
	return object_put(st, &r, sizeof(r), &result, NULL);
}

static void users_share_a_store(void **state)
{
	struct folder_fixture *f = *state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(f->folder, 0755), 0);
	struct error err = ERROR_NONE;
	mode_t before = umask(022);
	assert_ok(store_init(f->path, STORE_GROUP, OTHER_GROUP, &err));
	/* The first writes; the second meets its object and renews its time; a third may not even
	 * read. */
	assert_int_equal(as_user(OTHER_USER, OTHER_GROUP, act_write, f->path), 0);
	assert_int_equal(as_user(OTHER_USER + 1, OTHER_GROUP, act_write, f->path), 0);
	assert_int_equal(as_user(OTHER_USER + 1, OTHER_GROUP, act_read, f->path), 0);
	assert_int_equal(as_user(OTHER_USER + 2, OTHER_USER + 2, act_read, f->path), EACCES);
	assert_int_equal(as_user(OTHER_USER + 2, OTHER_USER + 2, act_write, f->path), EACCES);

	char path[128];
	snprintf(path, sizeof(path), "%s/open", f->folder);
	assert_ok(store_init(path, STORE_WORLD, OTHER_GROUP, &err));
	umask(before);
	assert_int_equal(as_user(OTHER_USER, OTHER_GROUP, act_write, path), 0);
	assert_int_equal(as_user(OTHER_USER + 2, OTHER_USER + 2, act_read, path), 0);
	assert_int_equal(as_user(OTHER_USER + 2, OTHER_USER + 2, act_write, path), EACCES);
}

/* A person's store stays theirs when root adds to it. */
static void roots_objects_are_the_owners(void **state)
{
	struct folder_fixture *f = *state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(f->folder, 0755), 0);
	struct error err = ERROR_NONE;
	assert_ok(store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err));
	char command[160];
	snprintf(command, sizeof(command), "chown -R %d '%s'", OTHER_USER, f->path);
	assert_int_equal(system(command), 0);
	assert_int_equal(-act_write(f->path), 0);
	assert_int_equal(as_user(OTHER_USER, OTHER_USER, act_read, f->path), 0);
	assert_int_equal(as_user(OTHER_USER, OTHER_USER, act_write, f->path), 0);
}

static void locks_hold(void **state)
{
	struct folder_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store *st = NULL;
	assert_ok(store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err));
	assert_ok(store_open(f->path, STORE_WRITE, &st, &err));
	int first = -1, second = -1;
	assert_ok(store_lock_shared(st, &first, &err));
	assert_ok(store_lock_shared(st, &second, &err));

	/* Another waits for both, in a process of its own. */
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		fd_close(&first);
		fd_close(&second);
		int fd = -1;
		int r = store_lock_exclusive(st, &fd, NULL);
		_exit(write(ends[1], "x", 1) == 1 ? -r : 99);
	}
	close(ends[1]);
	fd_close(&first);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	usleep(50000);
	char byte;
	assert_int_equal(read(ends[0], &byte, 1), -1);
	fd_close(&second);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	store_close(st);
}

static void quarantine_takes_it_aside(void **state)
{
	struct folder_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store *st = NULL;
	assert_ok(store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err));
	assert_ok(store_open(f->path, STORE_WRITE, &st, &err));
	struct object_result result;
	assert_ok(object_put(st, "bytes", 5, &result, &err));
	char name[OBJECT_NAME_SIZE], command[256];
	assert_true(object_is_there(st, &result.digest));
	assert_ok(store_quarantine(st, st->objects_fd, object_name(&result.digest, name), &err));
	assert_false(object_is_there(st, &result.digest));
	snprintf(command, sizeof(command), "test -f '%s/quarantine/%.2s-%s'.*", f->path, name,
		 name + 3);
	assert_int_equal(system(command), 0);
	assert_int_equal(store_quarantine(st, st->objects_fd, name, &err), -ENOENT);
	store_close(st);
}

static void paths_are_chosen(void **state)
{
	struct folder_fixture *f = *state;
	static const struct {
		const char *option, *store, *data, *home, *expected;
		bool is_root;
	} cases[] = {
		{ "/x", "/y", "/d", "/h", "/x", false },
		{ NULL, "/y", "/d", "/h", "/y", false },
		{ NULL, "", NULL, "/h", "/var/lib/dbgvault", true },
		{ "default", "/y", NULL, "/h", "/var/lib/dbgvault", true },
		{ NULL, "default", NULL, "/h", "/var/lib/dbgvault", true },
	};
	(void)f;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].is_root && geteuid() != 0)
			continue;
		if (cases[i].store)
			setenv("DBGVAULT_STORE", cases[i].store, 1);
		else
			unsetenv("DBGVAULT_STORE");
		char *path = NULL;
		struct error err = ERROR_NONE;
		assert_ok(store_choose_path(cases[i].option, &path, &err));
		assert_string_equal(path, cases[i].expected);
		free(path);
	}
	unsetenv("DBGVAULT_STORE");
	char *path = NULL;
	assert_int_equal(store_choose_path("", &path, NULL), -EINVAL);
}

/* What a person without root gets; the texts come back by exit status. */
static int act_choose(const char *home)
{
	char expected[128], *path = NULL;
	setenv("HOME", home, 1);
	setenv("XDG_DATA_HOME", "relative", 1);
	snprintf(expected, sizeof(expected), "%s/.local/share/dbgvault", home);
	if (store_default_path(&path, NULL) < 0 || strcmp(path, expected) != 0)
		return -1;
	setenv("XDG_DATA_HOME", "/data", 1);
	if (store_default_path(&path, NULL) < 0 || strcmp(path, "/data/dbgvault") != 0)
		return -2;
	unsetenv("XDG_DATA_HOME");
	static const char *const unusable[] = { "", "/", "//", "/nonexistent-home", "relative" };
	for (size_t i = 0; i < ARRAY_SIZE(unusable); i++) {
		setenv("HOME", unusable[i], 1);
		if (store_default_path(&path, NULL) != -ENOENT)
			return -3 - (int)i;
	}
	return 0;
}

static void a_persons_path(void **state)
{
	struct folder_fixture *f = *state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(f->folder, 0755), 0);
	assert_int_equal(as_user(OTHER_USER, OTHER_USER, act_choose, f->folder), 0);
	enum store_sharing sharing = STORE_WORLD;
	gid_t group = 1;
	store_default_sharing(f->folder, &sharing, &group);
	assert_int_equal(sharing, STORE_PRIVATE);
	assert_int_equal(group, (gid_t)-1);
	store_default_sharing("/var/lib/dbgvault", &sharing, &group);
	assert_int_equal(sharing, getgrnam("dbgvault") ? STORE_GROUP : STORE_PRIVATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		folder_test(sharing_is_not_the_umasks),
		folder_test(init_goes_only_where_nothing_is),
		folder_test(formats_of_other_releases),
		folder_test(what_is_no_store),
		folder_test(users_share_a_store),
		folder_test(roots_objects_are_the_owners),
		folder_test(locks_hold),
		folder_test(quarantine_takes_it_aside),
		folder_test(paths_are_chosen),
		folder_test(a_persons_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
