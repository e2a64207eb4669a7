/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tmpfile.h"
#include "store/command_build.h"
#include "store/object_copy.h"
#include "store/original.h"
#include "store/sources.h"

/* Where the bytes go: standard output, or a file that gets its name when it is whole. */
struct output {
	const char *path; /* NULL: standard output */
	mode_t mode;
	int fd;
	struct tmpfile tmp;
	int folder_fd;
	const char *name;
};

static void output_close(struct output *out)
{
	if (out->tmp.fd < 0 && out->path)
		fd_close(&out->fd);
	tmpfile_discard(&out->tmp);
	fd_close(&out->folder_fd);
}

static int output_open(struct output *out, struct error *err)
{
	int r;

	if (!out->path) {
		out->fd = STDOUT_FILENO;
		return 0;
	}
	struct stat there;
	if (stat(out->path, &there) == 0 && !S_ISREG(there.st_mode)) /* /dev/null, a FIFO */
		return file_open_at(AT_FDCWD, out->path, O_WRONLY, 0, &out->fd, err);
	const char *slash = strrchr(out->path, '/');
	out->name = slash ? slash + 1 : out->path;
	scoped(string_free) char *folder =
		slash ? strndup(out->path, (size_t)(slash + 1 - out->path)) : strdup(".");
	if (!folder)
		return error_no_memory(err);
	r = file_open_at(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &out->folder_fd, err);
	if (r < 0)
		return r;
	r = tmpfile_create(out->folder_fd, &out->tmp, err);
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(out->path));
	out->fd = out->tmp.fd;
	return 0;
}

static int output_finish(struct output *out, struct error *err)
{
	if (out->tmp.fd < 0)
		return 0;
	mode_t mask = umask(0);
	umask(mask);
	if (fchmod(out->fd, out->mode & ~mask) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(out->path));
	return tmpfile_replace(&out->tmp, out->folder_fd, out->name, err);
}

/* ---- what is copied ---- */

static const char *output_name(const struct output *out)
{
	return out->path ? out->path : "standard output";
}

/* What comes out, checked as it goes. */
struct original {
	struct output *out;
	struct digester *digester;
};

static int put_original(const uint8_t *bytes, size_t size, bool lent, void *context,
			struct error *err)
{
	(void)lent;
	struct original *original = context;
	digester_add(original->digester, bytes, size);
	return file_write(original->out->fd, bytes, size, output_name(original->out), err);
}

static void original_close(struct original *original)
{
	digester_free(original->digester);
}

/* The debug image as it was before names were changed in it; checked against the digest of that. */
static int copy_original(struct store *st, const struct build *build, struct output *out,
			 struct error *err)
{
	int r;

	if (!build->debug.present)
		return error_set(err, -ENOENT, "%s: the store has no debug information of it",
				 BUILD_ID_HEX(&build->id));
	scoped(record_free) struct record record = { 0 };
	scoped(object_closep) struct object *object = NULL;
	scoped(original_close) struct original original = { .out = out };
	struct artifact wanted;
	r = record_read(st, &build->id, &record, err);
	if (r == 0)
		r = original_of(&record, &build->debug, &wanted, err);
	if (r < 0)
		return r;
	if (digest_equal(&wanted.digest, &build->debug.digest))
		return object_copy_whole(st, &wanted.digest, out->fd, output_name(out), err);
	r = object_open(st, &build->debug.digest, &object, err);
	if (r == 0)
		r = digester_new(&original.digester, err);
	if (r == 0)
		r = original_read(object, put_original, &original, err);
	if (r < 0)
		return r;
	const struct digest digest = digester_finish(original.digester);
	if (!digest_equal(&digest, &wanted.digest))
		return error_set(err, -EBADMSG,
				 "%s: the original debug image comes back with digest %s, not %s",
				 BUILD_ID_HEX(&build->id), DIGEST_HEX(&digest),
				 DIGEST_HEX(&wanted.digest));
	return 0;
}

static int copy_artifact(struct store *st, const struct build *build,
			 const struct artifact *artifact, const char *kind, struct output *out,
			 struct error *err)
{
	if (!artifact->present)
		return error_set(err, -ENOENT, "%s: the store has no %s of it",
				 BUILD_ID_HEX(&build->id), kind);
	return object_copy_whole(st, &artifact->digest, out->fd, output_name(out), err);
}

/* As the section's bytes lie in the file: compressed ones stay compressed. 1: not in this artifact.
 */
static int copy_section_of(struct store *st, const struct artifact *artifact, const char *name,
			   struct output *out, struct error *err)
{
	int r;

	if (!artifact->present)
		return 1;
	scoped(object_closep) struct object *object = NULL;
	r = object_open(st, &artifact->digest, &object, err);
	if (r < 0)
		return r;
	const struct object_section *section = object_find_section(object, name);
	if (!section || section->type == SHT_NOBITS)
		return 1;
	return object_copy(object, (struct object_range){ section->offset, section->size_bytes },
			   out->fd, output_name(out), err);
}

static int copy_section(struct store *st, const struct build *build, const char *name,
			struct output *out, struct error *err)
{
	int r = copy_section_of(st, &build->debug, name, out, err);
	if (r == 1)
		r = copy_section_of(st, &build->executable, name, out, err);
	if (r == 1)
		return error_set(err, -ENOENT, "%s: has no section %s with bytes",
				 BUILD_ID_HEX(&build->id), ESCAPED(name));
	return r;
}

static int copy_source(struct store *st, struct lookup *l, const struct build *build,
		       const char *path, struct output *out, struct error *err)
{
	int r;

	if (!build->sources.present)
		return error_set(err, -ENOENT, "%s: the store has no sources of it",
				 BUILD_ID_HEX(&build->id));
	scoped(manifest_closep) struct manifest *manifest = NULL;
	r = manifest_open(st, &build->sources.digest, &manifest, err);
	if (r < 0)
		return r;
	struct manifest_entry entry;
	if (!manifest_find(manifest, path, &entry))
		return error_set(err, -ENOENT, "%s: no source %s among its %" PRIu64 " files",
				 BUILD_ID_HEX(&build->id), ESCAPED(path),
				 manifest_n_entries(manifest));
	if (entry.doubtful)
		log_warning(
			"%s: may not be what was compiled: it is newer than the binary, or has another MD5",
			ESCAPED(path));
	scoped(string_free) char *bytes = NULL;
	size_t size;
	r = source_read(st, l, &entry.digest, SIZE_MAX - 1, &bytes, &size, err);
	if (r < 0)
		return r;
	return file_write(out->fd, bytes, size, output_name(out), err);
}

/* ---- the command ---- */

enum kind { DEBUGINFO, EXECUTABLE, SOURCE, SECTION };
static const char *const kinds[] = {
	[DEBUGINFO] = "debuginfo",
	[EXECUTABLE] = "executable",
	[SOURCE] = "source",
	[SECTION] = "section",
};

static int copy_kind(struct store *st, struct lookup *l, const struct build *build, enum kind kind,
		     const char *name, struct output *out, struct error *err)
{
	switch (kind) {
	case DEBUGINFO:
		return copy_artifact(st, build, &build->debug, "debug information", out, err);
	case EXECUTABLE:
		return copy_artifact(st, build, &build->executable, "executable", out, err);
	case SOURCE:
		return copy_source(st, l, build, name, out, err);
	case SECTION:
		return copy_section(st, build, name, out, err);
	}
	return -EINVAL;
}

static int get(const struct command *c, const char *word, enum kind kind, const char *name,
	       bool original, bool allow_collision, struct output *out)
{
	int r;

	scoped(store_closep) struct store *st = NULL;
	int status = command_open(c, STORE_READ, &st);
	if (status != STATUS_GO_ON)
		return status;
	struct error err = ERROR_NONE;
	scoped(lookup_freep) struct lookup *l = NULL;
	r = lookup_new(st, &l, &err);
	if (r < 0)
		return command_failed(c, NULL, &err);
	struct build build;
	status = command_find_one(c, l, word, &build);
	if (status != STATUS_GO_ON)
		return status;
	if (build.collision && !allow_collision) {
		error_set(
			&err, -EEXIST,
			"%s: different programs have this build ID; --allow-id-collision gives what the first has",
			BUILD_ID_HEX(&build.id));
		return command_failed(c, word, &err);
	}
	r = output_open(out, &err);
	if (r == 0)
		r = original ? copy_original(st, &build, out, &err)
			     : copy_kind(st, l, &build, kind, name, out, &err);
	if (r == 0)
		r = output_finish(out, &err);
	if (r < 0)
		return command_failed(c, word, &err);
	if (c->common.json && out->path)
		command_json(c, json_pack("{s:s, s:s, s:s}", "status", "done", "build_id",
					  BUILD_ID_HEX(&build.id), "kind", kinds[kind]));
	return STATUS_DONE;
}

int command_get(int argc, char **argv)
{
	struct command c = {
		.usage = { "dbgstore get",
			   "[OPTION]... ID|PREFIX|ELF debuginfo|executable|source PATH|section NAME",
			   "Get what the store has of a build, decoded and checked, to a file or to standard output." }
	};
	const char *path = NULL;
	bool original = false;
	bool allow_collision = false;
	const struct option_entry entries[] = {
		{ "output", 'o', "FILE", "write it there, in one step; \"-\": standard output",
		  .text = &path },
		{ "original", 0, NULL, "debuginfo: without the names that were made absolute",
		  .flag = &original },
		{ "allow-id-collision", 0, NULL,
		  "give the first program's where several have the ID", .flag = &allow_collision },
		{ 0 },
	};
	int first;
	int status = command_parse(&c, entries, argc, argv, &first);
	if (status != STATUS_GO_ON)
		return status;
	int n = argc - first;
	if (n < 2)
		return options_wrong(&c.usage, "a build and a kind are needed");
	unsigned kind = 0;
	while (kind < ARRAY_SIZE(kinds) && strcmp(argv[first + 1], kinds[kind]) != 0)
		kind++;
	if (kind == ARRAY_SIZE(kinds))
		return options_wrong(&c.usage, "%s: not debuginfo, executable, source or section",
				     argv[first + 1]);
	bool takes_name = kind == SOURCE || kind == SECTION;
	if (n != 2 + takes_name)
		return options_wrong(&c.usage, "%s: %s", kinds[kind],
				     takes_name ? "one name is needed" : "takes no name");
	if (original && kind != DEBUGINFO)
		return options_wrong(&c.usage, "--original: of debuginfo alone");
	if (path && !strcmp(path, "-"))
		path = NULL;
	if (!path && kind != SOURCE && isatty(STDOUT_FILENO))
		return options_wrong(&c.usage, "%s: not to a terminal; -o FILE", kinds[kind]);

	scoped(output_close) struct output out = { .path = path,
						   .mode = kind == EXECUTABLE ? 0777 : 0666,
						   .fd = -1,
						   .tmp = TMPFILE_NONE,
						   .folder_fd = -1 };
	return get(&c, argv[first], (enum kind)kind, takes_name ? argv[first + 2] : NULL, original,
		   allow_collision, &out);
}
