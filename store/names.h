/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/attributes.h"
#include "base/digest.h"
#include "base/error.h"

/** The names in one folder, in byte order, without "." and "..". */
struct names {
	char **names;
	size_t n;
};

/** @ret  filled; names_free() frees it. Errors: -ENOENT, -ENOTDIR (a link is never followed); readdir(3)'s */
must_check int names_read(int dir_fd, const char *folder, struct names *ret, struct error *err);
/** Also accepts a zeroed one. A guard: scoped(names_free). */
void names_free(struct names *names);

/** Is it the temporary name of something that is being made, or was when its writer was killed? */
bool is_unfinished(const char *name);

/** A name that is not where it belongs, relative to the store. */
typedef void (*names_stray)(const char *path, const char *why, void *context);

/**
 * The objects below a store's objects folder, in order of digest, one folder's names in memory at a time.
 * Threads: any number may take from one list at once.
 */
struct object_list {
	pthread_mutex_t mutex;
	int objects_fd; /* -1: no objects */
	names_stray stray;
	void *context;
	struct names folders, files;
	size_t folder, file; /* the next */
};

/** @objects_fd stays the caller's. @stray may be NULL; is called with the list's mutex held */
must_check int object_list_open(int objects_fd, names_stray stray, void *context,
				struct object_list *ret, struct error *err);
void object_list_close(struct object_list *list);

/** The next object's digest. Returns 1, 0 at the end, or an error, after which the list goes on. */
must_check int object_list_next(struct object_list *list, struct digest *ret, struct error *err);
