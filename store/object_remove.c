/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "store/object_remove.h"

bool object_stat(struct store *st, const struct digest *digest, struct stat *ret)
{
	char name[OBJECT_NAME_SIZE];
	return fstatat(st->objects_fd, object_name(digest, name), ret, AT_SYMLINK_NOFOLLOW) == 0;
}

bool object_is_young(struct store *st, const struct digest *digest, int64_t min_age)
{
	struct stat stat;
	return min_age > 0 && object_stat(st, digest, &stat) &&
	       time(NULL) - stat.st_mtime < min_age;
}

int object_unlink(struct store *st, const struct digest *digest, bool is_pack,
		  struct removed_files *removed, struct error *err)
{
	int r;

	r = is_pack ? catalog_forget_pack(st, digest, err) : 0;
	if (r < 0)
		return r;
	char name[OBJECT_NAME_SIZE];
	struct stat stat;
	object_name(digest, name);
	if (!object_stat(st, digest, &stat) || unlinkat(st->objects_fd, name, 0) < 0)
		return errno == ENOENT ? 0 : error_errno(err, -errno, "removing objects/%s", name);
	if (removed) {
		removed->n++;
		removed->bytes += (uint64_t)stat.st_size;
	}
	return 0;
}

int object_unlink_durably(struct store *st, const struct digest *digest, bool is_pack,
			  struct removed_files *removed, struct error *err)
{
	int r;

	r = object_unlink(st, digest, is_pack, removed, err);
	if (r < 0)
		return r;
	char name[OBJECT_NAME_SIZE];
	object_name(digest, name);
	name[2] = 0;
	scoped(fd_close) int fd = -1;
	r = file_open_at(st->objects_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, err);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : file_sync(fd, "folder of objects", err);
}
