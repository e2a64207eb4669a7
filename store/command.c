/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "store/command.h"

#define N_ENTRIES_LIMIT 24

int command_parse(struct command *c, const struct option_entry *entries, int argc, char **argv,
		  int *ret_first)
{
	struct option_entry all[N_ENTRIES_LIMIT + 2] = { 0 };
	size_t n = 0;
	for (; entries && entries[n].name; n++) {
		assert(n < N_ENTRIES_LIMIT);
		all[n] = entries[n];
	}
	all[n] = (struct option_entry){ "store", 0, "DIR",
					"the store; else $DBGVAULT_STORE, else your own",
					.text = &c->store_option };
	c->usage.page = "dbgstore(1)";
	int status = options_parse(&c->usage, all, &c->common, argc, argv, ret_first);
	log_open("dbgstore", options_log_level(&c->common));
	return status;
}

int command_open(const struct command *c, enum store_access access, struct store **ret)
{
	int r;

	struct error err = ERROR_NONE;
	scoped(string_free) char *path = NULL;
	r = store_choose_path(c->store_option, &path, &err);
	if (r == 0)
		r = store_open(path, access, ret, &err);
	if (r == -ENOENT && path)
		error_set(&err, r, "%s: no such store; dbgstore init makes one", ESCAPED(path));
	return r < 0 ? command_failed(c, NULL, &err) : STATUS_GO_ON;
}

int command_parse_alone(struct command *c, const struct option_entry *entries, int argc, char **argv)
{
	int first;
	int status = command_parse(c, entries, argc, argv, &first);
	if (status == STATUS_GO_ON && first < argc)
		return options_wrong(&c->usage, "\"%s\": takes no arguments", ESCAPED(argv[first]));
	return status;
}

int command_start(struct command *c, const struct option_entry *entries, enum store_access access, int argc,
		  char **argv, struct store **ret)
{
	int status = command_parse_alone(c, entries, argc, argv);
	return status == STATUS_GO_ON ? command_open(c, access, ret) : status;
}

/* "dbgstore add": "add". */
static const char *command_name(const struct command *c)
{
	const char *blank = strchr(c->usage.program, ' ');
	return blank ? blank + 1 : c->usage.program;
}

void command_json(const struct command *c, json_t *object)
{
	scoped(json_scoped_decref) json_t *line =
		json_pack("{s:s, s:s}", "schema", "dbgvault.store/1", "command", command_name(c));
	scoped(json_scoped_decref) json_t *rest = object;
	scoped(string_free) char *text = NULL;
	size_t size;
	struct error err = ERROR_NONE;
	if (!rest || json_object_update(line, rest) < 0 ||
	    json_format(line, false, &text, &size, &err) < 0) {
		log_error("out of memory");
		exit(STATUS_TROUBLE); /* a stream with a line left out would lie */
	}
	printf("%s\n", text);
}

int command_failed(const struct command *c, const char *what, const struct error *err)
{
	log_error("%s", err->message);
	if (c->common.json) {
		json_t *object = json_pack("{s:s, s:o*, s:o}", "status", "failed", "what",
					   what ? json_bytes_string(what) : NULL, "error",
					   json_bytes_string(err->message));
		command_json(c, object);
	}
	return STATUS_TROUBLE;
}
