/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/* What annobin, a plugin of gcc and clang, noted of how code was compiled. Source: "Watermark"
 * specification, and annobin's binary-annotations: notes of type 0x100 and 0x101 in sections
 * .gnu.build.attributes*, whose names hold "GA", a kind of value, an attribute and the value. */

enum annobin_answer { ANNOBIN_SILENT, ANNOBIN_NONE, ANNOBIN_SOME, ANNOBIN_ALL };

struct annobin {
	enum annobin_answer stack_protector, fortify, stack_clash;
};

struct annobin annobin_read(const struct image *image);
