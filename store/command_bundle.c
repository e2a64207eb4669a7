/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mapping.h"
#include "store/bundle_folder.h"
#include "store/bundle_script.h"
#include "store/command_build.h"
#include "store/command_core.h"
#include "store/object_copy.h"
#include "store/sources.h"

struct bundling {
	const struct command *c;
	struct store *st;
	struct lookup *l;
	int dir_fd;
	struct bundle_tops tops;
	struct timespec time;
	char *program; /* "root/…", where it could be had */
	uint64_t n_files, n_sources, n_left_out;
	bool lacking; /* of what was run, the executable or the debug information */
};

static void bundling_free(struct bundling *b)
{
	fd_close(&b->dir_fd);
	bundle_tops_free(&b->tops);
	free(b->program);
}

/* What became of one mapped file. */
struct bundled {
	const char *executable; /* where it comes from: "store", "machine"; NULL: nowhere */
	bool debuginfo;
	uint64_t n_sources;
};

/* The core's own time: gdb warns of an executable that is newer than the core, and of a source that
 * is newer than the executable. */
static int stamp(const struct bundling *b, int fd, struct error *err)
{
	const struct timespec times[2] = { b->time, b->time };
	return futimens(fd, times) < 0 ? error_errno(err, -errno, "setting a file's time") : 0;
}

/* What is wrong with one file, not with the folder. */
static bool can_go_without(int r)
{
	return r == -ENOENT || r == -EINVAL || r == -EFBIG || r == -EEXIST || r == -EISDIR ||
	       r == -ENOTDIR || r == -ENAMETOOLONG;
}

/* ---- executables ---- */

/* The path on this machine, which a program that was replaced since keeps, too. */
static int clean_path(const struct core_file *file, char **ret, struct error *err)
{
	static const char deleted[] = " (deleted)";
	if (!file->path)
		return string_format(ret, err, "/%s", BUILD_ID_HEX(&file->build_id));
	size_t size = strlen(file->path), end = sizeof(deleted) - 1;
	if (size > end && !strcmp(file->path + size - end, deleted))
		size -= end;
	return string_format(ret, err, "%.*s", (int)size, file->path);
}

static int by_id_name(const struct build_id *id, const char *suffix, char **ret, struct error *err)
{
	const char *hex = BUILD_ID_HEX(id);
	return string_format(ret, err, "debug/.build-id/%.2s/%s%s", hex, hex + 2, suffix);
}

/* A file of this machine, if it is the one that was mapped. */
static int copy_local(const char *path, const struct build_id *id, int to_fd, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	scoped(mapping_closep) struct mapping *mapping = NULL;
	struct build_id found;
	r = command_file_id(path, &found, err);
	if (r == 0 && !build_id_equal(&found, id))
		r = error_set(err, -ENOENT, "%s: another file is there now", ESCAPED(path));
	if (r == 0)
		r = file_open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, &fd, err);
	if (r == 0)
		r = mapping_open(fd, path, &mapping, err);
	if (r == 0)
		r = file_write(to_fd, mapping_bytes(mapping), mapping_size(mapping), path, err);
	if (r == 0)
		r = mapping_check(mapping, err);
	return r;
}

static bool is_local(const char *path, const struct build_id *id)
{
	struct build_id found;
	return command_file_id(path, &found, NULL) == 0 && build_id_equal(&found, id);
}

/* gdb looks for libraries by the loader's names for them, which go by links and sonames. */
static int add_alias(struct bundling *b, const char *name, const char *loaded_as, struct error *err)
{
	int r;

	if (*loaded_as != '/')
		return 0;
	scoped(string_free) char *alias = NULL;
	r = bundle_folder_name("root", loaded_as, &alias, err);
	if (r == 0)
		r = bundle_folder_alias(b->dir_fd, name, alias, err);
	if (can_go_without(r)) {
		log_debug("%s: also as %s: %s", ESCAPED(name), ESCAPED(loaded_as), err->message);
		r = 0;
	}
	return r;
}

/* @build  NULL: the store does not have it */
static int bundle_executable(struct bundling *b, const struct core_file *file,
			     const struct build *build, struct bundled *ret, struct error *err)
{
	int r;

	bool stored = build && build->executable.present;
	scoped(string_free) char *path = NULL, *name = NULL, *by_id = NULL, *target = NULL;
	r = clean_path(file, &path, err);
	if (r < 0 || (!stored && (*path != '/' || !is_local(path, &file->build_id))))
		return r;
	r = bundle_folder_name("root", path, &name, err);
	if (r == 0)
		r = by_id_name(&file->build_id, "", &by_id, err);
	if (r < 0)
		return r;

	scoped(fd_close) int fd = -1;
	r = bundle_folder_create(b->dir_fd, name, 0777, &fd, err);
	if (r < 0) { /* another file of this path was mapped, or what lies above it is a file */
		string_free(&name);
		r = bundle_folder_create(b->dir_fd, by_id, 0777, &fd, err);
		if (r == -EEXIST)
			return 0;
	}
	if (r == 0)
		r = stored ? object_copy_whole(b->st, &build->executable.digest, fd, path, err)
			   : copy_local(path, &file->build_id, fd, err);
	if (r == 0)
		r = stamp(b, fd, err);
	if (r == 0 && name && file->loaded_as)
		r = add_alias(b, name, file->loaded_as, err);
	if (r == 0 && name)
		r = string_format(&target, err, "../../../%s", name);
	if (r == 0 && name)
		r = bundle_folder_link(b->dir_fd, by_id, target, err);
	if (r < 0)
		return r;
	ret->executable = stored ? "store" : "machine";
	if (file->program && !b->program)
		b->program = take(*(name ? &name : &by_id));
	return 0;
}

/* ---- debug information and sources ---- */

static int bundle_debug(struct bundling *b, const struct build *build, struct bundled *ret,
			struct error *err)
{
	int r;

	if (!build->debug.present)
		return 0;
	scoped(string_free) char *name = NULL;
	scoped(fd_close) int fd = -1;
	r = by_id_name(&build->id, ".debug", &name, err);
	if (r == 0)
		r = bundle_folder_create(b->dir_fd, name, 0666, &fd, err);
	if (r == 0)
		r = object_copy_whole(b->st, &build->debug.digest, fd, name, err);
	if (r < 0 && r != -EEXIST)
		return r;
	ret->debuginfo = true;
	return 0;
}

/* Sources of two programs may have one path; the first stays. */
static int keep_first(struct bundling *b, const char *name, const char *bytes, size_t size,
		      struct error *err)
{
	scoped(string_free) char *there = NULL;
	size_t there_size;
	int r = file_read_at(b->dir_fd, name, SOURCE_SIZE_LIMIT, &there, &there_size, err);
	if (r == 0 && (there_size != size || memcmp(there, bytes, size) != 0))
		r = error_set(err, -EEXIST, "%s: another program's has this path, too",
			      ESCAPED(name));
	return r;
}

static int bundle_source(struct bundling *b, const struct manifest_entry *entry, struct error *err)
{
	int r;

	scoped(string_free) char *bytes = NULL, *name = NULL;
	scoped(fd_close) int fd = -1;
	size_t size;
	r = bundle_folder_name("sources", entry->path, &name, err);
	if (r == 0)
		r = source_read(b->st, b->l, &entry->digest, SOURCE_SIZE_LIMIT, &bytes, &size, err);
	if (r < 0)
		return r;
	r = bundle_folder_create(b->dir_fd, name, 0666, &fd, err);
	if (r == -EEXIST)
		r = keep_first(b, name, bytes, size, err);
	else if (r == 0)
		r = file_write(fd, bytes, size, name, err);
	if (r == 0 && fd >= 0)
		r = stamp(b, fd, err);
	return r < 0 ? r : bundle_tops_add(&b->tops, entry->path, err);
}

static int bundle_sources(struct bundling *b, const struct build *build, struct bundled *ret,
			  struct error *err)
{
	int r;

	if (!build->sources.present)
		return 0;
	scoped(manifest_closep) struct manifest *manifest = NULL;
	r = manifest_open(b->st, &build->sources.digest, &manifest, err);
	for (uint64_t i = 0; r == 0 && i < manifest_n_entries(manifest); i++) {
		const struct manifest_entry entry = manifest_entry_at(manifest, i);
		r = bundle_source(b, &entry, err);
		if (r == 0) {
			ret->n_sources++;
		} else if (can_go_without(r)) {
			log_debug("source %s is left out: %s", ESCAPED(entry.path), err->message);
			b->n_left_out++;
			r = 0;
		}
	}
	b->n_sources += ret->n_sources;
	return r;
}

/* ---- one file after the other ---- */

static void report(const struct bundling *b, const struct core_file *file, bool collision,
		   const struct bundled *done)
{
	const char *status = !file->has_build_id                   ? "unknown"
			     : collision                           ? "collision"
			     : done->executable || done->debuginfo ? "found"
								   : "missing";
	if (b->c->common.json) {
		command_json(b->c,
			     json_pack("{s:s, s:o*, s:b, s:s*, s:s*, s:b, s:I}", "status", status,
				       "mapped", file->path ? json_bytes_string(file->path) : NULL,
				       "program", file->program, "build_id",
				       file->has_build_id ? BUILD_ID_HEX(&file->build_id) : NULL,
				       "executable_from", done->executable, "has_debuginfo",
				       done->debuginfo, "n_sources", (json_int_t)done->n_sources));
		return;
	}
	if (b->c->common.quiet)
		return;
	printf("%s  ", file->has_build_id ? BUILD_ID_HEX(&file->build_id) : "-");
	if (done->executable || done->debuginfo)
		printf("%s%s%s%s", done->executable ? "executable" : "",
		       done->executable && !strcmp(done->executable, "machine") ? " of this machine"
										: "",
		       done->executable && done->debuginfo ? "," : "",
		       done->debuginfo ? "debuginfo" : "");
	else
		fputs(file->has_build_id ? status : command_core_why(file), stdout);
	if (done->n_sources)
		fputs(",sources", stdout);
	fputs("  ", stdout);
	print_escaped(file->path ? file->path : "-");
	putchar('\n');
}

static int bundle_file(struct bundling *b, const struct core_file *file, struct error *err)
{
	int r;

	struct bundled done = { 0 };
	struct build build = { 0 };
	bool found = false;
	r = file->has_build_id ? lookup_build_again(b->l, &file->build_id, &build, err) : -ENOENT;
	if (r < 0 && r != -ENOENT)
		return r;
	found = r == 0 && !build.collision;
	r = file->has_build_id ? bundle_executable(b, file, found ? &build : NULL, &done, err) : 0;
	if (r == 0 && found)
		r = bundle_debug(b, &build, &done, err);
	if (r == 0 && found)
		r = bundle_sources(b, &build, &done, err);
	if (r < 0)
		return r;
	b->n_files += done.executable || done.debuginfo;
	report(b, file, build.collision, &done);
	if (file->program && (!done.executable || !done.debuginfo)) {
		b->lacking = true;
		log_error("%s: the store has no %s of the program%s%s",
			  ESCAPED(file->path ? file->path : "-"),
			  done.executable ? "debug information" : "executable",
			  file->has_build_id ? ", build ID " : "",
			  file->has_build_id ? BUILD_ID_HEX(&file->build_id) : "");
	}
	return 0;
}

static int write_script(struct bundling *b, const char *core_path, struct error *err)
{
	int r;

	scoped(string_free) char *target = realpath(core_path, NULL), *text = NULL;
	scoped(fd_close) int fd = -1;
	if (!target)
		return error_errno(err, -errno, "%s", ESCAPED(core_path));
	r = bundle_folder_link(b->dir_fd, "core", target, err);
	if (r == 0)
		r = bundle_script(b->program, &b->tops, &text, err);
	if (r == 0)
		r = bundle_folder_create(b->dir_fd, "gdb", 0777, &fd, err);
	if (r == 0)
		r = file_write(fd, text, strlen(text), "gdb", err);
	return r;
}

static int bundle(const struct command *c, const char *core_path, const char *folder)
{
	int r;

	struct error err = ERROR_NONE;
	scoped(core_free) struct core core = { 0 };
	r = command_core_read(core_path, &core, &err);
	if (r < 0)
		return command_failed(c, core_path, &err);
	scoped(store_closep) struct store *st = NULL;
	int status = command_open(c, STORE_READ, &st);
	if (status != STATUS_GO_ON)
		return status;
	scoped(lookup_freep) struct lookup *l = NULL;
	r = lookup_new(st, &l, &err);
	if (r < 0)
		return command_failed(c, NULL, &err);

	scoped(bundling_free) struct bundling b = { .c = c, .st = st, .l = l, .dir_fd = -1 };
	struct stat core_stat = { 0 };
	if (stat(core_path, &core_stat) == 0)
		b.time = core_stat.st_mtim;
	r = bundle_folder_make(folder, &b.dir_fd, &err);
	/* The program first: where sources share a path, its own is the one to see. */
	for (int program = 1; program >= 0; program--)
		for (uint64_t i = 0; r == 0 && i < core.n_files; i++)
			if (core.files[i].program == program)
				r = bundle_file(&b, &core.files[i], &err);
	if (r == 0)
		r = write_script(&b, core_path, &err);
	if (r < 0)
		return command_failed(c, folder, &err);
	if (b.n_left_out)
		log_warning("%llu sources are left out; -v tells which",
			    (unsigned long long)b.n_left_out);
	if (c->common.json)
		command_json(c,
			     json_pack("{s:s, s:o, s:I, s:I, s:I}", "status", "done", "path",
				       json_bytes_string(folder), "n_files", (json_int_t)b.n_files,
				       "n_sources", (json_int_t)b.n_sources, "n_left_out",
				       (json_int_t)b.n_left_out));
	else
		log_note("%llu files and %llu sources; debug with %s%s/gdb",
			 (unsigned long long)b.n_files, (unsigned long long)b.n_sources,
			 strchr(folder, '/') ? "" : "./", ESCAPED(folder));
	return b.lacking ? STATUS_TROUBLE : STATUS_DONE;
}

int command_bundle(int argc, char **argv)
{
	struct command c = {
		.usage = { "dbgstore bundle", "[OPTION]... --core=FILE -o DIR",
			   "Put what gdb needs for a core file into a folder: executables, debug files and sources,\n"
			   "and a script, DIR/gdb, that starts gdb on it without a network. Executables that the store\n"
			   "lacks are taken from this machine, where it has the very same ones." }
	};
	const char *core = NULL, *folder = NULL;
	const struct option_entry entries[] = {
		{ "core", 0, "FILE", "the core file", .text = &core },
		{ "output", 'o', "DIR", "the folder to make; an empty one may be there",
		  .text = &folder },
		{ 0 },
	};
	int status = command_parse_alone(&c, entries, argc, argv);
	if (status != STATUS_GO_ON)
		return status;
	if (!core || !folder)
		return options_wrong(&c.usage, "--core=FILE and -o DIR are needed");
	return bundle(&c, core, folder);
}
