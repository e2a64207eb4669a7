/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/*
 * What is in a .dwo file: split units, each known by the 8 bytes that its skeleton has too, and type units, by their
 * signature. Sources: DWARF 5 sections 7.3.2 and 7.5.1; of DWARF 4, GCC's "DebugFission".
 */
struct dwo_unit {
	uint64_t id;
	bool is_type;
	uint64_t section; /* index of .debug_info.dwo, or, in DWARF 4, of a .debug_types.dwo */
	uint64_t offset, size_bytes; /* in its decoded content */
};

struct dwo_units {
	struct dwo_unit *units; /* in order of section and offset */
	size_t n;
	unsigned version; /* of DWARF: 4 or 5; all units have one */
};

#define DWO_UNITS_LIMIT 1000000u

/**
 * Errors: -EBADMSG malformed; -ENOTSUP 64-bit DWARF, or units of several versions; -EFBIG; -ENOMEM
 */
must_check int dwo_units_read(const struct image *image, struct dwo_units *ret, struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(dwo_units_free). */
void dwo_units_free(struct dwo_units *units);
