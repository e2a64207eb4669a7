/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "server/stream.h"

#define BLOCK_SIZE (128u << 10) /* what is copied at once to be sent */

struct stream {
	struct frames_waiter waiter; /* first */
	struct server *server;
	struct MHD_Connection *connection;
	struct request *request;
	struct shared_object *object;
	uint64_t offset; /* in the content */
	uint64_t size_bytes;
	size_t index; /* of the frame that is being sent */
	int r; /* what ended it */
};

static void wake(struct frames_waiter *waiter)
{
	struct stream *s = (struct stream *)waiter;
	struct server *server = s->server;

	watch_set_phase(&s->request->client->watched, WATCH_ANSWER);
	MHD_resume_connection(s->connection); /* from here on the stream may be gone */
	atomic_fetch_sub(&server->n_suspended, 1);
}

/* Sleep until the frame is there. */
static ssize_t wait_for_frame(struct stream *s)
{
	atomic_fetch_add(&s->server->n_suspended, 1);
	watch_set_phase(&s->request->client->watched, WATCH_NOTHING);
	MHD_suspend_connection(s->connection);

	int r = frames_wait(s->server->frames, s->object, s->index, &s->waiter);
	if (r == 1)
		return 0;
	/* There in the meantime, or never: the reader is called again, and sees which. */
	s->r = r;
	wake(&s->waiter);
	return 0;
}

static ssize_t cut(struct stream *s, int r, const struct error *err)
{
	if (r == -ECANCELED)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	log_error("cut: kind=%s id=%s: %s", kind_name(s->request->route.kind),
		  BUILD_ID_HEX(&s->request->route.id),
		  err->message[0] ? err->message : "no memory");
	metrics_trouble(s->server->metrics, r == -EBADMSG  ? TROUBLE_DAMAGED
					    : r == -ENOMEM ? TROUBLE_MEMORY
							   : TROUBLE_STORE);
	cache_drop(s->server->objects, object_digest(s->object->object));
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_stream(void *context, uint64_t position, char *ret, size_t size)
{
	struct stream *s = context;
	struct error err = ERROR_NONE;
	size_t n_frames;
	const struct object_frame *frames = object_frames(s->object->object, &n_frames);
	uint64_t at = s->offset + position;

	if (s->r < 0)
		return cut(s, s->r, &err);
	if (position >= s->size_bytes)
		return MHD_CONTENT_READER_END_OF_STREAM;
	while (s->index < n_frames && frames[s->index].offset + frames[s->index].size_bytes <= at)
		s->index++;
	if (s->index == n_frames) {
		error_set(&err, -EBADMSG, "the content ends before its size");
		return cut(s, -EBADMSG, &err);
	}

	const struct object_frame *frame = &frames[s->index];
	size_t offset = (size_t)(at - frame->offset);
	ssize_t n = frames_copy(s->server->frames, s->object, s->index, offset, ret,
				min_u64(size, s->size_bytes - position), &err);
	if (n < 0)
		return cut(s, (int)n, &err);
	if (!n)
		return wait_for_frame(s);

	/* While this one goes out, the next can be decoded. */
	uint64_t end = s->offset + s->size_bytes;
	if ((!position || !offset) && s->index + 1 < n_frames && frames[s->index + 1].offset < end)
		frames_prefetch(s->server->frames, s->object, s->index + 1);
	s->request->bytes = position + (uint64_t)n;
	return n;
}

static void free_stream(void *context)
{
	struct stream *s = context;
	shared_object_release(s->object);
	free(s);
}

static size_t find_frame(const struct object *o, uint64_t offset)
{
	size_t n_frames;
	const struct object_frame *frames = object_frames(o, &n_frames);
	size_t low = 0, high = n_frames;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (frames[middle].offset + frames[middle].size_bytes <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int stream_new(struct request *rq, struct shared_object *o, uint64_t offset, uint64_t size,
	       struct MHD_Response **ret, struct error *err)
{
	struct stream *s = calloc(1, sizeof(*s));
	if (!s)
		return error_no_memory(err);
	s->waiter.wake = wake;
	s->server = rq->server;
	s->connection = rq->connection;
	s->request = rq;
	s->offset = offset;
	s->size_bytes = size;
	s->index = find_frame(o->object, offset);
	s->object = o;
	cached_hold(&o->cached);

	*ret = MHD_create_response_from_callback(size, BLOCK_SIZE, read_stream, s, free_stream);
	if (!*ret) {
		free_stream(s);
		return error_no_memory(err);
	}
	return 0;
}
