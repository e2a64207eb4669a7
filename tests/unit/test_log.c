/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

/* stderr as a socket that keeps each write(2) apart; what came is read with take_line(). */
static int old_stderr, near_end, far_end;

static int redirect(void **state)
{
	(void)state;
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		return -1;
	near_end = ends[0];
	far_end = ends[1];
	old_stderr = dup(STDERR_FILENO);
	dup2(near_end, STDERR_FILENO);
	log_open("tester", LOG_NOTES);
	return 0;
}

static int restore(void **state)
{
	(void)state;
	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
	close(near_end);
	close(far_end);
	return 0;
}

/* The next write(2)'s bytes, or NULL if there was none. */
static const char *take_line(void)
{
	static char line[65536];
	ssize_t n = recv(far_end, line, sizeof(line) - 1, MSG_DONTWAIT);
	if (n < 0)
		return NULL;
	line[n] = 0;
	return line;
}

static void one_write_a_line(void **state)
{
	(void)state;
	log_note("split %d of %s", 3, "app");
	log_error("no");
	assert_string_equal(take_line(), "tester: split 3 of app\n");
	assert_string_equal(take_line(), "tester: no\n");
	assert_null(take_line());
}

static void long_lines_are_whole(void **state)
{
	(void)state;
	/* Around the size of the buffer on the stack. */
	static const size_t sizes[] = { 0, 1, 4085, 4086, 4087, 4088, 4089, 4096, 30000 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *text = malloc(sizes[i] + 1);
		assert_non_null(text);
		memset(text, 'x', sizes[i]);
		text[sizes[i]] = 0;
		log_note("%s", text);
		const char *line = take_line();
		assert_non_null(line);
		assert_int_equal(strlen(line), strlen("tester: ") + sizes[i] + 1);
		assert_memory_equal(line + strlen("tester: "), text, sizes[i]);
		assert_int_equal(line[strlen(line) - 1], '\n');
		assert_null(take_line());
		free(text);
	}
}

static void levels_are_kept(void **state)
{
	(void)state;
	for (enum log_level wanted = LOG_ERRORS; wanted <= LOG_DEBUG; wanted++) {
		log_open("tester", wanted);
		log_error("e");
		log_warning("w");
		log_note("n");
		log_debug("d");
		static const char *const lines[] = { "tester: e\n", "tester: w\n", "tester: n\n",
						     "tester: d\n" };
		for (enum log_level level = LOG_ERRORS; level <= wanted; level++)
			assert_string_equal(take_line(), lines[level]);
		assert_null(take_line());
		assert_true(log_wants(wanted));
		assert_int_equal(log_wants(LOG_DEBUG), wanted == LOG_DEBUG);
	}
	log_open("tester", LOG_NOTES);
}

static int n_evaluated;
static int evaluate(void)
{
	return ++n_evaluated;
}

static void debug_lines_cost_nothing(void **state)
{
	(void)state;
	log_debug("%d", evaluate());
	assert_int_equal(n_evaluated, 0);
}

static void errno_is_kept(void **state)
{
	(void)state;
	shutdown(far_end, SHUT_RD); /* so that the write fails */
	errno = EXDEV;
	log_note("lost");
	assert_int_equal(errno, EXDEV);
}

static void *log_many(void *name)
{
	for (int i = 0; i < 100; i++)
		log_note("%s %d", (const char *)name, i);
	return NULL;
}

static void threads_do_not_mix_lines(void **state)
{
	(void)state;
	/* A reader at the same time, for the socket holds only so many. */
	static char names[4][8] = { "a", "b", "c", "d" };
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
	int next[4] = { 0 };
	for (int n = 0; n < 400; n++) {
		char line[128];
		ssize_t got = recv(far_end, line, sizeof(line) - 1, 0);
		assert_true(got > 0);
		line[got] = 0;
		char name = 0, end = 0;
		int i = -1;
		assert_int_equal(sscanf(line, "tester: %c %d%c", &name, &i, &end), 3);
		assert_int_equal(end, '\n');
		assert_true(name >= 'a' && name <= 'd');
		assert_int_equal(i, next[name - 'a']++);
	}
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void closed_streams_are_filled(void **state)
{
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		for (int fd = 0; fd <= 2; fd++)
			close(fd);
		log_open("tester", LOG_NOTES);
		char byte = 'x';
		bool filled = dup(0) > 2;
		bool in_refuses = read(0, &byte, 1) < 0;
		bool out_refuses = write(1, &byte, 1) < 0;
		bool lines_vanish = write(2, &byte, 1) == 1;
		_exit(filled && in_refuses && out_refuses && lines_vanish ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void bytes_for_people(void **state)
{
	(void)state;
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 999, "999 B" },
		{ 1000, "1.00 kB" },
		{ 1004, "1.00 kB" },
		{ 1005, "1.01 kB" },
		{ 9994, "9.99 kB" },
		{ 9995, "10.0 kB" },
		{ 10049, "10.0 kB" },
		{ 10050, "10.1 kB" },
		{ 99949, "99.9 kB" },
		{ 99950, "100 kB" },
		{ 999499, "999 kB" },
		{ 999500, "1.00 MB" },
		{ 999999, "1.00 MB" },
		{ 1000000, "1.00 MB" },
		{ 81920000, "81.9 MB" },
		{ 999999999, "1.00 GB" },
		{ 1234567890, "1.23 GB" },
		{ 3000000000000, "3.00 TB" },
		{ 999999999999999999, "1.00 EB" },
		{ UINT64_MAX, "18.4 EB" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(HUMAN_BYTES(cases[i].bytes), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_write_a_line, redirect, restore),
		cmocka_unit_test_setup_teardown(long_lines_are_whole, redirect, restore),
		cmocka_unit_test_setup_teardown(levels_are_kept, redirect, restore),
		cmocka_unit_test_setup_teardown(debug_lines_cost_nothing, redirect, restore),
		cmocka_unit_test_setup_teardown(errno_is_kept, redirect, restore),
		cmocka_unit_test_setup_teardown(threads_do_not_mix_lines, redirect, restore),
		cmocka_unit_test(closed_streams_are_filled),
		cmocka_unit_test(bytes_for_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
