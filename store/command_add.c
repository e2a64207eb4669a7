/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mapping.h"
#include "base/progress.h"
#include "base/walk.h"
#include "store/add.h"
#include "store/command.h"
#include "store/internal.h"
#include "store/supplement.h"

struct adding {
	const struct command *c;
	struct store *st;
	struct stat store_folder;
	struct progress *progress;
	struct origin origin; /* borrows; its path is each file's own unless it was given */
	bool allow_collision;
	bool failed;
	uint64_t n_added, n_already, n_without_id, n_collisions, bytes, stored_bytes;
};

static void report(struct adding *a, const char *path, const struct build *build,
		   const struct object_result *object)
{
	if (a->c->common.json)
		command_json(a->c, json_pack("{s:s, s:o, s:s, s:s, s:I, s:I, s:b}", "status",
					     object->was_there ? "already" : "added", "path",
					     json_bytes_string(path), "build_id",
					     BUILD_ID_HEX(&build->id), "object",
					     DIGEST_HEX(&object->digest), "size_bytes",
					     (json_int_t)object->size_bytes, "stored_bytes",
					     (json_int_t)object->stored_bytes, "collision",
					     build->collision));
	if (log_wants(LOG_DEBUG))
		log_debug("%s: %s, %s", ESCAPED(path), BUILD_ID_HEX(&build->id),
			  object->was_there ? "was there already" : "added");
	if (build->collision)
		log_line(
			a->allow_collision ? LOG_WARNINGS : LOG_ERRORS,
			"%s: build ID %s is another program's too: kept beside it, and neither is served",
			ESCAPED(path), BUILD_ID_HEX(&build->id));
}

static void skip(struct adding *a, const char *path, const char *why)
{
	a->n_without_id++;
	log_debug("%s: passed over: %s", ESCAPED(path), why);
	if (a->c->common.json)
		command_json(a->c, json_pack("{s:s, s:o, s:s}", "status", "skipped", "path",
					     json_bytes_string(path), "reason", why));
}

static int add_mapped(struct adding *a, const struct walk_file *file, const struct mapping *mapping,
		      struct error *err)
{
	int r;

	scoped(image_close) struct image image = { 0 };
	r = image_open(mapping_bytes(mapping), mapping_size(mapping), &image, err);
	if (r < 0)
		return r;
	struct origin origin = a->origin;
	if (!origin.path)
		origin.path = (char *)file->relative;
	struct object_result object;
	struct build build;
	struct supplement supplement;
	r = supplement_keep(a->st, &image, file->path, &supplement, err);
	if (r == 0)
		r = store_add_image(a->st, &image, mapping, &origin, &supplement, &object, &build, err);
	if (r < 0)
		return r;
	scoped(string_free) char *missing = NULL;
	r = supplement_missing(a->st, &image, &missing, err);
	if (r < 0)
		return r;
	if (missing)
		log_warning("%s: %s", ESCAPED(file->path), missing);
	*(object.was_there ? &a->n_already : &a->n_added) += 1;
	a->n_collisions += build.collision;
	a->bytes += object.size_bytes;
	a->stored_bytes += object.was_there ? 0 : object.stored_bytes;
	report(a, file->path, &build, &object);
	return 0;
}

static int add_file(const struct walk_file *file, void *context, struct error *err)
{
	int r;

	(void)err; /* of a walk that has to end: one file's trouble is not */
	struct adding *a = context;
	struct error why = ERROR_NONE;
	uint64_t size = (uint64_t)file->st->st_size;
	progress_expect(a->progress, 1, size);

	scoped(fd_close) int fd = -1;
	scoped(mapping_closep) struct mapping *mapping = NULL;
	r = file_open_at(file->dir_fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd,
			 &why);
	if (r == 0)
		r = mapping_open(fd, file->path, &mapping, &why);
	if (r == 0 && !image_is_elf(mapping_bytes(mapping), mapping_size(mapping)))
		r = file->named ? error_set(&why, -ENOEXEC, "not an ELF file") : 1;
	if (r == 0)
		r = add_mapped(a, file, mapping, &why);
	progress_advance(a->progress, 1, size);
	if (r == -ENOENT && !file->named) {
		skip(a, file->path, "no build ID");
		return 0;
	}
	if (r == -ENOTSUP && !file->named) {
		skip(a, file->path, why.message);
		return 0;
	}
	if (r < 0) {
		error_prefix(&why, r, "%s", ESCAPED(file->path));
		command_failed(a->c, file->path, &why);
		a->failed = true;
	}
	return 0;
}

static void report_trouble(const char *path, const struct error *err, void *context)
{
	struct adding *a = context;
	command_failed(a->c, path, err);
	a->failed = true;
}

static bool is_store(const char *path, const struct stat *st, void *context)
{
	(void)path;
	struct adding *a = context;
	return st->st_dev == a->store_folder.st_dev && st->st_ino == a->store_folder.st_ino;
}

static int add_all(struct adding *a, char **paths, int n)
{
	const struct walk_options options = {
		.skip_folder = is_store, .file = add_file, .trouble = report_trouble, .context = a
	};
	if (fstat(store_fd(a->st), &a->store_folder) < 0)
		return STATUS_TROUBLE;
	for (int i = 0; i < n; i++) {
		struct error err = ERROR_NONE;
		if (walk(paths[i], &options, &err) < 0)
			report_trouble(paths[i], &err, a);
	}
	progress_free(take(a->progress));
	if (!a->c->common.json)
		log_note("%" PRIu64 " added, %" PRIu64 " there already, %" PRIu64
			 " without a build ID; %s of files, %s newly stored",
			 a->n_added, a->n_already, a->n_without_id, HUMAN_BYTES(a->bytes),
			 HUMAN_BYTES(a->stored_bytes));
	return a->failed || (a->n_collisions && !a->allow_collision) ? STATUS_TROUBLE : STATUS_DONE;
}

static char *given(const char *option, const char *variable)
{
	const char *text = option ? option : getenv(variable);
	return text && *text ? (char *)text : NULL;
}

int command_add(int argc, char **argv)
{
	struct command c = {
		.usage = { "dbgstore add", "[OPTION]... FILE|DIR...",
			   "Add binaries and debug files as they are, byte for byte: any ELF file with a build ID.\n"
			   "Folders are walked, and what is not ELF there is passed over." }
	};
	const char *package = NULL, *version = NULL, *distro = NULL, *purl = NULL, *space = NULL,
		   *path = NULL, *level = NULL;
	scoped(option_values_free) struct option_values tags = { 0 };
	struct adding a = { .c = &c };
	const struct option_entry entries[] = {
		{ "package", 0, "NAME",
		  "where they come from; else $DBGVAULT_PACKAGE, else .note.package",
		  .text = &package },
		{ "pkg-version", 0, "V", "of the package; else $DBGVAULT_PKG_VERSION",
		  .text = &version },
		{ "distro", 0, "ID", "else $DBGVAULT_DISTRO", .text = &distro },
		{ "purl", 0, "PURL", "package URL; else $DBGVAULT_PURL", .text = &purl },
		{ "tag", 0, "TAG", "a word to find it by; may be repeated", .list = &tags },
		{ "namespace", 0, "NS", "else $DBGVAULT_NAMESPACE", .text = &space },
		{ "origin-path", 0, "PATH", "path to record instead of the file's own",
		  .text = &path },
		{ "level", 0, "N", "zstd level, 1 to 22 (3)", .text = &level },
		{ "allow-id-collision", 0, NULL, "a build ID of two programs is no failure",
		  .flag = &a.allow_collision },
		{ 0 },
	};
	int first;
	int status = command_parse(&c, entries, argc, argv, &first);
	if (status != STATUS_GO_ON)
		return status;
	if (first == argc)
		return options_wrong(&c.usage, "nothing to add");
	if (path && argc - first > 1)
		return options_wrong(&c.usage, "--origin-path is for one file");
	unsigned long long level_number = 0;
	if (level && !option_number(level, 1, 22, &level_number))
		return options_wrong(&c.usage, "--level=%s: not 1 to 22", level);

	a.origin = (struct origin){ .path = (char *)path,
				    .package = given(package, "DBGVAULT_PACKAGE"),
				    .version = given(version, "DBGVAULT_PKG_VERSION"),
				    .distro = given(distro, "DBGVAULT_DISTRO"),
				    .purl = given(purl, "DBGVAULT_PURL"),
				    .name_space = given(space, "DBGVAULT_NAMESPACE"),
				    .tags = (char **)tags.values,
				    .n_tags = tags.n };
	scoped(store_closep) struct store *st = NULL;
	status = command_open(&c, STORE_WRITE, &st);
	if (status != STATUS_GO_ON)
		return status;
	if (level)
		store_set_effort(st, (int)level_number, st->n_threads);
	a.st = st;
	a.progress = progress_new("add", !c.common.quiet && !c.common.json);
	return add_all(&a, argv + first, argc - first);
}
