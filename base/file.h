/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "base/attributes.h"
#include "base/error.h"

/* Guards: scoped(fd_close) int fd = -1; scoped(string_free) char *s = NULL. */
void fd_close(int *fd);
void string_free(char **string);
/** Hand an fd out of its guard: its value, with -1 left behind. */
int fd_take(int *fd);

/** asprintf(3) with our error form. @ret is freed by the caller. */
must_check int string_format(char **ret, struct error *err, const char *format, ...) printf_like(3, 4);

/** openat(2) with O_CLOEXEC; EINTR is retried. Messages name @name. */
must_check int file_open_at(int dir_fd, const char *name, int flags, mode_t mode, int *ret_fd,
			    struct error *err);

/** Write all of it, whatever write(2) takes at once. Messages name @what. */
must_check int file_write(int fd, const void *bytes, size_t size, const char *what, struct error *err);
must_check int file_pwrite(int fd, const void *bytes, size_t size, uint64_t offset, const char *what,
			   struct error *err);
/** Read exactly @size bytes at @offset. Errors: -EBADMSG the file ends before. */
must_check int file_pread(int fd, void *ret, size_t size, uint64_t offset, const char *what,
			  struct error *err);

/**
 * Read a whole small file.
 *
 * @limit     more bytes than this are -EFBIG
 * @ret       owned by the caller: free(); NUL-terminated behind @ret_size bytes
 */
must_check int file_read_at(int dir_fd, const char *name, size_t limit, char **ret, size_t *ret_size,
			    struct error *err);

/** fsync(2) of a file or folder. A file system that cannot sync folders (EINVAL) counts as synced. */
must_check int file_sync(int fd, const char *what, struct error *err);

/** mkdirat(2) of each missing part of a relative or absolute path, with @mode less the umask. */
must_check int folder_make(int dir_fd, const char *path, mode_t mode, struct error *err);

/** Bytes that an unprivileged writer may still add on the file system of @fd. */
must_check int file_free_space(int fd, uint64_t *ret_bytes, struct error *err);
