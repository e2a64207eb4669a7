/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "server/answer.h"
#include "server/conditional.h"
#include "server/control.h"
#include "server/range.h"
#include "server/stream.h"

/* Stored bytes up to this are sent from memory, with the header in one call; more by sendfile(2).
 */
#define MEMORY_LIMIT (64u << 10)
/* Decoded bodies up to this are made at once and kept; more are streamed. */
#define INLINE_LIMIT (256u << 10)
/* What may be decoded for such a body on an event loop: well under a millisecond. */
#define INLINE_DECODE_LIMIT (512u << 10)

/* A build ID may get better files, or be found to collide: not for ever, but a proxy may keep it an
 * hour. */
#define CACHE_CONTROL "public, max-age=3600"

/** A response that is ready to be sent any number of times. */
struct answer {
	struct cached cached; /* first */
	struct MHD_Response *response;
	uint64_t size_bytes; /* of its body */
	char etag[ETAG_SIZE];
};

static struct answer_key key_of(const struct body *body, bool zstd)
{
	return (struct answer_key){ body->name,   body->object,
				    body->offset, body->size_bytes,
				    body->time,   (uint32_t)body->kind,
				    zstd,         body->build,
				    { 0 } };
}

static void free_answer(struct cached *cached)
{
	struct answer *a = (struct answer *)cached;
	if (a->response)
		MHD_destroy_response(a->response); /* lives on while it is being sent */
	free(a);
}

static void answer_release(struct answer **a)
{
	cached_release(*a ? &(*a)->cached : NULL);
}

/* Strong, for these very bytes: of the identity, of an encoding of it. */
static void make_etag(const struct body *body, const struct object *encoded_by,
		      char ret[static ETAG_SIZE])
{
	char part[48] = "", encoding[24] = "";
	if (body->kind == BODY_SECTION)
		snprintf(part, sizeof(part), "-%" PRIx64 "-%" PRIx64, body->offset,
			 body->size_bytes);
	if (encoded_by)
		snprintf(encoding, sizeof(encoding), "-%016" PRIx64,
			 object_encoding_hash(encoded_by));
	snprintf(ret, ETAG_SIZE, "\"%s%s%s\"", DIGEST_HEX(&body->name), part, encoding);
}

static bool put(struct MHD_Response *response, const char *name, const char *value)
{
	return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* What the file was called where it was built. A name that would break the header is not told, and
 * neither is one that cannot be read just now: it is a gift. False: no memory. */
static bool put_name(struct MHD_Response *response, const struct request *rq,
		     const struct build_id *build)
{
	struct shelf *shelf = rq->shelf;
	struct lookup *lookup;
	scoped(origin_free) struct origin origin = { 0 };
	if (!build->size || rq->server->settings->withhold_names ||
	    lookups_get(&shelf->lookups, &lookup, NULL) < 0 ||
	    lookup_origin(lookup, build, &origin, NULL) < 0 || !origin.path)
		return true;
	size_t size = strlen(origin.path);
	/* A header's value has no spaces at its ends. */
	if (!size || has_control(origin.path, size, false) || *origin.path == ' ' ||
	    origin.path[size - 1] == ' ')
		return true;
	return put(response, "X-DEBUGINFOD-FILE", origin.path);
}

/* The header lines that every representation of a body has. */
static int dress(struct MHD_Response *response, const struct request *rq, const struct body *body,
		 const char *etag, bool zstd, struct error *err)
{
	char size[24], date[HTTP_DATE_SIZE];

	snprintf(size, sizeof(size), "%" PRIu64, body->size_bytes);
	bool ok = put(response, "Content-Type", "application/octet-stream") &&
		  put(response, "X-DEBUGINFOD-SIZE", size) && put(response, "ETag", etag) &&
		  put(response, "Vary", "Accept-Encoding") &&
		  put(response, "Cache-Control", CACHE_CONTROL) &&
		  put(response, "Accept-Ranges", "bytes");
	if (ok && zstd)
		ok = put(response, "Content-Encoding", "zstd");
	if (ok && http_date_format(body->time, date))
		ok = put(response, "Last-Modified", date);
	if (ok)
		ok = put_name(response, rq, &body->build) && cors_dress(response);
	return ok ? 0 : error_no_memory(err);
}

static struct answer *answer_new(void)
{
	struct answer *a = calloc(1, sizeof(*a));
	if (a)
		cached_init(&a->cached, free_answer);
	return a;
}

/* Stored bytes from memory. The buffer goes with the response. */
static int respond_with_memory(char *bytes, size_t size, struct MHD_Response **ret,
			       struct error *err)
{
	*ret = MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
	if (!*ret) {
		free(bytes);
		return error_no_memory(err);
	}
	return 0;
}

static int respond_with_stored_bytes(const struct object *o, const struct object_range *range,
				     struct MHD_Response **ret, struct error *err)
{
	int r;

	if (range->size_bytes <= MEMORY_LIMIT) {
		scoped(string_free) char *bytes = malloc(range->size_bytes);
		if (!bytes)
			return error_no_memory(err);
		r = file_pread(object_fd(o), bytes, range->size_bytes, range->offset, "object",
			       err);
		return r < 0 ? r : respond_with_memory(take(bytes), range->size_bytes, ret, err);
	}

	int fd = fcntl(object_fd(o), F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, -errno, "object %s", DIGEST_HEX(object_digest(o)));
	*ret = MHD_create_response_from_fd_at_offset64(range->size_bytes, fd, range->offset);
	if (!*ret) {
		close(fd);
		return error_no_memory(err);
	}
	return 0;
}

/* The body as its stored frames. -ENOTSUP: it does not begin and end where frames do. */
static int make_zstd(struct request *rq, const struct body *body, struct answer **ret,
		     struct error *err)
{
	int r;

	scoped(shared_object_releasep) struct shared_object *o = NULL;
	r = objects_get(rq->server->objects, rq->shelf->store, &body->object, &o, err);
	if (r < 0)
		return r;
	struct object_range range;
	if (!object_stored_range(o->object, body->offset, body->size_bytes, &range))
		return -ENOTSUP;

	scoped(answer_release) struct answer *a = answer_new();
	if (!a)
		return error_no_memory(err);
	r = respond_with_stored_bytes(o->object, &range, &a->response, err);
	if (r < 0)
		return r;
	a->size_bytes = range.size_bytes;
	make_etag(body, o->object, a->etag);
	r = dress(a->response, rq, body, a->etag, true, err);
	if (r < 0)
		return r;

	struct answer_key key = key_of(body, true);
	cache_put(rq->server->answers, &key, &a->cached,
		  sizeof(*a) + 1024 + (range.size_bytes <= MEMORY_LIMIT ? range.size_bytes : 0));
	*ret = take(a);
	return 0;
}

/* How many bytes have to be decoded for it. */
static uint64_t decoded_bytes(const struct object *o, const struct body *body)
{
	size_t n_frames;
	const struct object_frame *frames = object_frames(o, &n_frames);
	uint64_t bytes = 0;

	for (size_t i = 0; i < n_frames; i++) {
		if (frames[i].offset + frames[i].size_bytes > body->offset &&
		    frames[i].offset < body->offset + body->size_bytes)
			bytes += frames[i].size_bytes;
	}
	return bytes;
}

/* The body decoded, in memory. -ENOTSUP: too much for an event loop. */
static int make_identity(struct request *rq, const struct body *body, struct answer **ret,
			 struct error *err)
{
	int r;
	scoped(string_free) char *bytes = NULL;

	if (body->size_bytes > INLINE_LIMIT)
		return -ENOTSUP;
	bytes = malloc(body->size_bytes + 1);
	if (!bytes)
		return error_no_memory(err);

	if (body->size_bytes) {
		scoped(shared_object_releasep) struct shared_object *o = NULL;
		r = objects_get(rq->server->objects, rq->shelf->store, &body->object, &o, err);
		if (r < 0)
			return r;
		if (decoded_bytes(o->object, body) > INLINE_DECODE_LIMIT)
			return -ENOTSUP;

		size_t got = 0;
		scoped(object_reader_freep) struct object_reader *reader = NULL;
		r = object_reader_new(o->object, &reader, err);
		if (r == 0)
			r = object_read(reader, body->offset, bytes, body->size_bytes, &got, err);
		if (r == 0 && got != body->size_bytes)
			r = error_set(err, -EBADMSG, "the content ends before its size");
		if (r == -EBADMSG) /* it may be mended by the next time */
			cache_drop(rq->server->objects, &body->object);
		if (r < 0)
			return r;
	}

	scoped(answer_release) struct answer *a = answer_new();
	if (!a)
		return error_no_memory(err);
	r = respond_with_memory(take(bytes), body->size_bytes, &a->response, err);
	if (r < 0)
		return r;
	a->size_bytes = body->size_bytes;
	make_etag(body, NULL, a->etag);
	r = dress(a->response, rq, body, a->etag, false, err);
	if (r < 0)
		return r;

	struct answer_key key = key_of(body, false);
	cache_put(rq->server->answers, &key, &a->cached, sizeof(*a) + 1024 + body->size_bytes);
	*ret = take(a);
	return 0;
}

static int get_answer(struct request *rq, const struct body *body, bool zstd, struct answer **ret,
		      struct error *err)
{
	struct answer_key key = key_of(body, zstd);
	*ret = (struct answer *)cache_get(rq->server->answers, &key);
	if (*ret)
		return 0;
	return zstd ? make_zstd(rq, body, ret, err) : make_identity(rq, body, ret, err);
}

/* RFC 9110, 13.2.2: If-None-Match decides alone where it is there. */
static bool is_known_to_client(const struct request *rq, const struct body *body, const char *etag)
{
	const struct header_value *tags = &rq->if_none_match, *since = &rq->if_modified_since;
	int64_t time;

	if (tags->bytes)
		return tags->n_lines == 1 && etag_list_has(tags->bytes, tags->size, etag);
	return since->bytes && since->n_lines == 1 &&
	       http_date_parse(since->bytes, since->size, &time) && body->time <= time;
}

/* Is the range that is asked for one of what the client has the rest of? RFC 9110, 13.1.5. */
static bool range_holds(const struct request *rq, const struct body *body)
{
	const struct header_value *condition = &rq->if_range;
	char etag[ETAG_SIZE];
	int64_t time;

	if (!condition->bytes)
		return true;
	if (condition->n_lines != 1)
		return false;
	if (http_date_parse(condition->bytes, condition->size, &time))
		return time == body->time;
	make_etag(body, NULL, etag);
	return etag_is(condition->bytes, condition->size, etag);
}

static enum trouble trouble_of(int r)
{
	return r == -EBADMSG ? TROUBLE_DAMAGED : r == -ENOMEM ? TROUBLE_MEMORY : TROUBLE_STORE;
}

static enum MHD_Result answer_unsatisfiable(struct request *rq, const struct body *body)
{
	char etag[ETAG_SIZE], range[40];
	struct error err = ERROR_NONE;

	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	make_etag(body, NULL, etag);
	/* Conditions come before ranges: RFC 9110, 13.2.2. */
	bool known = is_known_to_client(rq, body, etag);
	snprintf(range, sizeof(range), "bytes */%" PRIu64, body->size_bytes);
	if (!response || dress(response, rq, body, etag, false, &err) < 0 ||
	    (!known && !put(response, "Content-Range", range))) {
		if (response)
			MHD_destroy_response(response);
		return request_drop(rq, TROUBLE_MEMORY, &err);
	}
	unsigned status = known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_RANGE_NOT_SATISFIABLE;
	enum MHD_Result result = request_answer(rq, status, response, 0);
	MHD_destroy_response(response);
	return result;
}

/* A response of this request alone: the identity or, where given, a range of it, decoded as it goes
 * out. */
static enum MHD_Result answer_streamed(struct request *rq, const struct body *body,
				       const struct range *part)
{
	int r;
	struct error err = ERROR_NONE;
	char etag[ETAG_SIZE];
	struct MHD_Response *response = NULL;

	make_etag(body, NULL, etag);
	bool known = is_known_to_client(rq, body, etag);
	if (known)
		part = NULL; /* the headers are those of the whole */
	struct range range = part ? *part : (struct range){ 0, body->size_bytes };

	scoped(shared_object_releasep) struct shared_object *o = NULL;
	r = objects_get(rq->server->objects, rq->shelf->store, &body->object, &o, &err);
	if (r == 0)
		r = stream_new(rq, o, body->offset + range.offset, range.size_bytes, &response,
			       &err);
	if (r < 0)
		return request_drop(rq, trouble_of(r), &err);

	r = dress(response, rq, body, etag, false, &err);
	if (r == 0 && part) {
		char text[72];
		snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range.offset,
			 range.offset + range.size_bytes - 1, body->size_bytes);
		if (!put(response, "Content-Range", text))
			r = error_no_memory(&err);
	}
	if (r < 0) {
		MHD_destroy_response(response);
		return request_drop(rq, TROUBLE_MEMORY, &err);
	}

	unsigned status = known  ? MHD_HTTP_NOT_MODIFIED
			  : part ? MHD_HTTP_PARTIAL_CONTENT
				 : MHD_HTTP_OK;
	enum MHD_Result result =
		request_answer(rq, status, response, 0); /* the stream counts its bytes */
	MHD_destroy_response(response);
	return result;
}

/* Asked for a range: RANGE_IGNORED where the whole is to be sent. GET alone has ranges, and they
 * are of the identity, for a part of a frame can be sent to nobody. */
static enum range_verdict asked_range(const struct request *rq, const struct body *body,
				      struct range *ret)
{
	if (!rq->range.bytes || rq->range.n_lines != 1 || rq->head || !range_holds(rq, body))
		return RANGE_IGNORED;
	return range_parse(rq->range.bytes, rq->range.size, body->size_bytes, ret);
}

/* The words of the reference server. */
static enum MHD_Result answer_too_large(struct request *rq)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "File too large, max size=%" PRIu64 "\n",
			    rq->max_size_bytes);
	rq->why = "larger than X-DEBUGINFOD-MAXSIZE";
	return text_answer(rq, MHD_HTTP_NOT_ACCEPTABLE, text, (size_t)size);
}

enum MHD_Result answer_body(struct request *rq, const struct body *body)
{
	int r;
	struct error err = ERROR_NONE;
	struct range range;

	if (rq->max_size_bytes && body->size_bytes > rq->max_size_bytes)
		return answer_too_large(rq);

	enum range_verdict verdict = asked_range(rq, body, &range);
	if (verdict == RANGE_GIVEN)
		return answer_streamed(rq, body, &range);
	if (verdict == RANGE_UNSATISFIABLE)
		return answer_unsatisfiable(rq, body);

	scoped(answer_release) struct answer *a = NULL;
	r = -ENOTSUP;
	bool zstd = body->size_bytes && accept_encoding_wants_zstd(&rq->accept);
	if (zstd)
		r = get_answer(rq, body, true, &a, &err);
	if (r == -ENOTSUP) {
		zstd = false;
		r = get_answer(rq, body, false, &a, &err);
	}
	if (r == -ENOTSUP)
		return answer_streamed(rq, body, NULL);
	if (r < 0)
		return request_drop(rq, trouble_of(r), &err);

	rq->zstd = zstd;
	/* The same response for both: of a 304 only the header is sent, and it has to say the same.
	 */
	if (is_known_to_client(rq, body, a->etag))
		return request_answer(rq, MHD_HTTP_NOT_MODIFIED, a->response, 0);
	return request_answer(rq, MHD_HTTP_OK, a->response, rq->head ? 0 : a->size_bytes);
}

static void release_bytes(void *context)
{
	struct shared_bytes *bytes = context;
	cached_release(&bytes->cached);
}

enum MHD_Result answer_bytes(struct request *rq, struct shared_bytes *bytes)
{
	struct error err = ERROR_NONE;
	char etag[ETAG_SIZE];
	const struct body body = { .kind = BODY_SOURCE,
				   .name = bytes->digest,
				   .size_bytes = bytes->size,
				   .time = bytes->time };

	if (rq->max_size_bytes && bytes->size > rq->max_size_bytes)
		return answer_too_large(rq);
	cached_hold(&bytes->cached);
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
		bytes->size, bytes->bytes, release_bytes, bytes);
	if (!response) {
		release_bytes(bytes);
		return request_drop(rq, TROUBLE_MEMORY, &err);
	}
	make_etag(&body, NULL, etag);
	if (dress(response, rq, &body, etag, false, &err) < 0) {
		MHD_destroy_response(response);
		return request_drop(rq, TROUBLE_MEMORY, &err);
	}
	bool known = is_known_to_client(rq, &body, etag);
	enum MHD_Result result = request_answer(rq, known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
						response, known || rq->head ? 0 : bytes->size);
	MHD_destroy_response(response);
	return result;
}
