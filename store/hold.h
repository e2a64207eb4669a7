/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/pack_rewrite.h"

/*
 * What a record that is about to be published names is held: seen to be there, and its time of
 * change renewed, all under the store's shared lock, which is kept until the record has its name.
 * The collector looks at nothing but that time when it removes something, under the exclusive lock:
 * what has changed since before it read the records may be named by one that it has not read.
 *
 * For all of it: Errors: -ENOENT not there; what renewing a time gives
 */

must_check int object_hold(struct store *st, const struct digest *digest, struct error *err);

/**
 * The packs that a manifest's sources lie in.
 *
 * @is_removed     these are not looked for
 * @ret_n_missing  of the @ret_n that it names: that are not there, and not removed either
 * Errors: as manifest_open(), too
 */
must_check int sources_hold(struct store *st, struct lookup *l, const struct digest *manifest,
			    pack_drop is_removed, void *context, uint64_t *ret_n_missing,
			    uint64_t *ret_n, struct error *err);

/** All that a contribution needs; each source has to be there, too, or to have been removed for
 * good. */
must_check int contribution_hold(struct store *st, const struct contribution *c, struct error *err);
