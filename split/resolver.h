/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reaches files by names that nobody has to be trusted for. A name is walked from "/" folder by
 * folder, by descriptors that cannot read (O_PATH, never following a link); links are read and
 * walked by us, ".." goes back on our own track. Only a file whose place in the end is below a root
 * is opened for reading.
 *
 * What was learnt about folders is kept, so that many files of few folders cost little more than
 * themselves.
 */
struct resolver;

/** @roots  resolved paths, NULL behind the last; outlive the resolver */
must_check int resolver_new(const char *const *roots, struct resolver **ret, struct error *err);
void resolver_free(struct resolver *rs);
define_scoped(struct resolver *, resolver_free)

	enum reached {
		REACHED,
		REACHED_OUTSIDE, /* below no root, or a relative name */
		REACHED_NOTHING, /* not there */
		REACHED_LEFT_OUT, /* there, and not to be taken: see ret->why */
	};

/** A file that was read: what was checked is what was read. */
struct reached_file {
	const void *bytes; /* the resolver's, until the next call */
	size_t size;
	int64_t mtime;
	const char *why; /* a reason for people, with REACHED_LEFT_OUT; static */
};

/**
 * Read the regular file that @path leads to, if it is below a root, group and others may read it,
 * it is at most @limit bytes, and no part of its place below the root is called .git, .env*, *.pem
 * or *.key.
 *
 * @ret_reached  the outcome; @ret is filled for REACHED and REACHED_LEFT_OUT
 * Errors: -ENOMEM
 */
must_check int resolver_read(struct resolver *rs, const char *path, size_t limit,
			     enum reached *ret_reached, struct reached_file *ret,
			     struct error *err);
