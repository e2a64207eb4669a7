/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/internal.h"

/* Answers that are the same for everyone, made once and sent any number of times. */

static struct MHD_Response *fixed[N_FIXED];
static bool cors_allowed;
static const char text_type[] = "text/plain; charset=utf-8";

static const struct {
	const char *text;
	const char *cache_control;
	const char *more, *more_value; /* one more header */
} parts[N_FIXED] = {
	/* A store is written to while it is served: no proxy may remember what was not there. */
	[FIXED_NOT_FOUND] = { "not found\n", "no-cache", NULL, NULL },
	[FIXED_BAD_REQUEST] = { "bad request\n", "no-store", "Connection", "close" },
	[FIXED_BAD_METHOD] = { "only GET and HEAD are served\n", "no-store", "Allow", "GET, HEAD" },
	[FIXED_BUSY] = { "too many requests at once\n", "no-store", "Retry-After", "1" },
	[FIXED_PREFLIGHT] = { "", "no-store", "Allow", "GET, HEAD, OPTIONS" },
	[FIXED_ROOT] = { "dbgserve " DBGVAULT_VERSION "\n", "no-cache", NULL, NULL },
	[FIXED_HEALTHY] = { "ok\n", "no-store", NULL, NULL },
};

static bool put(struct MHD_Response *response, const char *name, const char *value)
{
	return MHD_add_response_header(response, name, value) == MHD_YES;
}

bool cors_dress(struct MHD_Response *response)
{
	return !cors_allowed ||
	       (put(response, "Access-Control-Allow-Origin", "*") &&
		put(response, "Access-Control-Expose-Headers",
		    "Content-Length, Content-Range, ETag, X-DEBUGINFOD-SIZE, X-DEBUGINFOD-FILE"));
}

static bool preflight_dress(struct MHD_Response *response)
{
	return put(response, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS") &&
	       put(response, "Access-Control-Allow-Headers",
		   "Cache-Control, If-None-Match, If-Range, Range, X-DEBUGINFOD-MAXSIZE") &&
	       put(response, "Access-Control-Max-Age", "86400");
}

static struct MHD_Response *text_response(const char *text, size_t size,
					  enum MHD_ResponseMemoryMode mode, const char *type,
					  const char *cache_control)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, (void *)text, mode);
	if (response && put(response, "Content-Type", type) &&
	    put(response, "Cache-Control", cache_control) &&
	    put(response, "X-Content-Type-Options", "nosniff") && cors_dress(response))
		return response;
	if (response)
		MHD_destroy_response(response);
	return NULL;
}

int fixed_open(bool cors, const char *instance, struct error *err)
{
	cors_allowed = cors;
	for (size_t i = 0; i < N_FIXED; i++) {
		fixed[i] = text_response(parts[i].text, strlen(parts[i].text),
					 MHD_RESPMEM_PERSISTENT, text_type, parts[i].cache_control);
		const char *more = parts[i].more_value;
		if (i == FIXED_BAD_METHOD && cors)
			more = parts[FIXED_PREFLIGHT].more_value;
		if (!fixed[i] || (parts[i].more && !put(fixed[i], parts[i].more, more)) ||
		    (i == FIXED_PREFLIGHT && !preflight_dress(fixed[i])) ||
		    (i == FIXED_HEALTHY && !put(fixed[i], "X-Dbgserve-Instance", instance)))
			return error_no_memory(err);
	}
	return 0;
}

void fixed_close(void)
{
	for (size_t i = 0; i < N_FIXED; i++) {
		if (fixed[i])
			MHD_destroy_response(fixed[i]);
		fixed[i] = NULL;
	}
}

enum MHD_Result fixed_answer(struct request *rq, enum fixed which, unsigned status)
{
	return request_answer(rq, status, fixed[which], rq->head ? 0 : strlen(parts[which].text));
}

static enum MHD_Result answer_copy(struct request *rq, unsigned status, const char *type,
				   const char *text, size_t size)
{
	struct MHD_Response *response =
		text_response(text, size, MHD_RESPMEM_MUST_COPY, type, "no-store");
	if (!response) {
		rq->why = "no memory";
		return MHD_NO;
	}
	enum MHD_Result result = request_answer(rq, status, response, rq->head ? 0 : size);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result text_answer(struct request *rq, unsigned status, const char *text, size_t size)
{
	return answer_copy(rq, status, text_type, text, size);
}

enum MHD_Result json_answer(struct request *rq, const char *text, size_t size)
{
	return answer_copy(rq, MHD_HTTP_OK, "application/json", text, size);
}
