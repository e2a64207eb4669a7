/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/lookups.h"

/** A store to serve from, with the threads' ways into its catalog: the server's own, and that of
 * what upstreams gave. */
struct shelf {
	struct store *store;
	struct lookups lookups;
};
