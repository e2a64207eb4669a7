/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/log.h"
#include "server/internal.h"

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
	route_parse(target, scratch, &rq->route);
	metrics_request(server->metrics, rq->route.kind);
	return rq;
}

/* ---- the header ---- */

/* RFC 9110, 5.6.2. */
static bool is_token(const char *bytes, size_t size)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < size; i++) {
		char c = bytes[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || (c && memchr(others, c, sizeof(others) - 1));
		if (!ok)
			return false;
	}
	return size > 0;
}

static bool has_control(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (((unsigned char)bytes[i] < 0x20 && bytes[i] != '\t') || bytes[i] == 0x7f)
			return true;
	}
	return false;
}

struct header_check {
	struct request *request;
	unsigned n_hosts, n_lengths, n_transfer_encodings;
	bool has_body;
};

static void keep(struct header_value *value, const char *bytes, size_t size)
{
	value->bytes = bytes;
	value->size = size;
	value->n_lines++;
}

static bool name_is(const char *name, size_t size, const char *known, size_t known_size)
{
	return size == known_size && !strncasecmp(name, known, known_size);
}
#define NAME_IS(known) name_is(name, name_size, known, sizeof(known) - 1)

/* Decimal; 0 for what is no number, as for the reference server. */
static uint64_t read_size(const char *text, size_t size)
{
	uint64_t value = 0;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return 0;
	}
	return value;
}

static enum MHD_Result look_at_header(void *context, enum MHD_ValueKind kind, const char *name,
				      size_t name_size, const char *value, size_t value_size)
{
	(void)kind;
	struct header_check *check = context;
	struct request *rq = check->request;

	if (!value) {
		value = "";
		value_size = 0;
	}
	if (!is_token(name, name_size))
		rq->malformed = "a header's name is no token";
	else if (has_control(value, value_size))
		rq->malformed = "a control byte in a header";
	else if (NAME_IS("Host"))
		check->n_hosts++;
	else if (NAME_IS("Accept-Encoding"))
		accept_encoding_add(&rq->accept, value, value_size);
	else if (NAME_IS("Content-Length")) {
		check->n_lengths++;
		check->has_body |= value_size != 1 || *value != '0';
	} else if (NAME_IS("Transfer-Encoding"))
		check->n_transfer_encodings++;
	else if (NAME_IS("If-None-Match"))
		keep(&rq->if_none_match, value, value_size);
	else if (NAME_IS("If-Modified-Since"))
		keep(&rq->if_modified_since, value, value_size);
	else if (NAME_IS("Range"))
		keep(&rq->range, value, value_size);
	else if (NAME_IS("If-Range"))
		keep(&rq->if_range, value, value_size);
	else if (NAME_IS("X-DEBUGINFOD-MAXSIZE"))
		rq->max_size_bytes = read_size(value, value_size);
	else if (NAME_IS("X-Forwarded-For"))
		keep(&rq->forwarded, value, value_size);
	return MHD_YES;
}

/* What a proxy before us could read otherwise than we do is refused, and the connection closed: the
 * next bytes on it may be anyone's. */
static void look_at_headers(struct request *rq)
{
	struct header_check check = { .request = rq };

	MHD_get_connection_values_n(rq->connection, MHD_HEADER_KIND, look_at_header, &check);
	if (check.n_hosts > 1)
		rq->malformed = "several Host headers";
	else if (check.n_lengths > 1)
		rq->malformed = "several Content-Length headers";
	else if (check.n_lengths && check.n_transfer_encodings)
		rq->malformed = "both Content-Length and Transfer-Encoding";
	rq->has_body = check.has_body || check.n_transfer_encodings;
}

/* ---- answering ---- */

enum MHD_Result request_answer(struct request *rq, unsigned status, struct MHD_Response *response,
			       uint64_t bytes)
{
	rq->status = status;
	rq->bytes = bytes;
	return MHD_queue_response(rq->connection, status, response);
}

enum MHD_Result request_drop(struct request *rq, enum trouble trouble, const struct error *err)
{
	const struct route *route = &rq->route;
	metrics_trouble(rq->server->metrics, trouble);
	log_error("dropped: kind=%s id=%s: %s", kind_name(route->kind), BUILD_ID_HEX(&route->id),
		  err->message[0] ? err->message : "no memory");
	rq->status = 0;
	rq->why = "trouble";
	return MHD_NO;
}

bool request_suspend(struct request *rq, void (*run)(struct work *work))
{
	struct server *server = rq->server;

	/* Counted before the flag is looked at: who set it then waits for us, or we see it. */
	atomic_fetch_add(&server->n_suspended, 1);
	if (atomic_load(&server->stopping)) {
		atomic_fetch_sub(&server->n_suspended, 1);
		return false;
	}
	rq->work.run = run;
	MHD_suspend_connection(rq->connection);
	workers_post(server->workers, &rq->work);
	return true;
}

void request_resume(struct request *rq)
{
	struct server *server = rq->server;

	MHD_resume_connection(rq->connection); /* from here on the request may be gone */
	atomic_fetch_sub(&server->n_suspended, 1);
}

static enum MHD_Result respond(struct request *rq)
{
	const struct route *route = &rq->route;

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
	look_at_headers(rq);
	if (!rq->malformed && !rq->head && strcmp(method, "GET") != 0) {
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
	if (rq->route.status == 400 || atomic_load(&rq->server->draining))
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
