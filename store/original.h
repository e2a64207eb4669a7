/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/edits.h"
#include "store/object.h"
#include "store/record.h"

/* A debug image as it was before names were changed in it: the change "names-changed" of a contribution
 * has its digest, and the stored image carries what undoes it. Format: docs/FORMAT.md. */

/**
 * What the original of @debug is, by the first contribution that has it: @debug itself where nothing was
 * changed.
 * Errors: -EBADMSG the record's change is malformed
 */
must_check int original_of(const struct record *record, const struct artifact *debug,
			   struct artifact *ret, struct error *err);

/**
 * Hand the whole original to @put. Its digest is not checked here.
 * Errors: -EBADMSG nothing in the object undoes a change; -ENOMEM; those of object_read() and @put
 */
must_check int original_read(const struct object *object, edits_put put, void *context,
			     struct error *err);
