/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/text_map.h"

/* What only this folder uses. */

struct vuln_file {
	char *bytes; /* owned */
	size_t size;
};

/**
 * Read all files of a zip (check/vulndb_zip.c).
 * @ret  path in the zip -> struct vuln_file, owned; what was read is in it on failure, too
 * Errors: -EBADMSG not a zip, or damaged; -EFBIG
 */
must_check int vulndb_zip_read(int fd, struct text_map *ret, struct error *err);
