/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "server/internal.h"

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

bool request_rest(struct request *rq)
{
	struct server *server = rq->server;

	/* Counted before the flag is looked at: who set it then waits for us, or we see it. */
	atomic_fetch_add(&server->n_suspended, 1);
	if (atomic_load(&server->stopping)) {
		atomic_fetch_sub(&server->n_suspended, 1);
		return false;
	}
	watch_set_phase(&rq->client->watched, WATCH_NOTHING);
	MHD_suspend_connection(rq->connection);
	return true;
}

bool request_suspend_for(struct request *rq, struct workers *workers,
			 void (*run)(struct work *work))
{
	if (!request_rest(rq))
		return false;
	rq->work.run = run;
	workers_post(workers, &rq->work);
	return true;
}

bool request_suspend(struct request *rq, void (*run)(struct work *work))
{
	return request_suspend_for(rq, rq->server->workers, run);
}

void request_resume(struct request *rq)
{
	struct server *server = rq->server;

	watch_set_phase(&rq->client->watched, WATCH_ANSWER);
	MHD_resume_connection(rq->connection); /* from here on the request may be gone */
	atomic_fetch_sub(&server->n_suspended, 1);
}
