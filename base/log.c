/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/progress.h"

static const char *program_name = "dbgvault";
static enum log_level wanted_level = LOG_NOTES;

/*
 * A program started with standard streams closed would get 0, 1 or 2 for the next file it opens,
 * and write its messages into it. They are filled with what refuses to be read, or to be written.
 */
static void fill_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* open(2) gives the lowest free number: this one. Lines on stderr are lost in
		 * silence. */
		int got = open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
		if (got < 0)
			return;
	}
}

void log_open(const char *program, enum log_level level)
{
	program_name = program;
	wanted_level = level;
	fill_standard_streams();
}

bool log_wants(enum log_level level)
{
	return level <= wanted_level;
}

/* One write(2), unless a signal or a full pipe cuts it. What stderr does not take is lost. */
static void write_line(const char *line, size_t size)
{
	progress_hide_shown();
	while (size) {
		ssize_t n = write(STDERR_FILENO, line, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		line += n;
		size -= (size_t)n;
	}
	progress_show_again();
}

void log_line(enum log_level level, const char *format, ...)
{
	if (!log_wants(level))
		return;
	int saved_errno = errno;

	char line[4096]; /* PIPE_BUF: up to here lines of several processes do not mix in a pipe */
	int prefix = snprintf(line, sizeof(line), "%s: ", program_name);
	size_t prefix_size = prefix < 0 ? 0 : (size_t)prefix;
	if (prefix_size > sizeof(line) / 2)
		prefix_size = sizeof(line) / 2;

	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(line + prefix_size, sizeof(line) - prefix_size, format, args);
	va_end(args);
	size_t size = prefix_size + (n < 0 ? 0 : (size_t)n);
	char *longer = NULL;
	if (size >= sizeof(line)) {
		longer = malloc(size + 2);
		if (longer) {
			memcpy(longer, line, prefix_size);
			vsnprintf(longer + prefix_size, size + 2 - prefix_size, format, again);
		} else {
			size = sizeof(line) - 1; /* cut */
		}
	}
	va_end(again);

	char *text = longer ? longer : line;
	text[size] = '\n'; /* in the place of the NUL */
	write_line(text, size + 1);
	free(longer);
	errno = saved_errno;
}

const char *human_bytes(uint64_t bytes, char ret[static 16])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	if (bytes < 1000) {
		snprintf(ret, 16, "%u B", (unsigned int)bytes);
		return ret;
	}
	uint64_t scale = 1000;
	size_t unit = 1;
	while (unit + 1 < ARRAY_SIZE(units) && bytes / scale >= 1000) {
		scale *= 1000;
		unit++;
	}
	/* Three figures, rounded in integers: @figures is the number without its point. */
	uint64_t whole = bytes / scale;
	int decimals = whole >= 100 ? 0 : whole >= 10 ? 1 : 2;
	uint64_t step = scale / (decimals == 0 ? 1 : decimals == 1 ? 10 : 100);
	uint64_t figures = bytes / step + (bytes % step >= step - bytes % step);
	/* Rounding may have made a fourth: 9.996 is 10.0, and 999.6 is 1.00 of the next unit. */
	if (figures == 1000) {
		figures = 100;
		unit += decimals == 0;
		decimals = decimals == 0 ? 2 : decimals - 1;
	}
	unsigned int n = (unsigned int)figures;
	if (decimals == 0)
		snprintf(ret, 16, "%u %s", n, units[unit]);
	else if (decimals == 1)
		snprintf(ret, 16, "%u.%u %s", n / 10, n % 10, units[unit]);
	else
		snprintf(ret, 16, "%u.%02u %s", n / 100, n % 100, units[unit]);
	return ret;
}
