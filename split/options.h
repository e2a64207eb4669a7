/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/options.h"
#include "split/build_id_note.h"
#include "split/words.h"
#include "store/record.h"

#define MIN_FREE_DEFAULT (UINT64_C(1) << 30)

/** What the command line of dbgsplit asks for. Texts point into its words or the environment. */
struct split_options {
	struct common_options common;
	const char *store; /* --store, or NULL */
	const char *debug_dir;
	const char *debug_file;
	const char *output; /* -o */
	bool no_sources;
	struct option_values source_roots;
	struct option_values source_maps; /* FROM=DIR */
	bool no_executable;
	bool keep_names; /* in the stored debug image */
	enum build_id_mode build_id;
	bool require_debug;
	bool discard_debug;
	bool keep_archive_fields; /* -U */
	bool allow_collision;
	bool break_hard_links;
	bool keep_times;
	bool dry_run;
	bool join; /* the inputs are a stripped file and its debug file */
	bool exact;
	bool no_package; /* of split DWARF */
	bool package_all; /* DWARF 5, too */
	bool recompress; /* compressed kernel modules, too */
	unsigned jobs; /* at least 1 */
	unsigned cores; /* that this process may use */
	int level; /* of zstd; 0: the store's own */
	uint64_t min_free; /* bytes; 0: no limit */
	struct option_values removed; /* -R */
	struct origin origin; /* its path is --origin-path; all owned */
	bool as_strip; /* called as strip: says less, and fails no build for want of a store */
	struct words words; /* of $DBGVAULT_SPLIT_FLAGS and the command line */
	const char *const *inputs; /* in words */
	size_t n_inputs;
};

/**
 * Read $DBGVAULT_SPLIT_FLAGS, then the command line. A program name that is or ends in "strip"
 * makes it a stand-in for strip(1).
 *
 * @ret  STATUS_GO_ON, or the status to exit with: what is wrong, or asked for, has been said
 */
must_check int split_options_read(struct split_options *options, int argc, char **argv);
/** Also accepts a zeroed struct. */
void split_options_free(struct split_options *options);
