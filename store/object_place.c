/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "store/fresh.h"
#include "store/object_place.h"

int object_rely_on(struct store *st, const struct digest *digest, struct error *err)
{
	int r;

	char path[OBJECT_NAME_SIZE];
	scoped(fd_close) int fd = -1, folder_fd = -1;
	r = file_open_at(st->objects_fd, object_name(digest, path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd,
			 err);
	if (r < 0)
		return r;
	/* Another's, and not writable for us: then its time stays. */
	if (futimens(fd, NULL) < 0 && errno != EPERM && errno != EACCES && errno != EROFS)
		return error_errno(err, -errno, "renewing the time of object %s", DIGEST_HEX(digest));
	r = file_sync(fd, path, err);
	if (r < 0)
		return r;
	path[2] = 0;
	r = file_open_at(st->objects_fd, path, O_RDONLY | O_DIRECTORY, 0, &folder_fd, err);
	return r < 0 ? r : file_sync(folder_fd, "folder", err);
}

/* Is what lies there whole? The collector looks at the time: renewed first, it stays while we
 * check. */
static int confirm(int folder_fd, const char *name, struct object_result *ret, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	r = file_open_at(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, err);
	if (r < 0)
		return r;
	if (futimens(fd, NULL) < 0)
		return error_errno(err, -errno, "renewing the time of object %s",
				   DIGEST_HEX(&ret->digest));

	int own_fd = fd;
	scoped(object_closep) struct object *o = NULL;
	r = object_open_fd(fd_take(&fd), &ret->digest, name, &o, err);
	if (r < 0)
		return r;
	if (object_size(o) != ret->size_bytes)
		return error_set(err, -EBADMSG, "object %s: %llu bytes, %llu expected",
				 DIGEST_HEX(&ret->digest), (unsigned long long)object_size(o),
				 (unsigned long long)ret->size_bytes);
	r = object_check_frames(o, err);
	if (r < 0)
		return r;
	r = file_sync(own_fd, name, err);
	if (r < 0)
		return r;
	r = file_sync(folder_fd, "folder", err);
	if (r < 0)
		return r;
	ret->was_there = true;
	ret->stored_bytes = object_stored_size(o);
	return 0;
}

/*
 * The damaged file gets a second name in quarantine, and ours takes its place in one step: at no
 * time is the object missing, and where another writer has mended it meanwhile, one whole file
 * replaces another.
 */
static int replace(struct store *st, struct tmpfile *t, int folder_fd, const struct digest *digest,
		   const char *name, struct error *err)
{
	int r;

	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	char aside[128];
	snprintf(aside, sizeof(aside), "%.2s-%s.%lld.%09ld", DIGEST_HEX(digest), name,
		 (long long)now.tv_sec, now.tv_nsec);
	if (linkat(folder_fd, name, st->quarantine_fd, aside, 0) == 0) {
		r = file_sync(st->quarantine_fd, "quarantine", err);
		if (r < 0)
			return r;
	} else if (errno != ENOENT && errno != EPERM && errno != EACCES && errno != EMLINK) {
		/* fs.protected_hardlinks, or too little right to it: then only ours is kept. */
		return error_errno(err, -errno, "linking a damaged object to quarantine");
	}
	return tmpfile_replace(t, folder_fd, name, err);
}

/*
 * Its own time, two seconds back: the clock of file times is coarse, and whoever relies on the object right
 * after us has to leave another time on it (fresh.h).
 */
static int set_back(const struct tmpfile *t, struct stat *ret, struct error *err)
{
	struct timespec times[2];
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= 2;
	times[1] = times[0];
	if (futimens(t->fd, times) < 0 || fstat(t->fd, ret) < 0)
		return error_errno(err, -errno, "setting the time of a new object");
	return 0;
}

/* @ret_is_new: the name, if it is there, is ours, and no other file had it before. */
static int publish(struct store *st, struct tmpfile *t, struct object_result *ret, bool *ret_is_new,
		   struct error *err)
{
	int r;

	scoped(fd_close) int lock_fd = -1;
	r = store_lock_shared(st, &lock_fd, err);
	if (r < 0)
		return r;
	char path[OBJECT_NAME_SIZE];
	object_name(&ret->digest, path);
	path[2] = 0;
	const char *name = path + 3;
	scoped(fd_close) int folder_fd = -1;
	r = store_open_folder(st, st->objects_fd, path, &folder_fd, err);
	if (r < 0)
		return r;

	/* Before syncing ours: where it is there, ours need not reach the disk. */
	uint64_t stored_bytes = ret->stored_bytes;
	r = confirm(folder_fd, name, ret, NULL);
	*ret_is_new = r == -ENOENT;
	if (r == 0)
		return 0;
	ret->was_there = false;
	ret->stored_bytes = stored_bytes;
	r = r == -ENOENT ? tmpfile_publish(t, folder_fd, name, err) : -EEXIST;
	if (r != -EEXIST)
		return r;
	*ret_is_new = false;
	if (confirm(folder_fd, name, ret, NULL) == 0)
		return 0; /* another writer was faster */
	ret->was_there = false;
	ret->stored_bytes = stored_bytes;
	return replace(st, t, folder_fd, &ret->digest, name, err);
}

int object_publish(struct store *st, struct tmpfile *t, struct fresh *fresh,
		   struct object_result *ret, struct error *err)
{
	int r;

	r = store_own_file(st, t->fd, err);
	if (r < 0)
		return r;
	struct stat is;
	r = set_back(t, &is, err);
	if (r < 0)
		return r;
	ret->stored_bytes = (uint64_t)is.st_size;
	bool is_new = true;
	r = publish(st, t, ret, &is_new, err);
	/* On failure too: it may have its name and not be synced, or its folder be there alone. */
	if (is_new)
		fresh_note(fresh, &ret->digest, &is);
	return r < 0 ? error_prefix(err, r, "object %s", DIGEST_HEX(&ret->digest)) : 0;
}

int object_adopt(struct store *st, struct tmpfile *t, const struct digest *digest,
		 struct object_result *ret, struct error *err)
{
	int r;

	int fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, -errno, "object %s", DIGEST_HEX(digest));
	scoped(object_closep) struct object *o = NULL;
	r = object_open_fd(fd, digest, DIGEST_HEX(digest), &o, err);
	if (r < 0)
		return r;
	struct object_result result = { .digest = *digest, .size_bytes = object_size(o) };
	r = object_publish(st, t, NULL, &result, err);
	if (r < 0)
		return r;
	*ret = result;
	return 0;
}
