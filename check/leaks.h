/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/texts.h"

/* Paths of the machine that a file was built on. */

enum leak_kind {
	LEAK_HOME, /* in a home folder, and none of the next two */
	LEAK_MODULES, /* a cache of modules: Go's, cargo's */
	LEAK_GO_ROOT,
	LEAK_BUILD, /* other sources, and what else DWARF names outside the system's folders */
	N_LEAK_KINDS
};
/** "home", "module cache", "Go root", "build folder". */
const char *leak_kind_name(enum leak_kind kind);

enum leak_place {
	LEAK_FUNCTIONS, /* Go's table of functions */
	LEAK_STRINGS, /* what else is loaded */
	LEAK_DEBUG,
	N_LEAK_PLACES
};

struct leak_count {
	uint64_t n, bytes;
};

struct leaks {
	char go_root[256]; /* "": not known */
	struct leak_count counts[N_LEAK_PLACES][N_LEAK_KINDS];
	bool home_is_loaded; /* of whatever kind: a path in a home folder that is loaded */
	char example[160]; /* the first of the worst place; "": none */
	enum leak_place example_place;
};

/** Count the paths in a text. */
void leaks_add(struct leaks *leaks, enum leak_place place, const struct text *text);
/** Take the Go root from Go's table of functions, where it names runtime's own sources. */
void leaks_find_go_root(struct leaks *leaks, const uint8_t *functions, uint64_t size);
