/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mapping.h"
#include "elf/given_id.h"
#include "store/command_build.h"

void print_escaped(const char *text)
{
	size_t size = strlen(text);
	scoped(string_free) char *escaped = malloc(4 * size + 5);
	if (escaped)
		fputs(escape_bytes(text, size, escaped, 4 * size + 5), stdout);
}

/* ---- printing ---- */

static int set_artifact(json_t *object, const char *key, const struct artifact *artifact)
{
	if (!artifact->present)
		return 0;
	return json_object_set_new(object, key,
				   json_pack("{s:s, s:I}", "digest", DIGEST_HEX(&artifact->digest),
					     "size_bytes", (json_int_t)artifact->size_bytes));
}

static int set_text(json_t *object, const char *key, const char *text)
{
	return text ? json_object_set_new(object, key, json_bytes_string(text)) : 0;
}

json_t *command_build_json(const struct build *build, const struct origin *origin, const char *path)
{
	scoped(json_scoped_decref) json_t *object = json_pack(
		"{s:s, s:s, s:I, s:b, s:s}", "build_id", BUILD_ID_HEX(&build->id), "time",
		TIME_TEXT(build->time), "n_contributions", (json_int_t)build->n_contributions,
		"collision", build->collision, "quality", quality_name(build->quality));
	if (!object || set_artifact(object, "debuginfo", &build->debug) < 0 ||
	    set_artifact(object, "executable", &build->executable) < 0 ||
	    set_artifact(object, "sources", &build->sources) < 0 ||
	    set_text(object, "path", path && *path ? path : NULL) < 0 ||
	    set_text(object, "package", origin->package) < 0 ||
	    set_text(object, "version", origin->version) < 0 ||
	    set_text(object, "distro", origin->distro) < 0)
		return NULL;
	return take(object);
}

void command_print_kinds(const struct build *build)
{
	const struct {
		const char *name;
		bool present;
	} kinds[] = {
		{ "debuginfo", build->debug.present },
		{ "executable", build->executable.present },
		{ "sources", build->sources.present },
	};
	const char *comma = "";
	if (build->collision) {
		fputs("collision", stdout);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].present) {
			printf("%s%s", comma, kinds[i].name);
			comma = ",";
		}
	if (!*comma)
		fputs("nothing", stdout);
}

int command_print_build(const struct command *c, struct lookup *l, const struct build *build,
			const char *path, struct error *err)
{
	int r;

	scoped(origin_free) struct origin origin = { 0 };
	r = lookup_origin(l, &build->id, &origin, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (c->common.json) {
		command_json(c, command_build_json(build, &origin, path));
		return 0;
	}
	printf("%s  ", BUILD_ID_HEX(&build->id));
	command_print_kinds(build);
	printf("  %.10s  ", TIME_TEXT(build->time));
	if (origin.package) {
		print_escaped(origin.package);
		if (origin.version) {
			putchar(' ');
			print_escaped(origin.version);
		}
		fputs("  ", stdout);
	}
	print_escaped(*path ? path : "-");
	putchar('\n');
	return 0;
}

/* ---- naming ---- */

int command_file_id(const char *path, struct build_id *ret, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	r = file_open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, &fd, err);
	if (r < 0)
		return r;
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, -ENOEXEC, "%s: not a regular file", ESCAPED(path));
	scoped(mapping_closep) struct mapping *mapping = NULL;
	r = mapping_open(fd, path, &mapping, err);
	if (r < 0)
		return r;
	scoped(image_close) struct image image = { 0 };
	struct build_id id;
	r = image_open(mapping_bytes(mapping), mapping_size(mapping), &image, err);
	if (r == 0)
		r = image_known_build_id(&image, &id, err);
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(path));
	*ret = id;
	return 0;
}

struct candidates {
	const struct command *c;
	struct lookup *l;
	struct build first;
	char *first_path; /* owned */
	uint64_t n;
};

/* The first is kept: it is printed when a second one comes. */
static int add_candidate(const struct build *build, const char *path, void *context,
			 struct error *err)
{
	int r;

	struct candidates *found = context;
	if (found->n++ == 0) {
		found->first = *build;
		found->first_path = strdup(path);
		return found->first_path ? 0 : error_no_memory(err);
	}
	if (found->n == 2) {
		r = command_print_build(found->c, found->l, &found->first, found->first_path, err);
		if (r < 0)
			return r;
	}
	return command_print_build(found->c, found->l, build, path, err);
}

static bool is_hex(const char *word)
{
	size_t size = strlen(word);
	return size >= 6 && size < BUILD_ID_HEX_SIZE &&
	       strspn(word, "0123456789abcdefABCDEF") == size;
}

int command_find_one(const struct command *c, struct lookup *l, const char *word, struct build *ret)
{
	int r;

	struct error err = ERROR_NONE;
	struct build_id id;
	/* Exactly: a whole ID may be the beginning of another one. */
	r = build_id_parse(word, strlen(word), &id, NULL) == 0
		    ? lookup_build_again(l, &id, ret, &err)
		    : -ENOENT;
	if (r == 0)
		return STATUS_GO_ON;
	if (r != -ENOENT)
		return command_failed(c, word, &err);

	if (is_hex(word)) {
		struct candidates found = { .c = c, .l = l };
		r = lookup_prefix(l, word, add_candidate, &found, &err);
		free(found.first_path);
		if (r < 0)
			return command_failed(c, word, &err);
		if (found.n > 1) {
			error_set(&err, -EINVAL, "%s: %llu builds begin so; which one?", word,
				  (unsigned long long)found.n);
			return command_failed(c, word, &err);
		}
		if (found.n == 1) {
			r = lookup_build_again(l, &found.first.id, ret, &err);
			return r < 0 ? command_failed(c, word, &err) : STATUS_GO_ON;
		}
	}

	r = command_file_id(word, &id, &err);
	if (r == 0)
		r = lookup_build_again(l, &id, ret, &err);
	else if (r == -ENOENT || r == -ENOEXEC)
		error_set(&err, r, "\"%s\": no build ID of this store, and no ELF file with one",
			  ESCAPED(word));
	return r < 0 ? command_failed(c, word, &err) : STATUS_GO_ON;
}
