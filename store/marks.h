/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/digest_set.h"
#include "store/internal.h"

struct progress;

/**
 * What the builds of a store need: objects that their contributions name, and sources that their
 * manifests do; a source may be an object of its own, so both are in one set.
 */
struct marks {
	struct digest_set needed;
	struct digest_set manifests; /* that were read */
	uint64_t n_builds;
};

/**
 * Read all records, and the manifests that they name. Strict, for what is not marked may be
 *removed: in builds/ there must be nothing but whole contributions of a known format, and names of
 *files that are being written. A digest in what this release does not know of a contribution counts
 *as needed.
 *
 * Errors: -EBADMSG, -ENOTSUP, -ENOENT (a manifest) and whatever reading gives: what is needed is
 *not known, and the message says where
 */
must_check int marks_read(struct store *st, struct progress *progress, struct marks *ret,
			  struct error *err);
void marks_free(struct marks *marks); /* frees what it holds; a guard: scoped(marks_free) */
