/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/internal.h"
#include <microhttpd.h>

/**
 * A response whose body is a part of an object's content, decoded as it goes out: never whole in
 * memory, no byte of a frame before the frame's checksum was seen to be right; where it is not, the
 * connection is cut, so that the client sees that bytes are missing.
 *
 * @o    a hold of it is taken
 * @ret  MHD_destroy_response()
 */
must_check int stream_new(struct request *rq, struct shared_object *o, uint64_t offset,
			  uint64_t size, struct MHD_Response **ret, struct error *err);
