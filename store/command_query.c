/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "elf/go_version.h"
#include "store/command_build.h"
#include "store/go_symbol.h"
#include "store/internal.h"

struct query {
	const struct command *c;
	struct store *st;
	struct lookup *l;
	const char *module, *below; /* NULL: any */
	const char *toolchain_below;
	const char *package, *path, *tag;
	const char *symbol; /* a function of the executable; NULL: any */
	bool has_since;
	int64_t since;
};

/* ---- what is looked for ---- */

static bool module_is_below(const char *version, void *context)
{
	const struct query *q = context;
	return !q->below ||
	       (go_version_is_valid(version) && go_version_compare(version, q->below) < 0);
}

static bool toolchain_is_below(const char *version, void *context)
{
	const struct query *q = context;
	return go_toolchain_is_valid(version) &&
	       go_toolchain_compare(version, q->toolchain_below) < 0;
}

/* All that is asked of one act of adding. */
static bool contribution_fits(const struct query *q, const struct contribution *c)
{
	const struct origin *o = &c->origin;
	bool tagged = !q->tag;
	for (size_t i = 0; i < o->n_tags; i++)
		tagged |= q->tag && !strcmp(o->tags[i], q->tag);
	return tagged && (!q->has_since || c->time >= q->since) &&
	       (!q->package || (o->package && !strcmp(o->package, q->package))) &&
	       (!q->path || (o->path && lookup_path_fits(o->path, q->path))) &&
	       (!q->toolchain_below ||
		(o->toolchain && toolchain_is_below(o->toolchain, (void *)(uintptr_t)q)));
}

/* ---- what is found ---- */

static int print_found(struct query *q, const struct build *build, const struct origin *origin,
		       const char *version)
{
	if (q->c->common.json) {
		json_t *object = command_build_json(build, origin, origin->path);
		if (object && origin->toolchain)
			json_object_set_new(object, "toolchain",
					    json_bytes_string(origin->toolchain));
		if (object && version)
			json_object_set_new(object, "module",
					    json_pack("{s:o, s:o}", "path",
						      json_bytes_string(q->module), "version",
						      json_bytes_string(version)));
		command_json(q->c, object);
		return 0;
	}
	printf("%s  %.10s  ", BUILD_ID_HEX(&build->id), TIME_TEXT(build->time));
	if (q->module) {
		print_escaped(*version ? version : "?");
		fputs("  ", stdout);
	}
	if (q->toolchain_below && origin->toolchain) {
		print_escaped(origin->toolchain);
		fputs("  ", stdout);
	}
	if (origin->package) {
		print_escaped(origin->package);
		if (origin->version) {
			putchar(' ');
			print_escaped(origin->version);
		}
		fputs("  ", stdout);
	}
	print_escaped(origin->path ? origin->path : "-");
	putchar('\n');
	return 0;
}

/* What cannot be told is told to be so, and is no find. */
static bool has_symbol(const struct query *q, const struct build *build)
{
	struct error err = ERROR_NONE;
	bool is_there = false, whole = true;
	int r;
	if (!build->executable.present)
		r = error_set(&err, -ENXIO, "the store has no executable of it");
	else
		r = go_symbol_find(q->st, &build->executable.digest, q->symbol, &is_there, &whole,
				   &err);
	if (r == -ENOENT) /* no Go program */
		return false;
	if (r == 0 && !whole)
		error_set(&err, -EBADMSG, "its functions could not all be read");
	if (r < 0 || !whole)
		log_warning("%s: not known whether it has %s: %s", BUILD_ID_HEX(&build->id),
			    ESCAPED(q->symbol), err.message);
	return is_there;
}

/* The first contribution that fits speaks for the build. */
static int check_build(struct query *q, const struct build_id *id, const char *version,
		       struct error *err)
{
	int r;

	if (removed_build(q->st, id))
		return 0;
	scoped(record_free) struct record record = { 0 };
	r = record_read(q->st, id, &record, err);
	if (r == -ENOENT || r == -EBADMSG)
		return 0; /* removed since; damaged: dbgstore verify tells */
	if (r < 0)
		return r;
	struct build build;
	record_merge(&record, &build);
	for (size_t i = 0; i < record.n_contributions; i++) {
		if (!contribution_fits(q, &record.contributions[i]))
			continue;
		if (q->symbol && !has_symbol(q, &build))
			return 0;
		return print_found(q, &build, &record.contributions[i].origin, version);
	}
	return 0;
}

static int visit_module(const struct build_id *id, const char *version, void *context,
			struct error *err)
{
	return check_build(context, id, version, err);
}

static int visit_toolchain(const struct build_id *id, const char *version, void *context,
			   struct error *err)
{
	(void)version;
	return check_build(context, id, NULL, err);
}

static int visit_any(const struct build_id *id, void *context, struct error *err)
{
	return check_build(context, id, NULL, err);
}

static int run_query(struct query *q, struct error *err)
{
	if (q->module)
		return lookup_module(q->l, q->module, module_is_below, visit_module, q, err);
	if (q->toolchain_below)
		return lookup_module(q->l, "", toolchain_is_below, visit_toolchain, q, err);
	return record_each(q->st, visit_any, q, err);
}

/* ---- the command ---- */

/* "2026-11-24", "2026-11-24T05:46:00Z", or how long ago: "7d". */
static bool read_since(const char *text, int64_t *ret)
{
	char day[32];
	int64_t ago;
	if (option_duration(text, &ago)) {
		*ret = (int64_t)time(NULL) - ago;
		return true;
	}
	if (strlen(text) == strlen("2026-11-24")) {
		snprintf(day, sizeof(day), "%sT00:00:00Z", text);
		text = day;
	}
	return time_parse(text, ret, NULL) == 0;
}

static int check_options(struct query *q, const char *since)
{
	const struct option_usage *usage = &q->c->usage;
	if (q->below && !q->module)
		return options_wrong(usage, "--below: of which --module?");
	if (q->below && !go_version_is_valid(q->below))
		return options_wrong(usage,
				     "--below=%s: not a version as Go modules have them, v1.2.3",
				     ESCAPED(q->below));
	if (q->toolchain_below && !go_toolchain_is_valid(q->toolchain_below))
		return options_wrong(
			usage, "--toolchain-below=%s: not a Go release, go1.24.3 or go1.25rc1",
			ESCAPED(q->toolchain_below));
	q->has_since = since;
	if (since && !read_since(since, &q->since))
		return options_wrong(
			usage, "--since=%s: not a day (2026-11-24), a time in UTC or an age (7d)",
			ESCAPED(since));
	if (!q->module && !q->toolchain_below && !q->package && !q->path && !q->tag && !q->symbol &&
	    !since)
		return options_wrong(usage, "what is looked for?");
	if (q->symbol && (!strchr(q->symbol, '.') || *q->symbol == '.'))
		return options_wrong(usage,
				     "--symbol=%s: expected PACKAGE.FUNCTION, html.Parse or "
				     "net/http.Client.Do",
				     ESCAPED(q->symbol));
	if (q->module && !*q->module)
		return options_wrong(usage, "--module: needs a path");
	while (q->path && *q->path == '/')
		q->path++;
	return STATUS_GO_ON;
}

int command_query(int argc, char **argv)
{
	int r;

	struct command c = {
		.usage = { "dbgstore query", "[OPTION]...",
			   "List the builds that fit all that is asked: Go programs by the modules that are in\n"
			   "them and by toolchain, and any build by where it came from." }
	};
	struct query q = { .c = &c };
	const char *since = NULL;
	const struct option_entry entries[] = {
		{ "module", 0, "MODULE", "with this Go module, by its path: golang.org/x/net",
		  .text = &q.module },
		{ "below", 0, "VERSION", "and that in a version before this one: v0.33.0",
		  .text = &q.below },
		{ "toolchain-below", 0, "RELEASE",
		  "built by a Go release before this one: go1.24.3", .text = &q.toolchain_below },
		{ "symbol", 0, "FUNCTION", "with this Go function, inlined or not: html.Parse",
		  .text = &q.symbol },
		{ "package", 0, "NAME", "of this package", .text = &q.package },
		{ "path", 0, "PATH", "whose path is PATH, or ends in /PATH", .text = &q.path },
		{ "tag", 0, "TAG", "with this tag", .text = &q.tag },
		{ "since", 0, "TIME", "added since a day, 2026-11-24, or in the last 7d",
		  .text = &since },
		{ 0 },
	};
	int status = command_parse_alone(&c, entries, argc, argv);
	if (status == STATUS_GO_ON)
		status = check_options(&q, since);
	if (status != STATUS_GO_ON)
		return status;
	scoped(store_closep) struct store *st = NULL;
	status = command_open(&c, STORE_READ, &st);
	if (status != STATUS_GO_ON)
		return status;

	struct error err = ERROR_NONE;
	scoped(lookup_freep) struct lookup *l = NULL;
	r = lookup_new(st, &l, &err);
	q.st = st;
	q.l = l;
	if (r == 0)
		r = run_query(&q, &err);
	return r < 0 ? command_failed(&c, NULL, &err) : STATUS_DONE;
}
