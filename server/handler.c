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
	rq->target_end = (uintptr_t)target + size - 1;
	metrics_request(server->metrics, rq->route.kind);
	return rq;
}

/*
 * For libmicrohttpd 0.9.75 a NUL ends the target, and what stood between it and the version is
 * shown to nobody. Both still lie where they were read, a space apart. Another release may have the
 * version elsewhere, and then it is far away.
 */
static bool hides_bytes(const struct request *rq, const char *version)
{
	uintptr_t apart = (uintptr_t)version - rq->target_end;
	return apart > 1 && apart < CONNECTION_MEMORY;
}

/* Whom a request is for, and whether one more of theirs is taken. A proxy's connections are not
 * limited, so those who ask through it are. */
static bool take_share(struct request *rq)
{
	const struct settings *settings = rq->server->settings;

	if (!rq->forwarded.bytes || !settings->n_trusted)
		return true;
	rq->asking = forwarded_client(&rq->client->address, rq->forwarded.bytes, rq->forwarded.size,
				      settings->trusted, settings->n_trusted);
	if (settings_trust(settings, &rq->asking))
		return true;
	rq->shares = shares_take(rq->server->request_shares, &rq->asking);
	return rq->shares;
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
	case KIND_METADATA:
		return metadata_answer(rq);
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
	(void)upload;
	struct request *rq = *ret_request;

	if (!rq)
		return MHD_NO;
	*upload_size = 0;
	if (rq->begun)
		return respond(rq);

	rq->begun = rq->counted = true;
	watch_set_phase(&rq->client->watched, WATCH_ANSWER);
	atomic_fetch_add_explicit(&rq->server->n_active, 1, memory_order_relaxed);
	rq->asking = rq->client->address;
	rq->head = !strcmp(method, "HEAD");
	request_read_header(rq);
	rq->preflight = rq->server->settings->cors && !strcmp(method, "OPTIONS");
	if (!rq->malformed && !rq->head && !rq->preflight && strcmp(method, "GET") != 0) {
		rq->why = "method";
		return fixed_answer(rq, FIXED_BAD_METHOD, MHD_HTTP_METHOD_NOT_ALLOWED);
	}
	if (!rq->malformed && hides_bytes(rq, version))
		rq->malformed = "a NUL byte, or more than a space, in the request line";
	if (!rq->malformed && strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		rq->malformed = "neither HTTP/1.1 nor HTTP/1.0";
	if (!rq->malformed && rq->has_body)
		rq->malformed = "a body, where none is taken";
	if (rq->malformed) {
		metrics_trouble(rq->server->metrics, TROUBLE_HTTP);
		rq->why = rq->malformed;
		return fixed_answer(rq, FIXED_BAD_REQUEST, MHD_HTTP_BAD_REQUEST);
	}
	if (!take_share(rq)) {
		metrics_trouble(rq->server->metrics, TROUBLE_TOO_MANY);
		rq->why = "its address has as many requests as it may";
		return fixed_answer(rq, FIXED_BUSY, MHD_HTTP_SERVICE_UNAVAILABLE);
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
	const char *ended = atomic_load(&rq->client->watched.why);
	if (ended)
		rq->why = ended;
	else if (refused)
		rq->why = "refused, or it ended before its header";
	metrics_response(server->metrics, route->kind, rq->status, rq->bytes, duration_us, cut);
	if (rq->from_upstream && rq->status == MHD_HTTP_OK)
		metrics_upstream(server->metrics);

	if (server->log) {
		char text[ADDRESS_TEXT_SIZE];
		const char *peer = rq->client->text;
		if (rq->begun && memcmp(&rq->asking, &rq->client->address, sizeof(rq->asking)) != 0)
			peer = address_text(&rq->asking, text);
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
	cached_release(rq->waiter.bytes ? &rq->waiter.bytes->cached : NULL);
	free(rq->long_scratch);
	free(rq->page);
	if (rq->shares)
		shares_give_back(server->request_shares, &rq->asking);
	watch_set_phase(&rq->client->watched, WATCH_HEADER);
	if (rq->counted)
		atomic_fetch_sub(&server->n_active, 1);
	*request = NULL;
}
