/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/progress.h"

#define REDRAW_MS 100
#define BAR_CELLS 20

struct progress {
	const char *verb;
	_Atomic(uint64_t) n_files, n_files_expected;
	_Atomic(uint64_t) bytes, bytes_expected;
	_Atomic(int64_t) next_ms; /* not drawn again before */
};

/* Who holds the lock owns the terminal's line. */
static pthread_mutex_t line_lock = PTHREAD_MUTEX_INITIALIZER;
static struct progress *shown; /* under the lock: the one bar, NULL where there is none */
static bool drawn; /* under the lock: is it on the screen? */
static bool hidden; /* under the lock: was it, before progress_hide_shown()? */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_terminal(void)
{
	const char *kind = getenv("TERM");
	return isatty(STDERR_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
}

/* What cannot be shown is not worth an error. */
static void put(const char *text, size_t size)
{
	ssize_t n;
	do
		n = write(STDERR_FILENO, text, size);
	while (n < 0 && errno == EINTR);
}

static void clear_locked(void)
{
	static const char clear[] = "\r\x1b[K";
	if (drawn)
		put(clear, sizeof(clear) - 1);
	drawn = false;
}

static void draw_locked(const struct progress *p)
{
	uint64_t n_files = p->n_files, n_files_expected = max_u64(p->n_files_expected, n_files);
	uint64_t bytes = p->bytes, bytes_expected = max_u64(p->bytes_expected, bytes);
	if (!n_files_expected)
		return;

	/* By bytes where they are known, for files differ much. The double is for the eye alone. */
	double part = bytes_expected ? (double)bytes / (double)bytes_expected
				     : (double)n_files / (double)n_files_expected;
	int cells = (int)(part * BAR_CELLS);
	char bar[BAR_CELLS + 1];
	memset(bar, ' ', BAR_CELLS);
	memset(bar, '=', (size_t)cells);
	if (cells < BAR_CELLS)
		bar[cells] = '>';
	bar[BAR_CELLS] = 0;

	char line[256];
	int n = snprintf(line, sizeof(line), "%s [%s] %llu/%llu files, %s of %s", p->verb, bar,
			 (unsigned long long)n_files, (unsigned long long)n_files_expected,
			 HUMAN_BYTES(bytes), HUMAN_BYTES(bytes_expected));

	/* A line that wraps could not be cleared. */
	struct winsize window = { 0 };
	int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col ? window.ws_col
										    : 80;
	if (n < 0 || n >= width || (size_t)n >= sizeof(line))
		return;

	char output[300];
	n = snprintf(output, sizeof(output), "\r%s\x1b[K", line);
	put(output, (size_t)n);
	drawn = true;
}

struct progress *progress_new(const char *verb, int wanted)
{
	struct progress *p = calloc(1, sizeof(*p));
	if (!p || !wanted || !is_terminal())
		return p;
	p->verb = verb;
	p->next_ms = now_ms() + REDRAW_MS; /* what is done at once shows no bar */
	pthread_mutex_lock(&line_lock);
	if (!shown)
		shown = p;
	pthread_mutex_unlock(&line_lock);
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&line_lock);
	if (shown == p) {
		clear_locked();
		shown = NULL;
	}
	pthread_mutex_unlock(&line_lock);
	free(p);
}

static void redraw_if_due(struct progress *p)
{
	if (!p->verb)
		return;
	int64_t now = now_ms(), due = p->next_ms;
	/* One of the threads that see it due draws; none of them waits for another. */
	if (now < due || !atomic_compare_exchange_strong(&p->next_ms, &due, now + REDRAW_MS) ||
	    pthread_mutex_trylock(&line_lock) != 0)
		return;
	if (shown == p)
		draw_locked(p);
	pthread_mutex_unlock(&line_lock);
}

void progress_expect(struct progress *p, uint64_t n_files, uint64_t bytes)
{
	if (!p)
		return;
	p->n_files_expected += n_files;
	p->bytes_expected += bytes;
	redraw_if_due(p);
}

void progress_advance(struct progress *p, uint64_t n_files, uint64_t bytes)
{
	if (!p)
		return;
	p->n_files += n_files;
	p->bytes += bytes;
	redraw_if_due(p);
}

/* The lock is held from here to progress_show_again(), so that nothing is drawn in between. */
void progress_hide_shown(void)
{
	pthread_mutex_lock(&line_lock);
	hidden = drawn;
	clear_locked();
}

void progress_show_again(void)
{
	if (hidden)
		draw_locked(shown);
	hidden = false;
	pthread_mutex_unlock(&line_lock);
}
