/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "split/replace.h"

#define ATTRIBUTE_LIMIT (1u << 20) /* bytes of a name list or a value; Linux gives 64 KiB at most \
				    */
#define ACCESS_ACL "system.posix_acl_access"

static int keep_owner(const struct stat *old, int new_fd, struct error *err)
{
	struct stat new;
	if (fstat(new_fd, &new) < 0)
		return error_errno(err, -errno, "the new file");
	if (new.st_uid == old->st_uid &&new.st_gid == old->st_gid)
		return 0;
	if (fchown(new_fd, old->st_uid, old->st_gid) < 0)
		return error_errno(err, -errno, "owner %u and group %u cannot be kept", old->st_uid,
				   old->st_gid);
	return 0;
}

static int keep_mode(const struct stat *old, int new_fd, struct error *err)
{
	/* What the folder's default ACL gave the new file would count besides the mode. */
	if (fremovexattr(new_fd, ACCESS_ACL) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
		return error_errno(err, -errno, "removing an inherited ACL");
	if (fchmod(new_fd, old->st_mode & 07777) < 0)
		return error_errno(err, -errno, "mode %04o cannot be kept", old->st_mode & 07777);
	/* chmod(2) drops set-group-ID silently for who is not in the group. */
	struct stat new;
	if (fstat(new_fd, &new) < 0)
		return error_errno(err, -errno, "the new file");
	if ((new.st_mode & 07777) != (old->st_mode & 07777))
		return error_set(err, -EPERM, "mode %04o cannot be kept: it becomes %04o",
				 old->st_mode & 07777, new.st_mode & 07777);
	return 0;
}

/* A list of names or a value, whatever its size. @ret_size 0: nothing there. */
static int read_attribute(int fd, const char *name, char **ret, size_t *ret_size, struct error *err)
{
	for (size_t room = 4096; room <= ATTRIBUTE_LIMIT; room *= 4) {
		scoped(string_free) char *bytes = malloc(room);
		if (!bytes)
			return error_no_memory(err);
		ssize_t n = name ? fgetxattr(fd, name, bytes, room) : flistxattr(fd, bytes, room);
		if (n >= 0) {
			*ret = take(bytes);
			*ret_size = (size_t)n;
			return 0;
		}
		if (errno != ERANGE)
			return -errno;
	}
	return error_set(err, -E2BIG, "an extended attribute over %u bytes", ATTRIBUTE_LIMIT);
}

static int keep_attribute(int old_fd, int new_fd, const char *name, struct error *err)
{
	int r;

	scoped(string_free) char *value = NULL;
	size_t size;
	r = read_attribute(old_fd, name, &value, &size, err);
	if (r == -ENODATA)
		return 0; /* gone meanwhile, or a name only */
	if (r < 0)
		return error_errno(err, r, "reading extended attribute %s", ESCAPED(name));

	/* A security module may have given the new file the same already, and let nobody else do
	 * so. */
	scoped(string_free) char *present = NULL;
	size_t present_size;
	r = read_attribute(new_fd, name, &present, &present_size, NULL);
	if (r == 0 && present_size == size && !memcmp(present, value, size))
		return 0;
	if (fsetxattr(new_fd, name, value, size, 0) < 0)
		return error_errno(err, -errno, "extended attribute %s cannot be kept",
				   ESCAPED(name));
	return 0;
}

static bool speaks_of_bytes(const char *name)
{
	return !strcmp(name, "security.ima") || !strcmp(name, "security.evm");
}

static int keep_attributes(int old_fd, int new_fd, replace_warning warn, void *context,
			   struct error *err)
{
	int r;

	scoped(string_free) char *names = NULL;
	size_t size;
	r = read_attribute(old_fd, NULL, &names, &size, err);
	if (r == -EOPNOTSUPP)
		return 0;
	if (r < 0)
		return error_errno(err, r, "listing extended attributes");
	for (size_t at = 0; at < size; at += strnlen(names + at, size - at) + 1) {
		const char *name = names + at;
		if (speaks_of_bytes(name)) {
			char text[160];
			snprintf(text, sizeof(text),
				 "%s is not copied: it is a signature of the old bytes; sign again",
				 name);
			warn(text, context);
			continue;
		}
		r = keep_attribute(old_fd, new_fd, name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int replace_attributes(int old_fd, const struct stat *old, int new_fd, bool times,
		       replace_warning warn, void *context, struct error *err)
{
	int r;

	r = keep_owner(old, new_fd, err);
	if (r == 0)
		r = keep_mode(old, new_fd, err);
	if (r == 0)
		r = keep_attributes(old_fd, new_fd, warn, context, err);
	if (r < 0 || !times)
		return r;
	struct timespec both[2] = { old->st_atim, old->st_mtim };
	if (futimens(new_fd, both) < 0)
		return error_errno(err, -errno, "its times cannot be kept");
	return 0;
}

static int check_name(int dir_fd, const char *name, const struct stat *old, struct error *err)
{
	struct stat now;
	if (fstatat(dir_fd, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(name));
	if (now.st_dev != old->st_dev || now.st_ino != old->st_ino)
		return error_set(err, -EBUSY, "%s: another file has this name now", ESCAPED(name));
	return 0;
}

int replace_name(struct tmpfile *t, int dir_fd, const char *name, const struct stat *old,
		 struct error *err)
{
	int r;

	r = check_name(dir_fd, name, old, err);
	return r < 0 ? r : tmpfile_replace(t, dir_fd, name, err);
}

int replace_link(int from_dir_fd, const char *from, int dir_fd, const char *name,
		 const struct stat *old, struct error *err)
{
	int r;

	r = check_name(dir_fd, name, old, err);
	if (r < 0)
		return r;
	uint64_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_errno(err, -EIO, "getrandom");
	char temporary[64];
	snprintf(temporary, sizeof(temporary), ".dbgvault.%016" PRIx64 ".tmp", random);
	if (linkat(from_dir_fd, from, dir_fd, temporary, 0) < 0)
		return error_errno(err, -errno, "linking %s", ESCAPED(name));
	if (renameat(dir_fd, temporary, dir_fd, name) < 0) {
		r = -errno;
		unlinkat(dir_fd, temporary, 0);
		return error_errno(err, r, "replacing %s", ESCAPED(name));
	}
	return file_sync(dir_fd, "folder", err);
}
