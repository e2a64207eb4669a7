/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/route.h"

/** What upstreams are asked for. */
struct upstream_wish {
	enum kind kind; /* debuginfo, executable or source */
	const struct build_id *id;
	const char *name; /* of a source */
	const char *forwarded; /* X-Forwarded-For, with whom the request comes from */
	const char *via; /* the instances that it came through, ours the last */
};
