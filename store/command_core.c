/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mapping.h"
#include "store/command_build.h"
#include "store/command_core.h"

/* systemd-coredump and others compress them. */
static const char *compression_of(const struct mapping *mapping)
{
	static const struct {
		const char *magic, *name;
		size_t size;
	} known[] = {
		{ "\x28\xb5\x2f\xfd", "zstd", 4 },
		{ "\x04\x22\x4d\x18", "lz4", 4 },
		{ "\3757zXZ", "xz", 5 },
		{ "\x1f\x8b", "gzip", 2 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (mapping_size(mapping) >= known[i].size &&
		    !memcmp(mapping_bytes(mapping), known[i].magic, known[i].size))
			return known[i].name;
	return NULL;
}

int command_core_read(const char *path, struct core *ret, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	scoped(mapping_closep) struct mapping *mapping = NULL;
	r = file_open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, &fd, err);
	if (r == 0)
		r = mapping_open(fd, path, &mapping, err);
	if (r < 0)
		return r;
	scoped(core_free) struct core core = { 0 };
	r = core_read(mapping_bytes(mapping), mapping_size(mapping), &core, err);
	if (r == 0)
		r = mapping_check(mapping, err);
	const char *compression = r == -ENOEXEC ? compression_of(mapping) : NULL;
	if (compression)
		error_set(err, r, "compressed with %s; decompress it first", compression);
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(path));
	if (core.truncated)
		log_warning("%s: cut short: what its segments have of memory ends past the file",
			    ESCAPED(path));
	*ret = core;
	core = (struct core){ 0 };
	return 0;
}

const char *command_core_why(const struct core_file *file)
{
	switch (file->start) {
	case CORE_START_ELF:
		return "no build ID";
	case CORE_START_OTHER:
		return "not an ELF file";
	case CORE_START_MISSING:
		return "its start is not in the core";
	}
	return "";
}

/* ---- find --core ---- */

/* @build  NULL: the store does not have it */
static void print_file(const struct command *c, const struct core_file *file,
		       const struct build *build, const struct origin *origin)
{
	const char *status = build ? "found" : file->has_build_id ? "missing" : "unknown";
	if (c->common.json) {
		char address[19];
		snprintf(address, sizeof(address), "0x%" PRIx64, file->address);
		json_t *object = build ? command_build_json(build, origin, NULL) : json_object();
		json_t *rest =
			json_pack("{s:s, s:o*, s:s, s:b, s:s*, s:s*}", "status", status, "mapped",
				  file->path ? json_bytes_string(file->path) : NULL, "address",
				  address, "program", file->program, "build_id",
				  file->has_build_id ? BUILD_ID_HEX(&file->build_id) : NULL, "why",
				  file->has_build_id ? NULL : command_core_why(file));
		if (!object || !rest || json_object_update(object, rest) < 0) {
			json_decref(object);
			object = NULL; /* command_json() tells */
		}
		json_decref(rest);
		command_json(c, object);
		return;
	}
	printf("%s  ", file->has_build_id ? BUILD_ID_HEX(&file->build_id) : "-");
	if (build)
		command_print_kinds(build);
	else
		fputs(file->has_build_id ? "missing" : command_core_why(file), stdout);
	fputs("  ", stdout);
	print_escaped(file->path ? file->path : "-");
	putchar('\n');
}

/* @ret_found  whether the store has it */
static int find_file(const struct command *c, struct lookup *l, const struct core_file *file,
		     bool *ret_found, struct error *err)
{
	int r;

	*ret_found = false;
	struct build build;
	scoped(origin_free) struct origin origin = { 0 };
	r = file->has_build_id ? lookup_build_again(l, &file->build_id, &build, err) : -ENOENT;
	if (r == 0) {
		*ret_found = true;
		r = lookup_origin(l, &file->build_id, &origin, err);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	print_file(c, file, *ret_found ? &build : NULL, &origin);
	return 0;
}

int command_find_core(const struct command *c, struct lookup *l, const char *path)
{
	int r;

	struct error err = ERROR_NONE;
	scoped(core_free) struct core core = { 0 };
	r = command_core_read(path, &core, &err);
	if (r < 0)
		return command_failed(c, path, &err);
	const struct core_file *lacking = NULL;
	for (uint64_t i = 0; i < core.n_files; i++) {
		bool found;
		r = find_file(c, l, &core.files[i], &found, &err);
		if (r < 0)
			return command_failed(c, path, &err);
		if (core.files[i].program && !found)
			lacking = &core.files[i];
	}
	if (!core.n_files)
		error_set(&err, -ENOENT, "%s: tells of no mapped files", ESCAPED(path));
	else if (lacking)
		error_set(&err, -ENOENT, "%s: its program %s (%s) is not in the store",
			  ESCAPED(path), ESCAPED(lacking->path ? lacking->path : "-"),
			  lacking->has_build_id ? BUILD_ID_HEX(&lacking->build_id)
						: command_core_why(lacking));
	else
		return STATUS_DONE;
	return command_failed(c, path, &err);
}
