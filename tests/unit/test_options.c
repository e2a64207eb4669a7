/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/options.h"

#define MAX_ARGUMENTS 8

struct given {
	bool flag, no_flag;
	const char *text;
	struct option_values list;
	struct common_options common;
	int first, argc;
	char *argv[MAX_ARGUMENTS + 1];
};

static int parse(struct given *g, const char *const *arguments)
{
	static const struct option_usage usage = { .program = "test do",
						   .arguments = "[OPTION]...",
						   .about = "About it.",
						   .page = "test(1)",
						   .stands_for = "a peer" };
	const struct option_entry entries[] = {
		{ "flag", 'f', NULL, "a flag", .letters = "FG", .flag = &g->flag },
		{ "no-flag", 'n', NULL, "its opposite", .flag = &g->no_flag, .clears = &g->flag },
		{ "text", 't', "TEXT", "a text", .text = &g->text },
		{ "list", 0, "ITEM", "a list", .list = &g->list },
		{ 0 },
	};
	*g = (struct given){ .argv = { (char *)"do" }, .argc = 1 };
	for (; arguments[g->argc - 1]; g->argc++)
		g->argv[g->argc] = (char *)arguments[g->argc - 1];
	return options_parse(&usage, entries, &g->common, g->argc, g->argv, &g->first);
}

static void options_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *arguments[MAX_ARGUMENTS];
		int status;
		bool flag;
		const char *text;
		size_t n_list;
		const char *first; /* argument; NULL: none */
	} cases[] = {
		{ { NULL }, STATUS_GO_ON, false, NULL, 0, NULL },
		{ { "-f", "x", NULL }, STATUS_GO_ON, true, NULL, 0, "x" },
		{ { "-n", "-f", NULL }, STATUS_GO_ON, true, NULL, 0, NULL },
		{ { "-f", "-n", NULL }, STATUS_GO_ON, false, NULL, 0, NULL },
		{ { "x", "--flag", "-t", "y", NULL }, STATUS_GO_ON, true, "y", 0, "x" },
		{ { "--text=y", "--text", "z", NULL }, STATUS_GO_ON, false, "z", 0, NULL },
		{ { "-ftz", "--list=a", "--list=", NULL }, STATUS_GO_ON, true, "z", 2, NULL },
		{ { "--fl", "--", "-t", NULL }, STATUS_GO_ON, true, NULL, 0, "-t" },
		{ { "-", NULL }, STATUS_GO_ON, false, NULL, 0, "-" },
		{ { "-F", NULL }, STATUS_GO_ON, true, NULL, 0, NULL },
		{ { "-Gtz", "x", NULL }, STATUS_GO_ON, true, "z", 0, "x" },
		{ { "--nope", NULL }, STATUS_USAGE },
		{ { "-z", NULL }, STATUS_USAGE },
		{ { "--text", NULL }, STATUS_USAGE },
		{ { "--flag=x", NULL }, STATUS_USAGE },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].arguments[0] ? cases[i].arguments[0] : "nothing");
		struct given g;
		assert_int_equal(parse(&g, cases[i].arguments), cases[i].status);
		if (cases[i].status == STATUS_GO_ON) {
			assert_int_equal(g.flag, cases[i].flag);
			assert_int_equal(g.text != NULL, cases[i].text != NULL);
			if (g.text)
				assert_string_equal(g.text, cases[i].text);
			assert_int_equal(g.list.n, cases[i].n_list);
			assert_int_equal(g.first < g.argc, cases[i].first != NULL);
			if (cases[i].first)
				assert_string_equal(g.argv[g.first], cases[i].first);
		}
		option_values_free(&g.list);
	}
}

static void common_options_set_the_level(void **state)
{
	(void)state;
	struct given g;
	assert_int_equal(parse(&g, (const char *[]){ "--json", "-q", NULL }), STATUS_GO_ON);
	assert_true(g.common.json && g.common.quiet && !g.common.verbose);
	assert_int_equal(options_log_level(&g.common), LOG_ERRORS);
	assert_int_equal(parse(&g, (const char *[]){ "-v", NULL }), STATUS_GO_ON);
	assert_int_equal(options_log_level(&g.common), LOG_DEBUG);
}

/* What a stream gets while options are parsed; the caller frees it. */
static char *captured(FILE *stream, int number, const char *const *arguments, int status)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	fflush(stream);
	int kept = dup(number);
	dup2(fileno(file), number);
	struct given g;
	int got = parse(&g, arguments);
	fflush(stream);
	dup2(kept, number);
	close(kept);
	assert_int_equal(got, status);
	long size = lseek(fileno(file), 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);
	assert_int_equal(pread(fileno(file), text, (size_t)size, 0), size);
	fclose(file);
	return text;
}

static void help_and_version_follow_from_the_table(void **state)
{
	(void)state;
	char *help =
		captured(stdout, STDOUT_FILENO, (const char *[]){ "--help", NULL }, STATUS_DONE);
	assert_ptr_equal(strstr(help, "Usage: test do [OPTION]...\n\nAbout it.\n"), help);
	assert_non_null(strstr(help, "\n  -t, --text=TEXT "));
	assert_non_null(strstr(help, "\n      --list=ITEM "));
	assert_non_null(strstr(help, "\n  -q, --quiet "));
	assert_non_null(strstr(help, "man test\n"));
	free(help);
	static const char *const versions[] = { "--version", "-V" };
	for (size_t i = 0; i < 2; i++) {
		char *version = captured(stdout, STDOUT_FILENO,
					 (const char *[]){ versions[i], NULL }, STATUS_DONE);
		assert_string_equal(version, "test " DBGVAULT_VERSION " (in place of a peer)\n");
		free(version);
	}
}

static void wrong_use_is_one_harmless_line(void **state)
{
	(void)state;
	char *line = captured(stderr, STDERR_FILENO, (const char *[]){ "--a\x1b[2J\nb", NULL },
			      STATUS_USAGE);
	assert_null(strchr(line, '\x1b'));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_non_null(strstr(line, "see test do --help"));
	free(line);
}

static void numbers_are_whole(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "3", true },    { "22", true },  { "2", false },
		{ "23", false },  { "", false },   { " 3", false },
		{ "+3", false },  { "-3", false }, { "3x", false },
		{ "0x3", false }, { "03", true },  { "99999999999999999999", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned long long number = 7;
		assert_int_equal(option_number(cases[i].text, 3, 22, &number), cases[i].good);
		if (!cases[i].good)
			assert_int_equal(number, 7);
	}
}

static void durations_have_units(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds; /* -1: none */
	} cases[] = {
		{ "0", 0 },	{ "90", 90 },	 { "90s", 90 },	 { "15m", 900 },  { "12h", 43200 },
		{ "1d", 86400 }, { "030d", 2592000 }, { "36600d", 3162240000 },
		{ "36601d", -1 }, { "", -1 },	 { "d", -1 },	 { "1w", -1 },	  { "1dd", -1 },
		{ "1.5h", -1 }, { "-1", -1 },	 { " 1", -1 },	 { "1 d", -1 },	  { "99999999999999999999", -1 },
		{ "9999999999999999999999999999d", -1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t seconds = -1;
		print_message("%s\n", cases[i].text);
		assert_int_equal(option_duration(cases[i].text, &seconds), cases[i].seconds >= 0);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(common_options_set_the_level),
		cmocka_unit_test(help_and_version_follow_from_the_table),
		cmocka_unit_test(wrong_use_is_one_harmless_line),
		cmocka_unit_test(numbers_are_whole),
		cmocka_unit_test(durations_have_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
