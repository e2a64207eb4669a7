/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/internal.h"
#include "server/listener.h"

/**
 * Accept connections and hand them to the event loops, and look after what needs a look some times
 * a second, until @signal_fd is readable.
 */
must_check int accept_until_signal(struct server *s, const struct listeners *listeners,
				   int signal_fd, unsigned n_connections_max, struct error *err);
