/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libdeflate.h>

#include "base/file.h"
#include "split/join.h"
#include "split/recipe_make.h"
#include "tests/unit/scratch.h"
#include "tests/unit/split_fixture.h"

/* A fixture's two halves, in files. */
struct halves {
	struct scratch scratch;
	struct split_fixture f;
	struct plan plan;
	struct symbols symbols;
	struct stripped stripped;
	struct debug_image debug;
	struct recipe_source source;
	struct bytes bytes; /* of the debug file */
	char stripped_path[96], debug_path[96], output_path[96];
};

static void put_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0750);
	assert_true(fd >= 0);
	assert_int_equal(file_write(fd, bytes, size, path, NULL), 0);
	close(fd);
}

static void write_halves(struct halves *h)
{
	struct bytes stripped = { 0 };
	struct sink sink = bytes_sink(&stripped);
	assert_int_equal(stripped_write(&h->stripped, &sink, NULL), 0);
	put_file(h->stripped_path, stripped.bytes, stripped.size);
	bytes_free(&stripped);

	bool damaged;
	sink = bytes_sink(&h->bytes);
	assert_int_equal(debug_image_write(&h->debug, &sink, &damaged, NULL), 0);
	assert_int_equal(h->bytes.size, h->debug.size_bytes);
	put_file(h->debug_path, h->bytes.bytes, h->bytes.size);
}

static void split_into(struct halves *h, const struct recipe_source *source)
{
	assert_int_equal(plan_make(&h->f.image, NULL, &h->plan, NULL), 0);
	assert_int_equal(symbols_plan(&h->plan, &h->symbols, NULL), 0);
	assert_int_equal(debug_image_plan(&h->plan, &h->debug, NULL), 0);
	assert_int_equal(stripped_plan(&h->plan, &h->symbols, NULL, &h->stripped, NULL), 0);
	h->source = *source;
	h->source.stripped = &h->stripped;
	assert_int_equal(debug_image_add_recipe(&h->debug, &h->source, NULL), 0);
	h->scratch = scratch_make();
	snprintf(h->stripped_path, sizeof(h->stripped_path), "%s/stripped", h->scratch.path);
	snprintf(h->debug_path, sizeof(h->debug_path), "%s/debug", h->scratch.path);
	snprintf(h->output_path, sizeof(h->output_path), "%s/joined", h->scratch.path);
	write_halves(h);
}

static void halves_free(struct halves *h)
{
	scratch_remove(&h->scratch);
	bytes_free(&h->bytes);
	debug_image_free(&h->debug);
	stripped_free(&h->stripped);
	symbols_free(&h->symbols);
	plan_free(&h->plan);
	split_fixture_free(&h->f);
}

static void assert_file(const char *path, const uint8_t *bytes, size_t size)
{
	char *got;
	size_t got_size;
	assert_int_equal(file_read_at(AT_FDCWD, path, 1u << 20, &got, &got_size, NULL), 0);
	assert_int_equal(got_size, size);
	assert_memory_equal(got, bytes, size);
	free(got);
}

static void the_input_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_fixture_kinds); i++)
		for (int tail = 0; tail < 2; tail++) {
			struct halves h = { 0 };
			struct error err = ERROR_NONE;
			struct join_result result;
			print_message("%s, tail %d\n", split_fixture_kinds[i].name, tail);
			split_fixture_init(&h.f, &split_fixture_kinds[i]);
			split_fixture_build(&h.f, tail ? "what is appended" : NULL);
			split_into(&h, &(struct recipe_source){ 0 });
			if (join_files(h.stripped_path, h.debug_path, NULL, h.output_path, &result,
				       &err) < 0)
				fail_msg("%s", err.message);
			assert_file(h.output_path, h.f.bytes, h.f.size);
			assert_int_equal(result.n_other, 0);
			assert_int_equal(result.size_bytes, h.f.size);
			struct stat st;
			assert_int_equal(stat(h.output_path, &st), 0);
			assert_int_equal(st.st_mode & 0777, 0750);
			halves_free(&h);
		}
}

/* As the splitter gives a build ID: it works on bytes that the file does not have. */
static void patched_bytes_come_back(void **state)
{
	(void)state;
	struct halves h = { 0 };
	struct error err = ERROR_NONE;
	struct join_result result;
	split_fixture_init(&h.f, &split_fixture_kinds[0]);
	split_fixture_build(&h.f, NULL);
	uint64_t at = h.f.image.sections[h.f.text].shdr.sh_offset;
	const struct recipe_original original = { at, 4, (const uint8_t *)"four" };
	split_into(&h, &(struct recipe_source){ .originals = &original, .n_originals = 1 });
	if (join_files(h.stripped_path, h.debug_path, NULL, h.output_path, &result, &err) < 0)
		fail_msg("%s", err.message);
	memcpy(h.f.bytes + at, "four", 4);
	assert_file(h.output_path, h.f.bytes, h.f.size);
	halves_free(&h);
}

/* Put another recipe behind the debug image, with checksums that are right. */
static void forge(const struct halves *h, uint64_t input_size, const struct recipe_step *steps,
		  size_t n)
{
	scoped(recipe_buffer_free) struct recipe_buffer out = { 0 };
	recipe_put_head(&out, input_size);
	struct recipe_body body = { .steps_at = out.size };
	for (size_t i = 0; i < n; i++)
		recipe_put_step(&out, &steps[i]);
	body.bytes = out.bytes;
	body.size_bytes = body.steps_at; /* the input's checksum is that of nothing */
	uint64_t image_size = h->bytes.size - h->debug.recipe.size_bytes - RECIPE_TRAILER_SIZE;
	uint32_t crc = libdeflate_crc32(0, h->bytes.bytes, image_size);
	uint8_t trailer[RECIPE_TRAILER_SIZE];
	recipe_put_trailer(&body, crc, NULL, trailer);
	uint32_t body_crc = libdeflate_crc32(0, out.bytes, out.size);
	for (int i = 0; i < 8; i++)
		trailer[i] = (uint8_t)((uint64_t)out.size >> (8 * i));
	for (int i = 0; i < 4; i++)
		trailer[8 + i] = (uint8_t)(body_crc >> (8 * i));
	uint8_t *file = malloc(image_size + out.size + sizeof(trailer));
	memcpy(file, h->bytes.bytes, image_size);
	memcpy(file + image_size, out.bytes, out.size);
	memcpy(file + image_size + out.size, trailer, sizeof(trailer));
	put_file(h->debug_path, file, image_size + out.size + sizeof(trailer));
	free(file);
}

static void hostile_recipes_are_refused(void **state)
{
	(void)state;
	struct halves h = { 0 };
	split_fixture_init(&h.f, &split_fixture_kinds[0]);
	split_fixture_build(&h.f, NULL);
	split_into(&h, &(struct recipe_source){ 0 });
#define ALL UINT64_MAX
#define STEP(k, n, o, ...) { .kind = RECIPE_##k, .size_bytes = (n), .from = (o), __VA_ARGS__ }
#define STREAM(n, o, m)                                                                     \
	STEP(STREAM, n, o, .compression = COMPRESSION_ZLIB, .level = 6, .content_size = (m))
	const struct {
		const char *what;
		uint64_t input_size;
		struct recipe_step steps[3];
		int r;
		const char *message;
	} cases[] = {
		{ "nothing, of a size", 5, { { 0 } }, -EINVAL, "not the file that was split" },
		{ "other bytes", 10, { STEP(STRIPPED, 10, 3) }, -EINVAL,
		  "not the file that was split" },
		{ "zeros without end", ALL, { STEP(ZEROS, ALL, 0) }, -EFBIG, "of zeros" },
		{ "more than stated", 10, { STEP(ZEROS, 11, 0) }, -EBADMSG, "more than it can" },
		{ "more than stated, by one step more", 10,
		  { STEP(STRIPPED, 10, 0), STEP(STRIPPED, 1, 0) }, -EBADMSG, "more than it can" },
		{ "past the stripped file", 100000, { STEP(STRIPPED, 90000, 0) }, -EBADMSG,
		  "more than it can" },
		{ "at the end of the stripped file", 10, { STEP(STRIPPED, 10, 1u << 20) }, -EINVAL,
		  "past its end" },
		{ "an offset that wraps", 10, { STEP(STRIPPED, 10, ALL - 5) }, -EINVAL,
		  "past its end" },
		{ "a tail longer than the file", 10, { STEP(TAIL, 10, 5) }, -EINVAL,
		  "past its end" },
		{ "past the debug image", 10, { STEP(DEBUG, 10, ALL - 5) }, -EBADMSG, "past the" },
		{ "the recipe itself", 1, { STEP(DEBUG, 1, 1u << 16) }, -EBADMSG, "past the" },
		{ "content past the image", 10, { STREAM(10, ALL - 5, 9) }, -EBADMSG, "past the" },
		{ "a stream without room", 3, { STREAM(3, 0, 64) }, -ENOTSUP, "--exact" },
		{ "a patch before there is anything", 10, { STEP(PATCH, 1, 0, .bytes = (const uint8_t *)"x") },
		  -EBADMSG, "patches what it does not make" },
		{ "a patch past the end", 10,
		  { STEP(STRIPPED, 10, 0), STEP(PATCH, 2, 9, .bytes = (const uint8_t *)"xy") },
		  -EBADMSG, "patches what it does not make" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = ERROR_NONE;
		struct join_result result;
		size_t n = 0;
		while (n < 3 && (cases[i].steps[n].size_bytes))
			n++;
		print_message("%s\n", cases[i].what);
		forge(&h, cases[i].input_size, cases[i].steps, n);
		assert_int_equal(join_files(h.stripped_path, h.debug_path, NULL, h.output_path,
					    &result, &err),
				 cases[i].r);
		if (!strstr(err.message, cases[i].message))
			fail_msg("%s", err.message);
		assert_int_equal(access(h.output_path, F_OK), -1);
	}
	halves_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_input_comes_back),
		cmocka_unit_test(patched_bytes_come_back),
		cmocka_unit_test(hostile_recipes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
