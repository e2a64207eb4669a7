/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/**
 * What Go's linker wrote about a build (.go.buildinfo, Go 1.13 and newer). The
 * texts are as debug/buildinfo reads them: version "go1.26.8", and the module text of lines
 * "path\tP", "mod\tP\tV\tSUM", "dep\t…", "=>\t…", "build\tKEY=VALUE".
 */
struct go_info {
	char *version; /* owned */
	char *module_text; /* owned; "" where the build had no modules */
	char *main_path; /* owned; "" if none: "path" line */
	char *main_module; /* owned; "" if none: first field of "mod" */
	char *main_version; /* owned; "" if none */
};

/** Errors: -ENOENT not a Go binary; -EBADMSG; -ENOTSUP Go 1.17 or older, and the pointers to its
 *	     texts are not in the file but relocated */
must_check int go_info_read(const struct image *image, struct go_info *ret, struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(go_info_free). */
void go_info_free(struct go_info *info);
