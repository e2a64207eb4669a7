/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "split/packing.h"

#define PIECE_SIZE (256u << 10)
#define ZSTD_LEVEL 19 /* modules are small, read often, and written once */
#define WINDOW_LOG_LIMIT 27 /* what zstd's own tool takes without being asked */

enum packing packing_of(const uint8_t *bytes, uint64_t size)
{
	static const uint8_t zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
	static const uint8_t xz[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };
	static const uint8_t gzip[] = { 0x1f, 0x8b, 8 };
	if (size >= sizeof(zstd) && !memcmp(bytes, zstd, sizeof(zstd)))
		return PACKING_ZSTD;
	if (size >= sizeof(xz) && !memcmp(bytes, xz, sizeof(xz)))
		return PACKING_XZ;
	if (size >= sizeof(gzip) && !memcmp(bytes, gzip, sizeof(gzip)))
		return PACKING_GZIP;
	return PACKING_NONE;
}

/* Between a file and a sink, with a piece of each in memory. */
struct stream {
	int in_fd;
	uint64_t in_at;
	const struct sink *to;
	uint64_t n_out, limit;
	uint8_t in[PIECE_SIZE], out[PIECE_SIZE];
};

static void free_stream(struct stream **stream)
{
	free(*stream);
}

static int stream_new(int in_fd, const struct sink *to, struct stream **ret, struct error *err)
{
	struct stream *stream = malloc(sizeof(*stream));
	if (!stream)
		return error_no_memory(err);
	stream->in_fd = in_fd;
	stream->in_at = 0;
	stream->to = to;
	stream->n_out = 0;
	stream->limit = PACKING_LIMIT;
	*ret = stream;
	return 0;
}

/* The next piece of the input; 0 bytes at its end. */
static int stream_read(struct stream *stream, size_t *ret, struct error *err)
{
	ssize_t n;
	do
		n = pread(stream->in_fd, stream->in, sizeof(stream->in), (off_t)stream->in_at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, -errno, "reading");
	stream->in_at += (uint64_t)n;
	*ret = (size_t)n;
	return 0;
}

static int stream_write(struct stream *stream, size_t size, struct error *err)
{
	stream->n_out += size;
	if (stream->n_out > stream->limit)
		return error_set(err, -EFBIG, "more than %" PRIu64 " bytes of content",
				 stream->limit);
	return sink_take(stream->to, stream->out, size, false, err);
}

static int damaged(const char *what, struct error *err)
{
	return error_set(err, -EBADMSG, "compressed, and damaged: %s", what);
}

/* ---- zstd ---- */

define_scoped(ZSTD_DCtx *, ZSTD_freeDCtx)
define_scoped(ZSTD_CCtx *, ZSTD_freeCCtx)

static int zstd_unpack(struct stream *stream, struct error *err)
{
	scoped(ZSTD_freeDCtxp) ZSTD_DCtx *decoder = ZSTD_createDCtx();
	if (!decoder || ZSTD_isError(ZSTD_DCtx_setParameter(decoder, ZSTD_d_windowLogMax,
							    WINDOW_LOG_LIMIT)))
		return error_no_memory(err);
	size_t left = 1, n_in;
	for (;;) {
		int r = stream_read(stream, &n_in, err);
		if (r < 0)
			return r;
		if (n_in == 0)
			break;
		ZSTD_inBuffer in = { stream->in, n_in, 0 };
		bool full = false;
		while (in.pos < in.size || full) {
			ZSTD_outBuffer out = { stream->out, sizeof(stream->out), 0 };
			left = ZSTD_decompressStream(decoder, &out, &in);
			if (ZSTD_isError(left))
				return damaged(ZSTD_getErrorName(left), err);
			r = stream_write(stream, out.pos, err);
			if (r < 0)
				return r;
			full = out.pos == out.size && left > 0;
		}
	}
	return left == 0 ? 0 : damaged("it ends early", err);
}

static int zstd_pack(struct stream *stream, uint64_t size, struct error *err)
{
	scoped(ZSTD_freeCCtxp) ZSTD_CCtx *encoder = ZSTD_createCCtx();
	if (!encoder ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(encoder, ZSTD_c_compressionLevel, ZSTD_LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(encoder, ZSTD_c_checksumFlag, 1)) ||
	    ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(encoder, size)))
		return error_no_memory(err);
	for (bool last = false; !last;) {
		size_t n_in, left;
		int r = stream_read(stream, &n_in, err);
		if (r < 0)
			return r;
		last = n_in == 0;
		ZSTD_inBuffer in = { stream->in, n_in, 0 };
		do {
			ZSTD_outBuffer out = { stream->out, sizeof(stream->out), 0 };
			left = ZSTD_compressStream2(encoder, &out, &in,
						    last ? ZSTD_e_end : ZSTD_e_continue);
			if (ZSTD_isError(left))
				return error_set(err, -EIO, "zstd: %s", ZSTD_getErrorName(left));
			r = stream_write(stream, out.pos, err);
			if (r < 0)
				return r;
		} while (last ? left > 0 : in.pos < in.size);
	}
	return 0;
}

/* ---- gzip ---- */

#define GZIP_WINDOW (15 + 16) /* zlib's way to ask for gzip's header */

static void inflate_end(z_stream **z)
{
	inflateEnd(*z);
}

static void deflate_end(z_stream **z)
{
	deflateEnd(*z);
}

static int gzip_unpack(struct stream *stream, struct error *err)
{
	z_stream z = { 0 };
	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return error_no_memory(err);
	scoped(inflate_end) z_stream *guard = &z;
	(void)guard;
	int state = Z_OK;
	for (;;) {
		size_t n_in;
		int r = stream_read(stream, &n_in, err);
		if (r < 0)
			return r;
		if (n_in == 0)
			break;
		z.next_in = stream->in;
		z.avail_in = (uInt)n_in;
		do {
			/* One gzip file behind the other is one, too. */
			if (state == Z_STREAM_END && inflateReset(&z) != Z_OK)
				return error_no_memory(err);
			z.next_out = stream->out;
			z.avail_out = sizeof(stream->out);
			state = inflate(&z, Z_NO_FLUSH);
			if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
				return damaged(z.msg ? z.msg : "gzip", err);
			r = stream_write(stream, sizeof(stream->out) - z.avail_out, err);
			if (r < 0)
				return r;
		} while (z.avail_in || (z.avail_out == 0 && state != Z_STREAM_END));
	}
	return state == Z_STREAM_END ? 0 : damaged("it ends early", err);
}

static int gzip_pack(struct stream *stream, struct error *err)
{
	z_stream z = { 0 };
	if (deflateInit2(&z, 9, Z_DEFLATED, GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return error_no_memory(err);
	scoped(deflate_end) z_stream *guard = &z;
	(void)guard;
	for (bool last = false; !last;) {
		size_t n_in;
		int r = stream_read(stream, &n_in, err);
		if (r < 0)
			return r;
		last = n_in == 0;
		z.next_in = stream->in;
		z.avail_in = (uInt)n_in;
		do {
			z.next_out = stream->out;
			z.avail_out = sizeof(stream->out);
			if (deflate(&z, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
				return error_set(err, -EIO, "zlib refuses to compress");
			r = stream_write(stream, sizeof(stream->out) - z.avail_out, err);
			if (r < 0)
				return r;
		} while (z.avail_out == 0);
	}
	return 0;
}

/* ---- xz ---- */

struct child {
	pid_t pid; /* 0: none */
	int fd; /* its output */
};

/* It ends by itself once nobody reads. */
static void child_end(struct child *child)
{
	fd_close(&child->fd);
	if (child->pid)
		waitpid(child->pid, NULL, 0);
}

static int xz_start(int in_fd, char *const *arguments, struct child *ret, struct error *err)
{
	int ends[2];
	/* $XZ_DEFAULTS and $XZ_OPT would have a say in what is written. */
	char *const environment[] = { "LC_ALL=C", NULL };
	if (lseek(in_fd, 0, SEEK_SET) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, -errno, "xz");
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	int r = -posix_spawnp(&ret->pid, "xz", &actions, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		ret->pid = 0;
		return r == -ENOENT ? error_set(err, -ENOTSUP,
						"compressed with xz, and xz(1) is not installed")
				    : error_errno(err, r, "starting xz");
	}
	ret->fd = ends[0];
	return 0;
}

static int xz_run(struct stream *stream, char *const *arguments, struct error *err)
{
	int r;

	scoped(child_end) struct child child = { .fd = -1 };
	r = xz_start(stream->in_fd, arguments, &child, err);
	if (r < 0)
		return r;
	for (;;) {
		ssize_t n = read(child.fd, stream->out, sizeof(stream->out));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, -errno, "reading what xz gives");
		if (n == 0)
			break;
		r = stream_write(stream, (size_t)n, err);
		if (r < 0)
			return r;
	}
	int status;
	pid_t pid = child.pid;
	child.pid = 0;
	while ((r = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	if (r < 0)
		return error_errno(err, -errno, "waiting for xz");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : damaged("xz refuses it", err);
}

/* Of no more memory than the kernel and small machines have for it. */
static char *const xz_unpack[] = { "xz", "-dcqq", "--format=xz", "--memlimit=256MiB", NULL };
static char *const xz_pack[] = { "xz",	    "-cqq", "--format=xz", "--threads=1", "--check=crc32",
				 "--lzma2=preset=6,dict=1MiB", NULL };

/* ---- all of them ---- */

int packing_unpack(enum packing packing, int in_fd, const struct sink *to, struct error *err)
{
	scoped(free_stream) struct stream *stream = NULL;
	int r = stream_new(in_fd, to, &stream, err);
	if (r < 0)
		return r;
	switch (packing) {
	case PACKING_ZSTD:
		return zstd_unpack(stream, err);
	case PACKING_XZ:
		return xz_run(stream, xz_unpack, err);
	case PACKING_GZIP:
		return gzip_unpack(stream, err);
	case PACKING_NONE:
		break;
	}
	return error_set(err, -EINVAL, "not compressed");
}

int packing_pack(enum packing packing, int in_fd, const struct sink *to, struct error *err)
{
	scoped(free_stream) struct stream *stream = NULL;
	struct stat st;
	int r = stream_new(in_fd, to, &stream, err);
	if (r < 0)
		return r;
	switch (packing) {
	case PACKING_ZSTD:
		return fstat(in_fd, &st) < 0 ? error_errno(err, -errno, "reading")
					     : zstd_pack(stream, (uint64_t)st.st_size, err);
	case PACKING_XZ:
		return xz_run(stream, xz_pack, err);
	case PACKING_GZIP:
		return gzip_pack(stream, err);
	case PACKING_NONE:
		break;
	}
	return error_set(err, -EINVAL, "not to be compressed");
}
