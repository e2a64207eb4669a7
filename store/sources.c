/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "elf/source_names.h"
#include "store/digest_set.h"
#include "store/internal.h"
#include "store/sources.h"

/* One path of the manifest. */
struct source_entry {
	struct digest digest;
	uint64_t size_bytes;
	bool doubtful;
	char path[];
};

struct source_writer {
	struct store *st;
	struct lookup *lookup;
	struct pack_writer pack;
	struct digest_set known; /* what is in the store or in this writer's pack */
	void *by_path; /* tsearch(3) tree of the entries */
	struct source_entry **entries; /* in the order of adding */
	size_t n_entries, n_allocated;
	uint64_t manifest_bytes; /* its size, at most */
	struct digest last_pack; /* of the store, that was seen to be there */
	bool has_last_pack;
	uint64_t n_new_files;
};

int source_writer_new(struct store *st, struct fresh *fresh, struct source_writer **ret,
		      struct error *err)
{
	int r;

	scoped(source_writer_freep) struct source_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return error_no_memory(err);
	w->st = st;
	w->pack.fresh = fresh;
	r = lookup_new(st, &w->lookup, err);
	if (r < 0)
		return r;
	*ret = take(w);
	return 0;
}

void source_writer_free(struct source_writer *w)
{
	if (!w)
		return;
	tdestroy(w->by_path, free);
	digest_set_free(&w->known);
	free(w->entries);
	pack_writer_free(&w->pack);
	lookup_free(w->lookup);
	free(w);
}

static int entry_order(const void *a, const void *b)
{
	return strcmp(((const struct source_entry *)a)->path,
		      ((const struct source_entry *)b)->path);
}

/*
 * Is the pack's file there? Its time is renewed, so that a collector, which takes nothing young,
 * leaves it alone until the record that will need it is written. Asked once for files in a row that
 * lie in one pack.
 */
static bool pack_is_there(struct source_writer *w, const struct digest *pack)
{
	if (w->has_last_pack && digest_equal(&w->last_pack, pack))
		return true;
	char name[OBJECT_NAME_SIZE];
	/* Under the lock, as all who remove look at the time under theirs. What cannot be renewed, not being
	 * ours, is not relied on. */
	scoped(fd_close) int lock_fd = -1;
	if (store_lock_shared(w->st, &lock_fd, NULL) < 0 ||
	    utimensat(w->st->objects_fd, object_name(pack, name), NULL, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	w->last_pack = *pack;
	w->has_last_pack = true;
	return true;
}

/* Write the file into the pack unless it has been, or the store has it. */
static int keep_bytes(struct source_writer *w, const struct digest *digest, const void *bytes,
		      size_t size, struct error *err)
{
	int r;

	if (digest_set_has(&w->known, digest))
		return 0;
	if (removed_source(w->st, digest))
		return error_set(err, -EPERM, "source %s was removed from the store for good",
				 DIGEST_HEX(digest));

	struct source_place place;
	r = lookup_source(w->lookup, digest, &place, err);
	if (r < 0 && r != -ENOENT && r != -ENXIO) /* no catalog (yet): it is packed, perhaps again */
		return r;
	bool there = r == 0 && pack_is_there(w, &place.object);

	if (!there) {
		r = pack_writer_add(&w->pack, w->st, digest, bytes, size, err);
		/* These two say something about the file to our caller; here they are the disk's.
		 */
		if (r == -EPERM || r == -EFBIG)
			return -EIO;
		if (r < 0)
			return r;
		w->n_new_files++;
	}
	return digest_set_add(&w->known, digest, 0, NULL, err);
}

static int entry_new(const char *path, struct source_entry **ret, struct error *err)
{
	size_t size = strlen(path) + 1;
	struct source_entry *entry = malloc(sizeof(*entry) + size);
	if (!entry)
		return error_no_memory(err);
	source_path_fold(path, entry->path);
	*ret = entry;
	return 0;
}

static void entry_freep(struct source_entry **entry)
{
	free(*entry);
}

static int put_entry(struct source_writer *w, struct source_entry *entry, struct error *err)
{
	if (w->n_entries == w->n_allocated) {
		size_t n = w->n_allocated ? 2 * w->n_allocated : 256;
		struct source_entry **entries = reallocarray(w->entries, n, sizeof(*entries));
		if (!entries)
			return error_no_memory(err);
		w->entries = entries;
		w->n_allocated = n;
	}
	if (!tsearch(entry, &w->by_path, entry_order))
		return error_no_memory(err);
	w->entries[w->n_entries++] = entry;
	return 0;
}

int source_writer_add(struct source_writer *w, const char *path, const void *bytes, size_t size,
		      bool doubtful, struct error *err)
{
	int r;

	if (size > SOURCE_SIZE_LIMIT)
		return error_set(err, -EFBIG, "%s: %zu bytes, over the limit of %u for a source",
				 ESCAPED(path), size, SOURCE_SIZE_LIMIT);
	scoped(entry_freep) struct source_entry *entry = NULL;
	r = entry_new(path, &entry, err);
	if (r < 0)
		return r;
	size_t path_size = strlen(entry->path);
	if (!path_size || path_size > SOURCE_PATH_LIMIT)
		return error_set(err, -EINVAL, "source path of %zu bytes: 1 to %u are possible",
				 path_size, SOURCE_PATH_LIMIT);

	struct source_entry **there = tfind(entry, &w->by_path, entry_order);
	if (there && (doubtful || !(*there)->doubtful))
		return 0; /* the first, or the better one, is there */

	entry->digest = digest_of(bytes, size);
	entry->size_bytes = size;
	entry->doubtful = doubtful;

	/* Digest, blank, flag and newline; each byte of the path may take two. */
	uint64_t line_bytes = DIGEST_HEX_SIZE + 2 + 2 * (uint64_t)path_size;
	if (!there && w->manifest_bytes + line_bytes > MANIFEST_SIZE_LIMIT - 64)
		return error_set(err, -EFBIG, "source manifest: no room for a path after %zu",
				 w->n_entries);

	r = keep_bytes(w, &entry->digest, bytes, size, err);
	if (r < 0)
		return r;
	if (there) {
		(*there)->digest = entry->digest;
		(*there)->size_bytes = size;
		(*there)->doubtful = false;
		return 0;
	}
	r = put_entry(w, entry, err);
	if (r < 0)
		return r;
	(void)take(entry);
	w->manifest_bytes += line_bytes;
	return 0;
}

static int entry_pointer_order(const void *a, const void *b)
{
	return entry_order(*(struct source_entry *const *)a, *(struct source_entry *const *)b);
}

static void list_free(struct manifest_entry **list)
{
	free(*list);
}

static int write_manifest(struct source_writer *w, struct source_result *ret, struct error *err)
{
	int r;

	qsort(w->entries, w->n_entries, sizeof(w->entries[0]), entry_pointer_order);
	scoped(list_free) struct manifest_entry *list = calloc(w->n_entries, sizeof(*list));
	if (!list)
		return error_no_memory(err);
	for (size_t i = 0; i < w->n_entries; i++) {
		const struct source_entry *entry = w->entries[i];
		list[i] = (struct manifest_entry){ entry->path, entry->digest, entry->doubtful };
		ret->bytes += entry->size_bytes;
	}

	scoped(string_free) char *text = NULL;
	size_t size;
	r = manifest_format(list, w->n_entries, &text, &size, err);
	if (r < 0)
		return r;
	struct object_result object;
	r = object_put_noted(w->st, text, size, w->pack.fresh, &object, err);
	if (r < 0)
		return error_prefix(err, r, "source manifest");

	ret->manifest = (struct artifact){ .present = true,
					   .digest = object.digest,
					   .size_bytes = object.size_bytes };
	ret->n_files = w->n_entries;
	ret->stored_bytes += object.was_there ? 0 : object.stored_bytes;
	return 0;
}

/* The caller holds the store's lock: whoever removes a source looks through the packs after us. */
static int check_removed(const struct source_writer *w, struct error *err)
{
	for (size_t i = 0; i < w->pack.list.n_members; i++)
		if (removed_source(w->st, &w->pack.list.members[i].digest))
			return error_set(err, -EAGAIN, "source %s was removed from the store just now: try again",
					 DIGEST_HEX(&w->pack.list.members[i].digest));
	return 0;
}

int source_writer_finish(struct source_writer *w, struct source_result *ret, struct error *err)
{
	int r;

	struct source_result result = { .n_new_files = w->n_new_files };
	if (w->n_new_files) {
		scoped(fd_close) int lock_fd = -1;
		r = store_lock_shared(w->st, &lock_fd, err);
		if (r == 0)
			r = check_removed(w, err);
		if (r < 0)
			return r;
		struct object_result pack;
		r = pack_writer_finish(&w->pack, w->st, &pack, err);
		if (r < 0)
			return r;
		result.stored_bytes += pack.was_there ? 0 : pack.stored_bytes;
	}
	if (w->n_entries) {
		r = write_manifest(w, &result, err);
		if (r < 0)
			return r;
	}
	*ret = result;
	return 0;
}

/* ---- reading ---- */

static int read_place(struct store *st, const struct source_place *place, char **ret,
		      struct error *err)
{
	int r;

	scoped(object_closep) struct object *object = NULL;
	r = object_open(st, &place->object, &object, err);
	if (r < 0)
		return r;
	/* Before anything is allocated for what the catalog says. */
	if (!range_fits(place->offset, place->size_bytes, object_size(object)))
		return error_set(err, -EBADMSG,
				 "object %s: ends at 0x%" PRIx64 ", before a source of 0x%" PRIx64
				 " bytes at 0x%" PRIx64,
				 DIGEST_HEX(&place->object), object_size(object), place->size_bytes,
				 place->offset);

	scoped(object_reader_freep) struct object_reader *reader = NULL;
	r = object_reader_new(object, &reader, err);
	if (r < 0)
		return r;
	size_t size = (size_t)place->size_bytes;
	scoped(string_free) char *bytes = malloc(size + 1);
	if (!bytes)
		return error_no_memory(err);
	size_t n = 0;
	if (size)
		r = object_read(reader, place->offset, bytes, size, &n, err);
	if (r < 0)
		return r;
	if (n < size)
		return error_set(err, -EBADMSG, "object %s: ends within a source",
				 DIGEST_HEX(&place->object));
	bytes[size] = 0;
	*ret = take(bytes);
	return 0;
}

int source_read(struct store *st, struct lookup *l, const struct digest *source, uint64_t limit,
		char **ret, size_t *ret_size, struct error *err)
{
	int r;

	scoped(string_free) char *bytes = NULL;
	struct source_place place;
	/* Twice, for a pack may have been rewritten between the catalog's answer and the opening.
	 */
	for (int attempt = 0;; attempt++) {
		r = lookup_source(l, source, &place, err);
		if (r < 0)
			return r;
		if (place.size_bytes > limit || place.size_bytes > SIZE_MAX - 1)
			return error_set(err, -EFBIG,
					 "source %s: %" PRIu64 " bytes, over the limit of %" PRIu64,
					 DIGEST_HEX(source), place.size_bytes, limit);
		r = read_place(st, &place, &bytes, err);
		if (r == 0)
			break;
		if (r != -ENOENT || attempt == 1)
			return error_prefix(err, r, "source %s", DIGEST_HEX(source));
	}

	struct digest digest = digest_of(bytes, (size_t)place.size_bytes);
	if (!digest_equal(&digest, source))
		return error_set(err, -EBADMSG,
				 "source %s: the bytes in object %s have another digest",
				 DIGEST_HEX(source), DIGEST_HEX(&place.object));
	*ret = take(bytes);
	*ret_size = (size_t)place.size_bytes;
	return 0;
}
