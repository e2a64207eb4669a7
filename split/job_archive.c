/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "split/job_internal.h"

int job_open_archive(struct job *job, struct error *err)
{
	const struct archive_options options = {
		.plan = { .removed = job->options->removed.values,
			  .n_removed = job->options->removed.n },
		.keeps_fields = job->options->keep_archive_fields,
	};
	return archive_open(mapping_bytes(job->mapping), mapping_size(job->mapping), &options,
			    &job->archive, err);
}

static void warn_of_members(struct job *job)
{
	for (size_t i = 0; i < job->archive.n_members; i++)
		if (job->archive.members[i].why)
			outcome_warn(job->outcome, "member %s stays as it is: %s",
				     job->archive.members[i].name, job->archive.members[i].why);
}

static int write_bytes(const struct sink *sink, void *context, struct error *err)
{
	const struct job *job = context;
	return archive_write(&job->archive, sink, err);
}

static int judge_bytes(const uint8_t *bytes, uint64_t size, void *context, struct error *err)
{
	const struct job *job = context;
	const struct judge_options options = { .removed = job->options->removed.values,
					       .n_removed = job->options->removed.n };
	return archive_judge(&job->archive, bytes, size, &options, err);
}

static int write_archive(struct job *job, struct error *err)
{
	int r;

	if (job->options->dry_run)
		return job_check_hard_links(job, err);
	const struct output_content content = { .write = write_bytes,
						.judge = judge_bytes,
						.context = job };
	r = output_open(job->input, job->options->output, &job->output, err);
	if (r == 0)
		r = job_check_hard_links(job, err);
	if (r == 0)
		r = output_write_content(&job->output, &content, job->fd,
					 mapping_stat(job->file), job->options->keep_times,
					 job_warn, job, err);
	return r == 0 ? job_publish(job, err) : r;
}

/* Also then it is made the same whenever and by whomever it was built. */
static int settle_without_debug(struct job *job, bool as_strip_does, struct error *err)
{
	int r;

	if (as_strip_does && archive_changes_fields(&job->archive)) {
		outcome_set_note(
			job->outcome,
			"no debug information in the members of this archive; their times and owners are gone");
		r = write_archive(job, err);
	} else {
		outcome_set_note(job->outcome,
				 "no debug information in the members of this archive");
		r = job_copy_output(job, err);
	}
	if (r == 0)
		job_settle(job, job->options->as_strip ? OUTCOME_SKIPPED : OUTCOME_NO_DEBUG);
	return r;
}

int job_archive(struct job *job, struct error *err)
{
	int r;

	warn_of_members(job);
	bool as_strip_does = job->options->as_strip || job->options->discard_debug;
	if (job->archive.n_stripped == 0)
		return settle_without_debug(job, as_strip_does, err);
	if (!as_strip_does)
		return error_set(
			err, -ENODATA,
			"an archive: its members have no build IDs, by which debug information would be found again; --discard-debug drops it, as strip does");
	job->discards = job->outcome->debug_dropped = true;
	job->outcome->taken_bytes = job->archive.taken_bytes;
	job->outcome->output_bytes = job->archive.new_size_bytes;
	r = write_archive(job, err);
	if (r == 0)
		job_settle(job, OUTCOME_SPLIT);
	return r;
}
