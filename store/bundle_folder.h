/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <sys/types.h>

/*
 * The folder that dbgstore bundle writes: files below it are named by paths that others wrote, a
 * core file and debug information. Nothing is written outside it, and nothing in it twice.
 */

/** Make it, or take an empty one, with folders root, debug and sources in it. @ret_fd fd_close().
 * Errors: -ENOTEMPTY something is in it */
must_check int bundle_folder_make(const char *path, int *ret_fd, struct error *err);

/**
 * Where a file of that path goes below @top, "root" say: "root/usr/bin/x". Dot segments are folded,
 * none leads out. @ret freed by the caller. Errors: -EINVAL no file's path
 */
must_check int bundle_folder_name(const char *top, const char *path, char **ret, struct error *err);

/** Create a file, and the folders above it. @ret_fd fd_close(). Errors: -EEXIST it is there */
must_check int bundle_folder_create(int dir_fd, const char *name, mode_t mode, int *ret_fd,
				    struct error *err);
/** Give a file that is there another name, by a hard link. One that is there is left as it is. */
must_check int bundle_folder_alias(int dir_fd, const char *name, const char *alias,
				   struct error *err);
/** A symbolic link, and the folders above it. One that is there is left as it is. */
must_check int bundle_folder_link(int dir_fd, const char *name, const char *target,
				  struct error *err);
