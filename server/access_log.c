/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "server/access_log.h"

#define LINE_SIZE 4096 /* of a text line, at most */
#define FLUSH_MS 100 /* how long a line may wait */
#define EARLY_FLUSH (64 << 10) /* bytes with which it is not waited for */
#define END_MS 1000 /* how long a stuck reader is waited for at the end */
#define BUFFER_SIZE (1 << 20) /* what may wait while the reader is slow */

struct buffer {
	size_t size;
	char bytes[BUFFER_SIZE];
};

struct access_log {
	int fd;
	enum access_log_format format;
	pthread_mutex_t mutex;
	pthread_cond_t filled; /* enough lines, or the end */
	pthread_t thread;
	bool waits; /* no regular file: its reader may be slow, or stuck */
	atomic_bool ending;
	uint64_t n_lost;
	struct buffer *filling;
	struct buffer buffers[2]; /* one is filled, one is written */
};

/* May as much as a pipe takes at once be written? Waits; false: the end came, and nobody reads. */
static bool wait_for_reader(struct access_log *log)
{
	for (unsigned waited_ms = 0;; waited_ms += FLUSH_MS) {
		struct pollfd polled = { .fd = log->fd, .events = POLLOUT };
		int n = poll(&polled, 1, FLUSH_MS);
		if (n > 0 || (n < 0 && errno != EINTR))
			return true;
		if (!atomic_load(&log->ending))
			waited_ms = 0;
		else if (waited_ms >= END_MS)
			return false;
	}
}

/* Whole lines, as many as go into a pipe in one piece: other lines then come between, not into
 * them, and a pipe that poll(2) calls writable takes them without a wait. */
static size_t measure_piece(const char *bytes, size_t size)
{
	if (size <= PIPE_BUF)
		return size;
	const char *newline = memrchr(bytes, '\n', PIPE_BUF);
	return newline ? (size_t)(newline + 1 - bytes) : PIPE_BUF;
}

/* The log is no place to fail: what cannot be written is gone. */
static void write_all(struct access_log *log, const char *bytes, size_t size)
{
	while (size) {
		size_t piece = log->waits ? measure_piece(bytes, size) : size;
		if (log->waits && !wait_for_reader(log))
			return;
		ssize_t n = write(log->fd, bytes, piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		bytes += n;
		size -= (size_t)n;
	}
}

static void *flush(void *context)
{
	struct access_log *log = context;
	bool ending;

	do {
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += FLUSH_MS * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}

		pthread_mutex_lock(&log->mutex);
		while (!log->ending && !log->filling->size) /* asleep while nothing happens */
			pthread_cond_wait(&log->filled, &log->mutex);
		while (!log->ending && log->filling->size < EARLY_FLUSH &&
		       pthread_cond_timedwait(&log->filled, &log->mutex, &until) == 0)
			;
		ending = log->ending;
		struct buffer *full = log->filling;
		log->filling = full == &log->buffers[0] ? &log->buffers[1] : &log->buffers[0];
		uint64_t n_lost = log->n_lost;
		log->n_lost = 0;
		pthread_mutex_unlock(&log->mutex);

		write_all(log, full->bytes, full->size);
		full->size = 0;
		if (n_lost) {
			char line[96];
			int n = snprintf(
				line, sizeof(line),
				log->format == ACCESS_LOG_JSON
					? "{\"schema\":\"dbgvault.serve/1\",\"lost_lines\":%" PRIu64
					  "}\n"
					: "lost lines=%" PRIu64 "\n",
				n_lost);
			write_all(log, line, (size_t)n);
		}
	} while (!ending);
	return NULL;
}

int access_log_open(int fd, enum access_log_format format, struct access_log **ret,
		    struct error *err)
{
	struct access_log *log =
		malloc(sizeof(*log)); /* not cleared: pages are touched as they are used */
	if (!log)
		return error_no_memory(err);
	log->fd = fd;
	log->format = format;
	struct stat file;
	log->waits = fstat(fd, &file) < 0 || !S_ISREG(file.st_mode);
	atomic_init(&log->ending, false);
	log->n_lost = 0;
	log->filling = &log->buffers[0];
	log->buffers[0].size = log->buffers[1].size = 0;
	pthread_mutex_init(&log->mutex, NULL);

	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&log->filled, &attributes);
	pthread_condattr_destroy(&attributes);

	int r = -pthread_create(&log->thread, NULL, flush, log);
	if (r < 0) {
		free(log);
		return error_errno(err, r, "starting the log's thread");
	}
	*ret = log;
	return 0;
}

void access_log_close(struct access_log *log)
{
	if (!log)
		return;
	pthread_mutex_lock(&log->mutex);
	log->ending = true;
	pthread_cond_signal(&log->filled);
	pthread_mutex_unlock(&log->mutex);
	pthread_join(log->thread, NULL);
	pthread_cond_destroy(&log->filled);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

/* ---- one line ---- */

/* Fixed words and numbers by hand: this runs for each request. */
struct line {
	size_t size;
	char bytes[LINE_SIZE];
};

static void put_bytes(struct line *l, const char *bytes, size_t size)
{
	size = min_u64(size, sizeof(l->bytes) - l->size);
	memcpy(l->bytes + l->size, bytes, size);
	l->size += size;
}

static void put(struct line *l, const char *text)
{
	put_bytes(l, text, strlen(text));
}

static void put_number(struct line *l, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put_bytes(l, digits + at, sizeof(digits) - at);
}

/* Microseconds as milliseconds: "0.041". */
static void put_ms(struct line *l, uint64_t us)
{
	uint64_t rest = us % 1000;
	char digits[] = { '.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
			  (char)('0' + rest % 10) };
	put_number(l, us / 1000);
	put_bytes(l, digits, sizeof(digits));
}

static void put_quoted(struct line *l, const char *bytes, size_t size)
{
	char escaped[1024];
	put(l, "\"");
	put(l, escape_bytes(bytes, size, escaped, sizeof(escaped)));
	put(l, "\"");
}

static void format_text(struct line *l, const struct access *a)
{
	put(l, "served kind=");
	put(l, kind_name(a->kind));
	if (a->id) {
		put(l, " id=");
		put(l, BUILD_ID_HEX(a->id));
	}
	if (a->name) {
		put(l, " name=");
		put_quoted(l, a->name, a->name_size);
	}
	put(l, " status=");
	if (a->status)
		put_number(l, a->status);
	else
		put(l, "none");
	put(l, " bytes=");
	put_number(l, a->bytes);
	put(l, " ms=");
	put_ms(l, a->duration_us);
	if (a->encoding) {
		put(l, " encoding=");
		put(l, a->encoding);
	}
	put(l, " peer=");
	put(l, a->peer);
	if (a->cut)
		put(l, " end=cut");
	if (a->why) {
		put(l, " why=");
		put_quoted(l, a->why, strlen(a->why));
	}
	if (l->size == sizeof(l->bytes))
		l->size--;
	put(l, "\n");
}

static int format_json(const struct access *a, int64_t time, char **ret, size_t *ret_size,
		       struct error *err)
{
	int r;
	scoped(json_scoped_decref) json_t *o = json_object();
	if (!o)
		return error_no_memory(err);

	/* What memory lacks for is missing in the line; the line is still one. */
	json_object_set_new(o, "schema", json_string("dbgvault.serve/1"));
	json_object_set_new(o, "time", json_string(TIME_TEXT(time)));
	json_object_set_new(o, "event", json_string("served"));
	json_object_set_new(o, "kind", json_string(kind_name(a->kind)));
	if (a->id)
		json_object_set_new(o, "build_id", json_string(BUILD_ID_HEX(a->id)));
	if (a->name)
		json_object_set_new(o, "name", json_bytes(a->name, min_u64(a->name_size, 1024)));
	json_object_set_new(o, "status", a->status ? json_integer(a->status) : json_null());
	json_object_set_new(o, "size_bytes", json_integer((json_int_t)a->bytes));
	json_object_set_new(o, "duration_us", json_integer((json_int_t)a->duration_us));
	if (a->encoding)
		json_object_set_new(o, "encoding", json_string(a->encoding));
	json_object_set_new(o, "peer", json_string(a->peer));
	if (a->cut)
		json_object_set_new(o, "cut", json_true());
	if (a->why)
		json_object_set_new(o, "why", json_string(a->why));

	scoped(string_free) char *text = NULL;
	size_t size;
	r = json_format(o, false, &text, &size, err);
	if (r < 0)
		return r;
	char *line = realloc(text, size + 2);
	if (!line)
		return error_no_memory(err);
	line[size] = '\n';
	line[size + 1] = 0;
	text = NULL;
	*ret = line;
	*ret_size = size + 1;
	return 0;
}

int access_format(const struct access *access, enum access_log_format format, int64_t time,
		  char **ret, size_t *ret_size, struct error *err)
{
	if (format == ACCESS_LOG_JSON)
		return format_json(access, time, ret, ret_size, err);

	struct line line;
	line.size = 0;
	format_text(&line, access);
	char *text = strndup(line.bytes, line.size);
	if (!text)
		return error_no_memory(err);
	*ret = text;
	*ret_size = line.size;
	return 0;
}

static void keep(struct access_log *log, const char *bytes, size_t size)
{
	pthread_mutex_lock(&log->mutex);
	struct buffer *b = log->filling;
	if (size > sizeof(b->bytes) - b->size) {
		log->n_lost++;
	} else {
		bool first = !b->size;
		bool many = b->size < EARLY_FLUSH && b->size + size >= EARLY_FLUSH;
		memcpy(b->bytes + b->size, bytes, size);
		b->size += size;
		if (first || many)
			pthread_cond_signal(&log->filled);
	}
	pthread_mutex_unlock(&log->mutex);
}

void access_log_write(struct access_log *log, const struct access *access)
{
	if (log->format == ACCESS_LOG_TEXT) {
		static _Thread_local struct line
			line; /* too large to be cleared for each request */
		line.size = 0;
		format_text(&line, access);
		return keep(log, line.bytes, line.size);
	}

	scoped(string_free) char *text = NULL;
	size_t size;
	if (format_json(access, time(NULL), &text, &size, NULL) == 0)
		keep(log, text, size);
}
