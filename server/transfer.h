/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"
#include "base/tmpfile.h"
#include "server/upstream_wish.h"
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/* One request to one upstream, with libcurl. All of it is the upstreams' thread's own. */

#define SOURCE_BYTES_MAX (16u << 20)

struct transfer;

/** May this one take its body now? Asked at its first bytes, and at each after a pause. */
typedef bool (*transfer_may_take)(struct transfer *t);

struct transfer {
	void *context;
	transfer_may_take may_take;
	CURL *easy; /* NULL: not running */
	struct curl_slist *header;
	char *url;
	unsigned n_redirects;
	bool paused;

	/* What came. */
	uint64_t bytes_max, n_bytes;
	int dir_fd; /* for a file; -1: into memory */
	struct tmpfile file;
	uint8_t *memory;
	size_t memory_room;
	char *path; /* X-DEBUGINFOD-FILE */
	int r; /* of keeping it */
};

/**
 * @base     the upstream's URL, without a slash at its end
 * @dir_fd   where an ELF file is put; a source goes into memory
 */
must_check int transfer_begin(struct transfer *t, CURLM *multi, const char *base,
			      const struct upstream_wish *wish, struct error *err);
/** To where a redirect leads, if it is the same server's. False: it is not, or there were many. */
must_check bool transfer_follow(struct transfer *t, CURLM *multi);
void transfer_resume(struct transfer *t);
/** Also accepts one that is not running. What came stays. */
void transfer_end(struct transfer *t, CURLM *multi);
void transfer_free(struct transfer *t, CURLM *multi);

/** 0: none came. */
unsigned transfer_status(const struct transfer *t);

/** "http://host:port/base" as it is used: without slashes at its end. Errors: -EINVAL. @ret freed
 * by the caller */
must_check int upstream_url_parse(const char *text, char **ret, struct error *err);

/** Ask @base's /healthz for its instance, and wait. True: it is @instance. */
must_check bool upstream_is_self(const char *base, const char *instance);
