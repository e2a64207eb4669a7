/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/attributes.h"
#include "base/error.h"
#include "elf/build_id.h"

/*
 * The files that were mapped in a process, as its core file tells: by NT_FILE, by the start of each
 * that the core holds (ELF header and program headers, with the notes behind them), and by the
 * dynamic loader's list. Sources: core(5), Linux fs/binfmt_elf.c on NT_FILE and NT_AUXV, gABI
 * chapters 4 and 5, <link.h>.
 */

enum core_start {
	CORE_START_ELF,	    /* an ELF file's, and the core holds it */
	CORE_START_OTHER,   /* something else's: locales, data */
	CORE_START_MISSING, /* it was not mapped, or the core does not hold it */
};

struct core_file {
	const char *path; /* as NT_FILE has it, " (deleted)" included; "[vdso]"; NULL: not said. Bytes */
	uint64_t address;  /* of the first mapping, the file's start where it was mapped */
	uint64_t end;	   /* of that mapping */
	enum core_start start;
	bool has_build_id;
	struct build_id build_id; /* by which the store knows it: given_id.h */
	char *loaded_as; /* the dynamic loader's name of a library, by which debuggers look; NULL: none */
	bool program; /* what was run: AT_PHDR points into it */
};

struct core {
	struct core_file *files; /* by address; a file that was mapped twice stands once */
	uint64_t n_files;
	bool truncated; /* segments end past the file: a limit, a full disk */
	char *paths;
};

/* Past these, and 64 MiB of NT_FILE, it is refused as -EFBIG. */
#define CORE_SEGMENTS_LIMIT 2000000u
#define CORE_FILES_LIMIT 1000000u

/**
 * Read a core file's tables and the starts of the files; a core of many GB is looked at in a few
 * pages. No I/O but by the bytes being mapped.
 *
 * @ret     core_free() frees what it holds; needs @bytes no longer
 * Errors:  -ENOEXEC not ELF; -ENOTSUP ELF, but no core file, or a class or byte order unknown to
 *	    us; -EBADMSG malformed; -EFBIG
 */
must_check int core_read(const uint8_t *bytes, uint64_t size_bytes, struct core *ret,
			 struct error *err);
void core_free(struct core *core); /* also accepts a zeroed one. A guard: scoped(core_free) */
