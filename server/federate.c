/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "server/control.h"
#include "server/federate.h"

#define FORWARDED_MAX 2000
#define WAY_SIZE (FORWARDED_MAX + 64)

static struct request *request_of(struct upstream_waiter *waiter)
{
	return (struct request *)(void *)((char *)waiter - offsetof(struct request, waiter));
}

static void wake(struct upstream_waiter *waiter)
{
	request_resume(request_of(waiter));
}

static bool is_usable(const struct header_value *value)
{
	return value->n_lines <= 1 && value->size <= FORWARDED_MAX &&
	       !has_control(value->bytes, value->size, false);
}

/* Why it is not to be asked on; NULL: it is. Servers that are each other's upstreams form a ring:
 * one of ours knows itself in X-Dbgserve-Via, and a request of itself that it would else wait for;
 * others have the number of servers that it has come through. */
static const char *refuse(const struct request *rq)
{
	const struct header_value *forwarded = &rq->forwarded, *via = &rq->via;
	unsigned n = forwarded->size ? 1 : 0;

	if (!is_usable(forwarded) || !is_usable(via))
		return "its way cannot be told";
	if (via->size && memmem(via->bytes, via->size, rq->server->instance, INSTANCE_SIZE - 1))
		return "it comes from this server itself";
	for (size_t i = 0; i < forwarded->size; i++)
		n += forwarded->bytes[i] == ',';
	return n >= rq->server->settings->upstream_hops
		       ? "it came through as many servers as it may"
		       : NULL;
}

/* "WAY, STEP" */
static void extend(const struct header_value *way, const char *step, char ret[static WAY_SIZE])
{
	snprintf(ret, WAY_SIZE, "%.*s%s%s", (int)way->size, way->bytes ? way->bytes : "",
		 way->size ? ", " : "", step);
}

/* What is to be asked for next; KIND_OTHER: nothing more. A section is cut out of a whole file,
 * which its build ID vouches for. */
static enum kind choose_kind(const struct request *rq)
{
	const struct settings *settings = rq->server->settings;
	static const enum kind halves[] = { KIND_DEBUGINFO, KIND_EXECUTABLE };
	enum kind wanted = rq->route.kind;

	if (wanted == KIND_SOURCE)
		return settings->no_sources || (rq->asked & 1u << wanted) ? KIND_OTHER : wanted;
	for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
		enum kind half = halves[i];
		bool own = half == KIND_DEBUGINFO ? rq->has_debug : rq->has_executable;
		if ((wanted == half || wanted == KIND_SECTION) && !own &&
		    !(rq->asked & 1u << half) &&
		    !(half == KIND_EXECUTABLE && settings->no_executables))
			return half;
	}
	return KIND_OTHER;
}

/* True: suspended, and to be woken. */
static bool ask(struct request *rq, enum kind kind)
{
	char forwarded[WAY_SIZE], via[WAY_SIZE];

	extend(&rq->forwarded, rq->client->text, forwarded);
	extend(&rq->via, rq->server->instance, via);
	rq->asked |= 1u << kind;
	rq->waiter = (struct upstream_waiter){ .wake = wake, .outcome = UPSTREAM_TROUBLE };
	if (!request_rest(rq))
		return false;
	struct upstream_wish wish = { .kind = kind,
				      .id = &rq->route.id,
				      .name = kind == KIND_SOURCE ? rq->route.name : NULL,
				      .forwarded = forwarded,
				      .via = via };
	if (!upstreams_ask(rq->server->upstreams, &wish, &rq->waiter))
		request_resume(rq); /* known at once: the handler runs again all the same */
	return true;
}

enum federate_verdict federate(struct request *rq)
{
	if (rq->asking_upstreams) {
		rq->asking_upstreams = false;
		if (rq->waiter.outcome == UPSTREAM_FOUND)
			return FEDERATE_LOOK;
		rq->upstream_trouble |= rq->waiter.outcome == UPSTREAM_TROUBLE;
	}
	enum kind kind = choose_kind(rq);
	if (kind == KIND_OTHER)
		return rq->upstream_trouble ? FEDERATE_TROUBLE : FEDERATE_MISSING;
	rq->why = refuse(rq);
	if (rq->why)
		return FEDERATE_MISSING;
	rq->asking_upstreams = true;
	if (ask(rq, kind))
		return FEDERATE_WAIT;
	return FEDERATE_TROUBLE; /* the server is ending */
}
