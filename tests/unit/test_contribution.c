/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/internal.h"

#define HEX64(digit) digit digit digit digit digit digit digit digit
#define DIGEST_TEXT HEX64("01234567")
#define OTHER_TEXT HEX64("89abcdef")

/* Every key, in the order in which they are written, with bytes that are not UTF-8 and with unknown
 * keys. */
static const char whole[] =
	"{\"format\":1,\"build_id\":\"abcdef0123\",\"time\":\"2026-11-24T05:46:00Z\",\"machine\":62,"
	"\"class\":2,\"encoding\":1,\"type\":3,\"identity\":\"" DIGEST_TEXT
	"\",\"memory_layout\":\"" OTHER_TEXT "\",\"original\":{\"digest\":\"" DIGEST_TEXT
	"\",\"size_bytes\":1},"
	"\"stripped\":{\"digest\":\"" OTHER_TEXT "\",\"size_bytes\":2,\"later\":true},"
	"\"debug\":{\"digest\":\"" OTHER_TEXT "\",\"size_bytes\":9223372036854775807},"
	"\"sources\":{\"digest\":\"" DIGEST_TEXT "\",\"size_bytes\":4},"
	"\"supplement\":{\"digest\":\"" OTHER_TEXT "\",\"size_bytes\":6,\"newer\":0},"
	"\"supplement_id\":\"fedcba98\",\"quality\":\"dwarf\","
	"\"origin\":{\"path\":\"usr/bin/\\udcff\\udc80x\",\"package\":\"p\",\"version\":\"1\",\"distro\":\"d\","
	"\"purl\":\"pkg:x/y\",\"namespace\":\"n\",\"toolchain\":\"go1.26\",\"main_module\":\"m\","
	"\"main_version\":\"v1\",\"tags\":[\"one\",\"two\"],\"settings\":{\"digest\":\"" DIGEST_TEXT
	"\",\"size_bytes\":5},\"z_later\":[1],\"a_later\":{}},\"sections\":[{\"name\":\".text\"}],"
	"\"changes\":[],\"z_new\":{\"x\":[null]},\"a_new\":1.5}\n";

static void every_key_comes_back(void **state)
{
	(void)state;
	scoped(contribution_free) struct contribution c = { 0 };
	struct error err = ERROR_NONE;
	assert_int_equal(contribution_parse(whole, sizeof(whole) - 1, &c, &err), 0);

	assert_string_equal(BUILD_ID_HEX(&c.build_id), "abcdef0123");
	assert_int_equal(c.time, 1795499160);
	assert_int_equal(c.machine, 62);
	assert_int_equal(c.class, 2);
	assert_int_equal(c.encoding, 1);
	assert_int_equal(c.type, 3);
	assert_true(c.has_identity && c.has_memory_layout);
	assert_string_equal(DIGEST_HEX(&c.memory_layout), OTHER_TEXT);
	assert_true(c.original.present && c.stripped.present && c.debug.present &&
		    c.sources.present && c.supplement.present);
	assert_string_equal(BUILD_ID_HEX(&c.supplement_id), "fedcba98");
	assert_int_equal(c.supplement.size_bytes, 6);
	assert_int_equal(c.debug.size_bytes, INT64_MAX);
	assert_string_equal(DIGEST_HEX(&c.stripped.digest), OTHER_TEXT);
	assert_int_equal(c.quality, QUALITY_DWARF);
	assert_string_equal(c.origin.path, "usr/bin/\xff\x80x");
	assert_string_equal(c.origin.name_space, "n");
	assert_int_equal(c.origin.n_tags, 2);
	assert_string_equal(c.origin.tags[1], "two");
	assert_int_equal(c.origin.settings.size_bytes, 5);
	assert_int_equal(json_object_size(c.unknown), 5); /* z_new, a_new, stripped, origin */

	scoped(string_free) char *text = NULL;
	size_t size;
	assert_int_equal(contribution_format(&c, &text, &size, &err), 0);
	assert_int_equal(size, sizeof(whole) - 1);
	assert_memory_equal(text, whole, size);
}

static void little_is_enough(void **state)
{
	(void)state;
	static const char little[] =
		"{\"format\":1,\"build_id\":\"ab\",\"time\":\"1970-01-01T00:00:00Z\","
		"\"machine\":0,\"class\":1,\"encoding\":2,\"type\":1,\"quality\":\"none\"}";
	scoped(contribution_free) struct contribution c = { 0 };
	assert_int_equal(contribution_parse(little, sizeof(little) - 1, &c, NULL), 0);
	assert_false(c.has_identity || c.original.present || c.sections || c.unknown ||
		     c.origin.path);
	assert_int_equal(c.encoding, 2);
}

/* Replace the first @from in the whole text by @to. */
static char *replaced(const char *from, const char *to)
{
	const char *at = strstr(whole, from);
	assert_non_null(at);
	char *text = NULL;
	assert_int_equal(string_format(&text, NULL, "%.*s%s%s", (int)(at - whole), whole, to,
				       at + strlen(from)),
			 0);
	return text;
}

static void damage_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to;
		int r;
		const char *message;
	} cases[] = {
		{ "\"format\":1", "\"format\":2", -ENOTSUP, "format: 2" },
		{ "\"format\":1", "\"format\":\"1\"", -EBADMSG, "format:" },
		{ "\"format\":1,", "", -EBADMSG, "format: missing" },
		{ "abcdef0123", "abcdef012", -EBADMSG, "build_id" },
		{ "abcdef0123", "", -EBADMSG, "build_id" },
		{ "2026-11-24T05:46:00Z", "yesterday", -EBADMSG, "time" },
		{ "\"machine\":62", "\"machine\":65536", -EBADMSG, "machine: 65536" },
		{ "\"machine\":62", "\"machine\":-1", -EBADMSG, "machine: -1" },
		{ "\"class\":2", "\"class\":256", -EBADMSG, "class" },
		{ "\"type\":3,", "", -EBADMSG, "type: missing" },
		{ "\"identity\":\"01", "\"identity\":\"1", -EBADMSG, "identity" },
		{ "\"identity\":\"01", "\"identity\":\"0x", -EBADMSG, "identity" },
		{ "\"size_bytes\":1}", "\"size_bytes\":-1}", -EBADMSG, "original: size_bytes" },
		{ "\"size_bytes\":1}", "\"size_bytes\":1.0}", -EBADMSG, "original: size_bytes" },
		{ "\"original\":{\"digest\"", "\"original\":{\"digestive\"", -EBADMSG,
		  "original: digest" },
		{ "9223372036854775807", "9223372036854775808", -EBADMSG, "too big" },
		{ "\"dwarf\"", "\"best\"", -EBADMSG, "quality: \"best\"" },
		{ "\"dwarf\"", "2", -EBADMSG, "quality" },
		{ "[\"one\",\"two\"]", "\"one\"", -EBADMSG, "origin: tags" },
		{ "[\"one\",\"two\"]", "[1]", -EBADMSG, "origin: tags" },
		{ "\"package\":\"p\"", "\"package\":1", -EBADMSG, "origin: package" },
		{ "\"package\":\"p\"", "\"package\":\"\\u0000\"", -EBADMSG, "origin: package" },
		{ "\"sections\":[{\"name\":\".text\"}]", "\"sections\":{}", -EBADMSG, "sections" },
		{ "\"changes\":[]", "\"changes\":0", -EBADMSG, "changes" },
		{ "\"a_new\":1.5}", "\"a_new\":1.5", -EBADMSG, "JSON" },
		{ "\"a_new\"", "\"z_new\"", -EBADMSG, "JSON" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s -> %s\n", cases[i].from, cases[i].to);
		scoped(string_free) char *text = replaced(cases[i].from, cases[i].to);
		struct contribution c = { .machine = 7 };
		struct error err = ERROR_NONE;
		assert_int_equal(contribution_parse(text, strlen(text), &c, &err), cases[i].r);
		if (!strstr(err.message, cases[i].message))
			fail_msg("\"%s\" does not say \"%s\"", err.message, cases[i].message);
		assert_int_equal(c.machine, 7); /* untouched on failure */
	}
	for (size_t size = 0; size < sizeof(whole) - 2; size++) {
		struct contribution c = { 0 };
		assert_int_equal(contribution_parse(whole, size, &c, NULL), -EBADMSG);
	}
}

static void what_cannot_be_written_is_refused(void **state)
{
	(void)state;
	struct contribution c = { .build_id = { 1, { 0xab } } };
	c.debug = (struct artifact){ true, .size_bytes = UINT64_MAX };
	char *text = NULL;
	size_t size;
	struct error err = ERROR_NONE;
	assert_true(contribution_format(&c, &text, &size, &err) < 0);
	assert_non_null(strstr(err.message, "debug"));
	assert_null(text);
}

static void origin_is_copied_whole(void **state)
{
	(void)state;
	scoped(contribution_free) struct contribution c = { 0 };
	assert_int_equal(contribution_parse(whole, sizeof(whole) - 1, &c, NULL), 0);
	scoped(origin_free) struct origin copy = { 0 };
	assert_int_equal(origin_copy(&c.origin, &copy, NULL), 0);
	assert_ptr_not_equal(copy.path, c.origin.path);
	scoped(json_scoped_decref) json_t *one = origin_json(&c.origin),
					  *other = origin_json(&copy);
	assert_int_equal(json_object_size(one), 11);
	assert_true(json_equal(one, other));
}

/* ---- merging ---- */

enum { A = 1, B = 2 }; /* identities and layouts; 0: none */

/* Artifacts: the digest's first byte, 0 for none. */
struct given {
	int64_t time;
	unsigned identity, layout, original, stripped, debug, sources;
	enum quality quality;
	uint16_t type;
};

static struct artifact artifact(unsigned byte)
{
	return (struct artifact){ byte != 0, { { (uint8_t)byte } }, byte };
}

static void best_candidate_is_served(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct given given[4]; /* in order of time; time 0 ends */
		unsigned debug, executable, sources;
		enum quality quality;
		bool collision;
	} cases[] = {
		{ "one split",
		  { { 5, A, A, 0, 1, 2, 3, QUALITY_DWARF, 3 } },
		  2,
		  1,
		  3,
		  QUALITY_DWARF,
		  false },
		{ "one whole",
		  { { 5, A, A, 1, 0, 0, 0, QUALITY_DWARF, 2 } },
		  1,
		  1,
		  0,
		  QUALITY_DWARF,
		  false },
		{ "a whole kernel module is no executable",
		  { { 5, A, 0, 1, 0, 0, 0, QUALITY_DWARF, 1 } },
		  1,
		  0,
		  0,
		  QUALITY_DWARF,
		  false },
		{ "a stripped one alone",
		  { { 5, A, A, 0, 1, 0, 0, QUALITY_NONE, 3 } },
		  0,
		  1,
		  0,
		  QUALITY_NONE,
		  false },
		{ "an emptied debug file is not served",
		  { { 5, 0, A, 0, 0, 2, 0, QUALITY_NONE, 3 } },
		  0,
		  0,
		  0,
		  QUALITY_NONE,
		  false },
		{ "the better quality, though it is later",
		  { { 5, A, A, 0, 1, 2, 0, QUALITY_SYMBOLS, 3 },
		    { 6, A, A, 0, 11, 12, 13, QUALITY_DWARF, 3 } },
		  12,
		  11,
		  13,
		  QUALITY_DWARF,
		  false },
		{ "of equal quality the first",
		  { { 5, A, A, 0, 1, 2, 0, QUALITY_DWARF, 3 },
		    { 6, A, A, 0, 11, 12, 13, QUALITY_DWARF, 3 } },
		  2,
		  1,
		  13,
		  QUALITY_DWARF,
		  false },
		{ "halves that were added apart",
		  { { 5, A, A, 0, 1, 0, 0, QUALITY_NONE, 3 },
		    { 6, 0, A, 0, 0, 12, 0, QUALITY_DWARF, 3 } },
		  12,
		  1,
		  0,
		  QUALITY_DWARF,
		  false },
		{ "halves of different layouts are not joined",
		  { { 5, A, A, 0, 1, 0, 3, QUALITY_NONE, 3 },
		    { 6, 0, B, 0, 0, 12, 0, QUALITY_DWARF, 3 } },
		  12,
		  0,
		  0,
		  QUALITY_DWARF,
		  false },
		{ "nor are those without one",
		  { { 5, A, 0, 0, 1, 0, 0, QUALITY_NONE, 3 },
		    { 6, 0, 0, 0, 0, 12, 0, QUALITY_DWARF, 3 } },
		  12,
		  0,
		  0,
		  QUALITY_DWARF,
		  false },
		{ "modules of one identity are",
		  { { 5, A, 0, 0, 1, 0, 0, QUALITY_NONE, 1 },
		    { 6, A, 0, 0, 0, 12, 0, QUALITY_DWARF, 1 } },
		  12,
		  1,
		  0,
		  QUALITY_DWARF,
		  false },
		{ "a collision: the first program's, and never the other's",
		  { { 5, A, A, 0, 1, 2, 0, QUALITY_SYMBOLS, 3 },
		    { 6, B, A, 0, 11, 12, 13, QUALITY_DWARF, 3 } },
		  2,
		  1,
		  0,
		  QUALITY_SYMBOLS,
		  true },
		{ "a collision, and a debug file before both",
		  { { 4, 0, B, 0, 0, 7, 0, QUALITY_DWARF, 3 },
		    { 5, A, A, 0, 1, 0, 0, QUALITY_NONE, 3 },
		    { 6, B, B, 0, 11, 0, 0, QUALITY_NONE, 3 } },
		  0,
		  1,
		  0,
		  QUALITY_NONE,
		  true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		struct contribution all[4] = { 0 };
		struct record record = { .id = { 1, { 0xab } }, .contributions = all };
		int64_t latest = 0;
		for (const struct given *g = cases[i].given; g < cases[i].given + 4 && g->time;
		     g++) {
			all[record.n_contributions++] = (struct contribution){
				.time = g->time,
				.type = g->type,
				.has_identity = g->identity != 0,
				.identity = { { (uint8_t)g->identity } },
				.has_memory_layout = g->layout != 0,
				.memory_layout = { { (uint8_t)g->layout } },
				.original = artifact(g->original),
				.stripped = artifact(g->stripped),
				.debug = artifact(g->debug),
				.sources = artifact(g->sources),
				.quality = g->quality,
			};
			latest = g->time;
		}
		struct build build;
		record_merge(&record, &build);
		assert_true(build_id_equal(&build.id, &record.id));
		assert_int_equal(build.debug.present ? build.debug.digest.bytes[0] : 0,
				 cases[i].debug);
		assert_int_equal(build.executable.present ? build.executable.digest.bytes[0] : 0,
				 cases[i].executable);
		assert_int_equal(build.sources.present ? build.sources.digest.bytes[0] : 0,
				 cases[i].sources);
		assert_int_equal(build.quality, cases[i].quality);
		assert_int_equal(build.collision, cases[i].collision);
		assert_int_equal(build.time, latest);
		assert_int_equal(build.n_contributions, record.n_contributions);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_comes_back),
		cmocka_unit_test(little_is_enough),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test(what_cannot_be_written_is_refused),
		cmocka_unit_test(origin_is_copied_whole),
		cmocka_unit_test(best_candidate_is_served),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
