/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/metrics.h"

static const struct upstream_figures upstreams[] = { { "http://a/\"\\", 1, 2, 3, false },
						     { "https://b", 0, 0, 0, true } };

static char *format(const struct metrics *m, const struct gauges *gauges)
{
	char *text;
	size_t size;
	assert_int_equal(metrics_format(m, gauges, upstreams, 2, &text, &size, NULL), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

/* Is there this very line? */
static void assert_line(const char *text, const char *line)
{
	size_t size = strlen(line);
	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, line, size) && at[size] == '\n')
			return;
	}
	print_message("%s\n", text);
	fail_msg("no line \"%s\"", line);
}

static void what_happened_is_counted(void **state)
{
	(void)state;
	struct metrics *m;
	assert_int_equal(metrics_new(&m, NULL), 0);

	for (int i = 0; i < 3; i++)
		metrics_request(m, KIND_DEBUGINFO);
	metrics_response(m, KIND_DEBUGINFO, 200, 1000, 90, false);
	metrics_response(m, KIND_DEBUGINFO, 200, 500, 2600, true);
	metrics_response(m, KIND_DEBUGINFO, 404, 10, 50, false);
	metrics_response(m, KIND_SOURCE, 0, 0, 500000000, true);
	metrics_response(m, KIND_SOURCE, 418, 0, 1, false);
	metrics_response(m, KIND_SECTION, 406, 30, 40, false);
	metrics_trouble(m, TROUBLE_COLLISION);
	metrics_upstream(m);

	struct gauges gauges = { .n_builds = 7,
				 .n_debug = 5,
				 .builds_known = true,
				 .n_connections = 3,
				 .n_busy_workers = 2 };
	char *text = format(m, &gauges);
	static const char *const lines[] = {
		"ready 1",
		"builds 7",
		"connections 3",
		"thread_busy{role=\"worker\"} 2",
		"thread_busy{role=\"scan\"} 0",
		"found_debuginfo_total{source=\"store\"} 5",
		"upstream_answers_total{url=\"http://a/\\\"\\\\\",result=\"missing\"} 2",
		"upstream_open{url=\"https://b\"} 1",
		"http_responses_total{result=\"upstream\"} 1",
		"http_requests_total{type=\"debuginfo\"} 3",
		"http_requests_total{type=\"source\"} 0",
		"http_responses_total{result=\"file\"} 1",
		"http_responses_total{result=\"not-found\"} 1",
		"http_responses_total{result=\"dropped\"} 1",
		"http_responses_total{result=\"error\"} 1",
		"http_responses_total{result=\"too-large\"} 1",
		"http_responses_transfer_bytes_sum{code=\"406\",type=\"section\"} 30",
		"http_responses_cut_total 2",
		"http_responses_transfer_bytes_sum{code=\"200\",type=\"debuginfo\"} 1500",
		"http_responses_transfer_bytes_count{code=\"200\",type=\"debuginfo\"} 2",
		"http_responses_duration_milliseconds_bucket{code=\"200\",type=\"debuginfo\",le=\"0.1\"} 1",
		"http_responses_duration_milliseconds_bucket{code=\"200\",type=\"debuginfo\",le=\"2.5\"} 1",
		"http_responses_duration_milliseconds_bucket{code=\"200\",type=\"debuginfo\",le=\"10\"} 2",
		"http_responses_duration_milliseconds_bucket{code=\"200\",type=\"debuginfo\",le=\"+Inf\"} 2",
		"http_responses_duration_milliseconds_sum{code=\"200\",type=\"debuginfo\"} 2.690",
		"http_responses_duration_milliseconds_count{code=\"200\",type=\"debuginfo\"} 2",
		"http_responses_duration_milliseconds_bucket{code=\"dropped\",type=\"source\",le=\"120000\"} 0",
		"http_responses_duration_milliseconds_bucket{code=\"dropped\",type=\"source\",le=\"+Inf\"} 1",
		"error_count{type=\"collision\"} 1",
		"error_count{type=\"damaged\"} 0",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_line(text, lines[i]);
	free(text);

	gauges.builds_known = false; /* better none than a wrong number */
	text = format(m, &gauges);
	assert_null(strstr(text, "\nbuilds "));
	free(text);
	metrics_free(m);
}

/* The text's rules: HELP and TYPE once for each family, before its samples, and all of them
 * together. */
static void the_text_is_well_formed(void **state)
{
	(void)state;
	struct metrics *m;
	char family[80] = "", seen[64][80];
	size_t n_seen = 0;

	assert_int_equal(metrics_new(&m, NULL), 0);
	for (int kind = 0; kind < N_KINDS; kind++)
		for (unsigned status = 0; status < 600; status++)
			metrics_response(m, (enum kind)kind, status, 1, status * 1000, false);
	char *text = format(m, &(struct gauges){ .builds_known = true }), *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char name[80], type[16];
		double value;
		if (sscanf(line, "# HELP %79s %*s", name) == 1) {
			for (size_t i = 0; i < n_seen; i++)
				assert_string_not_equal(seen[i], name);
			assert_true(n_seen < 64);
			strcpy(seen[n_seen++], name);
			strcpy(family, name);
			continue;
		}
		if (sscanf(line, "# TYPE %79s %15s", name, type) == 2) {
			assert_string_equal(name, family);
			assert_true(!strcmp(type, "counter") || !strcmp(type, "gauge") ||
				    !strcmp(type, "histogram") || !strcmp(type, "summary"));
			continue;
		}
		assert_int_equal(strncmp(line, family, strlen(family)), 0);
		char *last = strrchr(line, ' ');
		assert_non_null(last);
		assert_int_equal(sscanf(last, "%lf", &value), 1);
	}
	assert_true(n_seen > 10);
	free(text);
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_happened_is_counted),
		cmocka_unit_test(the_text_is_well_formed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
