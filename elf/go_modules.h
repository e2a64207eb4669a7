/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/go_info.h"
#include <stddef.h>

#define GO_STDLIB "stdlib" /* the module's name in the database; no module is called so */

struct go_module {
	char *path, *version; /* as they are imported; owned */
	char *real_path, *real_version; /* of what stands in their place; else the same. Owned */
	bool is_replaced;
};

struct go_modules {
	struct go_module *items;
	size_t n;
};

/**
 * The modules of a build: those it depends on, the standard library, with its version as modules
 * have it ("": of no release), and, where it has one, the main module.
 * Errors: -ENOMEM
 */
must_check int go_modules_read(const struct go_info *info, struct go_modules *ret,
			       struct error *err);
/** Also accepts a zeroed one. A guard. */
void go_modules_free(struct go_modules *modules);
