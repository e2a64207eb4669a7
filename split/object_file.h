/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"
#include "split/report.h"

/* What is particular to files that are not linked yet: objects (.o) and kernel modules (.ko). */

/**
 * Does a kernel module's signature follow the ELF file? Source: Linux,
 * include/linux/module_signature.h: the text is the last of the file.
 */
bool object_file_is_signed(const struct image *image);

/** Warn of what taking debug information out of it does: a signature no longer holds. */
void object_file_warn(const struct image *image, struct outcome *outcome);
