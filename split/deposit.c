/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"
#include "elf/identity.h"
#include "split/debug_names.h"
#include "split/deposit.h"
#include "store/object.h"
#include "store/record.h"

/* ---- objects ---- */

static int writer_put(const uint8_t *bytes, size_t size, bool lent, void *context,
		      struct error *err)
{
	struct object_writer *w = context;
	return lent ? object_writer_lend(w, bytes, size, err)
		    : object_writer_write(w, bytes, size, err);
}

static struct sink writer_sink(struct object_writer *w)
{
	return (struct sink){ .put = writer_put, .context = w };
}

static void sections_free(struct object_section **sections)
{
	free(*sections);
}

/* Once from the start to the end, into whatever is wanted. */
static int write_debug(struct store *st, const struct debug_image *debug, struct file_sink *file,
		       struct debug_names *names, const struct mapping *input,
		       struct progress *progress, struct fresh *fresh, struct object_result *ret,
		       bool *ret_damaged, struct error *err)
{
	int r;

	*ret_damaged = false;
	struct tee_sink tee = { 0 };
	scoped(names_sink_close) struct names_sink renamed = { 0 };
	scoped(object_writer_freep) struct object_writer *w = NULL;
	if (st) {
		struct object_layout layout;
		scoped(sections_free) struct object_section *sections = NULL;
		r = debug_image_layout(debug, &layout, &sections, err);
		if (r == 0)
			r = debug_names_place(names, debug, err);
		if (r < 0)
			return r;
		debug_names_move(names, &layout, sections);
		r = object_writer_new(st, &layout, 0, &w, err);
		if (r < 0)
			return r;
		object_writer_note(w, fresh);
		struct sink to = writer_sink(w);
		if (names->edits.n)
			r = names_sink_open(names, &to, &renamed, &to, err);
		if (r < 0)
			return r;
		tee.sinks[tee.n_sinks++] = to;
	}
	if (file)
		tee.sinks[tee.n_sinks++] = file_sink(file);

	struct progress_sink told = { tee.n_sinks == 1 ? tee.sinks[0] : tee_sink(&tee), progress };
	const struct sink sink = progress_sink(&told);
	r = debug_image_write(debug, &sink, ret_damaged, err);
	if (r < 0)
		return r;
	r = mapping_check(input, err);
	if (r < 0)
		return r;
	if (renamed.names)
		r = names_sink_finish(&renamed, err);
	return r == 0 && w ? object_writer_finish(w, ret, err) : r;
}

int deposit_debug(struct store *st, struct debug_image *debug, struct file_sink *file,
		  struct debug_names *names, const struct mapping *input,
		  struct progress *progress, struct fresh *fresh, struct object_result *ret,
		  struct error *err)
{
	int r;

	bool damaged;
	progress_expect(progress, 0, debug->size_bytes);
	r = write_debug(st, debug, file, names, input, progress, fresh, ret, &damaged, err);
	if (r == 0 || !damaged)
		return r;
	/* A changing input looks damaged too. */
	r = mapping_check(input, err);
	if (r == 0)
		r = debug_image_give_in(debug, err);
	if (r < 0)
		return r;
	if (file) {
		if (ftruncate(file->fd, 0) < 0 || lseek(file->fd, 0, SEEK_SET) < 0)
			return error_errno(err, -errno, "%s", ESCAPED(file->what));
		file->crc = 0;
		file->size_bytes = 0;
	}
	return write_debug(st, debug, file, names, input, progress, fresh, ret, &damaged, err);
}

int deposit_stripped(struct store *st, const struct stripped *stripped, const struct mapping *input,
		     struct progress *progress, struct fresh *fresh, struct object_result *ret,
		     struct error *err)
{
	int r;

	struct object_layout layout;
	scoped(sections_free) struct object_section *sections = NULL;
	scoped(object_writer_freep) struct object_writer *w = NULL;
	r = stripped_layout(stripped, &layout, &sections, err);
	if (r == 0)
		r = object_writer_new(st, &layout, 0, &w, err);
	if (r < 0)
		return r;
	object_writer_note(w, fresh);
	progress_expect(progress, 0, stripped->size_bytes);
	struct progress_sink told = { writer_sink(w), progress };
	const struct sink sink = progress_sink(&told);
	r = stripped_write(stripped, &sink, err);
	if (r == 0)
		r = mapping_check(input, err);
	return r < 0 ? r : object_writer_finish(w, ret, err);
}

/* ---- the record ---- */

static struct artifact artifact_of(const struct object_result *object)
{
	return (struct artifact){ .present = true,
				  .digest = object->digest,
				  .size_bytes = object->size_bytes };
}

int deposit_record(struct store *st, struct contribution *c, const struct outcome *outcome,
		   enum quality quality, bool *ret_collision, struct error *err)
{
	int r;

	c->time = time(NULL);
	c->quality = quality;
	c->debug = artifact_of(&outcome->debug);
	if (outcome->has_executable)
		c->stripped = artifact_of(&outcome->executable);
	if (outcome->has_sources)
		c->sources = outcome->sources.stored.manifest;
	json_decref(c->changes);
	c->changes = json_incref(outcome->changes);

	struct build build;
	r = record_put(st, c, &build, err);
	if (r < 0)
		return r;
	*ret_collision = build.collision;
	return 0;
}

static bool is_there(struct store *st, const struct artifact *artifact)
{
	scoped(object_closep) struct object *object = NULL;
	return object_open(st, &artifact->digest, &object, NULL) == 0 &&
	       object_size(object) == artifact->size_bytes;
}

int deposit_look(struct store *st, const struct image *image, const struct build_id *id,
		 enum deposit_known *ret, struct error *err)
{
	int r;

	*ret = DEPOSIT_UNKNOWN;
	scoped(record_free) struct record record = { 0 };
	r = record_read(st, id, &record, err);
	if (r == -ENOENT)
		return 0;
	if (r == -EBADMSG) {
		*ret = DEPOSIT_MISSING;
		return 0;
	}
	if (r < 0)
		return r;
	struct digest identity, memory_layout;
	r = image_identity(image, &identity, err);
	if (r < 0)
		return r;
	r = image_memory_layout(image, &memory_layout, err);
	bool has_memory_layout = r == 0; /* a kernel module has none */
	if (r < 0 && r != -ENOENT)
		return r;
	for (size_t i = 0; i < record.n_contributions; i++) {
		const struct contribution *c = &record.contributions[i];
		const struct artifact *debug = c->debug.present ? &c->debug : &c->original;
		bool other = c->has_identity
				     ? !digest_equal(&c->identity, &identity)
				     : c->has_memory_layout && has_memory_layout &&
					       !digest_equal(&c->memory_layout, &memory_layout);
		if (other) {
			if (*ret == DEPOSIT_UNKNOWN)
				*ret = DEPOSIT_OTHER;
			continue;
		}
		if (!debug->present || (!c->debug.present && c->quality != QUALITY_DWARF))
			continue;
		if (is_there(st, debug)) {
			*ret = DEPOSIT_KNOWN;
			return 0;
		}
		*ret = DEPOSIT_MISSING;
	}
	return 0;
}
