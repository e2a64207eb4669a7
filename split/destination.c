/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "split/destination.h"

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);
	return value && *value;
}

const char *destination_nobody(void)
{
	if (is_set("CI"))
		return "$CI is set";
	if (is_set("container") || is_set("KUBERNETES_SERVICE_HOST") ||
	    access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0)
		return "this is a container";
	if (!isatty(STDERR_FILENO))
		return "standard error is no terminal";
	return NULL;
}

const char *destination_choices(void)
{
	return "where is the debug information to go? --store=DIR or $DBGVAULT_STORE: a store that outlives this; --debug-dir=DIR or --debug-file=FILE: plain files; --store=default: your own store, on this machine";
}

static int open_or_make(const struct split_options *options, const char *path, struct store **ret,
			struct error *err)
{
	int r;

	r = store_open(path, options->dry_run ? STORE_READ : STORE_WRITE, ret, err);
	if (r != -ENOENT && r != -EINVAL)
		return r;
	if (options->dry_run) {
		if (r == -ENOENT)
			*ret = NULL;
		return r == -ENOENT ? 0 : r;
	}
	/* A folder that is no store is only taken where it is empty: store_init() looks. */
	enum store_sharing sharing;
	gid_t group;
	store_default_sharing(path, &sharing, &group);
	r = store_init(path, sharing, group, err);
	if (r < 0 && r != -EEXIST) /* -EEXIST: another process was quicker */
		return r;
	return store_open(path, STORE_WRITE, ret, err);
}

int destination_open(const struct split_options *options, enum destination *ret,
		     struct store **ret_store, struct error *err)
{
	int r;

	*ret_store = NULL;
	bool files = options->debug_dir || options->debug_file;
	if (!options->store && !is_set("DBGVAULT_STORE")) {
		if (files) {
			*ret = DESTINATION_FILES;
			return 0;
		}
		if (destination_nobody() && !options->dry_run) {
			*ret = DESTINATION_REFUSED;
			return 0;
		}
	}
	scoped(string_free) char *path = NULL;
	r = store_choose_path(options->store, &path, err);
	if (r == -ENOENT) { /* no usable home */
		*ret = DESTINATION_REFUSED;
		return 0;
	}
	if (r < 0)
		return r;
	r = open_or_make(options, path, ret_store, err);
	if (r < 0)
		return r;
	if (*ret_store && options->level)
		store_set_effort(*ret_store, options->level, options->cores);
	*ret = DESTINATION_STORE;
	return 0;
}

int destination_open_reading(const struct split_options *options, struct store **ret,
			     struct error *err)
{
	scoped(string_free) char *path = NULL;
	int r = store_choose_path(options->store, &path, err);
	return r == 0 ? store_open(path, STORE_READ, ret, err) : r;
}
