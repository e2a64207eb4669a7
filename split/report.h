/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/capture.h"
#include "split/join.h"
#include "split/options.h"
#include "store/object.h"
#include <jansson.h>

/* What became of one file, and how it is told: a line of text, or an object of JSON
 * (docs/schema/split.json). */

enum outcome_status {
	OUTCOME_SPLIT,
	OUTCOME_ALREADY, /* no debug information in it, and the store, or the debug file, has it */
	OUTCOME_NO_DEBUG, /* none in it, and none elsewhere */
	OUTCOME_SKIPPED,
	OUTCOME_FAILED,
};

struct outcome {
	enum outcome_status status;
	char *path; /* as the user would write it; owned */
	char *output; /* what was written instead of it; owned, NULL: the file itself */
	bool named; /* the user named this very file */
	bool dry_run;
	struct build_id build_id;
	uint64_t input_bytes, output_bytes;
	uint64_t taken_bytes; /* of debug sections, as they were in the input */
	uint64_t debug_bytes; /* of the debug image */
	bool has_debug; /* stored: */
	struct object_result debug;
	bool has_executable;
	struct object_result executable;
	bool has_sources;
	struct capture_result sources;
	char *debug_file; /* the plain debug file; owned, or NULL */
	uint32_t debug_crc;
	bool stays; /* debug information is left in it, for want of a place */
	bool debug_dropped; /* it went nowhere: there is no build ID, and that was asked for */
	bool collision;
	char *note; /* why it was passed over, or has no debug information; owned, or NULL */
	char *package_file; /* owned; of split DWARF, beside the debug file */
	uint64_t split_units; /* whose debug information lies in other files */
	json_t *changes; /* owned; array, or NULL */
	char **warnings; /* owned */
	size_t n_warnings;
	struct error error; /* of OUTCOME_FAILED */
};

const char *outcome_status_name(enum outcome_status status);
void outcome_free(struct outcome *outcome);
void outcome_warn(struct outcome *outcome, const char *format, ...) printf_like(2, 3);
void outcome_set_note(struct outcome *outcome, const char *format, ...) printf_like(2, 3);
/** Add to the changes: {"kind": @kind, "section": @section}, and return it, borrowed; NULL: no
 * memory. */
json_t *outcome_change(struct outcome *outcome, const char *kind, const char *section);

/** All outcomes so far, counted. */
struct totals {
	uint64_t n[OUTCOME_FAILED + 1];
	uint64_t input_bytes, output_bytes; /* of what was split */
	uint64_t debug_bytes, debug_stored, executable_stored, sources_stored;
	uint64_t n_objects_there;
	uint64_t n_stay; /* files in which debug information is left */
	uint64_t n_quiet_no_debug; /* not named, so not told one by one */
	char *first_no_debug; /* owned: the first of these */
};
void totals_free(struct totals *totals);

/** Tell one file's outcome, and count it. One thread at a time. */
void report_outcome(const struct split_options *options, const struct outcome *outcome,
		    struct totals *totals);

struct store;
/** The last line: numbers over all files. @st NULL: no store. */
void report_totals(const struct split_options *options, struct store *st,
		   const struct totals *totals);

/** Tell what --join made of the first input; @result NULL: nothing, and @err says why. */
void report_join(const struct split_options *options, const struct join_result *result,
		 const struct error *err);
