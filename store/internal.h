/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/json.h"
#include "store/lookup.h"
#include "store/object.h"
#include "store/record.h"
#include "store/sources.h"
#include "store/store.h"

/* What the folder's own files share: the open store, its folders, the catalog's writing side. */

struct frame_pool;
struct catalog;

struct store {
	char *path;
	enum store_access access;
	/* Folder fds; those but fd are -1 where the folder is not there (a store for reading). */
	int fd, objects_fd, builds_fd, catalog_fd, tmp_fd, quarantine_fd, removed_fd;
	/* What every file and folder is given; from the store folder's own mode and group. */
	mode_t folder_mode, file_mode;
	gid_t group;
	uid_t owner; /* of the store folder: root's files in a person's store are given to that person */
	int level;
	unsigned n_threads;
	pthread_mutex_t mutex; /* guards the two below */
	struct frame_pool *pool; /* made by the first object writer */
	struct catalog *catalog; /* made by the first that writes to it */
};

/** Give a new file, or folder, the store's mode and group. */
must_check int store_own_file(struct store *st, int fd, struct error *err);
must_check int store_own_folder(struct store *st, int fd, struct error *err);

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
/** Open a folder below @dir_fd, made with the store's mode where it is missing (and its parent synced). */
must_check int store_open_folder(struct store *st, int dir_fd, const char *name, int *ret_fd,
				 struct error *err);

/** Move objects/NAME or builds/NAME aside, to quarantine/NAME-with-dashes.TIME; folders are synced. */
must_check int store_quarantine(struct store *st, int dir_fd, const char *name, struct error *err);

/* ---- objects ---- */

#define OBJECT_NAME_SIZE 70 /* "ab/" 62 digits ".zst" NUL */
const char *object_name(const struct digest *digest, char ret[static OBJECT_NAME_SIZE]);
/** Is this a name that object_name() makes (given as folder "ab" and file name)? */
bool object_name_parse(const char *folder, const char *name, struct digest *ret);

/** As object_open(), of a file from anywhere (a store that is merged): @fd is taken over, also on failure.
 * @what for messages; copied. */
must_check int object_open_fd(int fd, const struct digest *digest, const char *what, struct object **ret,
			      struct error *err);
/** As object_verify(), of an open object. */
must_check int object_check(const struct object *o, struct error *err);
/** The same without the digest: every frame decodes, and to its size and checksum. */
must_check int object_check_frames(const struct object *o, struct error *err);
/** The number of the frame that holds the byte at @offset, which is below the content's size. */
size_t object_frame_at(const struct object *o, uint64_t offset);
/** Is the object there (a stat, no more)? */
bool object_is_there(struct store *st, const struct digest *digest);

/** What another writer has put there, and perhaps not yet synced, is relied on from here: renew its time, sync
 * file and folder. Errors: -ENOENT */
must_check int object_rely_on(struct store *st, const struct digest *digest, struct error *err);

/** Put a verified object file (a tmpfile's bytes, encoded elsewhere) in place under its digest. */
struct tmpfile;
must_check int object_adopt(struct store *st, struct tmpfile *t, const struct digest *digest,
			    struct object_result *ret, struct error *err);

/* ---- parts of a record's JSON ---- */

/* NULL: no memory. */
json_t *artifact_json(const struct artifact *artifact);
json_t *origin_json(const struct origin *origin);
/** @object NULL: @ret is left as it is. Errors: -EBADMSG, which key */
must_check int artifact_of_json(const json_t *object, struct artifact *ret, struct error *err);
must_check int origin_of_json(const json_t *object, struct origin *ret, struct error *err);
extern const char *const origin_keys[]; /* that this release knows; NULL behind the last */

/* ---- records ---- */

#define RECORD_NAME_SIZE (sizeof("builds/ab/") + BUILD_ID_HEX_SIZE)
/** "builds/ab/abcdef…", relative to the store. */
const char *record_name(const struct build_id *id, char ret[static RECORD_NAME_SIZE]);
#define CONTRIBUTION_NAME_SIZE (DIGEST_HEX_SIZE + 5) /* 64 digits, ".json", NUL */
const char *contribution_name(const struct digest *digest, char ret[static CONTRIBUTION_NAME_SIZE]);
/** Is this the file name of a contribution, and of which digest? */
bool contribution_name_parse(const char *name, struct digest *ret);
/** Read a contribution and compare its bytes with its name. Errors: -EBADMSG damaged; else what reading gives */
must_check int contribution_read(int dir_fd, const char *name, struct contribution *ret,
				 struct error *err);
/** Put a contribution's text, as it is, into a record, durably. The caller holds the store's shared lock, has
 * proved objects and looked for a tombstone, and calls catalog_refresh_build() after it. */
must_check int contribution_publish(struct store *st, const struct build_id *id, const char *text, size_t size,
				    bool *ret_was_there, struct error *err);
/** How many contributions a build's folder holds, good ones or not. Errors: -ENOENT no folder */
must_check int record_count(struct store *st, const struct build_id *id, uint32_t *ret, struct error *err);
/** Sync a record's folder and those above it. */
must_check int record_sync(struct store *st, const struct build_id *id, struct error *err);
/** As record_each(), of IDs whose hex digits begin with @prefix (lower case). */
must_check int record_each_prefix(struct store *st, const char *prefix, record_visit visit, void *context,
				  struct error *err);

/* ---- the catalog's writing side: catalog/catalog.sqlite, WAL, synchronous=FULL ---- */

/* Each call is one BEGIN IMMEDIATE transaction of the store's one writing connection, guarded by a mutex of
 * its own; SQLITE_BUSY waits up to 60 s. Compression and syncing are done before. */

must_check int catalog_put_build(struct store *st, const struct record *record, struct error *err);
/** Read a build's record and put what it says now: inside the transaction, so that of two writers of one ID the
 * later has seen both contributions. No record: the build is forgotten. @ret may be NULL */
must_check int catalog_refresh_build(struct store *st, const struct build_id *id, struct build *ret,
				     struct error *err);
must_check int catalog_forget_build(struct store *st, const struct build_id *id, struct error *err);

struct pack_member {
	struct digest digest; /* of the source file */
	uint64_t offset;      /* in the pack's content */
	uint64_t size_bytes;
};
must_check int catalog_put_pack(struct store *st, const struct digest *pack,
				const struct pack_member *members, size_t n_members, struct error *err);
must_check int catalog_has_pack(struct store *st, const struct digest *pack, bool *ret, struct error *err);
must_check int catalog_forget_pack(struct store *st, const struct digest *pack, struct error *err);

/**
 * Make all rows again, in one transaction: forget everything, then let @fill put builds and packs (it calls
 * the four above, which join the transaction), then commit. A catalog file that SQLite cannot read is moved
 * to quarantine and a new one made; readers notice the new inode at their next renewal.
 */
must_check int catalog_rebuild(struct store *st, int (*fill)(struct store *st, void *context, struct error *err),
			       void *context, struct error *err);

/** SQLite's own check of the file. Errors: -ENOENT no catalog; -EBADMSG damaged; as catalog_file_open() */
must_check int catalog_check(struct store *st, struct error *err);

void catalog_close(struct catalog *catalog);

/* ---- packs: a tar (ustar) in an object, member names are the digests of the members ---- */

#define PACK_BLOCK_SIZE 512u
#define PACK_MEMBERS_LIMIT 4000000u

/** A member's header: the same digest and size give the same bytes. */
void pack_header_format(const struct digest *source, uint64_t size_bytes,
			uint8_t ret[static PACK_BLOCK_SIZE]);
/** Errors: -EBADMSG not what pack_header_format() writes */
must_check int pack_header_parse(const uint8_t block[static PACK_BLOCK_SIZE], struct digest *ret_source,
				 uint64_t *ret_size_bytes, struct error *err);

struct pack_list {
	struct pack_member *members;
	size_t n_members, n_allocated;
};

/** A pack being written, member after member, through one object writer. Zeroed: not begun. */
struct pack_writer {
	struct object_writer *object;
	struct fresh *fresh; /* where it is noted; may be NULL */
	struct pack_list list;
	uint64_t offset; /* of what comes next, in the content */
};
must_check int pack_writer_add(struct pack_writer *w, struct store *st, const struct digest *source,
			       const void *bytes, size_t size, struct error *err);
/** Make it durable, and known to the catalog. At least one member was added. */
must_check int pack_writer_finish(struct pack_writer *w, struct store *st, struct object_result *ret,
				  struct error *err);
void pack_writer_free(struct pack_writer *w); /* frees what it holds; a guard: scoped(pack_writer_free) */

/** The members of a pack, from its tar headers. @ret freed by the caller. Errors: -EBADMSG not a pack */
must_check int pack_members(struct store *st, const struct digest *pack, struct pack_member **ret,
			    size_t *ret_n, struct error *err);
/** Does the object begin like a pack (a ustar header whose name is a digest)? Reads one frame. */
must_check int pack_is_one(struct store *st, const struct digest *object, bool *ret, struct error *err);
/** Write a pack of members (their bytes read from @read) and put it into the catalog. */
typedef int (*pack_read)(const struct digest *source, char **ret, size_t *ret_size, void *context,
			 struct error *err);
must_check int pack_write(struct store *st, const struct digest *sources, size_t n_sources, pack_read read,
			  void *context, struct object_result *ret, struct error *err);

/* ---- source manifests: text, a line a file ---- */

#define MANIFEST_SIZE_LIMIT (256u << 20)

/** @entries in order of path, each path once. @ret freed by the caller. Errors: -EFBIG */
must_check int manifest_format(const struct manifest_entry *entries, size_t n_entries, char **ret,
			       size_t *ret_size, struct error *err);
/**
 * @text    with a NUL behind its @size bytes; taken over (and freed on failure too)
 * Errors:  -EBADMSG, which line; -ENOTSUP a version that is not known; -EFBIG
 */
must_check int manifest_parse(char *text, size_t size, struct manifest **ret, struct error *err);

/* ---- tombstones: removed/builds/HEX and removed/sources/HEX, small JSON files ---- */

bool removed_build(struct store *st, const struct build_id *id);
bool removed_source(struct store *st, const struct digest *source);
/* These hold the shared lock: the caller holds no exclusive one. */
must_check int remove_build_mark(struct store *st, const struct build_id *id, struct error *err);
must_check int remove_source_mark(struct store *st, const struct digest *source, const char *path,
				  struct error *err);
