/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/handler.h"

static uint64_t monotonic_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/*
 * The request line was read. Routing is done here, on the raw target: libmicrohttpd 0.9.75
 * unescapes it next, and hands "/buildid/aa%00bb/x" on as "/buildid/aa".
 */
void *request_begin(void *context, const char *target, struct MHD_Connection *connection)
{
	struct server *server = context;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *client = info ? info->socket_context : NULL;
	if (!client)
		return NULL; /* no memory when it connected; the handler drops it */

	struct request *rq = &client->request;
	memset(rq, 0, sizeof(*rq));
	rq->server = server;
	rq->client = client;
	rq->connection = connection;
	rq->began_us = monotonic_us();
	rq->accept = ACCEPT_ENCODING_NONE;

	size_t size = strlen(target) + 1;
	char *scratch = rq->scratch;
	if (size > sizeof(rq->scratch))
		scratch = rq->long_scratch = malloc(size);
	if (!scratch)
		return NULL;
	route_parse(target, server->settings->base_path, scratch, &rq->route);
	metrics_request(server->metrics, rq->route.kind);
	return rq;
}

static enum MHD_Result respond(struct request *rq)
{
	const struct route *route = &rq->route;

	if (rq->preflight)
		return fixed_answer(rq, FIXED_PREFLIGHT, MHD_HTTP_OK);
	if (route->status) {
		rq->why = route->why;
		return fixed_answer(rq, route->status == 400 ? FIXED_BAD_REQUEST : FIXED_NOT_FOUND,
				    route->status);
	}
	switch (route->kind) {
	case KIND_DEBUGINFO:
	case KIND_EXECUTABLE:
	case KIND_SOURCE:
	case KIND_SECTION:
		return artifact_answer(rq);
	case KIND_METRICS:
		return metrics_answer(rq);
	case KIND_HEALTH:
		return health_answer(rq);
	case KIND_ROOT:
		return fixed_answer(rq, FIXED_ROOT, MHD_HTTP_OK);
	case KIND_OTHER:
		break;
	}
	return fixed_answer(rq, FIXED_NOT_FOUND, MHD_HTTP_NOT_FOUND);
}

/*
 * Called when the header is there, again when the request is, and again after each suspension. An
 * answer to the first call closes the connection, so only what is refused is answered then, and,
 * while the server is ending, everything.
 */
enum MHD_Result request_handle(void *context, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **ret_request)
{
	(void)context;
	(void)connection;
	(void)url;
	(void)version;
	(void)upload;
	struct request *rq = *ret_request;

	if (!rq)
		return MHD_NO;
	*upload_size = 0;
	if (rq->begun)
		return respond(rq);

	rq->begun = rq->counted = true;
	atomic_fetch_add_explicit(&rq->server->n_active, 1, memory_order_relaxed);
	rq->head = !strcmp(method, "HEAD");
	request_read_header(rq);
	rq->preflight = rq->server->settings->cors && !strcmp(method, "OPTIONS");
	if (!rq->malformed && !rq->head && !rq->preflight && strcmp(method, "GET") != 0) {
		rq->why = "method";
		return fixed_answer(rq, FIXED_BAD_METHOD, MHD_HTTP_METHOD_NOT_ALLOWED);
	}
	if (!rq->malformed && rq->has_body)
		rq->malformed = "a body, where none is taken";
	if (rq->malformed) {
		metrics_trouble(rq->server->metrics, TROUBLE_HTTP);
		rq->why = rq->malformed;
		return fixed_answer(rq, FIXED_BAD_REQUEST, MHD_HTTP_BAD_REQUEST);
	}
	if ((rq->route.status == 400 && !rq->preflight) || atomic_load(&rq->server->draining))
		return respond(rq);
	return MHD_YES;
}

void request_end(void *context, struct MHD_Connection *connection, void **request,
		 enum MHD_RequestTerminationCode how)
{
	(void)connection;
	struct server *server = context;
	struct request *rq = *request;
	if (!rq)
		return;

	/* No answer of ours, and no trouble either: libmicrohttpd refused the request, or it never
	 * came whole. */
	bool refused = !rq->status && !rq->why;
	uint64_t duration_us = monotonic_us() - rq->began_us;
	bool cut = how != MHD_REQUEST_TERMINATED_COMPLETED_OK;
	const struct route *route = &rq->route;
	if (refused)
		rq->why = "refused, or it ended before its header";
	metrics_response(server->metrics, route->kind, rq->status, rq->bytes, duration_us, cut);

	if (server->log) {
		struct address client = rq->client->address;
		char text[ADDRESS_TEXT_SIZE];
		const char *peer = rq->client->text;
		if (rq->forwarded.bytes && server->settings->n_trusted) {
			client = forwarded_client(&client, rq->forwarded.bytes, rq->forwarded.size,
						  server->settings->trusted,
						  server->settings->n_trusted);
			peer = address_text(&client, text);
		}
		access_log_write(server->log, &(struct access){
						      .kind = route->kind,
						      .id = route->id.size ? &route->id : NULL,
						      .name = route->name_size ? route->name : NULL,
						      .name_size = route->name_size,
						      .status = rq->status,
						      .bytes = rq->bytes,
						      .duration_us = duration_us,
						      .encoding = rq->zstd ? "zstd" : NULL,
						      .peer = peer,
						      .cut = cut,
						      .why = rq->why,
					      });
	}

	shared_manifest_release(rq->manifest);
	free(rq->long_scratch);
	if (rq->counted)
		atomic_fetch_sub(&server->n_active, 1);
	*request = NULL;
}
