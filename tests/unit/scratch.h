/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of the test's own. Include after cmocka.h. */
struct scratch {
	char path[64];
	int fd;
};

static inline struct scratch scratch_make(void)
{
	struct scratch s = { .path = "/tmp/dbgvault-test.XXXXXX" };
	assert_non_null(mkdtemp(s.path));
	s.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s.fd >= 0);
	return s;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
				     struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline void scratch_remove(struct scratch *s)
{
	nftw(s->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	close(s->fd);
}

/* Make, or make again, a file in it with a text. */
static inline void scratch_put(const struct scratch *s, const char *name, const char *text)
{
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* What a file in it holds, in a buffer that the next call overwrites; NULL: there is none. */
static inline const char *scratch_get(const struct scratch *s, const char *name)
{
	static char text[4096];
	int fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = 0;
	close(fd);
	return text;
}
