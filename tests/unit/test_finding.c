/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/finding.h"

static void texts_are_bounded_and_replaced(void **state)
{
	(void)state;
	char text[2 * FINDING_TEXT_LIMIT];
	memset(text, 'x', sizeof(text));
	struct finding finding = { 0 };
	const struct {
		int size, kept;
	} cases[] = { { 0, 0 }, { 1, 1 }, { FINDING_TEXT_LIMIT - 1, FINDING_TEXT_LIMIT - 1 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		finding_set(&finding, VERDICT_BAD, "%.*s", cases[i].size, text);
		finding_advise(&finding, "%.*s", cases[i].size, text);
		assert_int_equal(strlen(finding.seen), cases[i].kept);
		assert_string_equal(finding.advice, finding.seen);
	}
	finding_set(&finding, VERDICT_GOOD, "%.*s", FINDING_TEXT_LIMIT, text);
	assert_int_equal(strlen(finding.seen), FINDING_TEXT_LIMIT - 1);
	assert_string_equal(finding.seen + FINDING_TEXT_LIMIT - 8, "x [...]");
	assert_int_equal(finding.verdict, VERDICT_GOOD);
	assert_null(finding.advice); /* of what was said before */
	finding_free(&finding);
	assert_null(finding.seen);
}

static void verdicts_have_names(void **state)
{
	(void)state;
	assert_string_equal(verdict_name(VERDICT_NOT_APPLICABLE), "not applicable");
	assert_string_equal(verdict_name(VERDICT_GOOD), "good");
	assert_string_equal(verdict_name(VERDICT_ADVICE), "advice");
	assert_string_equal(verdict_name(VERDICT_BAD), "bad");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts_are_bounded_and_replaced),
					    cmocka_unit_test(verdicts_have_names) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
