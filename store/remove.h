/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/digest_set.h"
#include "store/maintain.h"
#include "store/pack_rewrite.h"

/** Remove those of the objects that no record needs. */
must_check int remove_unneeded(struct store *st, const struct digest_set *objects, struct error *err);

/** Remove sources that have their tombstones from every pack. @sources: each, its flags are not looked at. */
must_check int remove_sources(struct store *st, const struct digest_set *sources, bool dry_run,
			      struct remove_result *ret, struct error *err);

/** The old packs go, each where all that was dropped still is to, and where it was not relied on in the last
 * @min_age seconds. Under the exclusive lock, unless it is a dry run. @ret is added to. */
must_check int remove_packs(struct store *st, const struct pack_rewrites *packs, int64_t min_age, pack_drop drop,
			    void *context, bool dry_run, struct remove_result *ret, struct error *err);
