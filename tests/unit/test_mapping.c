/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mapping.h"
#include "tests/unit/scratch.h"

#define N_PAGES 8

/* Open a new file of N_PAGES pages of 'x' and map it. */
static struct mapping *map_pages(const struct scratch *s, const char *name, int *ret_fd)
{
	size_t size = N_PAGES * (size_t)sysconf(_SC_PAGESIZE);
	char *bytes = malloc(size);
	assert_non_null(bytes);
	memset(bytes, 'x', size);
	assert_int_equal(file_open_at(s->fd, name, O_RDWR | O_CREAT | O_TRUNC, 0600, ret_fd, NULL),
			 0);
	assert_int_equal(file_write(*ret_fd, bytes, size, name, NULL), 0);
	free(bytes);
	struct mapping *m = NULL;
	assert_int_equal(mapping_open(*ret_fd, name, &m, NULL), 0);
	assert_int_equal(mapping_size(m), size);
	return m;
}

static void an_untouched_file_passes(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	scoped(fd_close) int fd = -1;
	scoped(mapping_closep) struct mapping *m = map_pages(&s, "file", &fd);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(mapping_stat(m)->st_ino, st.st_ino);
	assert_int_equal(mapping_bytes(m)[0], 'x');
	assert_int_equal(mapping_bytes(m)[mapping_size(m) - 1], 'x');
	assert_int_equal(mapping_check(m, NULL), 0);
}

static void an_empty_file_is_mapped(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	scratch_put(&s, "empty", "");
	scoped(fd_close) int fd = openat(s.fd, "empty", O_RDONLY | O_CLOEXEC);
	scoped(mapping_closep) struct mapping *m = NULL;
	assert_int_equal(mapping_open(fd, "empty", &m, NULL), 0);
	assert_int_equal(mapping_size(m), 0);
	assert_non_null(mapping_bytes(m));
	assert_int_equal(mapping_check(m, NULL), 0);
	mapping_close(NULL);
}

static void only_regular_files_are_mapped(void **state)
{
	(void)state;
	struct mapping *m = NULL;
	struct error err = ERROR_NONE;
	scoped(fd_close) int folder = open("/tmp", O_RDONLY | O_CLOEXEC);
	scoped(fd_close) int device = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	assert_int_equal(mapping_open(folder, "/tmp", &m, &err), -EINVAL);
	assert_string_equal(err.message, "/tmp: not a regular file");
	assert_int_equal(mapping_open(device, "/dev/zero", &m, NULL), -EINVAL);
	assert_int_equal(mapping_open(-1, "none", &m, NULL), -EBADF);
	assert_null(m);
}

static void a_shrunk_file_reads_zeros(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	scoped(fd_close) int fd = -1, other_fd = -1;
	scoped(mapping_closep) struct mapping *other = map_pages(&s, "other", &other_fd);
	scoped(mapping_closep) struct mapping *m = map_pages(&s, "file", &fd);
	long page_size = sysconf(_SC_PAGESIZE);
	assert_int_equal(ftruncate(fd, page_size), 0);

	const uint8_t *bytes = mapping_bytes(m);
	assert_int_equal(bytes[page_size - 1], 'x');
	for (long i = page_size; i < N_PAGES * page_size; i++)
		if (bytes[i])
			fail_msg("0x%02x at %ld", bytes[i], i);
	struct error err = ERROR_NONE;
	assert_int_equal(mapping_check(m, &err), -EBUSY);
	char expected[128];
	snprintf(expected, sizeof(expected), "file: changed while it was read: %ld bytes, then %ld",
		 N_PAGES * page_size, page_size);
	assert_string_equal(err.message, expected);
	assert_int_equal(mapping_check(other, NULL), 0);
	assert_int_equal(mapping_bytes(other)[page_size], 'x');
}

/* As a failing disk, whose file keeps size and times. */
static void an_unreadable_page_is_told(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	scoped(fd_close) int fd = -1, short_fd = -1;
	scoped(mapping_closep) struct mapping *m = map_pages(&s, "file", &fd);
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	/* A page behind the end of another file is put in the place of one of its pages. */
	scratch_put(&s, "short", "x");
	short_fd = openat(s.fd, "short", O_RDONLY | O_CLOEXEC);
	uint8_t *page = (uint8_t *)mapping_bytes(m) + 2 * page_size;
	assert_ptr_equal(mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_FIXED, short_fd,
			      (off_t)page_size),
			 page);
	assert_int_equal(mapping_check(m, NULL), 0);
	assert_int_equal(*(volatile uint8_t *)page, 0);
	struct error err = ERROR_NONE;
	assert_int_equal(mapping_check(m, &err), -EIO);
	assert_string_equal(err.message, "file: part of it could not be read");

	/* A new mapping, maybe in the same place of the table, begins with a clean slate. */
	mapping_close(take(m));
	fd_close(&fd);
	m = map_pages(&s, "file", &fd);
	assert_int_equal(mapping_check(m, NULL), 0);
}

static void a_changed_file_is_busy(void **state)
{
	(void)state;
	enum change { WRITTEN, GROWN, TOUCHED, MODE };
	static const struct {
		const char *what;
		enum change change;
	} cases[] = {
		{ "written", WRITTEN }, { "grown", GROWN }, { "touched", TOUCHED }, { "mode", MODE }
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		scoped(scratch_remove) struct scratch s = scratch_make();
		scoped(fd_close) int fd = -1;
		scoped(mapping_closep) struct mapping *m = map_pages(&s, "file", &fd);
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 },
			  NULL); /* the kernel's clock is coarse */
		switch (cases[i].change) {
		case WRITTEN:
			assert_int_equal(pwrite(fd, "y", 1, 0), 1);
			break;
		case GROWN:
			assert_int_equal(pwrite(fd, "y", 1, (off_t)mapping_size(m)), 1);
			break;
		case TOUCHED:
			assert_int_equal(futimens(fd, NULL), 0);
			break;
		case MODE:
			assert_int_equal(fchmod(fd, 0644), 0);
			break;
		}
		struct error err = ERROR_NONE;
		assert_int_equal(mapping_check(m, &err), -EBUSY);
		assert_memory_equal(err.message, "file: changed while it was read", 31);
	}
}

static void *read_shrunk_files(void *context)
{
	const struct scratch *s = context;
	long page_size = sysconf(_SC_PAGESIZE);
	for (int i = 0; i < 100; i++) {
		char name[32];
		snprintf(name, sizeof(name), "%lx.%d", (unsigned long)pthread_self(), i);
		scoped(fd_close) int fd = -1;
		scoped(mapping_closep) struct mapping *m = map_pages(s, name, &fd);
		bool shrinks = i % 2;
		if (shrinks && ftruncate(fd, 0) < 0)
			return (void *)-1;
		uint8_t expected = shrinks ? 0 : 'x';
		for (long at = 0; at < N_PAGES * page_size; at += page_size)
			if (mapping_bytes(m)[at] != expected)
				return (void *)-2;
		if (mapping_check(m, NULL) != (shrinks ? -EBUSY : 0))
			return (void *)-3;
	}
	return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
	(void)state;
	scoped(scratch_remove) struct scratch s = scratch_make();
	pthread_t threads[4];
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_shrunk_files, &s), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *ret = NULL;
		pthread_join(threads[i], &ret);
		assert_null(ret);
	}
}

/* How a child ends that does something bad with SIGBUS while a mapping is open. */
static int child_signal(void (*bad)(const struct scratch *s))
{
	scoped(scratch_remove) struct scratch s = scratch_make();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
		signal(SIGBUS,
		       SIG_DFL); /* not a sanitizer's; asked for before our own first mapping */
		int fd = -1;
		(void)map_pages(&s, "file", &fd);
		bad(&s);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void read_foreign_page(const struct scratch *s)
{
	scratch_put(s, "short", "x");
	int fd = openat(s->fd, "short", O_RDONLY | O_CLOEXEC);
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	volatile uint8_t *page = mmap(NULL, 2 * page_size, PROT_READ, MAP_PRIVATE, fd, 0);
	_exit(page[page_size] + 1);
}

static void send_sigbus(const struct scratch *s)
{
	(void)s;
	raise(SIGBUS);
}

static void what_is_not_ours_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(child_signal(read_foreign_page), SIGBUS);
	assert_int_equal(child_signal(send_sigbus), SIGBUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_ours_ends_the_process), /* first: nothing is mapped yet
								      */
		cmocka_unit_test(an_untouched_file_passes),
		cmocka_unit_test(an_empty_file_is_mapped),
		cmocka_unit_test(only_regular_files_are_mapped),
		cmocka_unit_test(a_shrunk_file_reads_zeros),
		cmocka_unit_test(an_unreadable_page_is_told),
		cmocka_unit_test(a_changed_file_is_busy),
		cmocka_unit_test(threads_do_not_disturb_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
