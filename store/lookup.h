/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/object.h"
#include "store/record.h"

/**
 * A thread's way into the catalog: a read-only connection with its statements prepared and a read
 * transaction that is renewed after 100 ms, so what it gives may be that old. A miss is only told
 * after looking past the open snapshot and for a record that the catalog does not have. Works
 * without a catalog, or with a damaged one, too (read-only media): then from the records alone.
 *
 * Threads: any number, but one waits for another: each should have its own
 */
struct lookup;

/** @st outlives it. */
must_check int lookup_new(struct store *st, struct lookup **ret, struct error *err);
void lookup_free(struct lookup *l);
define_scoped(struct lookup *, lookup_free)

	/** Errors: -ENOENT no such build */
	must_check int lookup_build(struct lookup *l, const struct build_id *id, struct build *ret,
				    struct error *err);

/**
 * As lookup_build(), but from the record itself where the catalog is behind it, and past every
 * snapshot. For who got a build without the artifact that was asked for, or a collision, before
 * "not there" is said: the other half may have come just now. Reads a folder: some 20 us.
 */
must_check int lookup_build_again(struct lookup *l, const struct build_id *id, struct build *ret,
				  struct error *err);

/**
 * End the held read transaction if it is over 100 ms old. To be called for every lookup, from any
 * thread, about once a second by a program that runs for long: an idle lookup would else keep the
 * catalog's log from being emptied for as long as nobody asks it anything.
 */
void lookup_rest(struct lookup *l);

/** Where a build came from, as far as the catalog keeps it: path, package, version and distro of
 * the first of its contributions that has one of the first two; NULL where none has. @ret:
 * origin_free() */
must_check int lookup_origin(struct lookup *l, const struct build_id *id, struct origin *ret,
			     struct error *err);

/** Where the bytes of a source file lie: in a pack object, or an object of their own (offset 0). */
struct source_place {
	struct digest object;
	uint64_t offset;
	uint64_t size_bytes;
};
/** Errors: -ENOENT not in the store; -ENXIO no catalog, or one that cannot be read, so that it is not known */
must_check int lookup_source(struct lookup *l, const struct digest *source,
			     struct source_place *ret, struct error *err);

/** A result != 0 ends the visits and is returned. May look up in the same lookup. */
typedef int (*lookup_visit)(const struct build *build, const char *path, void *context,
			    struct error *err);

/** Builds whose ID begins with these hex digits (6 or more, any number), in order. @path of the
 * origin or "". */
must_check int lookup_prefix(struct lookup *l, const char *hex, lookup_visit visit, void *context,
			     struct error *err);
/** Builds with an origin whose path is, or ends in "/" and, @path (leading slashes count for
 * nothing); a build of several such paths once for each. */
must_check int lookup_path(struct lookup *l, const char *path, lookup_visit visit, void *context,
			   struct error *err);
/** Is it that path, or does it end in "/" and that? */
bool lookup_path_fits(const char *path, const char *tail);
/**
 * Builds with an origin whose path ends in these bytes, "" for all, in the order of the paths read
 * backwards; a build of several such paths once for each.
 *
 * @wanted  looks at a path first, so that only builds that are wanted are looked up; NULL: all are
 */
must_check int lookup_path_end(struct lookup *l, const char *bytes,
			       bool (*wanted)(const char *path, void *context), lookup_visit visit,
			       void *context, struct error *err);
/** Builds of which a contribution names this package, in order of ID. */
must_check int lookup_package(struct lookup *l, const char *package, lookup_visit visit,
			      void *context, struct error *err);
/** All builds that the catalog has (the records', where there is none), in order of ID. */
must_check int lookup_each(struct lookup *l, lookup_visit visit, void *context, struct error *err);
struct lookup_counts {
	uint64_t n_builds, n_debug, n_executables, n_sources; /* that have one */
};
/** All but the first are 0 where there is no catalog. */
must_check int lookup_count_artifacts(struct lookup *l, struct lookup_counts *ret,
				      struct error *err);
must_check int lookup_count(struct lookup *l, uint64_t *ret_n_builds, struct error *err);

/** Is a build with this version of the module looked for? */
typedef bool (*lookup_version)(const char *version, void *context);
typedef int (*lookup_module_visit)(const struct build_id *id, const char *version, void *context,
				   struct error *err);

/**
 * Builds of a Go program that has a module, in order of ID, each once with the first of its versions that is
 * looked for. Of the catalog alone, or, where there is none, of all records and what they name.
 *
 * @path  the module's; "" is the toolchain, whose versions are "go1.26.8"
 */
must_check int lookup_module(struct lookup *l, const char *path, lookup_version wanted,
			     lookup_module_visit visit, void *context, struct error *err);
