/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/split_units.h"

/*
 * A DWARF package, .dwp: what the .dwo files of one program hold in one file, with an index by unit ID. Sections of
 * the same name lie one behind the other; offsets of strings move with them. Sources: DWARF 5 section 7.3.5; of
 * DWARF 4, "DebugFissionDWP". 32-bit DWARF, one version in a package.
 */
struct package_result {
	uint64_t n_files, n_units, n_types;
	uint64_t size_bytes;
};

/**
 * Write the package of all units of a program.
 *
 * @image   of the program: machine, class and byte order
 * @dwarf5  false: units of DWARF 5 are refused: gdb 13 crashes on packages of them, llvm-dwp's too
 * @fd      empty, for reading and writing
 * Errors: -ENOENT a file is not there; -EINVAL it is of another program or build (the message names it);
 *	   -ENOTSUP, -EFBIG beyond us; -EBADMSG malformed; else open, read, write
 */
must_check int package_write(const struct image *image, const struct split_units *units,
			     bool dwarf5, int fd, struct package_result *ret, struct error *err);
