/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/progress.h"

#define CLEAR "\r\x1b[K"

/* stderr on a terminal of our own, whose other side we read. */
static int old_stderr, master;

static int redirect(void **state)
{
	(void)state;
	setenv("TERM", "xterm", 1);
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return -1;
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios mode;
	if (slave < 0 || tcgetattr(slave, &mode) < 0)
		return -1;
	mode.c_oflag &= ~(tcflag_t)OPOST; /* line ends as they are written */
	tcsetattr(slave, TCSANOW, &mode);
	ioctl(slave, TIOCSWINSZ, &(struct winsize){ .ws_col = 100, .ws_row = 25 });
	old_stderr = dup(STDERR_FILENO);
	dup2(slave, STDERR_FILENO);
	close(slave);
	log_open("tester", LOG_NOTES);
	return 0;
}

static int restore(void **state)
{
	(void)state;
	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
	close(master);
	return 0;
}

/* What the terminal has got since the last call. */
static const char *take_output(void)
{
	static char output[65536];
	size_t used = 0;
	struct pollfd wait = { .fd = master, .events = POLLIN };
	while (used < sizeof(output) - 1 && poll(&wait, 1, 20) == 1) {
		ssize_t n = read(master, output + used, sizeof(output) - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	output[used] = 0;
	return output;
}

static void wait_until_due(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 120 * 1000000 }, NULL);
}

static void a_bar_is_shown_and_cleared(void **state)
{
	(void)state;
	struct progress *p = progress_new("split", true);
	progress_expect(p, 40, 3000000000);
	assert_string_equal(take_output(), ""); /* what is soon done shows none */
	wait_until_due();
	progress_advance(p, 12, 1200000000);
	assert_string_equal(take_output(),
			    "\rsplit [========>           ] 12/40 files, 1.20 GB of 3.00 GB\x1b[K");
	progress_advance(p, 1, 1);
	assert_string_equal(take_output(), ""); /* at most ten times a second */
	wait_until_due();
	progress_advance(p, 27, 1799999999);
	assert_string_equal(take_output(),
			    "\rsplit [====================] 40/40 files, 3.00 GB of 3.00 GB\x1b[K");
	progress_free(p);
	assert_string_equal(take_output(), CLEAR);
}

static void more_than_expected_is_no_trouble(void **state)
{
	(void)state;
	struct progress *p = progress_new("split", true);
	wait_until_due();
	progress_advance(p, 2, 0);
	assert_string_equal(take_output(),
			    "\rsplit [====================] 2/2 files, 0 B of 0 B\x1b[K");
	progress_free(p);
}

static void log_lines_go_around_it(void **state)
{
	(void)state;
	struct progress *p = progress_new("split", true);
	progress_expect(p, 2, 2);
	log_note("before");
	assert_string_equal(take_output(), "tester: before\n"); /* nothing to hide yet */
	wait_until_due();
	progress_advance(p, 1, 1);
	take_output();
	log_note("line");
	assert_string_equal(take_output(),
			    CLEAR "tester: line\n"
				  "\rsplit [==========>         ] 1/2 files, 1 B of 2 B\x1b[K");
	progress_free(p);
	take_output();
	log_note("after");
	assert_string_equal(take_output(), "tester: after\n");
}

static void narrow_terminals_show_none(void **state)
{
	(void)state;
	ioctl(STDERR_FILENO, TIOCSWINSZ, &(struct winsize){ .ws_col = 40, .ws_row = 25 });
	struct progress *p = progress_new("split", true);
	wait_until_due();
	progress_advance(p, 1, 1);
	progress_free(p);
	assert_string_equal(take_output(), "");
}

static void nothing_is_shown_unless_wanted(void **state)
{
	(void)state;
	struct progress *p = progress_new("split", false);
	assert_non_null(p);
	wait_until_due();
	progress_advance(p, 1, 1);
	progress_free(p);
	assert_string_equal(take_output(), "");

	setenv("TERM", "dumb", 1);
	p = progress_new("split", true);
	wait_until_due();
	progress_advance(p, 1, 1);
	progress_free(p);
	assert_string_equal(take_output(), "");

	progress_expect(NULL, 1, 1);
	progress_advance(NULL, 1, 1);
	progress_free(NULL);
}

static void no_terminal_shows_none(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	int kept = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	struct progress *p = progress_new("split", true);
	wait_until_due();
	progress_advance(p, 1, 1);
	progress_free(p);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(ends[1]);
	char byte;
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static atomic_bool stop;

static void *advance_and_log(void *p)
{
	for (int i = 0; i < 3000; i++) {
		progress_advance(p, 1, 10);
		if (i % 100 == 0)
			log_note("line");
	}
	return NULL;
}

static void *drain(void *count)
{
	size_t *n_lines = count;
	while (true) {
		bool last = stop;
		const char *output = take_output();
		for (const char *at = output; (at = strstr(at, "tester: line\n")); at++)
			++*n_lines;
		if (last && !*output)
			return NULL;
	}
}

static void threads_share_it(void **state)
{
	(void)state;
	struct progress *p = progress_new("split", true);
	progress_expect(p, 12000, 120000);
	wait_until_due();
	size_t n_lines = 0;
	pthread_t threads[4], reader;
	stop = false;
	assert_int_equal(pthread_create(&reader, NULL, drain, &n_lines), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, advance_and_log, p), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	stop = true;
	pthread_join(reader, NULL);
	assert_int_equal(n_lines, 120);
	wait_until_due();
	progress_advance(p, 0, 0);
	assert_string_equal(
		take_output(),
		"\rsplit [====================] 12000/12000 files, 120 kB of 120 kB\x1b[K");
	progress_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_bar_is_shown_and_cleared, redirect, restore),
		cmocka_unit_test_setup_teardown(more_than_expected_is_no_trouble, redirect,
						restore),
		cmocka_unit_test_setup_teardown(log_lines_go_around_it, redirect, restore),
		cmocka_unit_test_setup_teardown(narrow_terminals_show_none, redirect, restore),
		cmocka_unit_test_setup_teardown(nothing_is_shown_unless_wanted, redirect, restore),
		cmocka_unit_test_setup_teardown(no_terminal_shows_none, redirect, restore),
		cmocka_unit_test_setup_teardown(threads_share_it, redirect, restore),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
