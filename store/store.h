/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/attributes.h"
#include "base/error.h"

/**
 * A store: a directory of plain files (see docs/FORMAT.md). Everything above this folder knows builds,
 * artifacts and sources by build ID and digest, and never where they lie.
 *
 * Threads: a store may be shared by any number of threads.
 */
struct store;

enum store_sharing {
	STORE_PRIVATE, /* 0700 */
	STORE_GROUP,   /* 2770: the group writes */
	STORE_WORLD,   /* 2775: the group writes, all read */
};

enum store_access { STORE_READ, STORE_WRITE };

/**
 * Make a store, and the folders above it. The sharing is kept as the folder's own mode and group, which
 * every file and folder below is given, whatever the umask.
 *
 * @group  (gid_t)-1: the caller's, or the parent folder's where that is setgid
 * Errors: -EEXIST there is a store; -ENOTEMPTY there is something else; -EPERM the group cannot be set
 */
must_check int store_init(const char *path, enum store_sharing sharing, gid_t group, struct error *err);

/** What sharing a store at @path has where nobody says: private for a person's; for root's own at
 * /var/lib/dbgvault, the group dbgvault where that group exists. */
void store_default_sharing(const char *path, enum store_sharing *ret, gid_t *ret_group);

/**
 * Errors: -ENOENT no such folder; -EINVAL a folder, but no store (no FORMAT); -ENOTSUP a store that a newer
 *	   release made, whose name the message has; -EACCES, with the owner and mode in the message
 */
must_check int store_open(const char *path, enum store_access access, struct store **ret,
			  struct error *err);
void store_close(struct store *st);
define_scoped(struct store *, store_close)

const char *store_path(const struct store *st);
/** The folder's fd, the store's. */
int store_fd(const struct store *st);

/** zstd level (1 to 22, default 3) and threads that compress (default: the cores this process may use).
 * Before the first object is written. */
void store_set_effort(struct store *st, int level, unsigned n_threads);

/** Where a person's own store is: $XDG_DATA_HOME/dbgvault, else ~/.local/share/dbgvault; for root
 * /var/lib/dbgvault. @ret freed by the caller. Errors: -ENOENT no usable home */
must_check int store_default_path(char **ret, struct error *err);

/** @option (may be NULL), else $DBGVAULT_STORE, else store_default_path(); "default" means the last. */
must_check int store_choose_path(const char *option, char **ret, struct error *err);

/**
 * Hold the store for writing (any number of holders) or for removing (one, and no writer). Waits.
 * Publishing an object takes the shared lock itself: a thread that holds the exclusive one must not
 * call object_writer_finish(), object_put() or object_adopt(), and would wait for itself.
 * @ret_fd  fd_close() lets it go
 */
must_check int store_lock_shared(struct store *st, int *ret_fd, struct error *err);
must_check int store_lock_exclusive(struct store *st, int *ret_fd, struct error *err);
/** Does not wait. Errors: -EWOULDBLOCK others hold it */
must_check int store_try_lock_exclusive(struct store *st, int *ret_fd, struct error *err);
