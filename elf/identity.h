/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/digest.h"
#include "elf/image.h"

/**
 * What two files must share to be the same program: a SHA-256 over class, byte order, machine, type,
 * entry point and the loadable bytes, with all that splitting and mending may change masked out: the
 * ELF header's e_shoff, e_shnum and e_shstrndx, section header table and section names that lie inside
 * a segment, the GNU build ID's note and PT_NOTE's own header. So the stripped and the unstripped file of one
 * link have one identity, and another link under the same build ID has another.
 *
 * A separate debug file has no loadable bytes and no identity: -ENOENT.
 */
must_check int image_identity(const struct image *image, struct digest *ret, struct error *err);

/**
 * A SHA-256 over machine, class, byte order and each PT_LOAD's address, memory size and flags: equal in a
 * stripped file and its separate debug file, whichever tool made them. It joins what was added apart.
 * Errors: -ENOENT no PT_LOAD
 */
must_check int image_memory_layout(const struct image *image, struct digest *ret, struct error *err);
