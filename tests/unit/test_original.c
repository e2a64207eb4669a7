/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/original.h"

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int read_text(const char *change, struct artifact *ret)
{
	struct contribution c = { .debug = { .present = true, .size_bytes = 100 } };
	c.changes = json_pack("[o]", json_loads(change, 0, NULL));
	assert_non_null(c.changes);
	const struct record record = { .contributions = &c, .n_contributions = 1 };
	int r = original_of(&record, &c.debug, ret, NULL);
	json_decref(c.changes);
	return r;
}

#define CHANGE(original, size)                                                           \
	"{\"kind\":\"names-changed\",\"original\":\"" original "\",\"original_bytes\":" size "}"

static void changes_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *what, *text;
		int r;
		uint64_t size;
	} cases[] = {
		{ "changed", CHANGE(DIGITS, "90"), 0, 90 },
		{ "another kind", "{\"kind\":\"link-removed\"}", 0, 100 },
		{ "no size", CHANGE(DIGITS, "\"90\""), -EBADMSG, 7 },
		{ "negative", CHANGE(DIGITS, "-1"), -EBADMSG, 7 },
		{ "no digest", CHANGE("00", "90"), -EBADMSG, 7 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		print_message("%s\n", cases[i].what);
		struct artifact original = { .size_bytes = 7 };
		assert_int_equal(read_text(cases[i].text, &original), cases[i].r);
		assert_int_equal(original.size_bytes, cases[i].size);
		if (cases[i].size == 90)
			assert_int_equal(original.digest.bytes[1], 0x11);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(changes_are_read) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
