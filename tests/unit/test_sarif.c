/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "check/rules.h"
#include "check/sarif.h"

static json_t *formatted(const struct sarif *sarif)
{
	char *text;
	assert_int_equal(sarif_format(sarif, &text, NULL), 0);
	json_t *document;
	assert_int_equal(json_parse(text, strlen(text), &document, NULL), 0);
	free(text);
	return document;
}

static const json_t *run_of(const json_t *document)
{
	return json_array_get(json_object_get(document, "runs"), 0);
}

static const char *uri_of(const json_t *result)
{
	const json_t *location = json_array_get(json_object_get(result, "locations"), 0);
	const json_t *place = json_object_get(location, "physicalLocation");
	return json_string_value(
		json_object_get(json_object_get(place, "artifactLocation"), "uri"));
}

static void what_is_to_be_done_is_a_result(void **state)
{
	(void)state;
	bool judged[64] = { true, true, true, false };
	struct finding findings[64] = { { VERDICT_GOOD, (char *)"fine", NULL },
					{ VERDICT_BAD, (char *)"broken", (char *)"mend it" },
					{ VERDICT_ADVICE, (char *)"so so", (char *)"better it" },
					{ VERDICT_BAD, (char *)"not asked for", (char *)"x" } };
	const struct audit audit = { .judged = judged, .findings = findings };
	static const struct {
		const char *path, *uri;
	} paths[] = {
		{ "a/b-c_d.e~", "a/b-c_d.e~" },
		{ "./a", "a" },
		{ ".//./a", "a" },
		{ "/usr/bin/x", "file:///usr/bin/x" },
		{ "a b%#?:", "a%20b%25%23%3F%3A" },
		{ "\xc3\xa4\xff\x01", "%C3%A4%FF%01" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct sarif *sarif;
		assert_int_equal(sarif_new(&sarif, NULL), 0);
		sarif_add(sarif, paths[i].path, &audit);
		json_t *document = formatted(sarif);
		const json_t *results = json_object_get(run_of(document), "results");
		assert_int_equal(json_array_size(results), 2);
		static const char *const levels[] = { "error", "warning" };
		static const char *const texts[] = { "broken. To do: mend it.",
						     "so so. To do: better it." };
		for (size_t k = 0; k < 2; k++) {
			const json_t *result = json_array_get(results, k);
			assert_string_equal(json_string_value(json_object_get(result, "ruleId")),
					    rules[k + 1].name);
			assert_int_equal(json_integer_value(json_object_get(result, "ruleIndex")),
					 k + 1);
			assert_string_equal(json_string_value(json_object_get(result, "level")),
					    levels[k]);
			assert_string_equal(json_string_value(json_object_get(
						    json_object_get(result, "message"), "text")),
					    texts[k]);
			assert_string_equal(uri_of(result), paths[i].uri);
		}
		json_decref(document);
		sarif_free(sarif);
	}
}

static void a_failure_is_a_notification(void **state)
{
	(void)state;
	struct sarif *sarif;
	assert_int_equal(sarif_new(&sarif, NULL), 0);
	json_t *document = formatted(sarif);
	const json_t *invocation =
		json_array_get(json_object_get(run_of(document), "invocations"), 0);
	assert_true(json_is_true(json_object_get(invocation, "executionSuccessful")));
	json_decref(document);
	sarif_add_failure(sarif, "x", &(struct error){ "is \"cut\"" });
	document = formatted(sarif);
	invocation = json_array_get(json_object_get(run_of(document), "invocations"), 0);
	assert_true(json_is_false(json_object_get(invocation, "executionSuccessful")));
	const json_t *note =
		json_array_get(json_object_get(invocation, "toolExecutionNotifications"), 0);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(note, "message"), "text")),
		"is \"cut\"");
	assert_string_equal(uri_of(note), "x");
	assert_int_equal(json_array_size(json_object_get(run_of(document), "results")), 0);
	json_decref(document);
	sarif_free(sarif);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_to_be_done_is_a_result),
					    cmocka_unit_test(a_failure_is_a_notification) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
