/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "split/packing.h"
#include "tests/unit/scratch.h"
#include "tests/unit/split_fixture.h"

#define TEXT_SIZE ((512u << 10) + 7)

static const struct {
	const char *name;
	enum packing packing;
	const char *program; /* that must be there */
} kinds[] = {
	{ "zstd", PACKING_ZSTD, NULL },
	{ "gzip", PACKING_GZIP, NULL },
	{ "xz", PACKING_XZ, "xz" },
};

static bool is_there(const char *program)
{
	char command[64];
	snprintf(command, sizeof(command), "command -v %s >/dev/null", program ? program : "true");
	return system(command) == 0;
}

static int file_of(const struct scratch *s, const char *name, const void *bytes, size_t size)
{
	int fd = openat(s->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write(fd, bytes, size, name, NULL), 0);
	return fd;
}

static struct bytes packed(const struct scratch *s, enum packing packing, const void *bytes,
			   size_t size)
{
	struct bytes ret = { 0 };
	struct sink sink = bytes_sink(&ret);
	struct error err = ERROR_NONE;
	int fd = file_of(s, "plain", bytes, size);
	if (packing_pack(packing, fd, &sink, &err) < 0)
		fail_msg("%s", err.message);
	close(fd);
	return ret;
}

static int unpack(const struct scratch *s, enum packing packing, const void *bytes, size_t size,
		  struct bytes *ret, struct error *err)
{
	struct sink sink = bytes_sink(ret);
	int fd = file_of(s, "packed", bytes, size);
	int r = packing_unpack(packing, fd, &sink, err);
	close(fd);
	return r;
}

static uint8_t *make_text(void)
{
	uint8_t *text = malloc(TEXT_SIZE);
	uint32_t noise = 1;
	for (size_t i = 0; i < TEXT_SIZE; i++) {
		noise = noise * 1103515245 + 12345;
		text[i] = noise >> 27 ? (uint8_t) "alias=pci:v000010DE"[i % 19] : (uint8_t)(noise >> 16);
	}
	return text;
}

static void what_is_packed_comes_back(void **state)
{
	(void)state;
	static const size_t sizes[] = { 1, 5000, 256u << 10, TEXT_SIZE };
	struct scratch s = scratch_make();
	uint8_t *text = make_text();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		print_message("%s\n", kinds[i].name);
		if (!is_there(kinds[i].program))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			struct bytes once = packed(&s, kinds[i].packing, text, sizes[k]);
			struct bytes again = packed(&s, kinds[i].packing, text, sizes[k]);
			assert_int_equal(packing_of(once.bytes, once.size), kinds[i].packing);
			assert_int_equal(once.size, again.size);
			assert_memory_equal(once.bytes, again.bytes, once.size);
			struct bytes back = { 0 };
			struct error err = ERROR_NONE;
			if (unpack(&s, kinds[i].packing, once.bytes, once.size, &back, &err) < 0)
				fail_msg("%s", err.message);
			assert_int_equal(back.size, sizes[k]);
			assert_memory_equal(back.bytes, text, sizes[k]);
			bytes_free(&once);
			bytes_free(&again);
			bytes_free(&back);
		}
	}
	free(text);
	scratch_remove(&s);
}

static int refuse(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	(void)bytes, (void)size, (void)lent, (void)context;
	return error_set(err, -ENOSPC, "no room");
}

static void damage_is_told(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	uint8_t *text = make_text();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		print_message("%s\n", kinds[i].name);
		if (!is_there(kinds[i].program))
			continue;
		struct bytes whole = packed(&s, kinds[i].packing, text, 5000);
		for (size_t cut = 6; cut < whole.size; cut += 1 + whole.size / 20) {
			struct bytes back = { 0 };
			struct error err = ERROR_NONE;
			assert_int_equal(unpack(&s, kinds[i].packing, whole.bytes, cut, &back, &err),
					 -EBADMSG);
			assert_non_null(strstr(err.message, "damaged"));
			bytes_free(&back);
		}
		struct bytes back = { 0 };
		whole.bytes[whole.size / 2] ^= 0x10;
		assert_int_equal(unpack(&s, kinds[i].packing, whole.bytes, whole.size, &back, NULL),
				 -EBADMSG);
		bytes_free(&back);
		whole.bytes[whole.size / 2] ^= 0x10;
		const struct sink sink = { .put = refuse };
		int fd = file_of(&s, "packed", whole.bytes, whole.size);
		assert_int_equal(packing_unpack(kinds[i].packing, fd, &sink, NULL), -ENOSPC);
		assert_int_equal(packing_pack(kinds[i].packing, fd, &sink, NULL), -ENOSPC);
		close(fd);
		bytes_free(&whole);
	}
	free(text);
	scratch_remove(&s);
}

static void several_streams_are_one(void **state)
{
	(void)state;
	struct scratch s = scratch_make();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!is_there(kinds[i].program))
			continue;
		struct bytes a = packed(&s, kinds[i].packing, "one, ", 5);
		struct bytes b = packed(&s, kinds[i].packing, "two", 3);
		struct bytes both = { 0 }, back = { 0 };
		struct sink sink = bytes_sink(&both);
		assert_int_equal(sink_take(&sink, a.bytes, a.size, false, NULL), 0);
		assert_int_equal(sink_take(&sink, b.bytes, b.size, false, NULL), 0);
		assert_int_equal(unpack(&s, kinds[i].packing, both.bytes, both.size, &back, NULL), 0);
		assert_int_equal(back.size, 8);
		assert_memory_equal(back.bytes, "one, two", 8);
		bytes_free(&a);
		bytes_free(&b);
		bytes_free(&both);
		bytes_free(&back);
	}
	scratch_remove(&s);
}

static void other_files_are_not_packed(void **state)
{
	(void)state;
	static const uint8_t cases[][8] = { { 0 }, "\177ELF", "\x1f\x8b\x07", "\xfd"
									      "7zXY",
					    "\x28\xb5\x2f" };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(packing_of(cases[i], sizeof(cases[i])), PACKING_NONE);
	static const uint8_t xz[] = "\xfd"
				    "7zXZ";
	assert_int_equal(packing_of(xz, 6), PACKING_XZ);
	for (size_t n = 0; n < 6; n++)
		assert_int_equal(packing_of(xz, n), PACKING_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_comes_back),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(several_streams_are_one),
		cmocka_unit_test(other_files_are_not_packed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
