/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/digest_set.h"
#include "store/maintain.h"

/** Remove those of the objects that no record needs. */
must_check int remove_unneeded(struct store *st, const struct digest_set *objects, struct error *err);

/** Remove sources that have their tombstones from every pack. @sources: each, its flags are not looked at. */
must_check int remove_sources(struct store *st, const struct digest_set *sources, bool dry_run,
			      struct remove_result *ret, struct error *err);
