/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "elf/source_names.h"
#include "split/capture.h"
#include "split/go_sources.h"
#include "split/resolver.h"
#include "split/source_guesses.h"
#include "store/sources.h"

struct capture {
	struct source_writer *writer;
	struct resolver *resolver;
	const struct source_roots *roots;
	struct go_sources *go; /* NULL: not a Go program */
	int64_t binary_time;
	capture_report report;
	void *context;
	struct capture_result result;
};

static void leave_out(struct capture *c, const char *path, const char *why)
{
	c->result.n_left_out++;
	if (c->report)
		c->report(path, why, c->context);
}

/* MD5 is what DWARF 5 has; where it is there it decides alone, for a checkout may be newer than
 * what was built from it. libcrypto may be without MD5 (FIPS): then the time decides. */
static bool is_doubtful(const struct capture *c, const struct source_name *name,
			const struct reached_file *file)
{
	uint8_t md5[16];
	if (name->has_md5 && EVP_Digest(file->bytes, file->size, md5, NULL, EVP_md5(), NULL))
		return memcmp(md5, name->md5, sizeof(md5));
	return file->mtime > c->binary_time;
}

/* Keep what was read under @path, the name that clients ask for. */
static int keep(struct capture *c, const char *path, const struct reached_file *file, bool doubtful,
		struct error *err)
{
	int r = source_writer_add(c->writer, path, file->bytes, file->size, doubtful, err);
	if (r == -EPERM) {
		leave_out(c, path, "removed from the store for good");
		return 0;
	}
	if (r == -EFBIG) {
		leave_out(c, path, "one more than a manifest holds");
		return 0;
	}
	if (r < 0)
		return error_prefix(err, r, "source %s", ESCAPED(path));
	c->result.n_doubtful += doubtful;
	return 0;
}

/* What was reached is no file to keep: it is counted. */
static void pass_over(struct capture *c, const char *path, enum reached reached, const char *why)
{
	c->result.n_outside += reached == REACHED_OUTSIDE;
	c->result.n_missing += reached == REACHED_NOTHING;
	if (reached == REACHED_LEFT_OUT)
		leave_out(c, path, why);
}

/* Below the folders that the user named, and the project. */
static int add_below_projects(const struct source_roots *roots, const char *name,
			      struct source_guesses *to, struct error *err)
{
	const char *root;
	for (size_t at = 0; (root = source_roots_next(roots, ROOT_PROJECT, 0, &at));) {
		int r = source_guesses_add(to, false, err, "%s/%s", root, name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* @folded is @name without dot segments, and absolute. */
static int find_places(struct capture *c, const struct source_name *name, const char *folded,
		       struct source_guesses *to, struct error *err)
{
	int r = source_map_guesses(source_roots_mapped(c->roots),
				  name->absolute ? folded : folded + 1, to, err);
	if (r < 0)
		return r;
	if (name->absolute)
		return source_guesses_add(to, false, err, "%s", name->path);
	return c->go ? go_sources_guesses(c->go, folded + 1, to, err)
		     : add_below_projects(c->roots, folded + 1, to, err);
}

/*
 * Clients ask for absolute names alone. So a relative one (Go's -trimpath, -ffile-prefix-map=DIR=.) is kept as
 * if "/" were its compilation folder, which is nowhere.
 */
static int fold_name(const struct source_name *name, char **ret, struct error *err)
{
	int r = string_format(ret, err, "%s%s", name->absolute ? "" : "/", name->path);
	if (r == 0)
		source_path_fold(*ret, *ret);
	return r;
}

static int capture_one(struct capture *c, const struct source_name *name, struct error *err)
{
	int r;

	scoped(string_free) char *folded = NULL;
	scoped(source_guesses_free) struct source_guesses guesses = { 0 };
	r = fold_name(name, &folded, err);
	if (r == 0)
		r = find_places(c, name, folded, &guesses, err);
	if (r < 0)
		return r;
	const char *key = name->absolute ? name->path : folded;
	/* The best reason is told where no place has it: missing below a root, before outside. */
	enum reached worst = REACHED_OUTSIDE;
	const char *why = NULL;
	for (size_t i = 0; i < guesses.n; i++) {
		const struct source_guess *guess = &guesses.items[i];
		enum reached reached;
		struct reached_file file;
		r = resolver_read(c->resolver, guess->path, SOURCE_SIZE_LIMIT, &reached, &file,
				  err);
		if (r < 0)
			return r;
		if (reached == REACHED)
			return keep(c, key, &file, guess->doubtful || is_doubtful(c, name, &file),
				    err);
		if (reached > worst) {
			worst = reached;
			why = file.why;
		}
	}
	pass_over(c, key, worst, why);
	return 0;
}

int capture_sources(struct store *st, const struct image *image, const struct source_roots *roots,
		    int64_t binary_time, capture_report report, void *context,
		    struct fresh *fresh, struct capture_result *ret, struct error *err)
{
	int r;

	scoped(source_names_free) struct source_names names = { 0 };
	r = source_names_read(image, &names, err);
	if (r == -ENOENT) {
		*ret = (struct capture_result){ 0 };
		return 0;
	}
	if (r < 0)
		return r;

	scoped(source_writer_freep) struct source_writer *writer = NULL;
	r = source_writer_new(st, fresh, &writer, err);
	if (r < 0)
		return r;
	scoped(resolver_freep) struct resolver *resolver = NULL;
	r = resolver_new(source_roots_paths(roots), &resolver, err);
	if (r < 0)
		return r;
	scoped(go_sources_freep) struct go_sources *go = NULL;
	r = go_sources_new(image, roots, &go, err);
	if (r < 0)
		return r;

	struct capture c = { .writer = writer,
			     .resolver = resolver,
			     .roots = roots,
			     .go = go,
			     .binary_time = binary_time,
			     .report = report,
			     .context = context };
	c.result.n_named = names.n_names;
	for (uint64_t i = 0; i < names.n_names; i++) {
		r = capture_one(&c, &names.names[i], err);
		if (r < 0)
			return r;
	}
	r = source_writer_finish(writer, &c.result.stored, err);
	if (r < 0)
		return r;
	*ret = c.result;
	return 0;
}
