/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "store/internal.h"

#define SUFFIX ".zst"

const char *object_name(const struct digest *digest, char ret[static OBJECT_NAME_SIZE])
{
	hex_encode(digest->bytes, 1, ret);
	ret[2] = '/';
	hex_encode(digest->bytes + 1, DIGEST_SIZE - 1, ret + 3);
	memcpy(ret + 3 + 2 * (DIGEST_SIZE - 1), SUFFIX, sizeof(SUFFIX));
	return ret;
}

bool object_name_parse(const char *folder, const char *name, struct digest *ret)
{
	size_t hex_size = 2 * (DIGEST_SIZE - 1);
	struct digest digest;
	if (strlen(folder) != 2 || strlen(name) != hex_size + strlen(SUFFIX) ||
	    strcmp(name + hex_size, SUFFIX) != 0)
		return false;
	if (!hex_decode(folder, 2, digest.bytes) || !hex_decode(name, hex_size, digest.bytes + 1))
		return false;
	/* Upper-case digits are read, but are another name. */
	char made[OBJECT_NAME_SIZE];
	object_name(&digest, made);
	if (memcmp(made, folder, 2) != 0 || strcmp(made + 3, name) != 0)
		return false;
	*ret = digest;
	return true;
}

bool object_is_there(struct store *st, const struct digest *digest)
{
	char name[OBJECT_NAME_SIZE];
	struct stat is;
	return st->objects_fd >= 0 &&
	       fstatat(st->objects_fd, object_name(digest, name), &is, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(is.st_mode);
}
