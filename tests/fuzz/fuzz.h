/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * A harness has these two. Linked with tests/fuzz/driver.c, it runs its seeds and a fixed number of
 * mutations of each, as an ordinary test. With -Dfuzz=true under clang there is also libfuzz_X,
 *with libFuzzer's main():
 *
 *	CC=clang meson setup -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false build-fuzz
 *	build-fuzz/tests/fuzz/fuzz_image --seeds SEEDS
 *	build-fuzz/tests/fuzz/libfuzz_image NEW SEEDS
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef void (*fuzz_add)(const uint8_t *data, size_t size);
/** Hand each seed to @add, which copies it. */
void fuzz_seeds(fuzz_add add);

/** Stop, with the input kept, where something that must hold does not. */
#define FUZZ_CHECK(condition)                                                           \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)
