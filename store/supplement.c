/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "elf/alt_link.h"
#include "elf/notes.h"
#include "store/internal.h"
#include "store/maintain.h"
#include "store/supplement.h"

#define N_FOLDERS_LIMIT 64 /* above the file */

struct search {
	struct store *st;
	const struct alt_link *link;
	struct artifact found;
};

/* Errors: -ENOENT the store has no debug information of that ID, or of two programs */
static int find_build(struct store *st, const struct build_id *id, struct artifact *ret,
		      struct error *err)
{
	int r;

	scoped(record_free) struct record record = { 0 };
	r = record_read(st, id, &record, err);
	if (r < 0)
		return is_damage(r) ? -ENOENT : r;
	struct build build;
	record_merge(&record, &build);
	if (!build.debug.present || build.collision || removed_build(st, id))
		return -ENOENT;
	*ret = build.debug;
	return 0;
}

/* Add the file if it is the one. Errors: -ENOENT it is not */
static int try_file(struct search *s, const char *path, struct error *err)
{
	int r;

	scoped(fd_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	scoped(mapping_closep) struct mapping *mapping = NULL;
	scoped(image_close) struct image image = { 0 };
	struct build_id id;
	if (fd < 0 || mapping_open(fd, path, &mapping, NULL) < 0 ||
	    image_open(mapping_bytes(mapping), mapping_size(mapping), &image, NULL) < 0 ||
	    image_build_id(&image, &id, NULL, NULL) < 0 || !build_id_equal(&id, &s->link->id) ||
	    !image_is_separate_debug(&image))
		return -ENOENT;
	const char *slash = strrchr(path, '/');
	const struct origin origin = { .path = (char *)(slash ? slash + 1 : path) };
	struct object_result object;
	struct build build;
	r = store_add_image(s->st, &image, mapping, &origin, NULL, &object, &build, err);
	if (r == -EBUSY || r == -EEXIST)
		return -ENOENT; /* it changed meanwhile; it was removed for good */
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(path));
	s->found = (struct artifact){ true, object.digest, object.size_bytes };
	return 0;
}

/* FOLDER/.build-id/48/9cd9….debug, and FOLDER/.dwz/NAME as the link's own path has it. */
static int try_folder(struct search *s, const char *folder, struct error *err)
{
	int r;

	const char *hex = BUILD_ID_HEX(&s->link->id);
	scoped(string_free) char *by_id = NULL, *by_name = NULL;
	r = string_format(&by_id, err, "%s/.build-id/%.2s/%s.debug", folder, hex, hex + 2);
	if (r == 0)
		r = try_file(s, by_id, err);
	if (r != -ENOENT)
		return r;
	static const char dwz[] = "/.dwz/";
	const char *name = strstr(s->link->path, dwz);
	const char *slash = strrchr(s->link->path, '/');
	name = name ? name + strlen(dwz) : slash ? slash + 1 : s->link->path;
	r = string_format(&by_name, err, "%s/.dwz/%s", folder, name);
	return r < 0 ? r : try_file(s, by_name, err);
}

/* The folder and those above it: in each the .build-id and .dwz folders, and an absolute path below
 * it. */
static int try_folders(struct search *s, char *folder, struct error *err)
{
	int r;

	for (int i = 0; i < N_FOLDERS_LIMIT; i++) {
		r = try_folder(s, folder, err);
		if (r != -ENOENT)
			return r;
		if (s->link->path[0] == '/') {
			scoped(string_free) char *below = NULL;
			r = string_format(&below, err, "%s%s", folder, s->link->path);
			if (r == 0)
				r = try_file(s, below, err);
			if (r != -ENOENT)
				return r;
		}
		char *slash = strrchr(folder, '/');
		if (!slash)
			break;
		*slash = 0;
	}
	return -ENOENT;
}

/* Absolute, as links lead to it, and without the last slash: "" is the root. */
static int folder_of(const char *path, char **ret, struct error *err)
{
	scoped(string_free) char *real = realpath(path, NULL);
	if (!real)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	*strrchr(real, '/') = 0;
	*ret = take(real);
	return 0;
}

static int search(struct search *s, const char *path, struct error *err)
{
	int r;

	r = find_build(s->st, &s->link->id, &s->found, err);
	if (r != -ENOENT)
		return r;
	scoped(string_free) char *folder = NULL, *named = NULL;
	r = folder_of(path, &folder, err);
	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	if (s->link->path[0] == '/')
		r = try_file(s, s->link->path, err);
	else if ((r = string_format(&named, err, "%s/%s", folder, s->link->path)) == 0)
		r = try_file(s, named, err);
	if (r == -ENOENT)
		r = try_folder(s, "/usr/lib/debug", err);
	return r == -ENOENT ? try_folders(s, folder, err) : r;
}

int supplement_keep(struct store *st, const struct image *image, const char *path,
		    struct supplement *ret, struct error *err)
{
	int r;

	*ret = (struct supplement){ 0 };
	struct alt_link link;
	if (image_alt_link(image, &link, NULL) < 0)
		return 0; /* a damaged one names nothing, to a debugger neither */
	struct search s = { .st = st, .link = &link };
	r = search(&s, path, err);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = (struct supplement){ link.id, s.found };
	return 0;
}

int supplement_missing(struct store *st, const struct image *image, char **ret, struct error *err)
{
	int r;

	*ret = NULL;
	struct alt_link link;
	if (image_alt_link(image, &link, NULL) < 0)
		return 0;
	struct artifact found;
	r = find_build(st, &link.id, &found, err);
	if (r != -ENOENT)
		return r;
	return string_format(
		ret, err,
		"its debug information refers to %s (dwz, build ID %s), which is neither found nor in the "
		"store: dbgstore add adds it",
		ESCAPED(link.path), BUILD_ID_HEX(&link.id));
}
