/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/internal.h"

/* From "these bytes of that object" to a response: representation, validators, headers, body. */

#define ETAG_SIZE 128 /* quotes, digest, what part of it or which encoding; NUL */

enum body_kind {
	BODY_WHOLE, /* the content of an object: its digest names it */
	BODY_SECTION, /* a part of it: digest, offset and size do */
	BODY_SOURCE, /* a source file's digest names it, wherever it lies */
};

/** What a request is answered with, before anything about its transfer is decided. */
struct body {
	enum body_kind kind;
	struct digest name; /* of object or source file */
	struct digest object; /* that holds it */
	uint64_t offset; /* in the object's content */
	uint64_t size_bytes; /* 0: nothing needs to be read */
	int64_t time; /* Last-Modified */
	struct build_id build; /* whose file it is; size 0: the header is to name none */
};

/**
 * Answer a request with a body: 200, 206, 304, 406 or 416, encoded as the client asks for. Trouble drops
 * the connection.
 */
enum MHD_Result answer_body(struct request *rq, const struct body *body);

/** Answer with a source that an upstream gave: as it is, whole. */
enum MHD_Result answer_bytes(struct request *rq, struct shared_bytes *bytes);
