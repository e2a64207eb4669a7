/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "server/settings.h"

struct store;

/**
 * Serve a store until SIGTERM or SIGINT, then let running answers end. Blocks those signals for the
 * whole process; call it before any thread is started.
 *
 * @st, @settings  the caller's
 * Errors: what listening, or starting threads, gives
 */
must_check int server_run(struct store *st, const struct settings *settings, struct error *err);
