/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/core.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/core_fixture.h"

/* The input is a core file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct core core = { 0 };
	struct error err = ERROR_NONE;
	if (core_read(data, size, &core, &err) < 0) {
		FUZZ_CHECK(err.message[0] && !core.files && !core.paths);
		return 0;
	}
	size_t paths_size = 0;
	for (uint64_t i = 0; i < core.n_files; i++) {
		const struct core_file *file = &core.files[i];
		FUZZ_CHECK(i == 0 || file[-1].address <= file->address);
		FUZZ_CHECK(!file->has_build_id || file->start == CORE_START_ELF);
		FUZZ_CHECK(!file->has_build_id ||
			   (file->build_id.size && file->build_id.size <= BUILD_ID_MAX_SIZE));
		paths_size += file->path ? strlen(file->path) : 0;
	}
	FUZZ_CHECK(paths_size <= size * (core.n_files + 1));
	core_free(&core);
	return 0;
}

#define PROGRAM 0x400000
#define LIBRARY 0x70000000
#define VDSO 0x7ffff000

static void add_core(fuzz_add add, unsigned class, unsigned encoding, bool named)
{
	static const uint8_t id[20] = { 0xab, 0xcd, 1, 2, 3 };
	struct core_fixture f;
	core_fixture_init(&f, class, encoding);
	/* Whose PT_NOTE mutations make a PT_DYNAMIC; its words are the loader's list, too. */
	f.program_headers = PROGRAM + (class == ELFCLASS32 ? 52 : 64);
	f.n_program_headers = 1;
	f.vdso = VDSO;
	uint8_t *covered = core_fixture_page(class, encoding, id, sizeof(id), true);
	uint8_t *hidden = core_fixture_page(class, encoding, id, sizeof(id), false);
	if (named) {
		core_fixture_entry(&f, "/opt/prog", PROGRAM, PROGRAM + 0x2000, 0);
		core_fixture_entry(&f, "/opt/prog", PROGRAM + 0x2000, PROGRAM + 0x3000, 2);
		core_fixture_entry(&f, "/opt/lib", LIBRARY, LIBRARY + 0x1000, 0);
		core_fixture_entry(&f, "/opt/data", LIBRARY + 0x4000, LIBRARY + 0x5000, 1);
	}
	core_fixture_memory(&f, PROGRAM, hidden, 1200);
	core_fixture_memory(&f, LIBRARY, covered, 1200);
	core_fixture_memory(&f, VDSO, covered, 1200);
	size_t size;
	uint8_t *bytes = core_fixture_build(&f, &size);
	add(bytes, size);
	free(bytes);
	free(covered);
	free(hidden);
	core_fixture_free(&f);
}

void fuzz_seeds(fuzz_add add)
{
	for (unsigned class = ELFCLASS32; class <= ELFCLASS64; class ++)
		for (unsigned encoding = ELFDATA2LSB; encoding <= ELFDATA2MSB; encoding++)
			for (int named = 0; named < 2; named++)
				add_core(add, class, encoding, named);
}
