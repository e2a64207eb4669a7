/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/internal.h"

/* Event loops: daemons that serve the connections they are handed. */

/** Start all of the server's loops. What was started is for loops_stop(), also on failure. */
must_check int loops_start(struct server *s, unsigned n_connections_max, struct error *err);
/** No connection may be suspended. */
void loops_stop(struct server *s);
