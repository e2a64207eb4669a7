/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "tests/unit/scratch.h"

static void whole_files_are_read(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	scratch_put(&s, "text", "twelve bytes");
	scratch_put(&s, "empty", "");
	assert_int_equal(mkdirat(s.fd, "folder", 0755), 0);
	assert_int_equal(mkfifoat(s.fd, "fifo", 0644), 0);

	static const struct {
		const char *name;
		size_t limit;
		int r;
		const char *text, *message;
	} cases[] = {
		{ "text", 12, 0, "twelve bytes", NULL },
		{ "text", 11, -EFBIG, NULL, "text: 12 bytes, over the limit of 11" },
		{ "empty", 0, 0, "", NULL },
		{ "none", 9, -ENOENT, NULL, "none: No such file or directory" },
		{ "folder", 9, -EINVAL, NULL, "folder: not a regular file" },
		{ "fifo", 9, -EINVAL, NULL, "fifo: not a regular file" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s, limit %zu\n", cases[i].name, cases[i].limit);
		scoped(string_free) char *text = NULL;
		size_t size = 99;
		struct error err = ERROR_NONE;
		int r = file_read_at(s.fd, cases[i].name, cases[i].limit, &text, &size, &err);
		assert_int_equal(r, cases[i].r);
		if (r == 0) {
			assert_string_equal(text, cases[i].text);
			assert_int_equal(size, strlen(cases[i].text));
		} else {
			assert_string_equal(err.message, cases[i].message);
			assert_null(text);
			assert_int_equal(size, 99);
		}
	}
}

static void bytes_are_written_and_read_in_place(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	scoped(fd_close) int fd = -1;
	struct error err = ERROR_NONE;
	assert_int_equal(file_open_at(s.fd, "new", O_RDWR | O_CREAT | O_EXCL, 0600, &fd, NULL), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(file_write(fd, "0123456789", 10, "new", NULL), 0);
	assert_int_equal(file_pwrite(fd, "abc", 3, 4, "new", NULL), 0);
	assert_int_equal(file_sync(fd, "new", NULL), 0);
	assert_int_equal(file_sync(s.fd, "folder", NULL), 0);
	assert_string_equal(scratch_get(&s, "new"), "0123abc789");

	char read[4] = "";
	assert_int_equal(file_pread(fd, read, 3, 3, "new", NULL), 0);
	assert_string_equal(read, "3ab");
	assert_int_equal(file_pread(fd, read, 3, 8, "new", &err), -EBADMSG);
	assert_string_equal(err.message, "new: ends at 0xa, 1 bytes too early");
	assert_int_equal(file_pread(fd, read, 0, 99, "new", NULL), 0);

	int again = -1;
	assert_int_equal(file_open_at(s.fd, "new", O_RDWR | O_CREAT | O_EXCL, 0600, &again, &err),
			 -EEXIST);
	assert_string_equal(err.message, "new: File exists");
	assert_int_equal(again, -1);
	assert_int_equal(file_write(-1, "x", 1, "a\nb", &err), -EBADF);
	assert_string_equal(err.message, "writing a\\x0ab: Bad file descriptor");
	assert_int_equal(file_pwrite(-1, "x", 1, 0, "f", &err), -EBADF);
	assert_int_equal(file_pread(-1, read, 1, 0, "f", &err), -EBADF);
	assert_int_equal(file_sync(-1, "f", &err), -EBADF);
	assert_string_equal(err.message, "syncing f: Bad file descriptor");
}

static void on_alarm(int number)
{
	(void)number;
}

/* Takes a pipe's bytes in small pieces; the writer's write(2)s last, and are cut by a timer's
 * signals. */
static void *read_slowly(void *fd)
{
	static char got[(1 << 20) + 1000];
	size_t used = 0;
	for (ssize_t n; (n = read(*(int *)fd, got + used, 1000)) > 0;) {
		used += (size_t)n;
		nanosleep(&(struct timespec){ .tv_nsec = 10000 }, NULL);
	}
	for (size_t i = 0; i < used; i++)
		if (got[i] != (char)(i % 251))
			return (void *)-1;
	return (void *)used;
}

static void writes_go_on_where_they_were_cut(void **state)
{
	(void)state;
	static char bytes[(1 << 20) - 1];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i % 251);
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	sigset_t alarm, old;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &old); /* for the reader */
	pthread_t reader;
	assert_int_equal(pthread_create(&reader, NULL, read_slowly, &ends[0]), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL); /* no SA_RESTART */
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 1000 }, { 0, 1000 } }, NULL);
	assert_int_equal(file_write(ends[1], bytes, sizeof(bytes), "pipe", NULL), 0);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	close(ends[1]);
	void *got = NULL;
	pthread_join(reader, &got);
	close(ends[0]);
	assert_int_equal((size_t)got, sizeof(bytes));
}

static void folders_are_made(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	scratch_put(&s, "file", "");
	static const struct {
		const char *path;
		int r;
		const char *message;
	} cases[] = {
		{ "a/b/c", 0, NULL },
		{ "a/b/c", 0, NULL },
		{ "a/b/d/", 0, NULL },
		{ "e//f", 0, NULL },
		{ ".", 0, NULL },
		{ "/", 0, NULL },
		{ "/tmp", 0, NULL },
		{ "", -ENOENT, "making folder : No such file or directory" },
		{ "file", -ENOTDIR, "making folder file: Not a directory" },
		{ "file/x", -ENOTDIR, "making folder file: Not a directory" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("\"%s\"\n", cases[i].path);
		struct error err = ERROR_NONE;
		assert_int_equal(folder_make(s.fd, cases[i].path, 0755, &err), cases[i].r);
		if (cases[i].message)
			assert_string_equal(err.message, cases[i].message);
		struct stat st;
		if (cases[i].r == 0)
			assert_true(fstatat(s.fd, cases[i].path, &st, 0) == 0 &&
				    S_ISDIR(st.st_mode));
	}
}

static void space_is_told(void **state)
{
	(void)state;
	uint64_t bytes = 0;
	scoped(scratch_remove) struct scratch s = scratch_make();
	assert_int_equal(file_free_space(s.fd, &bytes, NULL), 0);
	assert_true(bytes > 4096);
	assert_int_equal(file_free_space(-1, &bytes, NULL), -EBADF);
}

static void guards_let_go(void **state)
{
	(void)state;
	int kept;
	{
		scoped(fd_close) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		kept = fd;
	}
	assert_int_equal(fcntl(kept, F_GETFD), -1);
	{
		scoped(fd_close) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		kept = fd_take(&fd);
		assert_int_equal(fd, -1);
	}
	assert_int_equal(fcntl(kept, F_GETFD), FD_CLOEXEC);
	close(kept);

	scoped(string_free) char *text = NULL;
	assert_int_equal(string_format(&text, NULL, "%s/%d", "a", 7), 0);
	assert_string_equal(text, "a/7");
	char *taken = take(text);
	assert_null(text);
	free(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_files_are_read),
		cmocka_unit_test(bytes_are_written_and_read_in_place),
		cmocka_unit_test(writes_go_on_where_they_were_cut),
		cmocka_unit_test(folders_are_made),
		cmocka_unit_test(space_is_told),
		cmocka_unit_test(guards_let_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
