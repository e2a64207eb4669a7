/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include <stdbool.h>
#include <stdint.h>

/** What a file is by its first bytes and its name: what walks of folders go by. */
enum file_kind {
	FILE_KIND_OTHER,
	FILE_KIND_PROGRAM, /* an ELF executable or shared object, or ELF of a type that we do not
			      know */
	FILE_KIND_MODULE, /* a kernel module, *.ko */
	FILE_KIND_OBJECT, /* ET_REL, but for modules */
	FILE_KIND_CORE,
	FILE_KIND_ARCHIVE, /* of ar(1), thin ones too */
	FILE_KIND_PACKED_MODULE, /* *.ko.zst, *.ko.xz, *.ko.gz */
};

/** Links are not followed. Errors: negative errno of open or read */
must_check int file_kind_read(int dir_fd, const char *name, enum file_kind *ret);

/** The form of other systems' programs, by their first bytes: "Mach-O", "PE", "WebAssembly"; NULL: none
 * that we know. */
const char *file_foreign_form(const uint8_t *bytes, uint64_t size);

/** By its name. */
bool file_is_packed_module(const char *name);

/** Does @path end with @end? */
bool path_ends_with(const char *path, const char *end);
