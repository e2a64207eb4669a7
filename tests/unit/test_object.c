/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_fixture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/tmpfile.h"
#include "store/internal.h"
#include "store/object.h"

/* Bytes that compress about as debug information does: words of a small vocabulary among noise. */
static uint8_t *make_content(size_t size, uint64_t seed)
{
	uint8_t *bytes = malloc(size + 8);
	assert_non_null(bytes);
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
	for (size_t at = 0; at < size; at += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		uint64_t word = x % 3 ? x % 61 * 0x0101030507110b0du : x;
		memcpy(bytes + at, &word, 8);
	}
	return bytes;
}

static void file_of(struct store_fixture *f, const struct digest *digest, char *ret, size_t size)
{
	char name[OBJECT_NAME_SIZE];
	snprintf(ret, size, "%s/objects/%s", f->path, object_name(digest, name));
}

static void assert_holds(struct store_fixture *f, const struct digest *digest, const uint8_t *bytes,
			 size_t size)
{
	struct error err = ERROR_NONE;
	char *read = NULL;
	size_t read_size = 0;
	assert_ok(object_read_whole(f->st, digest, UINT64_MAX, &read, &read_size, &err));
	assert_int_equal(read_size, size);
	assert_memory_equal(read, bytes, size);
	free(read);
	assert_ok(object_verify(f->st, digest, &err));
}

/* The judge is zstd's own program: it knows nothing of seek tables. */
static void assert_zstd_gives(struct store_fixture *f, const struct digest *digest)
{
	char path[256], command[512], line[DIGEST_HEX_SIZE] = { 0 };
	file_of(f, digest, path, sizeof(path));
	snprintf(command, sizeof(command), "zstd -dc '%s' | sha256sum", path);
	FILE *out = popen(command, "r");
	assert_non_null(out);
	assert_int_equal(fread(line, 1, 64, out), 64);
	assert_int_equal(pclose(out), 0);
	assert_string_equal(line, DIGEST_HEX(digest));
}

static void contents_come_back(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	static const struct {
		size_t size, frame_limit, step;
		bool is_lent;
	} cases[] = {
		{ 0, 0, 1, false },
		{ 1, 0, 1, false },
		{ 255, 0, 7, true },
		{ 256, 0, 256, true },
		{ 65535, 0, 4096, false },
		{ 65536, 0, 65536, true },
		{ 65537, 65536, 1000, true },
		{ 262144, 262144, 262144, false },
		{ 262145, 262144, 99999, false },
		{ 3000000, 262144, 3000000, true },
		{ 3000000, 1000, 12345, false },
		{ 4u << 20, 0, 4u << 20, true },
		{ (4u << 20) + 1, 0, 1u << 20, false },
		{ 30000000, 0, 30000000, true },
		{ 30000000, 0, 7777777, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = cases[i].size;
		print_message("%zu bytes in steps of %zu\n", size, cases[i].step);
		uint8_t *bytes = make_content(size, i);
		struct object_writer *w = NULL;
		assert_ok(object_writer_new(f->st, NULL, cases[i].frame_limit, &w, &err));
		for (size_t at = 0; at < size; at += cases[i].step) {
			size_t step = (size_t)min_u64(cases[i].step, size - at);
			if (cases[i].is_lent)
				assert_ok(object_writer_lend(w, bytes + at, step, &err));
			else
				assert_ok(object_writer_write(w, bytes + at, step, &err));
		}
		struct object_result result = { 0 };
		assert_ok(object_writer_finish(w, &result, &err));
		object_writer_free(w);

		struct digest digest = digest_of(bytes, size);
		assert_string_equal(DIGEST_HEX(&result.digest), DIGEST_HEX(&digest));
		assert_int_equal(result.size_bytes, size);
		assert_false(result.was_there);
		char path[256];
		file_of(f, &digest, path, sizeof(path));
		struct stat is;
		assert_int_equal(stat(path, &is), 0);
		assert_int_equal(result.stored_bytes, is.st_size);
		assert_int_equal(is.st_mode & 07777, 0600);
		assert_holds(f, &digest, bytes, size);
		assert_zstd_gives(f, &digest);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(contents_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
