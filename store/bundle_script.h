/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

/* The first parts of the paths of sources: "usr", "build". gdb is told where each lies. */
#define BUNDLE_SOURCE_TOPS 64
struct bundle_tops {
	char *names[BUNDLE_SOURCE_TOPS];
	size_t n;
};
/** Note the first part of an absolute path. Parts of odd characters, and more than fit, are left
 * out: gdb finds these by the folder of sources alone, unless the machine has a file of that path.
 */
must_check int bundle_tops_add(struct bundle_tops *tops, const char *path, struct error *err);
void bundle_tops_free(struct bundle_tops *tops); /* a guard: scoped(bundle_tops_free) */

/**
 * The text of the script that starts gdb on the core, from wherever the folder is: with "root" as
 * sysroot, "debug" as the folder of debug files, "sources", and no network.
 *
 * @program  path of what was run below the folder; NULL: it is not there
 * @ret      freed by the caller
 */
must_check int bundle_script(const char *program, const struct bundle_tops *tops, char **ret,
			     struct error *err);
