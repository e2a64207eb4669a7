/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"
#include "store/sources.h"

/*
 * Sources: what a binary's DWARF names and this machine still has, read from below allowed roots only. A
 * path from DWARF is never opened as it stands: it is taken apart and walked folder by folder from a root,
 * links resolved by us, and the file that is reached in the end must lie below some root.
 */

struct source_roots;
struct source_map;

/**
 * The roots of this machine: the project of the working directory (nearest parent with .git, go.mod,
 * Cargo.toml or meson.build; never "/", a home folder or /etc), Go root and module cache, cargo registry and
 * rustlib sources, /usr/include, compilers' include folders, /usr/src, and @extra.
 *
 * Threads: once made, any number may use it
 */
must_check int source_roots_new(const char *const *extra, size_t n_extra, struct source_roots **ret,
				struct error *err);
void source_roots_free(struct source_roots *roots);
define_scoped(struct source_roots *, source_roots_free)

/** FROM=DIR: what the DWARF names below FROM lies below DIR here, which becomes a root.
 * Errors: those of source_map_add() (split/source_guesses.h) */
must_check int source_roots_map(struct source_roots *roots, const char *mapping,
				struct error *err);
const struct source_map *source_roots_mapped(const struct source_roots *roots);

/** The roots, resolved, for messages and tests; NULL behind the last. */
const char *const *source_roots_paths(const struct source_roots *roots);

/* What a root is, as bits: it may be several things. */
#define ROOT_PROJECT 1u /* the working directory's, a workspace's module, or named by the user */
#define ROOT_GO 2u /* a Go root, not its src folder */
#define ROOT_GO_MODULES 4u /* a module cache */

/** The next root, from *@at on, that is one of @kinds and none of @others; *@at, 0 at first, moves
 * behind it. NULL: no more. */
const char *source_roots_next(const struct source_roots *roots, unsigned kinds, unsigned others,
			      size_t *at);

struct capture_result {
	struct source_result stored;
	uint64_t n_named;    /* paths in the DWARF */
	uint64_t n_outside;  /* below no root */
	uint64_t n_missing;  /* not there */
	uint64_t n_left_out; /* not readable by all, .git, .env*, *.pem, *.key, not a regular file, too large */
	uint64_t n_doubtful;
};

/** One file that was left out for a reason worth a line. */
typedef void (*capture_report)(const char *path, const char *why, void *context);

/**
 * Store the sources of @image. No DWARF line tables: nothing stored, no error.
 * @fresh  what is stored is noted in it (store/fresh.h); may be NULL
 * @binary_time  of the binary: sources newer than it are doubtful
 */
must_check int capture_sources(struct store *st, const struct image *image,
			       const struct source_roots *roots, int64_t binary_time,
			       capture_report report, void *context, struct fresh *fresh,
			       struct capture_result *ret, struct error *err);
