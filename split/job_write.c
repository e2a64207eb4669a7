/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/file.h"
#include "split/job_internal.h"
#include "store/supplement.h"

/* A step in a thread of its own; run in this one where there is none to be had. */
struct step {
	int (*run)(struct job *job, struct error *err);
	struct job *job;
	pthread_t thread;
	bool started, in_thread;
	int r;
	struct error error;
};

static void *step_run(void *context)
{
	struct step *step = context;
	step->r = step->run(step->job, &step->error);
	return NULL;
}

static void step_start(struct step *step)
{
	step->started = true;
	step->in_thread = pthread_create(&step->thread, NULL, step_run, step) == 0;
	if (!step->in_thread)
		step_run(step);
}

static int step_join(struct step *step, struct error *err)
{
	if (!step->started)
		return 0;
	if (step->in_thread)
		pthread_join(step->thread, NULL);
	step->started = false;
	if (step->r < 0 && err)
		*err = step->error;
	return step->r;
}

static int write_debug(struct job *job, struct error *err)
{
	int r;

	struct file_sink file = { .fd = job->debug_file.file.fd,
				  .what = job->debug_file.path,
				  .wants_crc = true };
	r = job->store && !job->options->keep_names
		    ? debug_names_find(&job->image, &job->names, err)
		    : 0;
	if (r < 0)
		return r;
	r = deposit_debug(job->store, &job->debug, job->wants_debug_file ? &file : NULL,
			  &job->names, job->mapping, job->context->progress, &job->fresh,
			  &job->outcome->debug,
			  err);
	job->outcome->has_debug = r == 0 && job->store;
	job->outcome->debug_crc = file.crc;
	return r;
}

static int write_executable(struct job *job, struct error *err)
{
	int r;

	r = deposit_stripped(job->store, job->result, job->mapping, job->context->progress,
			     &job->fresh, &job->outcome->executable, err);
	job->outcome->has_executable = r == 0;
	return r;
}

static int write_output(struct job *job, const struct debuglink *link, struct error *err)
{
	int r;

	const struct judge_options judge = { .link = link,
					     .removed = job->options->removed.values,
					     .n_removed = job->options->removed.n,
					     .note = &job->note };
	if (job->packing)
		return job_write_packed(job, &judge, err);
	/* The judge sees the input as it is on the disk. */
	scoped(mapping_closep) struct mapping *mapping = NULL;
	scoped(image_close) struct image image = { 0 };
	if (job->note.n_patches) {
		r = mapping_open(job->fd, job->outcome->path, &mapping, err);
		if (r == 0)
			r = image_open(mapping_bytes(mapping), mapping_size(mapping), &image, err);
		if (r < 0)
			return r;
	}
	r = output_write(&job->output, job->result, mapping ? &image : &job->image, &judge,
			 job->fd, mapping_stat(job->file), job->options->keep_times,
			 job_warn, job, err);
	return r == 0 && mapping ? mapping_check(mapping, err) : r;
}

static void warn_source(const char *path, const char *why, void *context)
{
	struct job *job = context;
	outcome_warn(job->outcome, "source %s left out: %s", ESCAPED(path), why);
}

/* Sources are a gift: line tables that cannot be read cost a warning. A store that fails, the
 * split. */
static int write_sources(struct job *job, struct error *err)
{
	int r;

	if (!job->store || !job->context->roots)
		return 0;
	r = capture_sources(job->store, &job->image, job->context->roots,
			    mapping_stat(job->file)->st_mtime, warn_source, job,
			    &job->fresh, &job->outcome->sources, err);
	job->outcome->has_sources = r == 0 && job->outcome->sources.stored.manifest.present;
	if (r != -EBADMSG && r != -EFBIG && r != -ENOTSUP)
		return r;
	outcome_warn(job->outcome, "no sources: %s", err->message);
	return 0;
}

static int origin_of(const struct job *job, struct origin *ret, struct error *err)
{
	int r;

	const struct input_name *name = &job->input->names[0];
	const char *given = job->options->origin.path;
	r = origin_copy(&job->options->origin, ret, err);
	if (r < 0 || (given && !name->root))
		return r;
	free(ret->path);
	ret->path = NULL;
	return given ? string_format(&ret->path, err, "%s/%s", given, name->relative)
		     : string_format(&ret->path, err, "%s", name->relative);
}

/* What dwz has moved elsewhere goes into the store, too, if it is there. */
static int keep_supplement(struct job *job, struct error *err)
{
	int r;

	struct supplement supplement;
	r = supplement_keep(job->store, &job->image, job->outcome->path, &supplement, err);
	if (r < 0)
		return r;
	job->contribution.supplement_id = supplement.id;
	job->contribution.supplement = supplement.artifact;
	scoped(string_free) char *missing = NULL;
	r = supplement_missing(job->store, &job->image, &missing, err);
	if (r == 0 && missing)
		outcome_warn(job->outcome, "%s", missing);
	return r;
}

/* What the input tells about itself takes a digest of all that is loaded: made while others
 * compress. */
static int prepare_record(struct job *job, struct error *err)
{
	int r;

	if (!job->store)
		return 0;
	scoped(origin_free) struct origin origin = { 0 };
	r = origin_of(job, &origin, err);
	if (r == 0)
		r = contribution_of_image(job->store, &job->image, &origin, &job->fresh,
					  &job->contribution, err);
	if (r == 0)
		r = keep_supplement(job, err);
	/* With --build-id=keep, the file's own, whatever it says. */
	if (r == 0)
		job->contribution.build_id = job->outcome->build_id;
	return r;
}

int job_write(struct job *job, struct error *err)
{
	int r = 0;

	struct step debug = { .run = write_debug, .job = job, .error = ERROR_NONE };
	struct step executable = { .run = write_executable, .job = job, .error = ERROR_NONE };
	bool keep_executable = job->store && !job->options->no_executable;
	struct debuglink link = { .name = job->debug_file.name };

	if (!job->discards)
		step_start(&debug);
	/* With a debug link, the stripped image needs the CRC of the debug file. */
	if (!job->wants_debug_file) {
		if (keep_executable)
			step_start(&executable);
		r = write_output(job, NULL, err);
	}
	if (r == 0)
		r = write_sources(job, err);
	if (r == 0)
		r = prepare_record(job, err);
	struct error debug_error = ERROR_NONE;
	int debug_r = step_join(&debug, &debug_error);
	if (debug_r < 0 && r == 0) {
		r = debug_r;
		*err = debug_error;
	}
	if (r == 0 && job->wants_debug_file) {
		link.crc = job->outcome->debug_crc;
		r = job_plan_result(job, &link, err);
		if (r == 0 && keep_executable)
			step_start(&executable);
		if (r == 0)
			r = write_output(job, &link, err);
	}
	struct error executable_error = ERROR_NONE;
	int executable_r = step_join(&executable, &executable_error);
	if (executable_r < 0 && r == 0) {
		r = executable_r;
		*err = executable_error;
	}
	return r;
}
