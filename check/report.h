/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/options.h"
#include <jansson.h>

/* How files are told: lines of text, or of JSON (docs/schema/dbgvault.check-1.json). */

/** {"schema", "status": @status, "path"}: the start of each line. NULL: no memory. */
json_t *report_line(const char *path, const char *status);
/** printf(3), beside the progress bar. */
void report_text(const char *format, ...) printf_like(1, 2);
/** Print and release one. */
void report_print(json_t *line);

/** What is told the same way whatever is done with the files. */
void report_skipped(const struct check_options *options, const char *path, const char *why);
void report_failed(const struct check_options *options, const char *path, const struct error *err);
