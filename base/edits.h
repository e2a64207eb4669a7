/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * Small changes that are made to a stream of bytes as it passes, and undone by what it then carries:
 * behind the changed bytes comes a list of them, and a trailer. docs/FORMAT.md has their form.
 */

#define EDIT_BYTES 8

/** From @at on, @n_old bytes become the @n_new of @bytes, and @n_zeros behind them. */
struct edit {
	uint64_t at; /* in the stream as it comes */
	uint8_t n_old, n_new; /* up to EDIT_BYTES */
	uint16_t n_zeros;
	uint8_t bytes[EDIT_BYTES];
};

struct edits {
	struct edit *items;
	size_t n, n_allocated;
};

/** Errors: -ENOMEM */
must_check int edits_add(struct edits *edits, const struct edit *edit, struct error *err);
/** By place. At one place, at most one that puts in, and behind it one that replaces. */
void edits_sort(struct edits *edits);
/** Also accepts a zeroed struct. A guard: scoped(edits_free). */
void edits_free(struct edits *edits);
/** How many bytes more come out, the list and its trailer included. @edits are sorted. */
uint64_t edits_growth(const struct edits *edits);

/** Takes bytes. @lent: they stay where they are. A result < 0 ends it with that. */
typedef int (*edits_put)(const uint8_t *bytes, size_t size, bool lent, void *context,
			 struct error *err);

/** A stream on its way: zeroed but for edits, put and context. */
struct edits_pass {
	const struct edits *edits; /* sorted; none beyond the end of the stream */
	edits_put put;
	void *context;
	uint64_t at; /* bytes that came in */
	size_t next; /* the edit that is begun, or is to be */
	bool begun; /* its new bytes are written */
	unsigned n_left; /* of its old bytes */
	uint8_t *list;
	size_t list_size, list_allocated;
};

/** The next bytes. @lent is handed on. Errors: -ENOMEM; what put() gives */
must_check int edits_pass(struct edits_pass *pass, const uint8_t *bytes, size_t size, bool lent,
			  struct error *err);
/** No more come: list and trailer go out. Errors: as above; -EINVAL an edit is beyond the end */
must_check int edits_pass_finish(struct edits_pass *pass, struct error *err);
void edits_pass_close(struct edits_pass *pass); /* a guard; also accepts a zeroed one */

/* ---- undone ---- */

#define EDITS_TRAILER_SIZE 24

/** Does a stream of @size bytes that ends in @trailer have a list? @ret_size: its bytes, with the
 * trailer's. */
bool edits_find(const uint8_t trailer[static EDITS_TRAILER_SIZE], uint64_t size,
		uint64_t *ret_size);

/** The way back: zeroed but for put and context. */
struct edits_undo {
	edits_put put; /* takes what was there before */
	void *context;
	const uint8_t *list, *end; /* the rest of it */
	uint64_t n_kept; /* bytes up to the next edit */
	uint64_t n_new; /* its bytes, which are passed over */
	const uint8_t *old; /* what stood there */
	size_t n_old;
	bool at_end; /* no more edits */
	uint64_t size_left; /* of what comes out */
};

/**
 * @list  what edits_find() told, trailer included; the caller's, for as long as it takes
 * Errors: -EBADMSG damaged
 */
must_check int edits_undo_open(struct edits_undo *undo, const uint8_t *list, size_t size,
			       struct error *err);
/** The next of the bytes before the list. Errors: -EBADMSG; what put() gives */
must_check int edits_undo(struct edits_undo *undo, const uint8_t *bytes, size_t size,
			  struct error *err);
/** All have come. Errors: -EBADMSG they are not as many as the list says */
must_check int edits_undo_finish(const struct edits_undo *undo, struct error *err);
