/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "store/command.h"

static const struct {
	const char *name;
	enum store_sharing sharing;
} sharings[] = {
	{ "private", STORE_PRIVATE },
	{ "group", STORE_GROUP },
	{ "world", STORE_WORLD },
};

static bool find_group(const char *name, gid_t *ret)
{
	const struct group *group = getgrnam(name);
	if (group) {
		*ret = group->gr_gid;
		return true;
	}
	unsigned long long number;
	if (!option_number(name, 0, UINT32_MAX - 1, &number))
		return false;
	*ret = (gid_t)number;
	return true;
}

int command_init(int argc, char **argv)
{
	int r;

	struct command c = {
		.usage = { "dbgstore init", "[OPTION]... [DIR]",
			   "Make a store, or see that there is one. Who may use it is the store's own\n"
			   "setting: every file in it gets that mode and group, whatever the umask." }
	};
	const char *shared = NULL, *group_name = NULL;
	const struct option_entry entries[] = {
		{ "shared", 0, "WHO", "private, group (its members write) or world (and all read)",
		  .text = &shared },
		{ "group", 0, "NAME", "the group of --shared=group and world",
		  .text = &group_name },
		{ 0 },
	};
	int first;
	int status = command_parse(&c, entries, argc, argv, &first);
	if (status != STATUS_GO_ON)
		return status;
	if (argc - first > 1)
		return options_wrong(&c.usage, "%s: one store at a time", argv[first + 1]);
	if (first < argc)
		c.store_option = argv[first];

	struct error err = ERROR_NONE;
	scoped(string_free) char *path = NULL;
	r = store_choose_path(c.store_option, &path, &err);
	if (r < 0)
		return command_failed(&c, NULL, &err);

	enum store_sharing sharing = STORE_PRIVATE;
	gid_t group = (gid_t)-1;
	store_default_sharing(path, &sharing, &group);
	if (shared) {
		size_t i = 0;
		while (i < ARRAY_SIZE(sharings) && strcmp(shared, sharings[i].name) != 0)
			i++;
		if (i == ARRAY_SIZE(sharings))
			return options_wrong(&c.usage, "--shared=%s: not private, group or world",
					     shared);
		sharing = sharings[i].sharing;
	} else if (group_name) {
		sharing = STORE_GROUP;
	}
	if (group_name && sharing == STORE_PRIVATE)
		return options_wrong(&c.usage, "--group: a private store has none");
	if (group_name && !find_group(group_name, &group))
		return options_wrong(&c.usage, "--group=%s: no such group", group_name);

	r = store_init(path, sharing, group, &err);
	if (r < 0 && r != -EEXIST)
		return command_failed(&c, path, &err);
	if (r == -EEXIST && (shared || group_name)) {
		error_set(&err, r, "%s: is a store already, and keeps its sharing", ESCAPED(path));
		return command_failed(&c, path, &err);
	}
	if (c.common.json)
		command_json(&c, json_pack("{s:s, s:o, s:s}", "status", r < 0 ? "there" : "made",
					   "store", json_bytes_string(path), "sharing",
					   r < 0 ? "unchanged" : sharings[sharing].name));
	else
		log_note("%s: %s", ESCAPED(path), r < 0 ? "is a store already" : "a new store");
	return STATUS_DONE;
}
