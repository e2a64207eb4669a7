/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/log.h"
#include "split/job_internal.h"
#include "split/object_file.h"

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

/* The names that the stored image has otherwise. */
static void list_names(struct job *job)
{
	const struct debug_names *names = &job->names;
	if (!names->written)
		return;
	uint64_t section = names->shift ? names->lines.lines_section :
					  names->dirs.items[0].section;
	json_t *change =
		outcome_change(job->outcome, "names-changed", job->image.sections[section].name);
	json_object_set_new(change, "original", json_string(DIGEST_HEX(&names->original)));
	json_object_set_new(change, "original_bytes",
			    json_integer((json_int_t)names->original_bytes));
}

static void list(struct job *job)
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
		const struct debug_stream *stream = &job->debug.streams[job->debug.order[k]];
		if (stream->proved)
			json_object_set_new(change, "level", json_integer(stream->level));
		if (section->content.compression == COMPRESSION_ZLIB_GNU)
			json_object_set_new(change, "renamed", json_bytes_string(section->name));
	}
	list_names(job);
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

static void list_build_id(struct job *job, const char *kind)
{
	json_t *change = outcome_change(job->outcome, kind, BUILD_ID_SECTION);
	json_object_set_new(change, "build_id", json_string(BUILD_ID_HEX(&job->note.id)));
}

static void list_note(struct job *job)
{
	const struct build_id_note *note = &job->note;
	if (note->added)
		list_build_id(job, "build-id-added");
	if (note->replaced)
		list_build_id(job, "build-id-replaced");
	if (note->widened && !note->added)
		list_build_id(job, "build-id-shown");
	if (note->no_room && note->id.size)
		outcome_warn(
			job->outcome,
			"no room for a build ID: the file stays without, and the store knows it as %s",
			BUILD_ID_HEX(&note->id));
	if (note->stays_hidden)
		outcome_warn(
			job->outcome,
			"its build ID is not among the notes that are loaded, and cannot be shown there: core files do not tell it");
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
		    shdr->sh_offset < job->result->fixed_end)
			stays += min_u64(shdr->sh_size, job->result->fixed_end - shdr->sh_offset);
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

void job_list_changes(struct job *job)
{
	list(job);
	if (image_is_relocatable(&job->image))
		object_file_warn(&job->image, job->outcome);
	list_note(job);
	warn_of_what_stays(job);
}
