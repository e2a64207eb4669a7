/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/json.h"
#include "store/command.h"
#include "store/maintain.h"

static void print_json(const struct command *c, const struct store *st, const struct store_stats *s)
{
	json_t *object = json_object();
	json_object_set_new(object, "store", json_bytes_string(store_path(st)));
	const struct {
		const char *key;
		uint64_t value;
	} members[] = {
		{ "builds", s->n_builds },
		{ "collisions", s->n_collisions },
		{ "contributions", s->n_contributions },
		{ "objects", s->n_objects },
		{ "object_bytes", s->object_bytes },
		{ "object_stored_bytes", s->object_stored_bytes },
		{ "debug", s->n_debug },
		{ "debug_bytes", s->debug_bytes },
		{ "debug_stored_bytes", s->debug_stored_bytes },
		{ "executables", s->n_executables },
		{ "executable_bytes", s->executable_bytes },
		{ "executable_stored_bytes", s->executable_stored_bytes },
		{ "sources", s->n_sources },
		{ "source_bytes", s->source_bytes },
		{ "packs", s->n_packs },
		{ "pack_stored_bytes", s->pack_stored_bytes },
		{ "disk_bytes", s->disk_bytes },
		{ "free_bytes", s->free_bytes },
	};
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		json_object_set_new(object, members[i].key,
				    json_integer((json_int_t)members[i].value));
	command_json(c, object);
}

static void print_line(const char *what, uint64_t n, uint64_t bytes, uint64_t stored,
		       const char *where)
{
	printf("%-12s %9llu  %9s, %s%s\n", what, (unsigned long long)n, HUMAN_BYTES(bytes),
	       HUMAN_BYTES(stored), where);
}

static void print_text(const struct store *st, const struct store_stats *s)
{
	printf("store        %s\n", ESCAPED(store_path(st)));
	printf("builds       %9llu  of %llu contributions, %llu collisions\n",
	       (unsigned long long)s->n_builds, (unsigned long long)s->n_contributions,
	       (unsigned long long)s->n_collisions);
	print_line("debug", s->n_debug, s->debug_bytes, s->debug_stored_bytes, " stored");
	print_line("executables", s->n_executables, s->executable_bytes, s->executable_stored_bytes,
		   " stored");
	char where[64];
	snprintf(where, sizeof(where), " stored in %llu packs", (unsigned long long)s->n_packs);
	print_line("sources", s->n_sources, s->source_bytes, s->pack_stored_bytes, where);
	print_line("all objects", s->n_objects, s->object_bytes, s->object_stored_bytes, " stored");
	printf("disk                    %9s used, %s free\n", HUMAN_BYTES(s->disk_bytes),
	       HUMAN_BYTES(s->free_bytes));
}

int command_stats(int argc, char **argv)
{
	struct command c = {
		.usage = { "dbgstore stats", "[OPTION]...",
			   "Count what a store holds, from its files: contents, and what they take." }
	};
	scoped(store_closep) struct store *st = NULL;
	int status = command_start(&c, NULL, STORE_READ, argc, argv, &st);
	if (status != STATUS_GO_ON)
		return status;

	struct error err = ERROR_NONE;
	struct store_stats stats;
	if (store_stats(st, &stats, &err) < 0)
		return command_failed(&c, store_path(st), &err);
	if (c.common.json)
		print_json(&c, st, &stats);
	else
		print_text(st, &stats);
	return STATUS_DONE;
}
