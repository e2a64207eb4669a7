/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "store/internal.h"

static char folder[] = "/tmp/dbgvault-pack-XXXXXX";
static struct store *store;

static int run(const char *format, ...) printf_like(1, 2);
static int run(const char *format, ...)
{
	char command[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

static int store_make(void **state)
{
	(void)state;
	char path[128];
	struct error err = ERROR_NONE;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/store", folder);
	if (store_init(path, STORE_PRIVATE, (gid_t)-1, &err) < 0 ||
	    store_open(path, STORE_WRITE, &store, &err) < 0)
		fail_msg("%s", err.message);
	return 0;
}

static int store_remove(void **state)
{
	(void)state;
	store_close(store);
	return run("rm -rf %s", folder);
}

/* Contents of sizes around blocks and frames; as pack_read for pack_write(). */
static const size_t sizes[] = {
	0, 1, 511, 512, 513, 100000, (256 << 10) - 512, 256 << 10, 3 << 20
};

static char *content(size_t i)
{
	char *bytes = malloc(sizes[i] + 1);
	assert_non_null(bytes);
	uint32_t x = (uint32_t)i * 2654435761u + 1;
	for (size_t at = 0; at < sizes[i]; at++) {
		x = x * 1664525 + 1013904223;
		bytes[at] = (char)(x >> 24 & 0x3f);
	}
	return bytes;
}

static struct digest digest_at(size_t i)
{
	scoped(string_free) char *bytes = content(i);
	return digest_of(bytes, sizes[i]);
}

static int read_content(const struct digest *source, char **ret, size_t *ret_size, void *context,
			struct error *err)
{
	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct digest digest = digest_at(i);
		if (!digest_equal(&digest, source))
			continue;
		*ret = content(i);
		*ret_size = sizes[i];
		return 0;
	}
	return error_set(err, -ENOENT, "no such content");
}

static struct object_result write_all(size_t n)
{
	struct digest sources[ARRAY_SIZE(sizes)];
	for (size_t i = 0; i < n; i++)
		sources[i] = digest_at(i);
	struct object_result ret;
	struct error err = ERROR_NONE;
	if (pack_write(store, sources, n, read_content, NULL, &ret, &err) < 0)
		fail_msg("%s", err.message);
	return ret;
}

static void headers_go_round(void **state)
{
	(void)state;
	static const uint64_t cases[] = { 0, 1, 511, 64 << 20, (UINT64_C(1) << 33) - 1 };
	struct digest source = digest_at(1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t block[PACK_BLOCK_SIZE];
		pack_header_format(&source, cases[i], block);
		struct digest got = { 0 };
		uint64_t size = 77;
		assert_int_equal(pack_header_parse(block, &got, &size, NULL), 0);
		assert_true(digest_equal(&got, &source));
		assert_int_equal(size, cases[i]);
	}
}

static void damage_in_any_byte_of_a_header_shows(void **state)
{
	(void)state;
	struct digest source = digest_at(1);
	uint8_t block[PACK_BLOCK_SIZE];
	pack_header_format(&source, 0123456701234, block);
	for (size_t i = 0; i < sizeof(block); i++) {
		uint8_t whole = block[i];
		for (unsigned bit = 0; bit < 8; bit++) {
			block[i] = (uint8_t)(whole ^ 1u << bit);
			struct digest got = { 0 };
			uint64_t size = 77;
			struct error err = ERROR_NONE;
			assert_int_equal(pack_header_parse(block, &got, &size, &err), -EBADMSG);
			assert_true(size == 77 && digest_is_zero(&got) && *err.message);
		}
		block[i] = whole;
	}
	static const uint8_t zeros[PACK_BLOCK_SIZE];
	struct digest got;
	uint64_t size;
	assert_int_equal(pack_header_parse(zeros, &got, &size, NULL), -EBADMSG);
}

static void members_come_back(void **state)
{
	(void)state;
	size_t n_expected = ARRAY_SIZE(sizes);
	struct object_result pack = write_all(n_expected);
	bool is_one = false;
	assert_int_equal(pack_is_one(store, &pack.digest, &is_one, NULL), 0);
	assert_true(is_one);

	struct pack_member *members = NULL;
	size_t n = 0;
	struct error err = ERROR_NONE;
	if (pack_members(store, &pack.digest, &members, &n, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(n, n_expected);
	scoped(object_closep) struct object *object = NULL;
	assert_int_equal(object_open(store, &pack.digest, &object, NULL), 0);
	scoped(object_reader_freep) struct object_reader *reader = NULL;
	assert_int_equal(object_reader_new(object, &reader, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct digest digest = digest_at(i);
		assert_true(digest_equal(&members[i].digest, &digest));
		assert_int_equal(members[i].size_bytes, sizes[i]);
		scoped(string_free) char *expected = content(i);
		scoped(string_free) char *got = malloc(sizes[i] + 1);
		size_t n_read = 0;
		if (sizes[i])
			assert_int_equal(object_read(reader, members[i].offset, got, sizes[i],
						     &n_read, NULL),
					 0);
		assert_int_equal(n_read, sizes[i]);
		assert_memory_equal(got, expected, sizes[i]);
	}
	free(members);

	size_t n_frames;
	const struct object_frame *frames = object_frames(object, &n_frames);
	for (size_t i = 0; i < n_frames; i++)
		assert_true(frames[i].size_bytes <= OBJECT_SMALL_FRAME_LIMIT);
}

static void the_same_members_make_the_same_pack(void **state)
{
	(void)state;
	struct object_result first = write_all(4), again = write_all(4), other = write_all(3);
	assert_true(digest_equal(&first.digest, &again.digest));
	assert_true(again.was_there);
	assert_false(digest_equal(&first.digest, &other.digest));
}

static void tar_reads_it(void **state)
{
	(void)state;
	if (run("command -v zstd >/dev/null && command -v tar >/dev/null")) {
		print_message("SKIPPED: no zstd or no tar here\n");
		skip();
	}
	struct object_result pack = write_all(ARRAY_SIZE(sizes));
	char name[OBJECT_NAME_SIZE];
	assert_int_equal(run("mkdir %s/out && zstd -dc %s/store/objects/%s | tar -C %s/out -xf -",
			     folder, folder, object_name(&pack.digest, name), folder),
			 0);
	/* Names, sizes, modes and times as tar sees them; and the digests are the names. */
	assert_int_equal(
		run("cd %s/out && for f in *; do echo \"$f  $f\"; done | sha256sum --quiet -c",
		    folder),
		0);
	assert_int_equal(run("test $(ls %s/out | wc -l) = %zu", folder, ARRAY_SIZE(sizes)), 0);
	assert_int_equal(
		run("zstd -dc %s/store/objects/%s | TZ=UTC tar -tvf - >%s/list && "
		    "! grep -v '^-r--r--r-- 0/0 .* 1970-01-01 00:00 [0-9a-f]\\{64\\}$' %s/list",
		    folder, name, folder, folder),
		0);
}

static void other_objects_are_no_packs(void **state)
{
	(void)state;
	struct digest source = digest_at(1);
	uint8_t header[PACK_BLOCK_SIZE];
	pack_header_format(&source, 600, header);

	/* Objects of these sizes, made of a header for 600 bytes and zeros. */
	static const struct {
		size_t size;
		bool is_one;
		const char *message; /* of pack_members() */
	} cases[] = {
		{ 0, false, "ends within the block at 0x0" },
		{ 1, false, "ends within the block at 0x0" },
		{ 511, false, "ends within the block at 0x0" },
		{ 512, true, "ends past" },
		{ 512 + 600, true, "ends past" },
		{ 512 + 1024, true, "ends within the block at 0x600" },
		{ 512 + 1024 + 512, true, "ends within the block at 0x800" },
		{ 512 + 1024 + 1024, true, NULL },
		{ 512 + 1024 + 1024 + 1, true, "no two zero blocks at its end" },
		{ 512 + 1024 + 1024 + 512, true, "no two zero blocks at its end" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%zu bytes\n", cases[i].size);
		char bytes[4096] = { 0 };
		memcpy(bytes, header, sizeof(header));
		struct object_result object;
		assert_int_equal(object_put(store, bytes, cases[i].size, &object, NULL), 0);
		bool is_one = !cases[i].is_one;
		assert_int_equal(pack_is_one(store, &object.digest, &is_one, NULL), 0);
		assert_int_equal(is_one, cases[i].is_one);

		struct pack_member *members = NULL;
		size_t n = 0;
		struct error err = ERROR_NONE;
		int r = pack_members(store, &object.digest, &members, &n, &err);
		assert_int_equal(r, cases[i].message ? -EBADMSG : 0);
		if (cases[i].message)
			assert_non_null(strstr(err.message, cases[i].message));
		else
			assert_true(n == 1 && members[0].size_bytes == 600 &&
				    members[0].offset == 512);
		free(members);
	}

	/* Text, and zeros only. */
	static const char text[2048] = "dbgvault-sources 1\n";
	static const char zeros[2048];
	const char *const others[] = { text, zeros };
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct object_result object;
		assert_int_equal(object_put(store, others[i], 2048, &object, NULL), 0);
		bool is_one = true;
		assert_int_equal(pack_is_one(store, &object.digest, &is_one, NULL), 0);
		assert_false(is_one);
		struct pack_member *members;
		size_t n;
		assert_int_equal(pack_members(store, &object.digest, &members, &n, NULL), -EBADMSG);
	}

	struct digest missing = digest_of("missing", 7);
	bool is_one;
	assert_int_equal(pack_is_one(store, &missing, &is_one, NULL), -ENOENT);
}

/* A size that reaches past everything must not wrap. */
static void huge_members_are_refused(void **state)
{
	(void)state;
	struct digest source = digest_at(1);
	char bytes[2048] = { 0 };
	pack_header_format(&source, (UINT64_C(1) << 33) - 1, (uint8_t *)bytes);
	struct object_result object;
	assert_int_equal(object_put(store, bytes, sizeof(bytes), &object, NULL), 0);
	struct pack_member *members;
	size_t n;
	assert_int_equal(pack_members(store, &object.digest, &members, &n, NULL), -EBADMSG);
}

static int read_wrong(const struct digest *source, char **ret, size_t *ret_size, void *context,
		      struct error *err)
{
	(void)source, (void)context, (void)err;
	*ret = strdup("other bytes");
	*ret_size = 11;
	return 0;
}

static void what_is_read_for_a_pack_is_checked(void **state)
{
	(void)state;
	struct digest source = digest_at(1);
	struct object_result result;
	assert_int_equal(pack_write(store, &source, 1, read_wrong, NULL, &result, NULL), -EBADMSG);
	assert_int_equal(pack_write(store, &source, 0, read_content, NULL, &result, NULL), -EINVAL);
	struct digest unknown = digest_of("unknown", 7);
	assert_int_equal(pack_write(store, &unknown, 1, read_content, NULL, &result, NULL),
			 -ENOENT);
}

static void written_packs_are_known_to_the_catalog(void **state)
{
	(void)state;
	struct object_result pack = write_all(5);
	scoped(lookup_freep) struct lookup *lookup = NULL;
	assert_int_equal(lookup_new(store, &lookup, NULL), 0);
	for (size_t i = 0; i < 5; i++) {
		struct digest digest = digest_at(i);
		struct source_place place;
		assert_int_equal(lookup_source(lookup, &digest, &place, NULL), 0);
		assert_int_equal(place.size_bytes, sizes[i]);
	}
	assert_int_equal(catalog_forget_pack(store, &pack.digest, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_go_round),
		cmocka_unit_test(damage_in_any_byte_of_a_header_shows),
		cmocka_unit_test(members_come_back),
		cmocka_unit_test(the_same_members_make_the_same_pack),
		cmocka_unit_test(tar_reads_it),
		cmocka_unit_test(other_objects_are_no_packs),
		cmocka_unit_test(huge_members_are_refused),
		cmocka_unit_test(what_is_read_for_a_pack_is_checked),
		cmocka_unit_test(written_packs_are_known_to_the_catalog),
	};
	return cmocka_run_group_tests(tests, store_make, store_remove);
}
