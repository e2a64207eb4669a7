/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/options.h"
#include "server/peer.h"
#include <stdbool.h>
#include <stdint.h>

/** What the command line says. Strings point into argv. */
struct settings {
	struct common_options common;
	const char *store; /* NULL: store_choose_path() */
	struct option_values listen; /* none: the two loopback addresses */
	uint16_t port; /* 0: any free */
	unsigned n_threads; /* event loops; 0: the cores there are */
	unsigned n_connections_max; /* 0: what the limit of open files allows */
	unsigned drain_timeout_s;
	unsigned idle_timeout_s;
	unsigned header_timeout_s;
	unsigned metadata_timeout_s; /* what a search may take */
	unsigned min_send_rate; /* bytes a second, over the idle timeout; 0: any */
	bool has_per_address;
	unsigned n_per_address; /* connections; 0: any number. Where not given: a part of all */
	struct network *trusted;
	size_t n_trusted;
	bool serve_collisions;
	const char **upstreams; /* URLs, not yet read */
	size_t n_upstreams;
	char *upstreams_text; /* of the environment, which some of them point into */
	unsigned upstream_timeout_s, upstream_hops;
	uint64_t upstream_cache_bytes, upstream_bytes_max;
	const char *upstream_store; /* NULL: in the store's folder */
	bool withhold_names; /* no X-DEBUGINFOD-FILE */
	bool no_sources, no_executables; /* 404 for them */
	bool cors; /* pages from anywhere may ask */
	char *base_path; /* "": none; else "/" and parts: base_path_parse() */
};

/** STATUS_GO_ON, or the status to exit with; what there is to say has been said. settings_free() in
 * any case. */
must_check int settings_parse(int argc, char **argv, struct settings *ret);
void settings_free(struct settings *s);

static inline bool settings_trust(const struct settings *s, const struct address *proxy)
{
	return network_has(s->trusted, s->n_trusted, proxy);
}
