/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/route.h"
#include "server/settings.h"

static const struct option_usage usage = {
	.program = "dbgserve",
	.arguments = "[OPTION]...",
	.about =
		"Serve a store's debug information by build ID, as the debuginfod protocol has it.",
	.page = "dbgserve(1)",
};

/* Options as they were given, before their values are read. */
struct texts {
	const char *port, *threads, *connections, *idle, *drain, *collisions, *base_path, *header,
		*rate, *per_address;
	const char *upstream_timeout, *upstream_cache, *upstream_max, *upstream_hops, *metadata;
	struct option_values trusted, upstreams;
};

static void free_texts(struct texts *texts)
{
	option_values_free(&texts->trusted);
	option_values_free(&texts->upstreams);
}

struct number {
	const char *name;
	const char *text; /* NULL: not given */
	unsigned low, high;
	unsigned *ret;
};

static int read_numbers(const struct number *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned long long value;
		if (!numbers[i].text)
			continue;
		if (!option_number(numbers[i].text, numbers[i].low, numbers[i].high, &value))
			return options_wrong(&usage, "--%s=%s: expected a number from %u to %u",
					     numbers[i].name, ESCAPED(numbers[i].text),
					     numbers[i].low, numbers[i].high);
		*numbers[i].ret = (unsigned)value;
	}
	return STATUS_GO_ON;
}

static int read_trusted(const struct option_values *trusted, struct settings *ret)
{
	struct error err = ERROR_NONE;

	ret->trusted = calloc(trusted->n + 1, sizeof(*ret->trusted));
	if (!ret->trusted) {
		log_error("no memory");
		return STATUS_TROUBLE;
	}
	for (; ret->n_trusted < trusted->n; ret->n_trusted++) {
		if (network_parse(trusted->values[ret->n_trusted], &ret->trusted[ret->n_trusted],
				  &err) < 0)
			return options_wrong(&usage, "--trusted-proxy: %s", err.message);
	}
	return STATUS_GO_ON;
}

static int read_size(const char *name, const char *text, uint64_t *ret)
{
	if (text && (!option_bytes(text, ret) || !*ret))
		return options_wrong(&usage, "--%s=%s: expected bytes, as 500M or 2G", name,
				     ESCAPED(text));
	return STATUS_GO_ON;
}

static bool add_upstream(struct settings *ret, const char *url)
{
	const char **grown = reallocarray(ret->upstreams, ret->n_upstreams + 1, sizeof(*grown));
	if (!grown)
		return false;
	grown[ret->n_upstreams++] = url;
	ret->upstreams = grown;
	return true;
}

/* $DEBUGINFOD_URLS: URLs between blanks, and words as "ima:enforcing", which are none. */
static bool add_from_environment(struct settings *ret)
{
	const char *text = getenv("DEBUGINFOD_URLS");
	char *rest = NULL;

	free(ret->upstreams_text);
	ret->upstreams_text = strdup(text ? text : "");
	if (!ret->upstreams_text)
		return false;
	for (char *word = strtok_r(ret->upstreams_text, " \t\n", &rest); word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		if (strncmp(word, "ima:", 4) != 0 && !add_upstream(ret, word))
			return false;
	}
	return true;
}

static int read_upstreams(const struct option_values *upstreams, struct settings *ret)
{
	bool from_environment = false;

	for (size_t i = 0; i < upstreams->n; i++) {
		bool env = !strcmp(upstreams->values[i], "env");
		if (env && from_environment)
			continue;
		from_environment |= env;
		if (env ? add_from_environment(ret) : add_upstream(ret, upstreams->values[i]))
			continue;
		log_error("no memory");
		return STATUS_TROUBLE;
	}
	return STATUS_GO_ON;
}

static int read_base_path(const char *text, struct settings *ret)
{
	ret->base_path = malloc(strlen(text) + 1);
	if (!ret->base_path) {
		log_error("no memory");
		return STATUS_TROUBLE;
	}
	if (!base_path_parse(text, ret->base_path))
		return options_wrong(
			&usage, "--base-path=%s: expected a path as \"/debug\", without escapes",
			ESCAPED(text));
	return STATUS_GO_ON;
}

int settings_parse(int argc, char **argv, struct settings *ret)
{
	*ret = (struct settings){ .drain_timeout_s = 30,
				  .idle_timeout_s = 30,
				  .header_timeout_s = 10,
				  .min_send_rate = 1024,
				  .metadata_timeout_s = 5,
				  .upstream_timeout_s = 5,
				  .upstream_hops = 8,
				  .upstream_cache_bytes = UINT64_C(10) << 30,
				  .upstream_bytes_max = UINT64_C(4) << 30 };
	scoped(free_texts) struct texts texts = { 0 };
	const struct option_entry entries[] = {
		{ "store", 0, "DIR", "the store; else $DBGVAULT_STORE, else your own",
		  .text = &ret->store },
		{ "listen", 0, "ADDR",
		  "listen there; may be repeated (127.0.0.1, ::1; all: 0.0.0.0, ::)",
		  .list = &ret->listen },
		{ "listen-address", 0, "ADDR", "the same, as debuginfod calls it",
		  .list = &ret->listen },
		{ "port", 'p', "N", "TCP port; 0: any that is free (8002)", .text = &texts.port },
		{ "threads", 0, "N", "event loops (as many as there are cores)",
		  .text = &texts.threads },
		{ "max-connections", 0, "N",
		  "connections at once (what the limit of open files allows, to 16000)",
		  .text = &texts.connections },
		{ "max-connections-per-address", 0, "N",
		  "of these, for one address; 0: any number (a quarter, 64 or more)",
		  .text = &texts.per_address },
		{ "idle-timeout", 0, "SECONDS", "close connections without traffic after this (30)",
		  .text = &texts.idle },
		{ "header-timeout", 0, "SECONDS", "what a request's header may take (10)",
		  .text = &texts.header },
		{ "metadata-maxtime", 0, "SECONDS", "what a search of /metadata may take (5)",
		  .text = &texts.metadata },
		{ "min-send-rate", 0, "BYTES",
		  "cut who takes less a second, over the idle timeout; 0: no one (1024)",
		  .text = &texts.rate },
		{ "drain-timeout", 0, "SECONDS", "what running downloads get on SIGTERM (30)",
		  .text = &texts.drain },
		{ "trusted-proxy", 0, "ADDR[/BITS]",
		  "take X-Forwarded-For from there; may be repeated", .list = &texts.trusted },
		{ "upstream", 0, "URL",
		  "ask there for what is not here; may be repeated (env: $DEBUGINFOD_URLS)",
		  .list = &texts.upstreams },
		{ "upstream-timeout", 0, "SECONDS", "until one of them must begin to answer (5)",
		  .text = &texts.upstream_timeout },
		{ "upstream-cache", 0, "SIZE", "what is kept of what they give (10G)",
		  .text = &texts.upstream_cache },
		{ "upstream-store", 0, "DIR",
		  "where that is kept (upstream, in the store's folder)",
		  .text = &ret->upstream_store },
		{ "upstream-max-size", 0, "SIZE", "the largest file that is taken of them (4G)",
		  .text = &texts.upstream_max },
		{ "upstream-hops", 0, "N", "do not ask on for who came through as many servers (8)",
		  .text = &texts.upstream_hops },
		{ "serve-collisions", 0, "first|no",
		  "what a build ID of two programs gets: the first's files, or 404 (no)",
		  .text = &texts.collisions },
		{ "base-path", 0, "PATH", "what every path begins with, as behind a proxy (/)",
		  .text = &texts.base_path },
		{ "cors", 0, NULL, "let scripts of web pages from anywhere ask",
		  .flag = &ret->cors },
		{ "no-sources", 0, NULL, "serve no sources", .flag = &ret->no_sources },
		{ "no-executables", 0, NULL, "serve no executables, nor sections of them",
		  .flag = &ret->no_executables },
		{ "withhold-names", 0, NULL,
		  "do not tell what a file was called (X-DEBUGINFOD-FILE)",
		  .flag = &ret->withhold_names },
		{ 0 },
	};
	int first;
	int status = options_parse(&usage, entries, &ret->common, argc, argv, &first);
	if (status != STATUS_GO_ON)
		return status;
	if (first < argc)
		return options_wrong(&usage, "\"%s\": there are no arguments, only options",
				     ESCAPED(argv[first]));

	unsigned port = 8002;
	const struct number numbers[] = {
		{ "port", texts.port, 0, UINT16_MAX, &port },
		{ "threads", texts.threads, 1, 256, &ret->n_threads },
		{ "max-connections", texts.connections, 1, 1000000, &ret->n_connections_max },
		{ "idle-timeout", texts.idle, 1, 86400, &ret->idle_timeout_s },
		{ "max-connections-per-address", texts.per_address, 0, 1000000,
		  &ret->n_per_address },
		{ "upstream-timeout", texts.upstream_timeout, 1, 60, &ret->upstream_timeout_s },
		{ "upstream-hops", texts.upstream_hops, 1, 100, &ret->upstream_hops },
		{ "metadata-maxtime", texts.metadata, 1, 3600, &ret->metadata_timeout_s },
		{ "header-timeout", texts.header, 1, 86400, &ret->header_timeout_s },
		{ "min-send-rate", texts.rate, 0, 1 << 30, &ret->min_send_rate },
		{ "drain-timeout", texts.drain, 0, 86400, &ret->drain_timeout_s },
	};
	status = read_numbers(numbers, ARRAY_SIZE(numbers));
	if (status != STATUS_GO_ON)
		return status;
	ret->port = (uint16_t)port;
	ret->has_per_address = texts.per_address;

	if (texts.collisions && strcmp(texts.collisions, "first") != 0 &&
	    strcmp(texts.collisions, "no") != 0)
		return options_wrong(&usage, "--serve-collisions=%s: expected \"first\" or \"no\"",
				     ESCAPED(texts.collisions));
	ret->serve_collisions = texts.collisions && *texts.collisions == 'f';
	status = read_base_path(texts.base_path ? texts.base_path : "/", ret);
	if (status == STATUS_GO_ON)
		status = read_size("upstream-cache", texts.upstream_cache,
				   &ret->upstream_cache_bytes);
	if (status == STATUS_GO_ON)
		status = read_size("upstream-max-size", texts.upstream_max,
				   &ret->upstream_bytes_max);
	if (status == STATUS_GO_ON)
		status = read_upstreams(&texts.upstreams, ret);
	return status == STATUS_GO_ON ? read_trusted(&texts.trusted, ret) : status;
}

void settings_free(struct settings *s)
{
	option_values_free(&s->listen);
	free(s->trusted);
	free(s->base_path);
	free(s->upstreams);
	free(s->upstreams_text);
}
