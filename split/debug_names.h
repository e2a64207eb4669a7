/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/digest.h"
#include "elf/compilation_dirs.h"
#include "split/debug_image.h"

/*
 * Names in the stored debug image that debuggers can ask for. `go build -trimpath` leaves "." as the
 * compilation folder, and gdb asks for no name that is not absolute: in the image, each such "." in
 * .debug_info becomes "/", a byte for a byte. Nothing moves, in DWARF 4 and 5 alike.
 */
struct debug_names {
	struct compilation_dirs dirs; /* n is 0: the image stays as it is */
	/* After writing: */
	uint64_t *offsets; /* of the changed bytes, in the debug image; dirs.n */
	struct digest original; /* of the image without the change */
	bool written;
};

#define DEBUG_NAMES_OLD '.'
#define DEBUG_NAMES_NEW '/'

/** What is to change: nothing where it is no Go program built with -trimpath. Errors: -ENOMEM */
must_check int debug_names_find(const struct image *image, struct debug_names *ret,
				struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(debug_names_free). */
void debug_names_free(struct debug_names *names);

/** Where names were changed in a debug image from a store, with what else may look so. */
struct changed_names {
	uint64_t *places; /* rising, in the file */
	size_t n;
};

/** @image  of the debug file. Errors: -ENOMEM; DWARF that cannot be read has none */
must_check int changed_names_find(const struct image *image, struct changed_names *ret,
				  struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(changed_names_free). */
void changed_names_free(struct changed_names *names);
/** The first of the places that is not before @offset, or names->n. */
size_t changed_names_next(const struct changed_names *names, uint64_t offset);
/** @size bytes at @bytes, which lie at @offset of the file, become what they were. */
void changed_names_restore(const struct changed_names *names, uint64_t offset, uint8_t *bytes,
			   uint64_t size);
/** CRC-32 of @size bytes, as they were. */
uint32_t changed_names_crc(const struct changed_names *names, const uint8_t *bytes, uint64_t size);

/** Between a debug image and where it goes: takes the untouched bytes, hands on the changed ones. */
struct names_sink {
	struct sink to;
	struct debug_names *names;
	struct digester *digester; /* of the untouched bytes */
	uint64_t at; /* bytes so far */
	size_t next; /* of the offsets */
};

/** @ret_sink  keeps a pointer to @ret. Errors: -ENOMEM */
must_check int names_sink_open(struct debug_names *names, const struct debug_image *debug,
			       const struct sink *to, struct names_sink *ret,
			       struct sink *ret_sink, struct error *err);
/** All bytes were taken: fills in names->original. */
void names_sink_finish(struct names_sink *s);
void names_sink_close(struct names_sink *s); /* a guard; also accepts a zeroed one */
