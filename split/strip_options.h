/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/options.h"

/*
 * The options of strip(1) that dbgsplit takes so that it can stand in for it (binutils' manual, "strip"). What
 * they ask for beyond debug information is answered here: symbols are never taken.
 */

struct strip_options {
	bool debug; /* -g */
	bool all, unneeded, discard_all, discard_locals;
	struct option_values taken_symbols; /* -N */
	bool only_keep_debug;
	bool keep_archive_fields; /* -U */
	const char *input_target, *output_target, *target; /* -I, -O, -F */
	struct option_values ignored_values;
	bool ignored; /* what asks for what is done anyway */
};
void strip_options_free(struct strip_options *options);

#define STRIP_OPTIONS_MAX 24

/** Their entries of a table for options_parse(), which writes to @options. Returns how many. */
size_t strip_options_entries(struct strip_options *options,
			     struct option_entry ret[static STRIP_OPTIONS_MAX]);

/** A program of this name is a stand-in: strip, or TRIPLET-strip, in any folder. */
bool strip_is_name(const char *program);

/**
 * What of them cannot be done, or is done in part. Called as strip, what asks for symbols to be taken takes debug
 * information alone, which is said, unless $DBGVAULT_STRICT is set; by our own name it is refused.
 *
 * @ret  STATUS_GO_ON, or STATUS_USAGE: why has been said
 */
must_check int strip_options_check(const struct strip_options *options,
				   const struct option_usage *usage, bool as_strip);
