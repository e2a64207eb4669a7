/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libdeflate.h>

#include "split/recipe.h"

#define IMAGE_SIZE 300

static const struct recipe_step steps[] = {
	{ .kind = RECIPE_ZEROS, .size_bytes = 7 },
	{ .kind = RECIPE_BYTES, .size_bytes = 3, .bytes = (const uint8_t *)"abc" },
	{ .kind = RECIPE_STRIPPED, .size_bytes = UINT64_MAX, .from = 0x123456789a },
	{ .kind = RECIPE_TAIL, .size_bytes = 128, .from = 127 },
	{ .kind = RECIPE_DEBUG, .size_bytes = 0, .from = UINT64_MAX },
	{ .kind = RECIPE_STREAM,
	  .size_bytes = 1000,
	  .from = 12,
	  .compression = COMPRESSION_ZLIB_GNU,
	  .level = 9,
	  .content_size = 5000,
	  .crc = 0xfedcba98 },
	{ .kind = RECIPE_PATCH, .size_bytes = 2, .from = 5, .bytes = (const uint8_t *)"xy" },
};

/* A debug image with a recipe behind it; whole is freed by the caller. */
static uint8_t *with_body(const uint8_t *body, size_t body_size, size_t *ret_size)
{
	size_t size = IMAGE_SIZE + body_size + RECIPE_TRAILER_SIZE;
	uint8_t *whole = malloc(size);
	memset(whole, '.', IMAGE_SIZE);
	if (body_size)
		memcpy(whole + IMAGE_SIZE, body, body_size);
	const struct recipe_body recipe = { whole + IMAGE_SIZE, body_size, body_size };
	recipe_put_trailer(&recipe, libdeflate_crc32(0, whole, IMAGE_SIZE), NULL,
			   whole + IMAGE_SIZE + body_size);
	*ret_size = size;
	return whole;
}

static struct recipe_buffer make_body(void)
{
	struct recipe_buffer body = { 0 };
	recipe_put_head(&body, 4711);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		recipe_put_step(&body, &steps[i]);
	return body;
}

static void assert_same_step(const struct recipe_step *got, const struct recipe_step *wanted)
{
	assert_int_equal(got->kind, wanted->kind);
	assert_true(got->size_bytes == wanted->size_bytes);
	assert_true(got->from == wanted->from);
	assert_int_equal(got->compression, wanted->compression);
	assert_int_equal(got->level, wanted->level);
	assert_int_equal(got->content_size, wanted->content_size);
	assert_int_equal(got->crc, wanted->crc);
	if (wanted->bytes)
		assert_memory_equal(got->bytes, wanted->bytes, wanted->size_bytes);
}

static void what_is_put_is_read(void **state)
{
	(void)state;
	scoped(recipe_buffer_free) struct recipe_buffer body = make_body();
	size_t size;
	uint8_t *whole = with_body(body.bytes, body.size, &size);
	struct recipe recipe = { 0 };
	assert_int_equal(recipe_open(whole, size, &recipe, NULL), 0);
	assert_int_equal(recipe.image_size, IMAGE_SIZE);
	assert_int_equal(recipe.input_size, 4711);
	struct recipe_step step;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		assert_int_equal(recipe_next(&recipe, &step, NULL), 0);
		assert_same_step(&step, &steps[i]);
	}
	assert_int_equal(recipe_next(&recipe, &step, NULL), -ENOENT);
	free(whole);
}

static void what_is_not_whole_is_refused(void **state)
{
	(void)state;
	scoped(recipe_buffer_free) struct recipe_buffer body = make_body();
	size_t size;
	unsigned n_steps_short = 0, n_refused = 0;
	/* Cut anywhere, with checksums that are right. */
	for (size_t cut = 0; cut < body.size; cut++) {
		struct recipe recipe = { 0 };
		struct error err = ERROR_NONE;
		uint8_t *whole = with_body(body.bytes, cut, &size);
		int r = recipe_open(whole, size, &recipe, &err);
		struct recipe_step step;
		while (r == 0)
			r = recipe_next(&recipe, &step, &err);
		n_refused += r == -EBADMSG;
		n_steps_short += r == -ENOENT;
		free(whole);
	}
	assert_int_equal(n_steps_short, ARRAY_SIZE(steps)); /* cut between steps: join() counts */
	assert_int_equal(n_refused, body.size - ARRAY_SIZE(steps));

	static const struct {
		const char *what;
		size_t from_end; /* byte that is changed */
		int r;
	} cases[] = {
		{ "magic", 1, -ENOENT },
		{ "version", 12, -ENOTSUP },
		{ "size", 32, -EBADMSG },
		{ "checksum", 24, -EBADMSG },
		{ "body", 33, -EBADMSG },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recipe recipe = { 0 };
		struct error err = ERROR_NONE;
		uint8_t *whole = with_body(body.bytes, body.size, &size);
		whole[size - cases[i].from_end] ^= 0x41;
		print_message("%s\n", cases[i].what);
		assert_int_equal(recipe_open(whole, size, &recipe, &err), cases[i].r);
		assert_true(err.message[0]);
		assert_null(recipe.at);
		free(whole);
	}
	for (size_t n = 0; n < RECIPE_TRAILER_SIZE; n++) {
		struct recipe recipe = { 0 };
		uint8_t *whole = with_body(NULL, 0, &size);
		assert_int_equal(recipe_open(whole + size - n, n, &recipe, NULL), -ENOENT);
		free(whole);
	}
}

static void numbers_that_are_none_are_refused(void **state)
{
	(void)state;
#define HEAD "\1" /* of one byte */
#define MANY "\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	static const struct {
		const char *what, *body;
		size_t size;
	} cases[] = {
#define BODY(what, text) { what, text, sizeof(text) - 1 }
		BODY("a number of more than 64 bits", MANY "\x02\0"),
		BODY("an unknown kind", HEAD "\7\1\1"),
		BODY("bytes that are not there", HEAD "\1\5abcd"),
		BODY("a patch that is not there", HEAD "\6\5\0abcd"),
		BODY("a stream without compression", HEAD "\5\1\0\0\6\1crc."),
		BODY("an unknown codec", HEAD "\5\1\0\4\6\1crc."),
		BODY("a level that nobody has", HEAD "\5\1\0\1\12\1crc."),
		BODY("half a checksum", HEAD "\5\1\0\1\6\1cr"),
		BODY("a stream far longer than its content", HEAD "\5\x80\x10\0\1\6\1crc."),
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size;
		struct error err = ERROR_NONE;
		struct recipe recipe = { 0 };
		uint8_t *whole = with_body((const uint8_t *)cases[i].body, cases[i].size, &size);
		print_message("%s\n", cases[i].what);
		int r = recipe_open(whole, size, &recipe, &err);
		struct recipe_step step;
		if (r == 0)
			r = recipe_next(&recipe, &step, &err);
		assert_int_equal(r, -EBADMSG);
		assert_true(err.message[0]);
		free(whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_read),
		cmocka_unit_test(what_is_not_whole_is_refused),
		cmocka_unit_test(numbers_that_are_none_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
