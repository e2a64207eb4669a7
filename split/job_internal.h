/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/mapping.h"
#include "elf/split_units.h"
#include "split/archive.h"
#include "split/debug_file.h"
#include "split/debug_names.h"
#include "split/deposit.h"
#include "split/job.h"
#include "split/output.h"
#include "split/packing.h"
#include "split/recipe_make.h"

/* A job's own files: what one file goes through (job.c), what it is (job_look.c), its writing
 * (job_write.c), and what has changed in it (job_changes.c). */

struct job {
	const struct job_context *context;
	const struct split_options *options;
	const struct input *input;
	struct outcome *outcome;
	bool is_archive;
	bool settled; /* the outcome is known, and nothing more to do */

	int fd;
	struct mapping *file; /* as it is on the disk */
	struct mapping *mapping; /* what is in it: the same, but for a packed module */
	enum packing packing;
	int unpacked_fd;
	struct archive archive; /* with members: it is one, and there is no image */
	struct image image; /* with what job->note changes, once there is work */
	struct build_id_note note;
	struct store *store; /* NULL: this file does not go there */
	struct plan plan;
	struct symbols symbols;
	struct debug_image debug;
	struct debug_names names; /* that are changed in it */
	struct stripped stripped; /* with a debug link */
	struct stripped unlinked; /* without one */
	const struct stripped *result; /* that of the two which is written */
	struct recipe_source recipe;
	struct recipe_original originals[BUILD_ID_PATCHES]; /* of the bytes that the note changes */
	uint8_t original_bytes[BUILD_ID_PATCHES][BYTE_PATCH_LIMIT];
	struct debug_file debug_file;
	bool wants_debug_file;
	bool discards; /* debug information goes nowhere, as strip(1) does it */
	struct output output;
	struct split_units split_units; /* whose debug information lies in .dwo files */
	struct tmpfile package; /* of these; beside the debug file, in its folder */
	struct contribution contribution;
	struct fresh fresh; /* what it put into the store: taken back where the job fails */
};

static inline void job_settle(struct job *job, enum outcome_status status)
{
	job->outcome->status = status;
	job->settled = true;
}

/** A replace_warning; @context is the job. */
void job_warn(const char *text, void *context);

/** Put the written output in its place, unless the input has changed. */
must_check int job_publish(struct job *job, struct error *err);

/** Open the input and see what it is: on 0 and not settled, a program whose sections may be
 * planned. */
must_check int job_look(struct job *job, struct error *err);

/** The input is a compressed kernel module: map what is in it. */
must_check int job_unpack(struct job *job, struct error *err);

/** Write the stripped module as it came, compressed. */
must_check int job_write_packed(struct job *job, const struct judge_options *options,
				struct error *err);

/** The input is an archive: read it, and plan the new one. */
must_check int job_open_archive(struct job *job, struct error *err);

/** All that becomes of an archive; what strip(1) does, where that was asked for. */
must_check int job_archive(struct job *job, struct error *err);

/** Names of the file that are not among the inputs would keep the old one. Errors: -EMLINK */
must_check int job_check_hard_links(const struct job *job, struct error *err);

/** There is no debug information in it: is it where it should be? Settles the job. */
must_check int job_settle_without_debug(struct job *job, struct error *err);

/** -o of a file that stays as it is. */
must_check int job_copy_output(struct job *job, struct error *err);

/** How the stripped file is to lie; NULL: without a debug link. */
must_check int job_plan_result(struct job *job, const struct debuglink *link, struct error *err);

/** Write both images, sources and what the record needs; all is durable, and nothing published. */
must_check int job_write(struct job *job, struct error *err);

/** Find units of split DWARF, and pack what they name to lie beside the debug file, where there is one;
 * what cannot be is a warning. Errors: -ENOMEM; writing */
must_check int job_pack_units(struct job *job, struct error *err);
/** Give the package its name. */
must_check int job_publish_package(struct job *job, struct error *err);

/** List what differs from the input, for the record, and warn of what stays against expectations.
 */
void job_list_changes(struct job *job);
