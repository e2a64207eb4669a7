/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "elf/given_id.h"
#include "elf/identity.h"
#include "split/job_internal.h"
#include "store/take_back.h"

static void job_close(struct job *job)
{
	contribution_free(&job->contribution);
	split_units_free(&job->split_units);
	tmpfile_discard(&job->package);
	output_close(&job->output);
	debug_file_close(&job->debug_file);
	stripped_free(&job->stripped);
	stripped_free(&job->unlinked);
	debug_image_free(&job->debug);
	debug_names_free(&job->names);
	symbols_free(&job->symbols);
	plan_free(&job->plan);
	archive_close(&job->archive);
	image_close(&job->image);
	if (job->mapping != job->file)
		mapping_close(job->mapping);
	mapping_close(job->file);
	fd_close(&job->unpacked_fd);
	fd_close(&job->fd);
}

void job_warn(const char *text, void *context)
{
	struct job *job = context;
	outcome_warn(job->outcome, "%s", text);
}

int job_publish(struct job *job, struct error *err)
{
	int r = mapping_check(job->file, err);
	return r == 0 ? output_publish(&job->output, job->input, mapping_stat(job->file), err)
		      : r;
}

/* ---- before anything is written ---- */

static int check_free(const struct job *job, int fd, const char *where, uint64_t need,
		      struct error *err)
{
	int r;

	uint64_t free_bytes;
	if (job->options->min_free == 0)
		return 0;
	r = file_free_space(fd, &free_bytes, err);
	if (r < 0)
		return r;
	if (free_bytes < need || free_bytes - need < job->options->min_free)
		return error_set(
			err, -ENOSPC,
			"%s has %s free, and after this less than --min-free (%s) might be left",
			where, HUMAN_BYTES(free_bytes), HUMAN_BYTES(job->options->min_free));
	return 0;
}

static int check_store_free(const struct job *job, struct error *err)
{
	return check_free(job, store_fd(job->store), "the store's disk", mapping_size(job->mapping),
			  err);
}

int job_check_hard_links(const struct job *job, struct error *err)
{
	uint64_t n_links = mapping_stat(job->file)->st_nlink;
	/* A dry run has opened no output. */
	bool in_place = job->output.in_place || (job->options->dry_run && !job->options->output);
	if (!in_place || n_links <= job->input->n_names || job->options->break_hard_links)
		return 0;
	return error_set(
		err, -EMLINK,
		"has %" PRIu64
		" hard links, and %zu of them %s among the inputs: name them all, or --break-hard-links",
		n_links, job->input->n_names, job->input->n_names == 1 ? "is" : "are");
}

/* What would be wrong once another file has its name. */
static int check_in_place(const struct job *job, struct error *err)
{
	const char *list = finished_list_of(job->context->finished, job->input);
	bool in_place = job->output.in_place || (job->options->dry_run && !job->options->output);
	if (in_place && list)
		return error_set(
			err, -EPERM,
			"%s speaks of it as it is, and would be wrong afterwards: split before archives and checksums are made (goreleaser: builds[].hooks.post), or take -o OUT; dbgstore add stores it as it is",
			ESCAPED(list));
	return job_check_hard_links(job, err);
}

/* -o and --debug-file: the one that comes last would be all that is left. */
static int check_two_names(const struct job *job, struct error *err)
{
	struct stat output, debug;
	if (strcmp(job->output.name, job->debug_file.name) != 0)
		return 0;
	if (fstat(job->output.dir_fd, &output) < 0 || fstat(job->debug_file.dir_fd, &debug) < 0)
		return error_errno(err, -errno, "a folder");
	if (output.st_dev != debug.st_dev || output.st_ino != debug.st_ino)
		return 0;
	return error_set(err, -EINVAL,
			 "%s: the stripped file and the debug file cannot have one name",
			 ESCAPED(job->debug_file.path));
}

static int need_build_id(struct job *job, struct error *err)
{
	if (!job->store || job->outcome->build_id.size)
		return 0;
	if (job->wants_debug_file) {
		outcome_warn(
			job->outcome,
			"no build ID, so only the debug file is written, and nothing goes into the store");
		job->store = NULL;
		return 0;
	}
	if (image_is_relocatable(&job->image))
		return error_set(
			err, -ENODATA,
			"an object file without a build ID, by which the store would know it: use --debug-file or --debug-dir, or --discard-debug to drop its debug information");
	if (job->options->build_id != BUILD_ID_ADD && image_is_go(&job->image))
		return error_set(
			err, -ENODATA,
			"no build ID, by which the store would know it, and --build-id=%s adds none: leave that away, or link with -ldflags=-B=gobuildid, or use --debug-file or --debug-dir",
			job->options->build_id == BUILD_ID_MEND ? "mend" : "keep");
	return error_set(
		err, -ENODATA,
		"no build ID, by which the store would know it: link with -Wl,--build-id (Go: -ldflags=-B=gobuildid), or use --debug-file or --debug-dir");
}

/* Below --debug-dir, names are made from build IDs and paths, which two programs may share. */
static int claim_debug_file(const struct job *job, const struct debug_file_found *found,
			    struct error *err)
{
	int r;

	struct digest layout, identity;
	const struct build_id *id = &job->outcome->build_id;
	if (found->has_dwarf && found->has_memory_layout && id->size &&
	    build_id_equal(id, &found->id) &&
	    image_memory_layout(&job->image, &layout, NULL) == 0 &&
	    !digest_equal(&layout, &found->memory_layout))
		return error_set(
			err, -EEXIST,
			"%s: there, of another program with this build ID: it is not overwritten",
			ESCAPED(job->debug_file.path));
	r = image_identity(&job->image, &identity, err);
	if (r < 0)
		return r;
	return claims_take(job->context->claims, job->debug_file.path, &identity, err);
}

static int check_debug_file(struct job *job, struct error *err)
{
	int r;

	struct debug_file_found found;
	r = debug_file_look(&job->debug_file, false, &found, err);
	if (r < 0)
		return r;
	if (found.is_there && found.has_dwarf && !image_has_dwarf(&job->image))
		return error_set(
			err, -EEXIST,
			"%s: there, with more debug information than this file has: it is not overwritten",
			ESCAPED(job->debug_file.path));
	return job->options->debug_dir ? claim_debug_file(job, &found, err) : 0;
}

static int choose_debug_file(struct job *job, struct error *err)
{
	const struct split_options *options = job->options;
	job->wants_debug_file = options->debug_dir || options->debug_file;
	if (!job->wants_debug_file)
		return 0;
	return debug_file_choose(options->debug_file, options->debug_dir, &job->outcome->build_id,
				 job->input->names[0].relative, &job->debug_file, err);
}

int job_plan_result(struct job *job, const struct debuglink *link, struct error *err)
{
	struct stripped *result = link ? &job->stripped : &job->unlinked;
	int r = stripped_plan(&job->plan, &job->symbols, link, result, err);
	job->result = result;
	job->outcome->output_bytes = result->size_bytes;
	return r;
}

static int plan_recipe(struct job *job, struct error *err)
{
	job->recipe = (struct recipe_source){ .stripped = &job->unlinked,
					      .originals = job->originals,
					      .n_originals = job->note.n_patches,
					      .exact = job->options->exact };
	int r = debug_image_add_recipe(&job->debug, &job->recipe, err);
	if (r == 0 && job->debug.kept_bytes)
		outcome_warn(
			job->outcome,
			"--exact: %s of compressed debug information are kept as they are, and no store makes them smaller",
			HUMAN_BYTES(job->debug.kept_bytes));
	return r;
}

static int prepare(struct job *job, struct error *err)
{
	int r;

	if (job->discards)
		job->store = NULL;
	job->outcome->debug_dropped = job->discards;
	r = need_build_id(job, err);
	if (r == 0 && job->wants_debug_file)
		r = check_debug_file(job, err);
	if (r == 0)
		r = symbols_plan(&job->plan, &job->symbols, err);
	if (r == 0 && !symbols_change(&job->symbols) &&
	    !(job->store && job->options->no_executable))
		plan_leave_symbols(&job->plan);
	if (r == 0)
		r = debug_image_plan(&job->plan, &job->debug, err);
	if (r == 0)
		r = job_plan_result(job, NULL, err);
	if (r == 0 && !job->discards)
		r = plan_recipe(job, err);
	if (r < 0)
		return r;
	job->outcome->debug_bytes = job->discards ? 0 : job->debug.size_bytes;
	job->outcome->taken_bytes = job->plan.taken_bytes;
	/* A link's CRC is not known before the debug file is written; its place is. */
	if (job->options->dry_run) {
		const struct debuglink link = { job->debug_file.name, 0 };
		r = job->wants_debug_file ? job_plan_result(job, &link, err) : 0;
		if (r == 0)
			r = check_in_place(job, err);
		return r == 0 && job->store ? check_store_free(job, err) : r;
	}

	r = output_open(job->input, job->options->output, &job->output, err);
	if (r == 0)
		r = check_in_place(job, err);
	if (r == 0 && job->store)
		r = check_store_free(job, err);
	if (r == 0 && job->wants_debug_file)
		r = debug_file_create(&job->debug_file, err);
	if (r == 0 && job->wants_debug_file)
		r = check_two_names(job, err);
	if (r == 0 && job->wants_debug_file)
		r = check_free(job, job->debug_file.dir_fd, "the debug file's disk",
			       job->debug.size_bytes, err);
	return r;
}

/* ---- all of it ---- */

static int put_record(struct job *job, struct error *err)
{
	int r;

	if (!job->store)
		return 0;
	enum quality quality = image_has_dwarf(&job->image)     ? QUALITY_DWARF
			       : image_has_symbols(&job->image) ? QUALITY_SYMBOLS
								: QUALITY_NONE;
	job->fresh.has_record = true;
	r = deposit_record(job->store, &job->contribution, job->outcome, quality,
			   &job->outcome->collision, err);
	if (r < 0 || !job->outcome->collision || job->options->allow_collision)
		return r;
	return error_set(
		err, -EEXIST,
		"build ID %s is in the store with other loadable content: both are kept, neither is served; --allow-id-collision splits it all the same",
		BUILD_ID_HEX(&job->outcome->build_id));
}

static int split(struct job *job, struct error *err)
{
	int r;

	r = prepare(job, err);
	if (r < 0)
		return r;
	if (job->options->dry_run) {
		job_list_changes(job);
		job_settle(job, OUTCOME_SPLIT);
		return job_pack_units(job, err);
	}
	r = job_write(job, err);
	if (r == 0)
		r = job_pack_units(job, err);
	if (r < 0)
		return r;
	job_list_changes(job); /* now that it is known what could be decoded */
	r = mapping_check(job->file, err);
	if (r == 0)
		r = put_record(job, err);
	if (r == 0)
		r = job_publish_package(job, err);
	if (r == 0 && job->wants_debug_file)
		r = debug_file_publish(&job->debug_file, 0666 & ~job->context->umask, err);
	if (r == 0)
		r = job_publish(job, err);
	if (r == 0)
		job_settle(job, OUTCOME_SPLIT);
	return r;
}

/* What is done about the build ID both images get, as if the input had been so. */
static int amend(struct job *job, const struct plan_options *options, struct error *err)
{
	int r;

	if (!job->note.n_patches)
		return 0;
	for (size_t i = 0; i < job->note.n_patches; i++) {
		const struct byte_patch *patch = &job->note.patches[i];
		memcpy(job->original_bytes[i], job->image.bytes + patch->offset, patch->size);
		job->originals[i] = (struct recipe_original){ patch->offset, patch->size,
							      job->original_bytes[i] };
	}
	r = build_id_note_apply(&job->note, job->mapping, &job->image, err);
	if (r < 0)
		return r;
	plan_free(&job->plan);
	return plan_make(&job->image, options, &job->plan, err);
}

static int run(struct job *job, struct error *err)
{
	int r;

	r = job_look(job, err);
	if (r < 0 || job->settled)
		return r;
	if (job->is_archive)
		return job_archive(job, err);
	/* An object file is linked into something that has an ID: that is what debuggers look for. */
	job->discards = image_is_relocatable(&job->image) && !job->outcome->build_id.size &&
			!job->options->debug_dir && !job->options->debug_file &&
			(job->options->as_strip || job->options->discard_debug);
	if (job->context->refusal && !job->discards && !job->options->as_strip)
		return error_set(err, -ENODATA, "%s", job->context->refusal);
	if (job->context->refusal && !job->discards) {
		outcome_set_note(job->outcome, "debug information stays in the file: %s",
				 job->context->refusal);
		job->outcome->stays = true;
		job_settle(job, OUTCOME_SKIPPED);
		return job_copy_output(job, err);
	}
	r = choose_debug_file(job, err);
	if (r < 0)
		return r;
	const struct plan_options options = { .removed = job->options->removed.values,
					      .n_removed = job->options->removed.n };
	if (job->image.n_sections > 0) {
		r = plan_make(&job->image, &options, &job->plan, err);
		if (r < 0)
			return r;
	}
	if (!plan_has_work(&job->plan))
		return job_settle_without_debug(job, err);
	r = amend(job, &options, err);
	return r == 0 ? split(job, err) : r;
}

void job_run(const struct job_context *context, const struct input *input, struct outcome *ret)
{
	*ret = (struct outcome){ .path = strdup(input->names[0].path),
				 .named = !input->names[0].root,
				 .dry_run = context->options->dry_run };
	struct job job = { .context = context,
			   .options = context->options,
			   .input = input,
			   .outcome = ret,
			   .fd = -1,
			   .unpacked_fd = -1,
			   .store = context->store,
			   .fresh = FRESH_NONE,
			   .debug_file = DEBUG_FILE_NONE,
			   .output = OUTPUT_NONE,
			   .package = TMPFILE_NONE };
	int r = ret->path ? run(&job, &ret->error) : error_no_memory(&ret->error);
	if (r < 0)
		ret->status = OUTCOME_FAILED;
	if (r < 0 && job.store)
		fresh_take_back(job.store, &job.fresh, &ret->build_id);
	if (r == 0 && ret->status == OUTCOME_SPLIT && job.wants_debug_file && !ret->dry_run)
		ret->debug_file = strdup(job.debug_file.path);
	if (r == 0 && context->options->output && ret->status != OUTCOME_FAILED)
		ret->output = strdup(context->options->output);
	job_close(&job);
}
