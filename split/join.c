/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libdeflate.h>

#include "base/edits.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mapping.h"
#include "base/tmpfile.h"
#include "elf/given_id.h"
#include "elf/identity.h"
#include "elf/notes.h"
#include "split/join.h"
#include "split/output.h"
#include "split/recipe.h"
#include "split/restream.h"
#include "store/lookup.h"
#include "store/object_copy.h"
#include "store/store.h"

#define HOLES_LIMIT (UINT64_C(16) << 30) /* zeros that are in neither half */

/* One of the two files. */
struct half {
	const char *path;
	int fd;
	struct mapping *mapping;
	struct image image;
	struct build_id id; /* size 0: none */
};

struct join {
	struct half stripped, debug;
	struct tmpfile fetched; /* the debug file, where it comes from a store, */
	struct tmpfile undone; /* and as it was before names were changed in it */
	struct recipe recipe;
	const char *output;
	int dir_fd;
	char *name;
	struct tmpfile file;
	uint64_t size_bytes; /* so far */
	uint64_t n_zeros; /* of these, such as are in neither half */
	uint32_t crc;
	uint64_t n_other;
};

static void half_close(struct half *half)
{
	image_close(&half->image);
	mapping_close(half->mapping);
	fd_close(&half->fd);
}

static void join_close(struct join *join)
{
	half_close(&join->stripped);
	half_close(&join->debug);
	tmpfile_discard(&join->fetched);
	tmpfile_discard(&join->undone);
	tmpfile_discard(&join->file);
	fd_close(&join->dir_fd);
	free(join->name);
}

/* ---- do they belong together? ---- */

static int half_map(struct half *half, int fd, struct error *err)
{
	int r;

	r = mapping_open(fd, half->path, &half->mapping, err);
	if (r < 0)
		return r;
	r = image_open(mapping_bytes(half->mapping), mapping_size(half->mapping), &half->image,
		       err);
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(half->path));
	if (image_build_id(&half->image, &half->id, NULL, NULL) < 0)
		half->id.size = 0;
	return 0;
}

static int half_open(struct half *half, struct error *err)
{
	int r = file_open_at(AT_FDCWD, half->path, O_RDONLY | O_NONBLOCK, 0, &half->fd, err);
	return r == 0 ? half_map(half, half->fd, err) : r;
}

/* An object file without a loaded byte has nothing that its debug file lacks, but for this. */
static bool carries_recipe(const struct half *half)
{
	struct recipe recipe;
	return recipe_open(mapping_bytes(half->mapping), mapping_size(half->mapping), &recipe,
			   NULL) == 0;
}

static int check_pair(const struct join *join, struct error *err)
{
	const struct half *s = &join->stripped, *d = &join->debug;
	if (image_is_separate_debug(&s->image))
		return error_set(err, -EINVAL, "%s: a debug file; the stripped one comes first",
				 ESCAPED(s->path));
	if (!image_is_separate_debug(&d->image) && !carries_recipe(d))
		return error_set(err, -EINVAL, "%s: not a separate debug file", ESCAPED(d->path));

	if (s->id.size != d->id.size || (s->id.size && !build_id_equal(&s->id, &d->id)))
		return error_set(err, -EINVAL, "%s and %s: not of one build: build IDs differ",
				 ESCAPED(s->path), ESCAPED(d->path));
	struct digest layouts[2];
	bool has[2] = { image_memory_layout(&s->image, &layouts[0], NULL) == 0,
			image_memory_layout(&d->image, &layouts[1], NULL) == 0 };
	if (has[0] != has[1] || (has[0] && !digest_equal(&layouts[0], &layouts[1])))
		return error_set(err, -EINVAL, "%s and %s: not of one build: loaded otherwise",
				 ESCAPED(s->path), ESCAPED(d->path));
	return 0;
}

/* ---- where it goes ---- */

static bool is_at(const struct half *half, const struct output_place *place)
{
	const struct stat *st = half->mapping ? mapping_stat(half->mapping) : NULL;
	return st && place->is_there && st->st_dev == place->dev && st->st_ino == place->ino;
}

static int open_output(struct join *join, struct error *err)
{
	struct output_place place;
	int r = output_find(join->output, &place, err);
	if (r < 0)
		return r;
	join->name = place.name;
	join->dir_fd = place.dir_fd;
	return is_at(&join->stripped, &place) || is_at(&join->debug, &place)
		       ? error_set(err, -EINVAL, "%s: is an input: it is not overwritten",
				   ESCAPED(join->output))
		       : 0;
}

/* ---- from a store ---- */

static int fetch(struct join *join, struct store *st, struct error *err)
{
	int r;

	struct build_id id;
	r = image_known_build_id(&join->stripped.image, &id, err);
	if (r == -ENOENT)
		return error_set(err, r, "%s: no build ID, by which the store would know it",
				 ESCAPED(join->stripped.path));
	scoped(lookup_freep) struct lookup *l = NULL;
	struct build build;
	if (r == 0)
		r = lookup_new(st, &l, err);
	if (r == 0)
		r = lookup_build_again(l, &id, &build, err);
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(join->stripped.path));
	if (build.collision)
		return error_set(err, -EEXIST, "%s: different programs have this build ID",
				 BUILD_ID_HEX(&id));
	if (!build.debug.present)
		return error_set(err, -ENOENT, "%s: the store has no debug information of it",
				 BUILD_ID_HEX(&id));
	r = tmpfile_create(join->dir_fd, &join->fetched, err);
	if (r == 0)
		r = object_copy_whole(st, &build.debug.digest, join->fetched.fd, join->debug.path,
				      err);
	return r == 0 ? half_map(&join->debug, join->fetched.fd, err) : r;
}

/* ---- as it was split ---- */

static int put_undone(const uint8_t *bytes, size_t size, bool lent, void *context,
		      struct error *err)
{
	(void)lent;
	struct join *join = context;
	return file_write(join->undone.fd, bytes, size, join->name, err);
}

/* A store's copy may have names that the splitter's own debug file has not. */
static int undo_names(struct join *join, struct error *err)
{
	int r;

	struct half *half = &join->debug;
	const uint8_t *bytes = mapping_bytes(half->mapping);
	uint64_t size = mapping_size(half->mapping), list_size;
	if (size < EDITS_TRAILER_SIZE ||
	    !edits_find(bytes + size - EDITS_TRAILER_SIZE, size, &list_size))
		return 0;
	struct edits_undo undo = { .put = put_undone, .context = join };
	r = edits_undo_open(&undo, bytes + (size - list_size), list_size, err);
	if (r == 0)
		r = tmpfile_create(join->dir_fd, &join->undone, err);
	if (r == 0)
		r = edits_undo(&undo, bytes, size - list_size, err);
	if (r == 0)
		r = edits_undo_finish(&undo, err);
	if (r == 0)
		r = mapping_check(half->mapping, err);
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(half->path));
	image_close(&half->image);
	half->image = (struct image){ 0 };
	mapping_close(half->mapping);
	half->mapping = NULL;
	return half_map(half, join->undone.fd, err);
}

/* ---- the steps ---- */

static int put(struct join *join, const uint8_t *bytes, uint64_t size, struct error *err)
{
	join->crc = libdeflate_crc32(join->crc, bytes, size);
	return file_write(join->file.fd, bytes, size, join->name, err);
}

static int put_stripped(struct join *join, uint64_t from, uint64_t size, struct error *err)
{
	if (!range_fits(from, size, mapping_size(join->stripped.mapping)))
		return error_set(err, -EINVAL,
				 "%s: the recipe takes 0x%" PRIx64 " bytes at 0x%" PRIx64
				 ", past its end: changed since, or of another split",
				 ESCAPED(join->stripped.path), size, from);
	return put(join, mapping_bytes(join->stripped.mapping) + from, size, err);
}

/* Bytes of the debug image as it was split. */
static int debug_bytes(const struct join *join, uint64_t from, uint64_t size, const uint8_t **ret,
		       struct error *err)
{
	if (!range_fits(from, size, join->recipe.image_size))
		return error_set(err, -EBADMSG,
				 "%s: the recipe takes 0x%" PRIx64 " bytes at 0x%" PRIx64
				 ", past the 0x%" PRIx64 " there are",
				 ESCAPED(join->debug.path), size, from, join->recipe.image_size);
	*ret = mapping_bytes(join->debug.mapping) + from;
	return 0;
}

static int put_debug(struct join *join, uint64_t from, uint64_t size, struct error *err)
{
	const uint8_t *bytes;
	int r = debug_bytes(join, from, size, &bytes, err);
	return r == 0 ? file_write(join->file.fd, bytes, size, join->name, err) : r;
}

/* A hole; what the end leaves of it, ftruncate() adds. */
static int put_zeros(struct join *join, uint64_t size, struct error *err)
{
	static const uint8_t zeros[65536];
	join->n_zeros += size;
	if (join->n_zeros > HOLES_LIMIT)
		return error_set(err, -EFBIG, "%s: more than %s of zeros",
				 ESCAPED(join->debug.path), HUMAN_BYTES(HOLES_LIMIT));
	for (uint64_t left = size; left; left -= min_u64(left, sizeof(zeros)))
		join->crc = libdeflate_crc32(join->crc, zeros, min_u64(left, sizeof(zeros)));
	if (lseek(join->file.fd, (off_t)size, SEEK_CUR) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(join->name));
	return 0;
}

struct stream {
	struct join *join;
	uint64_t size_bytes, limit;
	uint32_t crc;
};

static int put_stream(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	struct stream *stream = context;
	if (size > stream->limit - stream->size_bytes)
		return -ENOSPC;
	stream->size_bytes += size;
	stream->crc = libdeflate_crc32(stream->crc, bytes, size);
	return file_write(stream->join->file.fd, bytes, size, stream->join->name, err);
}

static int restart_stream(void *context, struct error *err)
{
	struct stream *stream = context;
	const struct join *join = stream->join;
	*stream = (struct stream){ .join = stream->join, .limit = stream->limit };
	return lseek(join->file.fd, (off_t)join->size_bytes, SEEK_SET) < 0
		       ? error_errno(err, -errno, "%s", ESCAPED(join->name))
		       : 0;
}

/* The same stream where our codec gives it, else another of its size. */
static int put_compressed(struct join *join, const struct recipe_step *step, struct error *err)
{
	int r;

	const uint8_t *content;
	r = debug_bytes(join, step->from, step->content_size, &content, err);
	if (r < 0)
		return r;
	struct stream stream = { .join = join, .limit = step->size_bytes };
	if (step->level) {
		r = restream_write(content, step->content_size, step->compression, step->level,
				   put_stream, &stream, err);
		if (r < 0 && r != -ENOSPC)
			return r;
		if (r == 0 && stream.size_bytes == step->size_bytes && stream.crc == step->crc)
			return 0;
	}
	r = restream_fill(content, step->content_size, step->compression, step->size_bytes,
			  put_stream, restart_stream, &stream, err);
	join->n_other++;
	return r == -ENOSPC
		       ? error_set(
				 err, -ENOTSUP,
				 "the compressed section at 0x%" PRIx64
				 " does not fit its old place again: split with --exact, and it comes back as it was",
				 join->size_bytes)
		       : r;
}

static int patch(struct join *join, const struct recipe_step *step, struct error *err)
{
	if (!range_fits(step->from, step->size_bytes, join->size_bytes))
		return error_set(err, -EBADMSG, "%s: the recipe patches what it does not make",
				 ESCAPED(join->debug.path));
	return file_pwrite(join->file.fd, step->bytes, step->size_bytes, step->from, join->name,
			   err);
}

static int take_step(struct join *join, const struct recipe_step *step, struct error *err)
{
	uint64_t stripped_size = mapping_size(join->stripped.mapping);
	switch (step->kind) {
	case RECIPE_ZEROS:
		return put_zeros(join, step->size_bytes, err);
	case RECIPE_BYTES:
		return put(join, step->bytes, step->size_bytes, err);
	case RECIPE_STRIPPED:
		return put_stripped(join, step->from, step->size_bytes, err);
	case RECIPE_TAIL:
		return put_stripped(join, stripped_size - min_u64(step->from, stripped_size),
				    step->size_bytes, err);
	case RECIPE_DEBUG:
		return put_debug(join, step->from, step->size_bytes, err);
	case RECIPE_STREAM:
		return put_compressed(join, step, err);
	case RECIPE_PATCH:
		return patch(join, step, err);
	}
	return 0;
}

static int follow(struct join *join, struct error *err)
{
	int r;

	/* Each byte of the two is taken once; streams are little longer than their content. */
	uint64_t limit = 2 * (mapping_size(join->stripped.mapping) +
			      mapping_size(join->debug.mapping));
	struct recipe_step step;
	while ((r = recipe_next(&join->recipe, &step, err)) == 0) {
		uint64_t made = step.kind == RECIPE_PATCH ? 0 : step.size_bytes;
		if (made > join->recipe.input_size - join->size_bytes ||
		    (step.kind != RECIPE_ZEROS &&
		     made > limit - (join->size_bytes - join->n_zeros)))
			return error_set(err, -EBADMSG,
					 "%s: the recipe makes more than it can",
					 ESCAPED(join->debug.path));
		r = take_step(join, &step, err);
		if (r < 0)
			return r;
		join->size_bytes += made;
	}
	if (r != -ENOENT)
		return r;
	if (join->size_bytes != join->recipe.input_size || join->crc != join->recipe.input_crc)
		return error_set(
			err, -EINVAL,
			"%s and %s: what they make is not the file that was split: the stripped file has changed since, or is of another split",
			ESCAPED(join->stripped.path), ESCAPED(join->debug.path));
	if (ftruncate(join->file.fd, (off_t)join->size_bytes) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(join->name));
	return 0;
}

static int publish(struct join *join, struct error *err)
{
	int r;

	const struct stat *st = mapping_stat(join->stripped.mapping);
	if (fchmod(join->file.fd, st->st_mode & 0777) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(join->name));
	r = mapping_check(join->stripped.mapping, err);
	if (r == 0)
		r = mapping_check(join->debug.mapping, err);
	return r == 0 ? tmpfile_replace(&join->file, join->dir_fd, join->name, err) : r;
}

static int check_image(const struct join *join, struct error *err)
{
	uint32_t crc = libdeflate_crc32(0, mapping_bytes(join->debug.mapping),
					join->recipe.image_size);
	return crc == join->recipe.image_crc
		       ? 0
		       : error_set(err, -EBADMSG, "%s: its checksum is wrong: damaged",
				   ESCAPED(join->debug.path));
}

static int open_recipe(struct join *join, struct error *err)
{
	int r = recipe_open(mapping_bytes(join->debug.mapping),
			    mapping_size(join->debug.mapping), &join->recipe, err);
	if (r < 0)
		return error_prefix(err, r, "%s", ESCAPED(join->debug.path));
	return check_image(join, err);
}

int join_files(const char *stripped, const char *debug, struct store *st, const char *output,
	       struct join_result *ret, struct error *err)
{
	int r;

	scoped(join_close) struct join join = { .stripped = { .path = stripped, .fd = -1 },
						.debug = { .path = debug, .fd = -1 },
						.fetched = TMPFILE_NONE,
						.undone = TMPFILE_NONE,
						.output = output,
						.dir_fd = -1,
						.file = TMPFILE_NONE };
	r = half_open(&join.stripped, err);
	if (r == 0 && debug)
		r = half_open(&join.debug, err);
	if (r == 0)
		r = open_output(&join, err);
	if (r == 0 && !debug) {
		join.debug.path = "the store's debug information";
		r = fetch(&join, st, err);
	}
	if (r == 0)
		r = undo_names(&join, err);
	if (r == 0)
		r = check_pair(&join, err);
	if (r == 0)
		r = open_recipe(&join, err);
	if (r == 0)
		r = tmpfile_create(join.dir_fd, &join.file, err);
	if (r == 0)
		r = follow(&join, err);
	if (r == 0)
		r = publish(&join, err);
	if (r < 0)
		return r;
	*ret = (struct join_result){ .build_id = join.stripped.id,
				     .size_bytes = join.size_bytes,
				     .n_other = join.n_other };
	return 0;
}
