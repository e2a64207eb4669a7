/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mapping.h"
#include "elf/notes.h"
#include "split/debug_file.h"
#include "split/deposit.h"
#include "split/job.h"
#include "split/output.h"
#include "store/add.h"

struct job {
	const struct job_context *context;
	const struct split_options *options;
	const struct input *input;
	struct outcome *outcome;
	bool settled; /* the outcome is known, and nothing more to do */

	int fd;
	struct mapping *mapping;
	struct image image;
	struct store *store; /* NULL: this file does not go there */
	struct plan plan;
	struct symbols symbols;
	struct debug_image debug;
	struct stripped stripped;
	struct debug_file debug_file;
	bool wants_debug_file;
	struct output output;
	struct contribution contribution;
};

static void job_close(struct job *job)
{
	contribution_free(&job->contribution);
	output_close(&job->output);
	debug_file_close(&job->debug_file);
	stripped_free(&job->stripped);
	debug_image_free(&job->debug);
	symbols_free(&job->symbols);
	plan_free(&job->plan);
	image_close(&job->image);
	mapping_close(job->mapping);
	fd_close(&job->fd);
}

static void settle(struct job *job, enum outcome_status status)
{
	job->outcome->status = status;
	job->settled = true;
}

/* ---- what is it? ---- */

static int open_input(struct job *job, struct error *err)
{
	int r;

	scoped(fd_close) int folder = -1;
	scoped(string_free) char *name = NULL;
	r = input_open_folder(job->input, 0, &folder, &name, err);
	if (r == 0)
		r = file_open_at(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &job->fd,
				 err);
	if (r == 0)
		r = mapping_open(job->fd, job->outcome->path, &job->mapping, err);
	if (r < 0)
		return r;
	const struct stat *st = mapping_stat(job->mapping);
	if (st->st_dev != job->input->dev || st->st_ino != job->input->ino)
		return error_set(err, -EBUSY, "another file is there now");
	job->outcome->input_bytes = job->outcome->output_bytes = mapping_size(job->mapping);
	return 0;
}

static int open_image(struct job *job, struct error *err)
{
	int r;

	const uint8_t *bytes = mapping_bytes(job->mapping);
	uint64_t size = mapping_size(job->mapping);
	if (size >= 8 && (!memcmp(bytes, "!<arch>\n", 8) || !memcmp(bytes, "!<thin>\n", 8)))
		return error_set(err, -ENOTSUP, "an archive: not split yet");
	r = image_open(bytes, size, &job->image, err);
	if (r < 0) {
		/* A file that shrinks reads as zeros: say that, not what the zeros look like. */
		int changed = mapping_check(job->mapping, NULL);
		return changed < 0 ? mapping_check(job->mapping, err) : r;
	}
	if (image_build_id(&job->image, &job->outcome->build_id, NULL, NULL) < 0)
		job->outcome->build_id = (struct build_id){ 0 };
	return 0;
}

/* What is not split by this release, and what never is. */
static int classify(struct job *job, struct error *err)
{
	const struct image *image = &job->image;
	bool named = job->outcome->named;
	if (image->ehdr.e_type == ET_REL)
		return error_set(err, -ENOTSUP, "an object file or kernel module: not split yet");
	if (image->ehdr.e_type != ET_EXEC && image->ehdr.e_type != ET_DYN)
		return error_set(err, -ENOTSUP,
				 "neither an executable nor a shared object (e_type %u)",
				 image->ehdr.e_type);
	if (!image_is_separate_debug(image))
		return 0;
	if (named)
		return error_set(err, -ENOTSUP,
				 "a separate debug file: dbgstore add takes it as it is");
	outcome_set_note(job->outcome, "a separate debug file");
	settle(job, OUTCOME_SKIPPED);
	return 0;
}

/* ---- nothing to take ---- */

static bool is_go(const struct image *image)
{
	return image_find_section(image, ".note.go.buildid") ||
	       image_find_section(image, ".go.buildinfo") ||
	       image_find_section(image, ".gopclntab");
}

static void explain_no_debug(struct job *job, enum deposit_known known)
{
	const char *store =
		known == DEPOSIT_MISSING
			? "; the store has a record of it, but the debug information is missing or damaged there: dbgstore verify tells more"
		: known == DEPOSIT_OTHER
			? "; what the store has under its build ID belongs to another program"
		: job->store ? ", and the store has none for it"
			     : "";
	if (job->image.n_sections == 0)
		outcome_set_note(job->outcome,
				 "no section headers, so no debug information that could be found");
	else if (is_go(&job->image))
		outcome_set_note(
			job->outcome,
			"no debug information%s: Go's linker was told to leave it out (-ldflags=\"-s -w\", goreleaser's default; melange: strip: \"-w\"); build without -s and -w",
			store);
	else
		outcome_set_note(
			job->outcome,
			"no debug information%s: compile and link with -g (CMake: RelWithDebInfo; cargo: debug = true), and let nobody strip it before this",
			store);
}

static bool debug_file_known(struct job *job)
{
	bool there, has_dwarf;
	struct build_id id;
	uint32_t crc;
	const struct build_id *mine = &job->outcome->build_id;
	if (!job->wants_debug_file ||
	    debug_file_look(&job->debug_file, &there, &has_dwarf, &id, &crc, NULL) < 0 || !there ||
	    !has_dwarf)
		return false;
	if (mine->size)
		return build_id_equal(mine, &id);
	/* Without an ID, the debug link's CRC is what joins the two: name, NUL, padding, CRC. */
	const struct section *link = image_find_section(&job->image, ".gnu_debuglink");
	uint64_t size = 0;
	const uint8_t *bytes = link ? image_section_bytes(&job->image, link, &size) : NULL;
	return size >= 8 && image_decode_word(&job->image, bytes + size - 4) == crc;
}

static int copy_to_output(struct job *job, struct error *err)
{
	int r;

	if (!job->options->output || job->options->dry_run)
		return 0;
	r = output_open(job->input, job->options->output, &job->output, err);
	if (r < 0 || job->output.in_place)
		return r;
	r = output_copy(&job->output, mapping_bytes(job->mapping), mapping_size(job->mapping),
			mapping_stat(job->mapping), job->options->keep_times, err);
	if (r == 0)
		r = mapping_check(job->mapping, err);
	return r == 0 ? output_publish(&job->output, job->input, mapping_stat(job->mapping), err)
		      : r;
}

/* No debug information here: is it where it should be? */
static int settle_without_debug(struct job *job, struct error *err)
{
	int r;

	enum deposit_known known = DEPOSIT_UNKNOWN;
	if (job->store && job->outcome->build_id.size) {
		r = deposit_look(job->store, &job->image, &job->outcome->build_id, &known, err);
		if (r < 0)
			return r;
	}
	if (known == DEPOSIT_KNOWN || debug_file_known(job)) {
		settle(job, OUTCOME_ALREADY);
	} else {
		explain_no_debug(job, known);
		settle(job, OUTCOME_NO_DEBUG);
	}
	return copy_to_output(job, err);
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

static int check_hard_links(const struct job *job, struct error *err)
{
	uint64_t n_links = mapping_stat(job->mapping)->st_nlink;
	if (!job->output.in_place || n_links <= job->input->n_names ||
	    job->options->break_hard_links)
		return 0;
	return error_set(
		err, -EMLINK,
		"has %" PRIu64
		" hard links, and %zu of them %s among the inputs: name them all, or --break-hard-links",
		n_links, job->input->n_names, job->input->n_names == 1 ? "is" : "are");
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
	return error_set(
		err, -ENODATA,
		"no build ID, by which the store would know it: link with -Wl,--build-id (Go: -ldflags=-B=gobuildid), or use --debug-file or --debug-dir");
}

static int check_debug_file(struct job *job, struct error *err)
{
	int r;

	bool there, has_dwarf;
	struct build_id id;
	r = debug_file_look(&job->debug_file, &there, &has_dwarf, &id, NULL, err);
	if (r < 0)
		return r;
	if (there && has_dwarf && !image_has_dwarf(&job->image))
		return error_set(
			err, -EEXIST,
			"%s: there, with more debug information than this file has: it is not overwritten",
			ESCAPED(job->debug_file.path));
	return 0;
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

static int prepare(struct job *job, struct error *err)
{
	int r;

	r = need_build_id(job, err);
	if (r == 0 && job->wants_debug_file)
		r = check_debug_file(job, err);
	if (r == 0)
		r = symbols_plan(&job->plan, &job->symbols, err);
	if (r == 0 && !symbols_change(&job->symbols) && !(job->store && job->options->no_executable))
		plan_leave_symbols(&job->plan);
	if (r == 0)
		r = debug_image_plan(&job->plan, &job->debug, err);
	if (r < 0)
		return r;
	job->outcome->debug_bytes = job->debug.size_bytes;
	job->outcome->taken_bytes = job->plan.taken_bytes;
	/* A link's CRC is not known before the debug file is written; its place is. */
	if (job->options->dry_run) {
		const struct debuglink link = { job->debug_file.name, 0 };
		r = stripped_plan(&job->plan, &job->symbols, job->wants_debug_file ? &link : NULL,
				  &job->stripped, err);
		job->outcome->output_bytes = job->stripped.size_bytes;
		return r;
	}

	r = output_open(job->input, job->options->output, &job->output, err);
	if (r == 0)
		r = check_hard_links(job, err);
	if (r == 0 && job->store)
		r = check_free(job, store_fd(job->store), "the store's disk",
			       mapping_size(job->mapping), err);
	if (r == 0 && job->wants_debug_file)
		r = debug_file_create(&job->debug_file, err);
	if (r == 0 && job->wants_debug_file)
		r = check_free(job, job->debug_file.dir_fd, "the debug file's disk",
			       job->debug.size_bytes, err);
	return r;
}

/* ---- writing: the debug image, the stripped image and the sources at once ---- */

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
	r = deposit_debug(job->store, &job->debug, job->wants_debug_file ? &file : NULL,
			  job->mapping, &job->outcome->debug, err);
	job->outcome->has_debug = r == 0 && job->store;
	job->outcome->debug_crc = file.crc;
	return r;
}

static int write_executable(struct job *job, struct error *err)
{
	int r;

	r = deposit_stripped(job->store, &job->stripped, job->mapping, &job->outcome->executable,
			     err);
	job->outcome->has_executable = r == 0;
	return r;
}

static void warn_replace(const char *text, void *context)
{
	struct job *job = context;
	outcome_warn(job->outcome, "%s", text);
}

static int write_output(struct job *job, const struct debuglink *link, struct error *err)
{
	const struct judge_options judge = { .link = link,
					     .removed = job->options->removed.values,
					     .n_removed = job->options->removed.n };
	return output_write(&job->output, &job->stripped, &job->image, &judge, job->fd,
			    mapping_stat(job->mapping), job->options->keep_times, warn_replace, job,
			    err);
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
			    mapping_stat(job->mapping)->st_mtime, warn_source, job,
			    &job->outcome->sources, err);
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

/* What the input tells about itself takes a digest of all that is loaded: made while others compress. */
static int prepare_record(struct job *job, struct error *err)
{
	int r;

	if (!job->store)
		return 0;
	scoped(origin_free) struct origin origin = { 0 };
	r = origin_of(job, &origin, err);
	return r == 0 ? contribution_of_image(job->store, &job->image, &origin, &job->contribution,
					      err) :
			r;
}

static int plan_stripped(struct job *job, const struct debuglink *link, struct error *err)
{
	int r = stripped_plan(&job->plan, &job->symbols, link, &job->stripped, err);
	job->outcome->output_bytes = job->stripped.size_bytes;
	return r;
}

static int write_all(struct job *job, struct error *err)
{
	int r = 0;

	struct step debug = { .run = write_debug, .job = job, .error = ERROR_NONE };
	struct step executable = { .run = write_executable, .job = job, .error = ERROR_NONE };
	bool keep_executable = job->store && !job->options->no_executable;
	struct debuglink link = { .name = job->debug_file.name };

	/* With a debug link, the stripped image needs the CRC of the debug file. */
	if (!job->wants_debug_file)
		r = plan_stripped(job, NULL, err);
	if (r < 0)
		return r;
	step_start(&debug);
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
		r = plan_stripped(job, &link, err);
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

/* ---- what has changed, for the record and for people ---- */

static const char *codec_name(enum compression compression)
{
	switch (compression) {
	case COMPRESSION_ZLIB:
		return "zlib";
	case COMPRESSION_ZSTD:
		return "zstd";
	case COMPRESSION_ZLIB_GNU:
		return "zlib-gnu";
	default:
		return "unknown";
	}
}

static void list_changes(struct job *job)
{
	const struct image *image = &job->image;
	for (size_t k = 0; k < job->debug.n_order; k++) {
		const struct debug_section *section = &job->debug.sections[job->debug.order[k]];
		if (!section->decoded)
			continue;
		const struct section *old = &image->sections[job->debug.order[k]];
		json_t *change = outcome_change(job->outcome, "decompressed", old->name);
		json_object_set_new(change, "index", json_integer(job->debug.order[k]));
		json_object_set_new(change, "codec",
				    json_string(codec_name(section->content.compression)));
		json_object_set_new(change, "stored_bytes",
				    json_integer((json_int_t)old->shdr.sh_size));
		json_object_set_new(change, "size_bytes",
				    json_integer((json_int_t)section->content.size_bytes));
		if (section->content.compression == COMPRESSION_ZLIB_GNU)
			json_object_set_new(change, "renamed", json_bytes_string(section->name));
	}
	if (job->plan.stale_link)
		outcome_change(job->outcome,
			       job->wants_debug_file ? "link-replaced" : "link-removed",
			       ".gnu_debuglink");
	for (size_t k = 0; k < job->symbols.n_tables; k++) {
		const struct symbol_table *table = &job->symbols.tables[k];
		if (!table->n_left)
			continue;
		json_t *change = outcome_change(job->outcome, "symbols-left",
						image->sections[table->index].name);
		json_object_set_new(change, "symbols", json_integer((json_int_t)table->n_left));
	}
}

static void warn_of_what_stays(struct job *job)
{
	const struct image *image = &job->image;
	uint64_t stays = 0;
	for (uint64_t i = 1; i < image->n_sections; i++) {
		const GElf_Shdr *shdr = &image->sections[i].shdr;
		if (job->debug.opaque[i / 64] >> (i % 64) & 1)
			outcome_warn(
				job->outcome,
				"%s: its compression is damaged or not known: kept in the debug image as it is",
				ESCAPED(image->sections[i].name));
		if (job->plan.sections[i].fate == FATE_TAKE && shdr->sh_type != SHT_NOBITS &&
		    shdr->sh_offset < image->loadable_end)
			stays += min_u64(shdr->sh_size, image->loadable_end - shdr->sh_offset);
	}
	if (stays)
		outcome_warn(
			job->outcome,
			"%s of debug information lie among loadable bytes: they are taken, and stay in the file too",
			HUMAN_BYTES(stays));
	for (size_t k = 0; k < job->options->removed.n; k++) {
		const struct section *section =
			image_find_section(image, job->options->removed.values[k]);
		if (section && job->plan.sections[section - image->sections].fate != FATE_TAKE)
			outcome_warn(job->outcome, "%s is loaded, or holds symbols: it stays",
				     ESCAPED(section->name));
	}
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
	list_changes(job);
	warn_of_what_stays(job);
	if (job->options->dry_run) {
		settle(job, OUTCOME_SPLIT);
		return 0;
	}
	size_t n_opaque = job->debug.n_opaque;
	r = write_all(job, err);
	if (r < 0)
		return r;
	if (job->debug.n_opaque != n_opaque) { /* it turned out while they were decoded */
		json_decref(job->outcome->changes);
		job->outcome->changes = NULL;
		list_changes(job);
		warn_of_what_stays(job);
	}
	r = mapping_check(job->mapping, err);
	if (r == 0)
		r = put_record(job, err);
	if (r == 0 && job->wants_debug_file)
		r = debug_file_publish(&job->debug_file, 0666 & ~job->context->umask, err);
	if (r == 0)
		r = mapping_check(job->mapping, err);
	if (r == 0)
		r = output_publish(&job->output, job->input, mapping_stat(job->mapping), err);
	if (r == 0)
		settle(job, OUTCOME_SPLIT);
	return r;
}

static int run(struct job *job, struct error *err)
{
	int r;

	r = open_input(job, err);
	if (r == 0)
		r = open_image(job, err);
	if (r == 0)
		r = classify(job, err);
	if (r < 0 || job->settled)
		return r;
	if (job->context->refusal) {
		outcome_set_note(job->outcome, "debug information stays in the file: %s",
				 job->context->refusal);
		settle(job, OUTCOME_SKIPPED);
		return copy_to_output(job, err);
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
	return plan_has_work(&job->plan) ? split(job, err) : settle_without_debug(job, err);
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
			   .store = context->store,
			   .debug_file = DEBUG_FILE_NONE,
			   .output = OUTPUT_NONE };
	int r = ret->path ? run(&job, &ret->error) : error_no_memory(&ret->error);
	if (r < 0)
		ret->status = OUTCOME_FAILED;
	if (r == 0 && ret->status == OUTCOME_SPLIT && job.wants_debug_file && !ret->dry_run)
		ret->debug_file = strdup(job.debug_file.path);
	if (r == 0 && context->options->output && ret->status != OUTCOME_FAILED)
		ret->output = strdup(context->options->output);
	job_close(&job);
}
