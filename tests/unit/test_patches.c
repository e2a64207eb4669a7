/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/patches.h"

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int read_text(const char *change, struct patches *ret)
{
	struct contribution c = { .debug = { .present = true, .size_bytes = 100 } };
	c.changes = json_pack("[o]", json_loads(change, 0, NULL));
	assert_non_null(c.changes);
	const struct record record = { .contributions = &c, .n_contributions = 1 };
	int r = patches_read(&record, &c.debug, ret, NULL);
	json_decref(c.changes);
	return r;
}

#define CHANGE(old, offsets, original)                                                       \
	"{\"kind\":\"names-patched\",\"old\":\"" old "\",\"new\":\"2f\",\"offsets\":" offsets \
	",\"original\":\"" original "\"}"

static void changes_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *what, *text;
		int r;
		size_t n;
	} cases[] = {
		{ "two bytes", CHANGE("2e", "[5,7]", DIGITS), 0, 2 },
		{ "another kind", "{\"kind\":\"link-removed\"}", 0, 0 },
		{ "past the end", CHANGE("2e", "[100]", DIGITS), -EBADMSG, 0 },
		{ "negative", CHANGE("2e", "[-1]", DIGITS), -EBADMSG, 0 },
		{ "not rising", CHANGE("2e", "[7,7]", DIGITS), -EBADMSG, 0 },
		{ "no number", CHANGE("2e", "[\"7\"]", DIGITS), -EBADMSG, 0 },
		{ "no byte", CHANGE("2", "[7]", DIGITS), -EBADMSG, 0 },
		{ "no digest", CHANGE("2e", "[7]", "00"), -EBADMSG, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		print_message("%s\n", cases[i].what);
		struct patches patches = { 0 };
		assert_int_equal(read_text(cases[i].text, &patches), cases[i].r);
		assert_int_equal(patches.n, cases[i].n);
		patches_free(&patches);
	}
}

static void bytes_are_undone_piece_by_piece(void **state)
{
	(void)state;
	struct patches patches = { 0 };
	assert_int_equal(read_text(CHANGE("2e", "[5,7]", DIGITS), &patches), 0);
	uint8_t image[] = "01234/6/89";
	assert_int_equal(patches_undo(&patches, 0, image, 6, NULL), 0);
	assert_int_equal(patches_undo(&patches, 6, image + 6, 4, NULL), 0);
	assert_string_equal((char *)image, "01234.6.89");
	/* What is not as the record says is damage. */
	assert_int_equal(patches_undo(&patches, 0, image, sizeof(image), NULL), -EBADMSG);
	patches_free(&patches);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_read),
		cmocka_unit_test(bytes_are_undone_piece_by_piece),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
