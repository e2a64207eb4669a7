/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "store/internal.h"

/**
 * Read all of a pack and compare each file in it with its name: what came from another store, or only
 * looks like a pack, must not stand before the true file.
 *
 * @ret         the files that are what their names say; freed by the caller
 * @ret_n_wrong  the others; may be NULL
 * Errors: -EBADMSG not a pack, or the object is damaged
 */
must_check int pack_check(struct store *st, const struct digest *pack, struct pack_member **ret,
			  size_t *ret_n, size_t *ret_n_wrong, struct error *err);

/** As pack_check() where the object begins like a pack; else no members, and no error. */
must_check int pack_check_object(struct store *st, const struct digest *object, bool *ret_is_pack,
				 struct pack_member **ret, size_t *ret_n, struct error *err);

/* A guard: scoped(pack_members_free). */
void pack_members_free(struct pack_member **members);
