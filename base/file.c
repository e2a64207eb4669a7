/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"

void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int fd_take(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

void string_free(char **string)
{
	free(*string);
}

int string_format(char **ret, struct error *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = NULL;
	int n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return error_no_memory(err);
	*ret = text;
	return 0;
}

int file_open_at(int dir_fd, const char *name, int flags, mode_t mode, int *ret_fd,
		 struct error *err)
{
	int fd;
	do
		fd = openat(dir_fd, name, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return error_errno(err, -errno, "%s", ESCAPED(name));
	*ret_fd = fd;
	return 0;
}

int file_write(int fd, const void *bytes, size_t size, const char *what, struct error *err)
{
	for (const char *at = bytes; size;) {
		ssize_t n = write(fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, -errno, "writing %s", ESCAPED(what));
		if (n == 0)
			return error_set(err, -EIO, "writing %s: nothing is taken", ESCAPED(what));
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int file_pwrite(int fd, const void *bytes, size_t size, uint64_t offset, const char *what,
		struct error *err)
{
	for (const char *at = bytes; size;) {
		ssize_t n = pwrite(fd, at, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, -errno, "writing %s", ESCAPED(what));
		if (n == 0)
			return error_set(err, -EIO, "writing %s: nothing is taken", ESCAPED(what));
		at += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

int file_pread(int fd, void *ret, size_t size, uint64_t offset, const char *what, struct error *err)
{
	for (char *at = ret; size;) {
		ssize_t n = pread(fd, at, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, -errno, "reading %s", ESCAPED(what));
		if (n == 0)
			return error_set(err, -EBADMSG, "%s: ends at 0x%llx, %zu bytes too early",
					 ESCAPED(what), (unsigned long long)offset, size);
		at += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

int file_read_at(int dir_fd, const char *name, size_t limit, char **ret, size_t *ret_size,
		 struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	/* O_NONBLOCK: a FIFO of that name must not hold us. */
	r = file_open_at(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, err);
	if (r < 0)
		return r;

	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(name));
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s: not a regular file", ESCAPED(name));
	if ((uint64_t)st.st_size > limit)
		return error_set(err, -EFBIG, "%s: %llu bytes, over the limit of %zu",
				 ESCAPED(name), (unsigned long long)st.st_size, limit);

	size_t size = (size_t)st.st_size;
	scoped(string_free) char *bytes = malloc(size + 1);
	if (!bytes)
		return error_no_memory(err);
	r = file_pread(fd, bytes, size, 0, name, err);
	if (r < 0)
		return r;
	bytes[size] = 0;
	*ret = take(bytes);
	*ret_size = size;
	return 0;
}

int file_sync(int fd, const char *what, struct error *err)
{
	int r;
	do
		r = fsync(fd);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno != EINVAL)
		return error_errno(err, -errno, "syncing %s", ESCAPED(what));
	return 0;
}

/* One folder. Who may not make it need not, where it is there. */
static int folder_make_one(int dir_fd, const char *path, mode_t mode, struct error *err)
{
	if (mkdirat(dir_fd, path, mode) == 0)
		return 0;
	int r = -errno;
	struct stat st;
	if (fstatat(dir_fd, path, &st, 0) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		r = -ENOTDIR;
	}
	return error_errno(err, r, "making folder %s", ESCAPED(path));
}

int folder_make(int dir_fd, const char *path, mode_t mode, struct error *err)
{
	int r;

	scoped(string_free) char *copy = strdup(path);
	if (!copy)
		return error_no_memory(err);
	for (char *at = copy; *at; at++) {
		if (*at != '/' || at == copy || at[-1] == '/')
			continue;
		*at = 0;
		r = folder_make_one(dir_fd, copy, mode, err);
		if (r < 0)
			return r;
		*at = '/';
	}
	return folder_make_one(dir_fd, copy, mode, err);
}

int file_free_space(int fd, uint64_t *ret_bytes, struct error *err)
{
	struct statvfs fs;
	if (fstatvfs(fd, &fs) < 0)
		return error_errno(err, -errno, "asking for free space");
	*ret_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}
