/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/command_build.h"

struct listing {
	const struct command *c;
	struct lookup *l;
	const char *package; /* NULL: any */
	bool failed;
};

static int print_listed(const struct build *build, const char *path, void *context,
			struct error *err)
{
	struct listing *listing = context;
	return command_print_build(listing->c, listing->l, build, path, err);
}

/* All builds are listed from the records: the catalog lacks what a writer's crash kept out of it.
 */
static int print_recorded(const struct build_id *id, void *context, struct error *err)
{
	int r;

	struct listing *listing = context;
	struct build build;
	scoped(origin_free) struct origin origin = { 0 };
	r = lookup_build(listing->l, id, &build, err);
	if (r == 0)
		r = lookup_origin(listing->l, id, &origin, err);
	if (r == -ENOENT)
		return 0; /* removed since, or a folder without contributions */
	if (r == -EBADMSG) { /* one that is damaged does not hide the others */
		(void)command_failed(listing->c, BUILD_ID_HEX(id), err);
		listing->failed = true;
		return 0;
	}
	if (r < 0)
		return r;
	return command_print_build(listing->c, listing->l, &build, origin.path ? origin.path : "",
				   err);
}

/* Of the builds of a path, those of the package. */
static int print_if_package(const struct build *build, const char *path, void *context,
			    struct error *err)
{
	int r;

	struct listing *listing = context;
	scoped(origin_free) struct origin origin = { 0 };
	r = lookup_origin(listing->l, &build->id, &origin, err);
	if (r < 0)
		return r;
	if (!origin.package || strcmp(origin.package, listing->package) != 0)
		return 0;
	return command_print_build(listing->c, listing->l, build, path, err);
}

int command_list(int argc, char **argv)
{
	int r;

	struct command c = {
		.usage = { "dbgstore list", "[OPTION]...",
			   "List the builds of the store in order of build ID: what is there to serve, when it\n"
			   "came, and from where." }
	};
	const char *package = NULL, *path = NULL;
	const struct option_entry entries[] = {
		{ "package", 0, "NAME", "only those of this package", .text = &package },
		{ "path", 0, "PATH", "only those whose path is PATH, or ends in /PATH",
		  .text = &path },
		{ 0 },
	};
	int first;
	int status = command_parse(&c, entries, argc, argv, &first);
	if (status != STATUS_GO_ON)
		return status;
	if (first < argc)
		return options_wrong(&c.usage, "%s: list takes no argument; find does",
				     argv[first]);

	scoped(store_closep) struct store *st = NULL;
	status = command_open(&c, STORE_READ, &st);
	if (status != STATUS_GO_ON)
		return status;
	struct error err = ERROR_NONE;
	scoped(lookup_freep) struct lookup *l = NULL;
	r = lookup_new(st, &l, &err);
	struct listing listing = { &c, l, package, false };
	if (r == 0 && path)
		r = lookup_path(l, path, package ? print_if_package : print_listed, &listing, &err);
	else if (r == 0 && package)
		r = lookup_package(l, package, print_listed, &listing, &err);
	else if (r == 0)
		r = record_each(st, print_recorded, &listing, &err);
	if (r < 0)
		return command_failed(&c, NULL, &err);
	return listing.failed ? STATUS_TROUBLE : STATUS_DONE;
}
