/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/command.h"

static const struct {
	const char *name;
	command_run run;
	const char *summary;
} commands[] = {
	{ "init", command_init, "make a store" },
	{ "add", command_add, "add binaries and debug files as they are" },
	{ "get", command_get, "get debug information, executable, source or section of a build" },
	{ "find", command_find, "find builds by path, ELF file or build ID" },
	{ "bundle", command_bundle, "put what a debugger needs for a core file into a folder" },
	{ "info", command_info, "tell all about a build" },
	{ "list", command_list, "list the builds" },
	{ "merge", command_merge, "take all that another store, or a tar of one, has" },
	{ "verify", command_verify, "check everything; exit status 3 where something is damaged or missing" },
	{ "reindex", command_reindex, "make the catalog again from the records" },
	{ "rm", command_rm, "remove builds, or source files, for good" },
	{ "gc", command_gc, "remove what no build needs, and what killed writers left" },
	{ "query", command_query, "find builds by Go module, toolchain, package, path, tag and time" },
	{ "stats", command_stats, "count what is there and what it takes" },
};

static void print_help(void)
{
	printf("Usage: dbgstore COMMAND [--store=DIR] [OPTION]... [ARGUMENT]...\n\n"
	       "Keep the debug information of release binaries, and find it by build ID.\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("\nEach command has its own help: dbgstore COMMAND --help\n"
	       "The store is --store=DIR, else $DBGVAULT_STORE, else $XDG_DATA_HOME/dbgvault (root:\n"
	       "/var/lib/dbgvault). More: man dbgstore\n");
}

int main(int argc, char **argv)
{
	log_open("dbgstore", LOG_NOTES);
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error like any other */
	const char *name = argc > 1 ? argv[1] : "--help";
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		print_help();
		return options_finish(argc > 1 ? STATUS_DONE : STATUS_USAGE);
	}
	if (!strcmp(name, "--version")) {
		printf("dbgstore %s\n", DBGVAULT_VERSION);
		return options_finish(STATUS_DONE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name))
			return options_finish(commands[i].run(argc - 1, argv + 1));
	log_error("\"%s\": no such command; see dbgstore --help", ESCAPED(name));
	return STATUS_USAGE;
}
