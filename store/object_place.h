/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/tmpfile.h"
#include "store/internal.h"

/** Where objects lie: object_name(), object_adopt() and their kin of store/internal.h, and this. */

/**
 * Give a finished object file its name, durably, holding the store's shared lock. Where there is
 * one already, it is confirmed instead: its time renewed, size, tables and every frame checked,
 * synced; a damaged one is linked into quarantine and replaced in one step.
 *
 * @fresh  what was not there before is noted in it; may be NULL
 * @ret  digest and size_bytes are set by the caller; was_there and stored_bytes are filled in
 */
must_check int object_publish(struct store *st, struct tmpfile *t, struct fresh *fresh,
			      struct object_result *ret, struct error *err);
