/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "check/report.h"

#define SCHEMA "dbgvault.check/1"

json_t *report_line(const char *path, const char *status)
{
	json_t *line = json_object();
	json_object_set_new(line, "schema", json_string(SCHEMA));
	json_object_set_new(line, "status", json_string(status));
	json_object_set_new(line, "path", json_bytes_string(path));
	return line;
}

void report_text(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	progress_hide_shown();
	vprintf(format, args);
	fflush(stdout);
	progress_show_again();
	va_end(args);
}

void report_print(json_t *line)
{
	struct error err = ERROR_NONE;
	scoped(string_free) char *text = NULL;
	size_t size;
	if (json_format(line, false, &text, &size, &err) < 0)
		log_error("%s", err.message);
	else
		report_text("%s\n", text);
	json_decref(line);
}

void report_skipped(const struct check_options *options, const char *path, const char *why)
{
	if (options->common.json) {
		json_t *line = report_line(path, "skipped");
		json_object_set_new(line, "reason", json_string(why));
		report_print(line);
	} else if (options->common.verbose && !options->sarif) {
		report_text("%s: passed over: %s\n", ESCAPED(path), why);
	}
}

void report_failed(const struct check_options *options, const char *path, const struct error *err)
{
	if (options->common.json) {
		json_t *line = report_line(path, "failed");
		json_object_set_new(line, "error", json_bytes_string(err->message));
		report_print(line);
	}
	log_error("%s: %s", ESCAPED(path), err->message);
}
