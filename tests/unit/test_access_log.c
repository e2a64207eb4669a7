/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/access_log.h"

static const struct build_id id = { 2, { 0xab, 0x12 } };

static void lines_say_what_happened(void **state)
{
	(void)state;
	static const struct {
		struct access access;
		const char *text;
		const char *json;
	} cases[] = {
		{ { .kind = KIND_DEBUGINFO,
		    .id = &id,
		    .status = 200,
		    .bytes = 81920,
		    .duration_us = 3007,
		    .encoding = "zstd",
		    .peer = "192.0.2.1" },
		  "served kind=debuginfo id=ab12 status=200 bytes=81920 ms=3.007 encoding=zstd peer=192.0.2.1\n",
		  "{\"schema\":\"dbgvault.serve/1\",\"time\":\"2026-11-24T05:46:00Z\",\"event\":\"served\","
		  "\"kind\":\"debuginfo\",\"build_id\":\"ab12\",\"status\":200,\"size_bytes\":81920,\"duration_us\":3007,"
		  "\"encoding\":\"zstd\",\"peer\":\"192.0.2.1\"}\n" },
		{ { .kind = KIND_SOURCE,
		    .id = &id,
		    .name = "/a \"b\"\n\xff\x1b[31m",
		    .name_size = 13,
		    .status = 404,
		    .bytes = 10,
		    .duration_us = 41,
		    .peer = "::1" },
		  "served kind=source id=ab12 name=\"/a \\x22b\\x22\\x0a\\xff\\x1b[31m\" status=404 bytes=10 "
		  "ms=0.041 peer=::1\n",
		  "{\"schema\":\"dbgvault.serve/1\",\"time\":\"2026-11-24T05:46:00Z\",\"event\":\"served\","
		  "\"kind\":\"source\",\"build_id\":\"ab12\",\"name\":\"/a \\\"b\\\"\\n\\udcff\\u001B[31m\","
		  "\"status\":404,\"size_bytes\":10,\"duration_us\":41,\"peer\":\"::1\"}\n" },
		{ { .kind = KIND_OTHER,
		    .duration_us = 1000000,
		    .peer = "::1",
		    .cut = true,
		    .why = "trouble" },
		  "served kind=other status=none bytes=0 ms=1000.000 peer=::1 end=cut why=\"trouble\"\n",
		  "{\"schema\":\"dbgvault.serve/1\",\"time\":\"2026-11-24T05:46:00Z\",\"event\":\"served\","
		  "\"kind\":\"other\",\"status\":null,\"size_bytes\":0,\"duration_us\":1000000,\"peer\":\"::1\","
		  "\"cut\":true,\"why\":\"trouble\"}\n" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *line;
		size_t size;
		assert_int_equal(access_format(&cases[i].access, ACCESS_LOG_TEXT, 1795499160, &line,
					       &size, NULL),
				 0);
		assert_string_equal(line, cases[i].text);
		assert_int_equal(size, strlen(line));
		free(line);
		assert_int_equal(access_format(&cases[i].access, ACCESS_LOG_JSON, 1795499160, &line,
					       &size, NULL),
				 0);
		assert_string_equal(line, cases[i].json);
		assert_int_equal(size, strlen(line));
		free(line);
	}
}

/* A name as long as a request can have it makes one line, cut, and ended. */
static void long_names_are_cut(void **state)
{
	(void)state;
	static char name[20000];
	memset(name, 0xff, sizeof(name));
	struct access access = { .kind = KIND_SOURCE,
				 .name = name,
				 .name_size = sizeof(name),
				 .status = 404,
				 .peer = "::1" };

	for (enum access_log_format format = ACCESS_LOG_TEXT; format <= ACCESS_LOG_JSON; format++) {
		char *line;
		size_t size;
		assert_int_equal(access_format(&access, format, 0, &line, &size, NULL), 0);
		assert_true(size < 8192);
		assert_ptr_equal(strchr(line, '\n'), line + size - 1);
		assert_non_null(strstr(line, "404"));
		free(line);
	}
}

static void all_lines_are_written_in_order(void **state)
{
	(void)state;
	struct access_log *log;
	FILE *file = tmpfile();
	assert_non_null(file);

	assert_int_equal(access_log_open(fileno(file), ACCESS_LOG_TEXT, &log, NULL), 0);
	for (uint64_t i = 0; i < 5000; i++)
		access_log_write(
			log, &(struct access){
				     .kind = KIND_ROOT, .status = 200, .bytes = i, .peer = "p" });
	access_log_close(log);

	rewind(file);
	char line[200];
	for (uint64_t i = 0; i < 5000; i++) {
		unsigned long long n;
		assert_non_null(fgets(line, sizeof(line), file));
		assert_int_equal(sscanf(line,
					"served kind=root status=200 bytes=%llu ms=0.000 peer=p\n",
					&n),
				 1);
		assert_int_equal(n, i);
	}
	assert_null(fgets(line, sizeof(line), file));
	fclose(file);
}

/* A line is there soon, though no other follows. */
static void a_lone_line_does_not_wait(void **state)
{
	(void)state;
	struct access_log *log;
	int ends[2];
	char line[200];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(access_log_open(ends[1], ACCESS_LOG_TEXT, &log, NULL), 0);
	access_log_write(log, &(struct access){ .kind = KIND_ROOT, .status = 200, .peer = "p" });
	alarm(10);
	assert_true(read(ends[0], line, sizeof(line)) > 20);
	alarm(0);
	access_log_close(log);
	close(ends[0]);
	close(ends[1]);
}

/* Nobody reads: answers go on, and once someone does, the number of lines that are missing is said.
 */
static void a_stuck_reader_holds_up_nobody(void **state)
{
	(void)state;
	struct access_log *log;
	int ends[2];
	uint64_t n_written = 60000, n_read = 0, n_lost = 0;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(access_log_open(ends[1], ACCESS_LOG_TEXT, &log, NULL), 0);
	for (uint64_t i = 0; i < n_written; i++)
		access_log_write(log,
				 &(struct access){ .kind = KIND_ROOT, .status = 200, .peer = "p" });

	pid_t reader = fork();
	if (!reader) { /* keeps the pipe going until the log is closed */
		close(ends[1]);
		FILE *in = fdopen(ends[0], "r");
		char line[200];
		unsigned long long n;
		while (fgets(line, sizeof(line), in)) {
			if (sscanf(line, "lost lines=%llu", &n) == 1)
				n_lost += n;
			else
				n_read += !strncmp(line, "served ", 7);
		}
		_exit(n_lost > 0 && n_read > 1000 && n_read + n_lost == n_written ? 0 : 1);
	}
	access_log_close(log);
	close(ends[0]);
	close(ends[1]);
	int status;
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_say_what_happened),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(all_lines_are_written_in_order),
		cmocka_unit_test(a_lone_line_does_not_wait),
		cmocka_unit_test(a_stuck_reader_holds_up_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
