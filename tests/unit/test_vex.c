/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "check/triage.h"
#include "check/vex.h"

static struct go_module module = { "example.com/m", "v1.0.0", "example.com/m", "v1.0.0+x y",
				   false };
static struct vuln_entry entries[] = { { .id = "GO-2026-0001", .summary = "One" },
				       { .id = "GO-2026-0002", .summary = "" } };

struct file {
	enum triage_level level;
	char *doubt;
	const char *why;
	bool is_assumed;
};

/* The statement about entry @n, of files of one product. */
static json_t *statement(const struct file *files, size_t n_files, unsigned n)
{
	static const struct vex_options options = {
		.product = "pkg:generic/p@1", .author = "A", .version = 2, .time = 0
	};
	struct vex *vex = NULL;
	assert_int_equal(vex_new(&options, &vex, NULL), 0);
	for (size_t i = 0; i < n_files; i++) {
		struct triage_vuln vulns[] = {
			{ .entry = &entries[1],
			  .module = &module,
			  .level = files[i].level,
			  .doubt = files[i].doubt },
			{ .entry = &entries[0],
			  .module = &module,
			  .level = files[i].level,
			  .doubt = files[i].doubt,
			  .fixed = (char *)"v1.2.0" },
		};
		struct triage triage = { .vulns = vulns,
					 .n_vulns = 2,
					 .is_assumed = files[i].is_assumed };
		if (files[i].why)
			strcpy(triage.why, files[i].why);
		assert_int_equal(vex_add(vex, &triage, NULL, NULL), 0);
	}
	char *text;
	assert_int_equal(vex_format(vex, &text, NULL), 0);
	json_t *document = NULL;
	assert_int_equal(json_parse(text, strlen(text), &document, NULL), 0);
	assert_string_equal(json_string_value(json_object_get(document, "author")), "A");
	assert_string_equal(json_string_value(json_object_get(document, "timestamp")),
			    "1970-01-01T00:00:00Z");
	json_t *statements = json_object_get(document, "statements");
	assert_int_equal(json_array_size(statements), 2); /* one an ID, in order */
	json_t *ret = json_incref(json_array_get(statements, n));
	json_decref(document);
	free(text);
	vex_free(vex);
	return ret;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static void the_heaviest_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct file files[2];
		size_t n;
		const char *status, *notes;
	} cases[] = {
		{ "absent", { { TRIAGE_MODULE } }, 1, "not_affected", "" },
		{ "there", { { TRIAGE_SYMBOL } }, 1, "affected", "" },
		{ "a doubt",
		  { { TRIAGE_PACKAGE, (char *)"why" } },
		  1,
		  "under_investigation",
		  "why" },
		{ "not read", { { TRIAGE_MODULE, NULL, "cut" } }, 1, "under_investigation", "cut" },
		{ "seen, though not all was read",
		  { { TRIAGE_SYMBOL, NULL, "cut" } },
		  1,
		  "affected",
		  "" },
		{ "assumed",
		  { { TRIAGE_SYMBOL, NULL, "no table", true } },
		  1,
		  "under_investigation",
		  "no table" },
		{ "absent, then there",
		  { { TRIAGE_MODULE }, { TRIAGE_SYMBOL } },
		  2,
		  "affected",
		  "" },
		{ "there, then absent",
		  { { TRIAGE_SYMBOL }, { TRIAGE_MODULE } },
		  2,
		  "affected",
		  "" },
		{ "absent, then a doubt",
		  { { TRIAGE_MODULE }, { TRIAGE_MODULE, (char *)"why" } },
		  2,
		  "under_investigation",
		  "why" },
		{ "a doubt, then there",
		  { { TRIAGE_MODULE, (char *)"why" }, { TRIAGE_SYMBOL } },
		  2,
		  "affected",
		  "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		for (unsigned n = 0; n < 2; n++) {
			json_t *said = statement(cases[i].files, cases[i].n, n);
			assert_string_equal(text_of(said, "status"), cases[i].status);
			assert_string_equal(text_of(said, "status_notes"), cases[i].notes);
			bool absent = !strcmp(cases[i].status, "not_affected");
			assert_string_equal(text_of(said, "justification"),
					    absent ? "vulnerable_code_not_present" : "");
			const char *action = "";
			if (!strcmp(cases[i].status, "affected"))
				action =
					n ? "No version of pkg:golang/example.com/m@v1.0.0%2Bx%20y"
					    " without it is known."
					  : "Update pkg:golang/example.com/m@v1.0.0%2Bx%20y to v1.2.0"
					    " or later.";
			assert_string_equal(text_of(said, "action_statement"), action);
			json_decref(said);
		}
	}
}

static void without_a_product_none_is_made_up(void **state)
{
	(void)state;
	static const struct vex_options options = { .version = 1 };
	struct vex *vex = NULL;
	struct error err = ERROR_NONE;
	assert_int_equal(vex_new(&options, &vex, NULL), 0);
	struct triage triage = { .info = { .main_module = (char *)"",
					   .main_path = (char *)"",
					   .main_version = (char *)"" } };
	assert_int_equal(vex_add(vex, &triage, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.message, "--vex-product"));
	vex_free(vex);
	vex_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_heaviest_is_said),
		cmocka_unit_test(without_a_product_none_is_made_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
