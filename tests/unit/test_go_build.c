/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check/go_build.h"

static struct go_info info(const char *version, const char *modules)
{
	return (struct go_info){ .version = (char *)version, .module_text = (char *)modules };
}

static void settings_are_read(void **state)
{
	(void)state;
	const struct go_info go =
		info("go1.26.3", "path\tbuild\t-race=true\n"
				 "build\t-buildmode=pie\n"
				 "build\t-ldflags=\"-s -w -X 'a.b=\\\"c\\\\d\\\"'\"\n"
				 "build\t-tags=`a b`\n"
				 "build\tEMPTY=\n"
				 "build\t-trimpath=true");
	static const struct {
		const char *key, *value;
	} cases[] = {
		{ "-buildmode", "pie" }, { "-ldflags", "-s -w -X 'a.b=\"c\\d\"'" },
		{ "-tags", "a b" },      { "EMPTY", "" },
		{ "-trimpath", "true" }, /* the last line has no end */
	};
	char value[64];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(go_setting(&go, cases[i].key, value, sizeof(value)));
		assert_string_equal(value, cases[i].value);
		assert_true(go_setting_is(&go, cases[i].key, cases[i].value));
	}
	assert_false(go_setting(&go, "-race", value, sizeof(value))); /* of another line */
	assert_false(go_setting(&go, "-trim", value, sizeof(value)));
	assert_string_equal(value, "");
	char cut[4];
	assert_true(go_setting(&go, "-trimpath", cut, sizeof(cut)));
	assert_string_equal(cut, "tru");
	assert_true(go_has_settings(&go));
	const struct go_info none = info("go1.17", "path\tx\nmod\tx\tbuild\n");
	assert_false(go_has_settings(&none));
	const struct go_info torn = info("go1.26", "build\t");
	assert_false(go_setting(&torn, "-race", value, sizeof(value)));
}

static void flags_are_words(void **state)
{
	(void)state;
	static const struct {
		const char *flags, *word;
		bool found;
	} cases[] = {
		{ "-s -w", "-s", true },
		{ "-s -w", "-w", true },
		{ "-w=true", "-w", true },
		{ "--s", "-s", true },
		{ "-w=false", "-w", false },
		{ "-s=1", "-s", true },
		{ "-X main.v=-s", "-s", false },
		{ "-static", "-s", false },
		{ "", "-s", false },
		{ "'-s' \"-w\"", "-w", true },
		{ "-extldflags=-s", "-s", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].flags);
		assert_int_equal(go_flags_have(cases[i].flags, cases[i].word), cases[i].found);
	}
}

static void releases_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool valid;
		unsigned minor, patch;
	} cases[] = {
		{ "go1.26.3", true, 26, 3 },
		{ "1.26", true, 26, 0 },
		{ "go1.27rc1", true, 27, 0 },
		{ "go1.24.3 X:boringcrypto", true, 24, 3 },
		{ "devel go1.27-abc", false, 0, 0 },
		{ "go2", false, 0, 0 },
		{ "1.", false, 0, 0 },
		{ "1.26.", false, 0, 0 },
		{ "1.99999999999999999999", false, 0, 0 },
		{ "", false, 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct go_release release = { 0 };
		print_message("%s\n", cases[i].text);
		assert_int_equal(go_release_parse(cases[i].text, &release), cases[i].valid);
		assert_int_equal(release.minor, cases[i].minor);
		assert_int_equal(release.patch, cases[i].patch);
		assert_int_equal(go_minor(cases[i].text), cases[i].minor);
		assert_int_equal(go_is_before(cases[i].text, 26), cases[i].minor == 24);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_read),
		cmocka_unit_test(flags_are_words),
		cmocka_unit_test(releases_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
