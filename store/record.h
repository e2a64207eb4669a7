/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attributes.h"
#include "base/digest.h"
#include "base/error.h"
#include "elf/build_id.h"

/*
 * Build records. A record is a folder of contributions, each an immutable JSON file named by its digest;
 * writers of one build ID need no lock and lose nothing. Format: docs/FORMAT.md.
 */

struct store;

/** An object that plays a part in a build. size_bytes is of the content. */
struct artifact {
	bool present;
	struct digest digest;
	uint64_t size_bytes;
};

enum quality { QUALITY_NONE, QUALITY_SYMBOLS, QUALITY_DWARF }; /* of the debug information, worst first */
const char *quality_name(enum quality quality); /* "none", "symbols", "dwarf" */

/** Where a build came from. Strings may be NULL (not known) and hold any bytes; all owned. */
struct origin {
	char *path;	 /* as walked, relative to the walked folder */
	char *package;
	char *version;
	char *distro;
	char *purl;
	char *name_space;
	char **tags;
	size_t n_tags;
	char *toolchain;    /* "go1.26.8" */
	char *main_module;  /* Go main module's path, */
	char *main_version; /* and version */
	struct artifact settings; /* long lists (Go's module text): an object of text */
};
void origin_free(struct origin *origin); /* frees what it holds; also accepts a zeroed one */
must_check int origin_copy(const struct origin *from, struct origin *ret, struct error *err);

/** One contribution: what one act of adding gave to one build. */
struct contribution {
	struct build_id build_id;
	uint16_t machine;   /* e_machine */
	uint8_t class;	    /* ELFCLASS* */
	uint8_t encoding;   /* ELFDATA* */
	uint16_t type;	    /* e_type */
	int64_t time;	    /* seconds since 1970, when it was added */
	bool has_identity;  /* elf/identity.h */
	struct digest identity;
	bool has_memory_layout;
	struct digest memory_layout;
	struct artifact original; /* given whole, byte for byte: executable and debug information in one */
	struct artifact stripped; /* what is left of the binary */
	struct artifact debug;	  /* separate debug file, or debug image */
	struct artifact sources;  /* source manifest */
	struct build_id supplement_id; /* of what the debug information refers to (dwz's file); size 0: nothing */
	struct artifact supplement;    /* that file, where it was found */
	enum quality quality;	  /* of debug, else of original */
	struct origin origin;
	json_t *sections; /* owned; how the input's sections lay: array, or NULL */
	json_t *changes;  /* owned; each change made against the input: array, or NULL */
	json_t *unknown;  /* owned; keys of newer releases, kept: object, or NULL */
};
void contribution_free(struct contribution *c); /* frees what it holds; also accepts a zeroed one */

#define CONTRIBUTION_SIZE_LIMIT (16u << 20)

/** To and from canonical JSON text: the same contribution gives the same bytes. @ret freed by the caller. */
must_check int contribution_format(const struct contribution *c, char **ret, size_t *ret_size,
				   struct error *err);
/** Errors: -EBADMSG, which key; -ENOTSUP a "format" that is not known */
must_check int contribution_parse(const char *text, size_t size, struct contribution *ret,
				  struct error *err);

/** What a build serves: the outcome of merging its contributions, in one catalog row. */
struct build {
	struct build_id id;
	struct artifact debug;	    /* what /debuginfo gives */
	struct artifact executable; /* what /executable gives */
	struct artifact sources;    /* manifest */
	enum quality quality;
	int64_t time;	 /* of the latest contribution */
	uint32_t n_contributions;
	bool collision; /* contributions of different identity: nothing is served */
};

struct record {
	struct build_id id;
	struct contribution *contributions; /* by time, then digest */
	struct digest *digests;		    /* of each contribution's file */
	size_t n_contributions;
	size_t n_damaged; /* files that could not be read */
};
void record_free(struct record *r); /* frees what it holds; also accepts a zeroed one */

/** All contributions of a build ID. Errors: -ENOENT none; -EBADMSG none that could be read, and damaged ones */
must_check int record_read(struct store *st, const struct build_id *id, struct record *ret,
			   struct error *err);

/** The merged view. No I/O: the candidate of the best quality, then the first; the missing half comes from
 * another contribution only where the memory layout is the same. */
void record_merge(const struct record *r, struct build *ret);

/**
 * Make a contribution durable, and known to the catalog. All objects it names are durable already; the
 * call holds the store's shared lock and proves that they are there. One that is equal but for the time
 * is not written again.
 *
 * @ret_build  the merged view after it; may be NULL
 * Errors: -ENOENT an object that it names is missing; -EEXIST the build was removed for good (a tombstone)
 */
must_check int record_put(struct store *st, const struct contribution *c, struct build *ret_build,
			  struct error *err);

typedef int (*record_visit)(const struct build_id *id, void *context, struct error *err);
/** Every build ID that has a folder, from the files, in order. A result != 0 ends it and is returned. */
must_check int record_each(struct store *st, record_visit visit, void *context, struct error *err);
