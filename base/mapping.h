/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "base/attributes.h"
#include "base/error.h"

/**
 * A regular file mapped for reading that cannot kill us: where it shrinks or its disk fails, the
 * pages read as zeros and mapping_check() says so, instead of SIGBUS. The bytes may still change
 * under a reader, so what is decided from them is decided once, from a copy.
 */
struct mapping;

/**
 * @fd    stays the caller's, and is kept open by them until mapping_close()
 * @what  names the file in messages; copied
 * Errors: -EINVAL not a regular file; -EFBIG larger than the address space; -EMFILE 4096 are mapped;
 *	   else fstat, mmap
 * Threads: any number of mappings and threads; each takes over the process's
 *	    SIGBUS action where it is not ours, and what stood there first gets what is not ours
 */
must_check int mapping_open(int fd, const char *what, struct mapping **ret, struct error *err);
void mapping_close(struct mapping *m);
define_scoped(struct mapping *, mapping_close)

const uint8_t *mapping_bytes(const struct mapping *m); /* never NULL, also for an empty file */
uint64_t mapping_size(const struct mapping *m);
const struct stat *mapping_stat(const struct mapping *m); /* as it was at open */

/**
 * Change bytes as our readers see them; the file stays as it is. Not while another thread reads
 * them.
 *
 * Errors: -EINVAL not inside the file; -ENOMEM; else mmap
 */
must_check int mapping_patch(struct mapping *m, uint64_t offset, const uint8_t *bytes, size_t size,
			     struct error *err);

/**
 * Is the file still what it was at open? Compares device, inode, size, mtime and ctime, and whether
 * a page could not be read. To be asked after the last read and before anything is published.
 *
 * Errors: -EBUSY it is not, and the message says what changed; -EIO it is, but was not readable
 */
must_check int mapping_check(const struct mapping *m, struct error *err);
