/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attributes.h"
#include "base/digest.h"
#include "base/error.h"

/*
 * Objects: immutable contents named by their SHA-256, each one file of independent zstd frames with a
 * seek table at the end (zstd "seekable format" 0.1.0) and, for ELF contents, a section directory in a
 * skippable frame before it. See docs/FORMAT.md.
 */

struct store;
struct fresh;

#define OBJECT_FRAME_LIMIT (4u << 20)	     /* decoded bytes of a frame, at most */
#define OBJECT_SMALL_FRAME_LIMIT (256u << 10) /* where small neighbours share a frame; packs */
#define OBJECT_OWN_FRAME_SIZE (64u << 10)     /* a section of this size has frame boundaries at both ends */

/** A section of an ELF content, as its section header has it (offsets in the content). */
struct object_section {
	const char *name;
	uint32_t type; /* SHT_NOBITS sections have no bytes, whatever their size */
	uint64_t flags;
	uint64_t offset;
	uint64_t size_bytes;
};

struct object_range {
	uint64_t offset;
	uint64_t size_bytes;
};

/**
 * How an ELF content lies, known before its bytes are: where frames are to be cut, and what goes into
 * the section directory. Everything in it stays the caller's and is copied.
 */
struct object_layout {
	const struct object_section *sections; /* any order */
	size_t n_sections;
	struct object_range tables[4]; /* ELF header, program headers, section headers, names: own frames */
	size_t n_tables;
	uint64_t size_bytes; /* of the whole content */
};

/* ---- writing ---- */

struct object_writer;

struct object_result {
	struct digest digest;
	uint64_t size_bytes;   /* of the content */
	uint64_t stored_bytes; /* of the file */
	bool was_there;	       /* an object of this digest was in the store, whole and durable */
};

/**
 * Begin an object. Frames are compressed on the store's threads while the caller goes on; at most three
 * frames a thread wait or are in work, over all writers of the store.
 *
 * @layout  NULL: frames of @frame_limit bytes each
 * @frame_limit  0: OBJECT_FRAME_LIMIT
 * Threads: one writer is for one thread; a store may have many
 */
must_check int object_writer_new(struct store *st, const struct object_layout *layout,
				 uint64_t frame_limit, struct object_writer **ret, struct error *err);

/** The next bytes of the content; copied. */
must_check int object_writer_write(struct object_writer *w, const void *bytes, size_t size,
				   struct error *err);

/** The same, not copied: they stay readable and unchanged until object_writer_finish() or _free(). */
must_check int object_writer_lend(struct object_writer *w, const void *bytes, size_t size,
				  struct error *err);

/** What it publishes is noted in @fresh (fresh.h), which outlives it. */
void object_writer_note(struct object_writer *w, struct fresh *fresh);

/**
 * Make the object durable under its digest: file and folder are synced when this returns 0.
 * Where it is there already, the one in the store is checked frame by frame and its time renewed; a
 * damaged one is moved to quarantine and replaced.
 *
 * Errors: -EINVAL fewer or more bytes than the layout states; -ENOSPC and what else writing gives
 */
must_check int object_writer_finish(struct object_writer *w, struct object_result *ret,
				    struct error *err);
/** Also discards an unfinished object. */
void object_writer_free(struct object_writer *w);
define_scoped(struct object_writer *, object_writer_free)

/** An object of bytes in memory. The second notes it in @fresh, which may be NULL. */
must_check int object_put(struct store *st, const void *bytes, size_t size, struct object_result *ret,
			  struct error *err);
must_check int object_put_noted(struct store *st, const void *bytes, size_t size, struct fresh *fresh,
				struct object_result *ret, struct error *err);

/* ---- reading ---- */

/** An open object: tables only, no decoder. Any number of threads may use one at once. */
struct object;

struct object_frame {
	uint64_t offset; /* in the content */
	uint32_t size_bytes;
	uint32_t stored_bytes;
	uint64_t stored_offset; /* in the file */
	uint32_t checksum;	/* low half of XXH64 of the content, as zstd's frames end with */
};

/**
 * @ret     owned by the caller: object_close(). Keeps no pointer to @st
 * Errors:  -ENOENT no such object; -EBADMSG seek table or directory damaged; else what open(2) gives
 */
must_check int object_open(struct store *st, const struct digest *digest, struct object **ret,
			   struct error *err);
void object_close(struct object *o);
define_scoped(struct object *, object_close)

const struct digest *object_digest(const struct object *o);
uint64_t object_size(const struct object *o);	     /* of the content */
uint64_t object_stored_size(const struct object *o); /* of the file */
int object_fd(const struct object *o);		     /* the object's own; for sendfile(2) and dup(2) */
const struct object_frame *object_frames(const struct object *o, size_t *ret_n);
/** XXH64-like hash of the seek table: changes when the encoding changes. For ETags. */
uint64_t object_encoding_hash(const struct object *o);
/** Sections in the order of the section header table; none where the content is not ELF. */
const struct object_section *object_sections(const struct object *o, size_t *ret_n);
/** The first section of that name, or NULL. */
const struct object_section *object_find_section(const struct object *o, const char *name);

/**
 * The bytes of the file that hold exactly [offset, offset + size) of the content as whole zstd frames;
 * false where the range does not begin and end at frame boundaries (or is empty).
 */
bool object_stored_range(const struct object *o, uint64_t offset, uint64_t size,
			 struct object_range *ret);

/** A decoder with one frame's memory. One thread at a time. */
struct object_reader;

/** @o outlives the reader. */
must_check int object_reader_new(const struct object *o, struct object_reader **ret, struct error *err);
void object_reader_free(struct object_reader *r);
define_scoped(struct object_reader *, object_reader_free)

/**
 * Read up to @size bytes of the content at @offset. Only the frames it needs are decoded, and each
 * frame's checksum is checked before one of its bytes is handed out.
 *
 * @ret_size  bytes read: less than @size only at the end of the content
 * Errors:    -EBADMSG damaged: names object, frame and place in the file
 */
must_check int object_read(struct object_reader *r, uint64_t offset, void *ret, size_t size,
			   size_t *ret_size, struct error *err);

/** The whole content in memory, for small objects. @limit: -EFBIG. @ret freed by the caller; NUL-terminated */
must_check int object_read_whole(struct store *st, const struct digest *digest, uint64_t limit,
				 char **ret, size_t *ret_size, struct error *err);

/**
 * Decode and check all of an object: each frame, sizes, digest.
 * Errors: -EBADMSG damaged: what and where; -ENOENT
 */
must_check int object_verify(struct store *st, const struct digest *digest, struct error *err);
