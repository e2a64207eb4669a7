/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "split/claims.h"

static void a_debug_file_is_for_one_program(void **state)
{
	(void)state;
	static const struct {
		const char *path, *program;
		int r;
	} cases[] = {
		{ "d/a.debug", "a", 0 },	{ "d/b.debug", "b", 0 },
		{ "d/a.debug", "b", -EEXIST },	{ "d/a.debug", "a", 0 },
		{ "d/b.debug", "a", -EEXIST },	{ "d/c.debug", "a", 0 },
	};
	struct claims *claims;
	assert_int_equal(claims_new(&claims, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct digest identity = digest_of(cases[i].program, strlen(cases[i].program));
		struct error err = ERROR_NONE;
		assert_int_equal(claims_take(claims, cases[i].path, &identity, &err), cases[i].r);
		if (cases[i].r)
			assert_non_null(strstr(err.message, cases[i].path));
	}
	claims_free(claims);
	claims_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_debug_file_is_for_one_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
