/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/digest.h"
#include "elf/image.h"

/**
 * What two files must share to be the same program: a SHA-256 over class, byte order, machine,
 * type, entry point, and address, size and bytes of every allocated section. The GNU build ID's
 * note counts as absent, so that a file has the same identity before and after its build ID was
 * added or mended. Headers, and bytes of a segment that no allocated section covers, do not count:
 * splitting leaves old section headers and names there (Go's linkers put them inside the first
 * segment), and strip and eu-strip write zeros over such bytes. So the stripped and the unstripped
 * file of one link have one identity, whoever stripped it, and another link under the same build
 * ID has another. Where there are no section headers at all, the bytes of the segments count.
 *
 * Time: each byte of the file is read at most once. Memory: a few bytes a section.
 * Errors: -ENOENT no loadable bytes: a separate debug file has no identity
 */
must_check int image_identity(const struct image *image, struct digest *ret, struct error *err);

/**
 * A SHA-256 over machine, class, byte order and each PT_LOAD's address, memory size and flags:
 * equal in a stripped file and its separate debug file, whichever tool made them. It joins what
 * was added apart.
 * Errors: -ENOENT no PT_LOAD
 */
must_check int image_memory_layout(const struct image *image, struct digest *ret, struct error *err);
