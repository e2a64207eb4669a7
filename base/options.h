/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/log.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Command lines: options described in one table, from which both reading and --help follow. */

/* Exit statuses of all programs. STATUS_TROUBLE wins over STATUS_FOUND. */
enum exit_status {
	STATUS_DONE = 0,
	STATUS_TROUBLE = 1, /* something could not be done; stderr says what */
	STATUS_USAGE = 2,
	STATUS_FOUND = 3, /* the check says no */
	STATUS_GO_ON = -1, /* none yet: of options_parse() */
};

/** The values of an option that may be given more than once, in order. They point into argv. */
struct option_values {
	const char **values;
	size_t n;
};
void option_values_free(struct option_values *values);

/** One option; exactly one of the three rets is set. A table of them ends with a zeroed one. */
struct option_entry {
	const char *name; /* "output": --output */
	char letter; /* 'o': -o; 0: none */
	const char *
		value; /* how --help calls its value, "FILE"; NULL: it takes none, and sets *flag */
	const char *help;
	const char *letters; /* more of them, for the same; NULL: none */
	bool *flag;
	bool *clears; /* the flag of its opposite: the last one given counts; NULL: it has none */
	const char **text; /* the last one given */
	struct option_values *list;
};

struct option_usage {
	const char *program; /* "dbgstore add" */
	const char *arguments; /* "[OPTION]… FILE|DIR…" */
	const char *about; /* what it does, a sentence or more */
	const char *page; /* "dbgstore(1)" */
	const char *stands_for; /* the tool whose name it was called by, for --version; else NULL */
};

/** What all programs take; options_parse() adds these to every table. */
struct common_options {
	bool json;
	bool quiet;
	bool verbose;
};
/** LOG_ERRORS with -q, LOG_DEBUG with -v. */
enum log_level options_log_level(const struct common_options *common);

/**
 * Read the options of @argv, of which the first is a name; they may stand among the arguments, up
 *to "--".
 *
 * @common     may hold what was read before
 * @ret_first  index of the first argument: they are moved behind the options
 * @ret        STATUS_GO_ON, or the status to exit with: --help and --version have been answered, or
 *what is wrong has been said
 */
must_check int options_parse(const struct option_usage *usage, const struct option_entry *entries,
			     struct common_options *common, int argc, char **argv, int *ret_first);

/** Say what is wrong with the arguments, and where help is. Returns STATUS_USAGE. */
int options_wrong(const struct option_usage *usage, const char *format, ...) printf_like(2, 3);

/** A whole number of decimal digits in [@low, @high]. False where it is none. */
bool option_number(const char *text, unsigned long long low, unsigned long long high,
		   unsigned long long *ret);

/** A time of whole seconds: "90", "90s", "15m", "12h", "30d". False where it is none, or over 100 years. */
bool option_duration(const char *text, int64_t *ret_seconds);

/** A number of bytes, with K, M, G or T for powers of 1024. False where it is none. */
bool option_bytes(const char *text, uint64_t *ret);

/** Flush stdout at the end: STATUS_TROUBLE, with a message, where it did not take everything. */
int options_finish(int status);
