/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/store.h"

#define SYSTEM_STORE "/var/lib/dbgvault"
#define SYSTEM_GROUP "dbgvault"

/* A home that data may be put into: service accounts have "/", "/nonexistent" and the like. */
static bool home_is_usable(const char *home)
{
	struct stat st;
	return home && home[0] == '/' && strspn(home, "/") != strlen(home) &&
	       stat(home, &st) == 0 && S_ISDIR(st.st_mode);
}

int store_default_path(char **ret, struct error *err)
{
	if (geteuid() == 0)
		return string_format(ret, err, "%s", SYSTEM_STORE);

	/* XDG Base Directory Specification: a relative path is invalid and to be ignored. */
	const char *data = getenv("XDG_DATA_HOME");
	if (data && data[0] == '/')
		return string_format(ret, err, "%s/dbgvault", data);

	const char *home = getenv("HOME");
	if (!home_is_usable(home))
		return error_set(
			err, -ENOENT,
			"no place for a store: $HOME is no folder of a person; name one with --store=DIR or $DBGVAULT_STORE");
	return string_format(ret, err, "%s/.local/share/dbgvault", home);
}

int store_choose_path(const char *option, char **ret, struct error *err)
{
	const char *chosen = option ? option : getenv("DBGVAULT_STORE");
	if (option && !*option)
		return error_set(err, -EINVAL,
				 "--store: the name of a folder is expected, not nothing");
	if (!chosen || !*chosen || !strcmp(chosen, "default"))
		return store_default_path(ret, err);
	return string_format(ret, err, "%s", chosen);
}

void store_default_sharing(const char *path, enum store_sharing *ret, gid_t *ret_group)
{
	*ret = STORE_PRIVATE;
	*ret_group = (gid_t)-1;
	if (geteuid() != 0 || strcmp(path, SYSTEM_STORE) != 0)
		return;
	const struct group *group = getgrnam(SYSTEM_GROUP);
	if (!group)
		return;
	*ret = STORE_GROUP;
	*ret_group = group->gr_gid;
}
