/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "server/control.h"
#include "server/internal.h"

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
	else if (has_control(value, value_size, true))
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
	else if (NAME_IS("X-Dbgserve-Via"))
		keep(&rq->via, value, value_size);
	return MHD_YES;
}

void request_read_header(struct request *rq)
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
