/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/core.h"
#include "store/command.h"
#include "store/lookup.h"

/* Core files on the command line. */

/** Read a core file's list of mapped files; see elf/core.h. Messages name @path. One that is cut is
 * told with a warning. @ret: core_free() */
must_check int command_core_read(const char *path, struct core *ret, struct error *err);

/** Why the file of a core has no build ID that we know: "no build ID". */
const char *command_core_why(const struct core_file *file);

/** Tell of each file that was mapped in the core whether the store has it. Returns the exit status.
 */
must_check int command_find_core(const struct command *c, struct lookup *l, const char *path);
