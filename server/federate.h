/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/internal.h"

/* What the store does not have is asked of upstreams, while the connection rests. */

enum federate_verdict {
	FEDERATE_WAIT, /* the request was suspended; its handler runs again when there is an answer
			*/
	FEDERATE_LOOK, /* something came: look among what is kept, or in the request's own bytes */
	FEDERATE_MISSING, /* no upstream has it */
	FEDERATE_TROUBLE, /* none gave it, and not each said that it is not there */
};

/** For a request that found nothing; again and again, until it says something other than to wait or
 * look. */
enum federate_verdict federate(struct request *rq);
