/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"
#include "base/options.h"
#include "store/store.h"
#include <jansson.h>

/*
 * The commands of dbgstore, one file each (command_<name>.c), and what they share. A new one takes
 * a line in main.c's table.
 */

/** @argv  the command's name, then its options and arguments. Returns the exit status. */
typedef int (*command_run)(int argc, char **argv);

int command_init(int argc, char **argv);
int command_add(int argc, char **argv);
int command_get(int argc, char **argv);
int command_bundle(int argc, char **argv);
int command_find(int argc, char **argv);
int command_info(int argc, char **argv);
int command_list(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_reindex(int argc, char **argv);
int command_stats(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_rm(int argc, char **argv);
int command_gc(int argc, char **argv);
int command_query(int argc, char **argv);

/** What every command knows once its options are read. */
struct command {
	struct option_usage usage;
	struct common_options common;
	const char *store_option; /* --store */
};

/** As options_parse(), with --store added to @entries (at most 24), and the log's level set.
 * Fill command.usage before: program "dbgstore NAME", arguments, about. */
must_check int command_parse(struct command *c, const struct option_entry *entries, int argc,
			     char **argv, int *ret_first);

/** Open the store that options and environment name. On failure the message is said; returns
 * STATUS_GO_ON, or the exit status. */
must_check int command_open(const struct command *c, enum store_access access, struct store **ret);

/** As command_parse(), for a command that takes no arguments; the second opens the store, too. */
must_check int command_parse_alone(struct command *c, const struct option_entry *entries, int argc, char **argv);
must_check int command_start(struct command *c, const struct option_entry *entries, enum store_access access,
			     int argc, char **argv, struct store **ret);

/** Print one object as a line of JSON, "schema" and "command" put first; it is taken over (NULL:
 * out of memory). */
void command_json(const struct command *c, json_t *object);

/** Say on stderr what could not be done, and with --json as an object too: "status": "failed",
 * "error", and
 * @what (a path, a build ID; may be NULL) as "what". Returns STATUS_TROUBLE. */
int command_failed(const struct command *c, const char *what, const struct error *err);
