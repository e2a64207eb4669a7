/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "server/peer.h"

/**
 * How much of something each address has at once, up to a limit for each. An IPv6 network of 64
 * bits counts as one address: whoever has one, has all of them.
 *
 * Threads: any
 */
struct shares;

/** @n_max  of each; 0: any number, and nothing is counted */
must_check int shares_new(unsigned n_max, struct shares **ret, struct error *err);
void shares_free(struct shares *s);
define_scoped(struct shares *, shares_free)

	/** False: the address has all it may have, or there is no memory. */
	must_check bool shares_take(struct shares *s, const struct address *address);
/** Of one that was taken. */
void shares_give_back(struct shares *s, const struct address *address);
