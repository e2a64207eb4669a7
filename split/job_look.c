/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "elf/file_kind.h"
#include "elf/given_id.h"
#include "split/job_internal.h"

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
		r = mapping_open(job->fd, job->outcome->path, &job->file, err);
	if (r < 0)
		return r;
	job->mapping = job->file;
	const struct stat *st = mapping_stat(job->file);
	if (st->st_dev != job->input->dev || st->st_ino != job->input->ino)
		return error_set(err, -EBUSY, "another file is there now");
	job->outcome->input_bytes = job->outcome->output_bytes = mapping_size(job->file);
	return 0;
}

/* A compressed module: what is in it is looked at, where that is wanted. */
static int unpack(struct job *job, struct error *err)
{
	int r;

	enum packing packing = packing_of(mapping_bytes(job->file), mapping_size(job->file));
	if (packing == PACKING_NONE || !file_is_packed_module(job->input->names[0].name))
		return 0;
	if (!job->options->recompress)
		return error_set(err, -ENOTSUP,
				 "a compressed kernel module: --recompress splits it, and compresses it again");
	job->packing = packing;
	r = job_unpack(job, err);
	if (r < 0) {
		int changed = mapping_check(job->file, NULL);
		return changed < 0 ? mapping_check(job->file, err) : r;
	}
	if (job->options->dry_run)
		job->outcome->input_bytes = mapping_size(job->mapping);
	return 0;
}

static int open_image(struct job *job, struct error *err)
{
	int r;

	r = unpack(job, err);
	if (r < 0)
		return r;
	const uint8_t *bytes = mapping_bytes(job->mapping);
	uint64_t size = mapping_size(job->mapping);
	job->is_archive = archive_is(bytes, size);
	r = job->is_archive ? job_open_archive(job, err)
			    : image_open(bytes, size, &job->image, err);
	if (r < 0) {
		/* A file that shrinks reads as zeros: say that, not what the zeros look like. */
		int changed = mapping_check(job->file, NULL);
		return changed < 0 ? mapping_check(job->file, err) : r;
	}
	if (job->packing && (job->is_archive || !image_is_relocatable(&job->image)))
		return error_set(err, -ENOTSUP, "compressed, and no kernel module is in it");
	return 0;
}

/* A release is built for several systems, and one rule is for all of them. */
static bool pass_foreign(struct job *job)
{
	const char *form = file_foreign_form(mapping_bytes(job->file), mapping_size(job->file));
	if (!form)
		return false;
	outcome_set_note(job->outcome, "%s, which dbgsplit leaves as it is", form);
	job_settle(job, OUTCOME_SKIPPED);
	return true;
}

/* The ID that the file has, or is to have: debug file, record and "is it there" go by it. */
static int find_id(struct job *job, struct error *err)
{
	/* An object file has no segments; an archive, no image. */
	if (job->is_archive)
		return 0;
	enum build_id_mode mode = image_is_relocatable(&job->image) ? BUILD_ID_KEEP
								     : job->options->build_id;
	int r = build_id_note_plan(&job->image, mode, &job->note, err);
	/* Nothing is loaded from it: then it has no content to make an ID of. */
	if (r == -ENOENT) {
		job->note = (struct build_id_note){ 0 };
		r = 0;
	}
	job->outcome->build_id = job->note.id;
	return r;
}

/* What is not split by this release, and what never is. */
static int classify(struct job *job, struct error *err)
{
	const struct image *image = &job->image;
	bool named = job->outcome->named;
	bool linked = image->ehdr.e_type == ET_EXEC || image->ehdr.e_type == ET_DYN;
	if (image->ehdr.e_type == ET_REL && !image_is_relocatable(image))
		return error_set(err, -ENOTSUP, "an object file with program headers: not split");
	if (!linked && !image_is_relocatable(image))
		return error_set(err, -ENOTSUP,
				 "no executable, shared object, object file or kernel module (e_type %u)",
				 image->ehdr.e_type);
	if (!image_is_separate_debug(image))
		return 0;
	if (named)
		return error_set(err, -ENOTSUP,
				 "a separate debug file: dbgstore add takes it as it is");
	outcome_set_note(job->outcome, "a separate debug file");
	job_settle(job, OUTCOME_SKIPPED);
	return 0;
}

int job_look(struct job *job, struct error *err)
{
	int r;

	r = open_input(job, err);
	if (r == 0 && pass_foreign(job))
		return job_copy_output(job, err);
	if (r == 0)
		r = open_image(job, err);
	if (r == 0 && !job->is_archive)
		r = classify(job, err);
	if (r == 0)
		r = find_id(job, err);
	/* A build that calls strip on its objects and archives goes on, with files larger than need
	 * be. */
	if (r == -ENOTSUP && job->options->as_strip) {
		outcome_warn(job->outcome, "left as it is: %s", err->message);
		outcome_set_note(job->outcome, "%s", err->message);
		job_settle(job, OUTCOME_SKIPPED);
		return job_copy_output(job, err);
	}
	return r;
}

/* ---- nothing to take ---- */

/* The name in .gnu_debuglink, or NULL. */
static const char *debug_link(const struct image *image)
{
	const struct section *section = image_find_section(image, ".gnu_debuglink");
	uint64_t size = 0;
	const uint8_t *name = section ? image_section_bytes(image, section, &size) : NULL;
	return size && *name && memchr(name, 0, size) ? (const char *)name : NULL;
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
	const char *link = debug_link(&job->image);
	if (link)
		outcome_set_note(job->outcome,
				 "no debug information%s: it was split before, into %s (.gnu_debuglink)",
				 store, ESCAPED(link));
	else if (job->image.n_sections == 0)
		outcome_set_note(job->outcome,
				 "no section headers, so no debug information that could be found");
	else if (image_is_go(&job->image))
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
	struct debug_file_found found;
	const struct build_id *mine = &job->outcome->build_id;
	if (!job->wants_debug_file || debug_file_look(&job->debug_file, true, &found, NULL) < 0 ||
	    !found.is_there || !found.has_dwarf)
		return false;
	if (mine->size)
		return build_id_equal(mine, &found.id);
	/* Without an ID, the debug link's CRC is what joins the two: name, NUL, padding, CRC. */
	const struct section *link = image_find_section(&job->image, ".gnu_debuglink");
	uint64_t size = 0;
	const uint8_t *bytes = link ? image_section_bytes(&job->image, link, &size) : NULL;
	return size >= 8 && image_decode_word(&job->image, bytes + size - 4) == found.crc;
}

int job_copy_output(struct job *job, struct error *err)
{
	int r;

	if (!job->options->output || job->options->dry_run)
		return 0;
	r = output_open(job->input, job->options->output, &job->output, err);
	if (r < 0 || job->output.in_place)
		return r;
	r = output_copy(&job->output, mapping_bytes(job->file), mapping_size(job->file),
			mapping_stat(job->file), job->options->keep_times, err);
	return r == 0 ? job_publish(job, err) : r;
}

/* No debug information here: is it where it should be? */
int job_settle_without_debug(struct job *job, struct error *err)
{
	int r;

	enum deposit_known known = DEPOSIT_UNKNOWN;
	if (job->store && job->outcome->build_id.size) {
		r = deposit_look(job->store, &job->image, &job->outcome->build_id, &known, err);
		if (r < 0)
			return r;
	}
	if (known == DEPOSIT_KNOWN || debug_file_known(job)) {
		job_settle(job, OUTCOME_ALREADY);
	} else {
		explain_no_debug(job, known);
		job_settle(job, OUTCOME_NO_DEBUG);
	}
	return job_copy_output(job, err);
}
