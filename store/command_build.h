/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/command.h"
#include "store/lookup.h"
#include "store/record.h"

/* Naming one build on the command line, and printing builds. */

/** Print bytes from outside so that a terminal can show them, whatever their length. */
void print_escaped(const char *text);

/** What can be served of a build: "debuginfo,sources", "collision", "nothing". */
void command_print_kinds(const struct build *build);

/** One line: ID, what can be served, time, package, path; or with --json one object. */
must_check int command_print_build(const struct command *c, struct lookup *l,
				   const struct build *build, const char *path, struct error *err);
/** The object that command_print_build() prints. NULL: no memory */
json_t *command_build_json(const struct build *build, const struct origin *origin,
			   const char *path);

/** The build ID of an ELF file. Errors: -ENOENT no such file, or no build ID in it; -ENOEXEC not
 * ELF */
must_check int command_file_id(const char *path, struct build_id *ret, struct error *err);

/**
 * The one build that @word names: its ID, the beginning of it (6 digits or more), or an ELF file
 * that has it. Returns STATUS_GO_ON, or the exit status: what is wrong has been said, candidates
 * printed.
 */
must_check int command_find_one(const struct command *c, struct lookup *l, const char *word,
				struct build *ret);
