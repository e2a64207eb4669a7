/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "store/command_build.h"
#include "store/sources.h"

/* What a contribution's file says, without the long lists unless they are wanted. */
static json_t *contribution_object(const struct contribution *c, const struct digest *digest,
				   bool all)
{
	scoped(json_scoped_decref) json_t *object = NULL;
	char *text = NULL;
	size_t size;
	if (contribution_format(c, &text, &size, NULL) < 0)
		return NULL;
	int r = json_parse(text, size, &object, NULL);
	free(text);
	if (r < 0)
		return NULL;
	if (!all) {
		json_object_del(object, "sections");
		json_object_del(object, "changes");
	}
	return json_object_set_new(object, "contribution", json_string(DIGEST_HEX(digest))) < 0
		       ? NULL
		       : take(object);
}

static int print_json(const struct command *c, const struct build *build,
		      const struct record *record, struct error *err)
{
	scoped(json_scoped_decref) json_t *contributions = json_array();
	const struct origin none = { 0 };
	const struct origin *origin = &none;
	for (size_t i = 0; i < record->n_contributions; i++) {
		const struct contribution *one = &record->contributions[i];
		if (origin == &none && (one->origin.path || one->origin.package))
			origin = &one->origin;
		if (json_array_append_new(
			    contributions,
			    contribution_object(one, &record->digests[i], c->common.verbose)) < 0)
			return error_no_memory(err);
	}
	json_t *object = command_build_json(build, origin, origin->path);
	if (json_object_set(object, "contributions", contributions) < 0 ||
	    json_object_set_new(object, "n_damaged", json_integer((json_int_t)record->n_damaged)) <
		    0) {
		json_decref(object);
		return error_no_memory(err);
	}
	command_json(c, object);
	return 0;
}

static void print_artifact(struct store *st, const char *what, const struct artifact *artifact)
{
	if (!artifact->present)
		return;
	struct error err = ERROR_NONE;
	scoped(object_closep) struct object *object = NULL;
	printf("%-14s %s", what, HUMAN_BYTES(artifact->size_bytes));
	if (object_open(st, &artifact->digest, &object, &err) < 0)
		printf(", MISSING OR DAMAGED (%s)\n", err.message);
	else
		printf(", %s stored, object %s\n", HUMAN_BYTES(object_stored_size(object)),
		       DIGEST_HEX(&artifact->digest));
}

static void print_sources(struct store *st, const struct artifact *sources)
{
	if (!sources->present)
		return;
	struct error err = ERROR_NONE;
	scoped(manifest_closep) struct manifest *manifest = NULL;
	if (manifest_open(st, &sources->digest, &manifest, &err) < 0)
		printf("%-14s MISSING OR DAMAGED (%s)\n", "Sources:", err.message);
	else
		printf("%-14s %" PRIu64 " files, manifest %s\n",
		       "Sources:", manifest_n_entries(manifest), DIGEST_HEX(&sources->digest));
}

static void print_text(const char *what, const char *text)
{
	if (!text)
		return;
	printf("  %-14s ", what);
	print_escaped(text);
	putchar('\n');
}

static void print_contribution(const struct contribution *c, const struct digest *digest)
{
	printf("Contribution   %s, %s\n", TIME_TEXT(c->time), DIGEST_HEX(digest));
	print_text("path", c->origin.path);
	print_text("package", c->origin.package);
	print_text("version", c->origin.version);
	print_text("distro", c->origin.distro);
	print_text("purl", c->origin.purl);
	print_text("namespace", c->origin.name_space);
	for (size_t i = 0; i < c->origin.n_tags; i++)
		print_text("tag", c->origin.tags[i]);
	print_text("toolchain", c->origin.toolchain);
	print_text("module", c->origin.main_module);
	print_text("module version", c->origin.main_version);
	if (c->supplement_id.size)
		printf("  %-14s build ID %s%s\n", "dwz file", BUILD_ID_HEX(&c->supplement_id),
		       c->supplement.present ? "" : ", was not found");
	static const char *const names[] = { "original", "stripped", "debug image" };
	const struct artifact *const artifacts[] = { &c->original, &c->stripped, &c->debug };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (artifacts[i]->present)
			printf("  %-14s %s\n", names[i], DIGEST_HEX(&artifacts[i]->digest));
	if (c->changes)
		printf("  %-14s %zu\n", "changes", json_array_size(c->changes));
}

static void print_text_form(struct store *st, const struct build *build,
			    const struct record *record)
{
	printf("%-14s %s\n", "Build ID:", BUILD_ID_HEX(&build->id));
	if (build->collision)
		printf("%-14s YES: different programs have this build ID, so nothing is served for it\n",
		       "Collision:");
	print_artifact(st, "Debug info:", &build->debug);
	printf("%-14s %s\n", "Quality:", quality_name(build->quality));
	print_artifact(st, "Executable:", &build->executable);
	print_sources(st, &build->sources);
	for (size_t i = 0; i < record->n_contributions; i++)
		print_contribution(&record->contributions[i], &record->digests[i]);
	if (record->n_damaged)
		printf("%zu contributions are damaged; see dbgstore verify\n", record->n_damaged);
}

/* Each source of the build: its digest, "?" where it is doubtful, and its path. */
static int list_sources(const struct command *c, struct store *st, const struct build *build,
			struct error *err)
{
	int r;

	if (!build->sources.present)
		return 0;
	scoped(manifest_closep) struct manifest *manifest = NULL;
	r = manifest_open(st, &build->sources.digest, &manifest, err);
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < manifest_n_entries(manifest); i++) {
		struct manifest_entry entry = manifest_entry_at(manifest, i);
		if (!c->common.json) {
			printf("%s %c ", DIGEST_HEX(&entry.digest), entry.doubtful ? '?' : ' ');
			print_escaped(entry.path);
			putchar('\n');
			continue;
		}
		json_t *object =
			json_pack("{s:s, s:o, s:s, s:b}", "build_id", BUILD_ID_HEX(&build->id),
				  "path", json_bytes_string(entry.path), "sha256",
				  DIGEST_HEX(&entry.digest), "doubtful", entry.doubtful);
		if (!object)
			return error_no_memory(err);
		command_json(c, object);
	}
	return 0;
}

int command_info(int argc, char **argv)
{
	int r;

	struct command c = {
		.usage = { "dbgstore info", "[OPTION]... ID|PREFIX|ELF",
			   "Tell all that the store knows about a build. With --json and -v, how its sections lay\n"
			   "and what was changed, too." }
	};
	bool sources = false;
	const struct option_entry entries[] = {
		{ "sources", 0, NULL,
		  "list the source files instead, by the paths they are asked for",
		  .flag = &sources },
		{ 0 },
	};
	int first;
	int status = command_parse(&c, entries, argc, argv, &first);
	if (status != STATUS_GO_ON)
		return status;
	if (argc - first != 1)
		return options_wrong(&c.usage, "one build is needed");

	scoped(store_closep) struct store *st = NULL;
	status = command_open(&c, STORE_READ, &st);
	if (status != STATUS_GO_ON)
		return status;
	struct error err = ERROR_NONE;
	scoped(lookup_freep) struct lookup *l = NULL;
	r = lookup_new(st, &l, &err);
	if (r < 0)
		return command_failed(&c, NULL, &err);
	struct build build;
	status = command_find_one(&c, l, argv[first], &build);
	if (status != STATUS_GO_ON)
		return status;
	if (sources) {
		r = list_sources(&c, st, &build, &err);
		return r < 0 ? command_failed(&c, argv[first], &err) : STATUS_DONE;
	}
	scoped(record_free) struct record record = { 0 };
	r = record_read(st, &build.id, &record, &err);
	if (r == 0 && c.common.json)
		r = print_json(&c, &build, &record, &err);
	else if (r == 0)
		print_text_form(st, &build, &record);
	return r < 0 ? command_failed(&c, argv[first], &err) : STATUS_DONE;
}
