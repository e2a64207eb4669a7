/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/*
 * usage: fuzz_X            run the seeds and mutations of them
 *	  fuzz_X FILE…      run these inputs, as libFuzzer's own main does
 *	  fuzz_X --seeds DIR  write the seeds there
 */

#define N_MUTATIONS 100000 /* of all seeds together: seconds, also under a sanitizer */
#define SIZE_LIMIT (1u << 20)

struct input {
	uint8_t *bytes;
	size_t size;
};

static struct input seeds[64];
static size_t n_seeds;

static void add_seed(const uint8_t *data, size_t size)
{
	if (n_seeds == sizeof(seeds) / sizeof(seeds[0]))
		abort();
	uint8_t *copy = malloc(size + 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	seeds[n_seeds++] = (struct input){ copy, size };
}

/* Xorshift: the same numbers in each run. */
static uint32_t random_number(void)
{
	static uint32_t state = 2463534242u;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void mutate_once(struct input *input)
{
	static const uint64_t values[] = { 0,          1,          0x7f,          0x80,
					   0xff,       0x7fff,     0x8000,        0xffff,
					   0x7fffffff, 0x80000000, 0xfffffff0,    0xffffffff,
					   INT64_MAX,  UINT64_MAX, UINT64_MAX - 1 };
	size_t at = input->size ? random_number() % input->size : 0;
	size_t left = input->size - at;
	switch (random_number() % 7) {
	case 0:
		if (left)
			input->bytes[at] ^= (uint8_t)(1u << random_number() % 8);
		break;
	case 1:
		if (left)
			input->bytes[at] = (uint8_t)random_number();
		break;
	case 2: { /* a number that breaks arithmetic, in either byte order */
		uint64_t value = values[random_number() % (sizeof(values) / sizeof(values[0]))];
		size_t width = (size_t)1 << random_number() % 4;
		int big = random_number() % 2;
		for (size_t i = 0; i < width && i < left; i++)
			input->bytes[at + i] = (uint8_t)(value >> 8 * (big ? width - 1 - i : i));
		break;
	}
	case 3: /* one more, or one less */
		if (left)
			input->bytes[at] =
				(uint8_t)(input->bytes[at] + (random_number() % 2 ? 1 : -1));
		break;
	case 4:
		input->size = at;
		break;
	case 5: { /* a piece copied elsewhere */
		size_t from = input->size ? random_number() % input->size : 0;
		size_t n = random_number() % 64;
		for (size_t i = 0; i < n && at + i < input->size && from + i < input->size; i++)
			input->bytes[at + i] = input->bytes[from + i];
		break;
	}
	default: { /* a piece taken out */
		size_t n = random_number() % 16;
		n = n < left ? n : left;
		memmove(input->bytes + at, input->bytes + at + n, left - n);
		input->size -= n;
	}
	}
}

/* In a block of its own size, so that a sanitizer sees one byte too many. */
static void run(const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size);
	if (size && !exact)
		abort();
	if (size)
		memcpy(exact, bytes, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static int run_file(const char *name)
{
	static uint8_t bytes[SIZE_LIMIT];
	FILE *file = fopen(name, "r");
	if (!file) {
		perror(name);
		return 1;
	}
	size_t size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	run(bytes, size);
	return 0;
}

static int write_seeds(const char *folder)
{
	for (size_t i = 0; i < n_seeds; i++) {
		char name[512];
		snprintf(name, sizeof(name), "%s/seed-%02zu", folder, i);
		FILE *file = fopen(name, "w");
		if (!file || fwrite(seeds[i].bytes, 1, seeds[i].size, file) != seeds[i].size ||
		    fclose(file) != 0) {
			perror(name);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	fuzz_seeds(add_seed);
	if (argc == 3 && !strcmp(argv[1], "--seeds"))
		return write_seeds(argv[2]);
	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			if (run_file(argv[i]) != 0)
				return 1;
		return 0;
	}

	for (size_t i = 0; i < n_seeds; i++)
		run(seeds[i].bytes, seeds[i].size);
	uint8_t *bytes = malloc(SIZE_LIMIT);
	if (!bytes)
		return 1;
	for (size_t i = 0; i < N_MUTATIONS; i++) {
		const struct input *seed = &seeds[i % n_seeds];
		struct input input = { bytes, seed->size < SIZE_LIMIT ? seed->size : SIZE_LIMIT };
		memcpy(bytes, seed->bytes, input.size);
		for (uint32_t n = 1 + random_number() % 8; n; n--)
			mutate_once(&input);
		run(input.bytes, input.size);
	}
	free(bytes);
	printf("%zu seeds, %d mutations\n", n_seeds, N_MUTATIONS);
	for (size_t i = 0; i < n_seeds; i++)
		free(seeds[i].bytes);
	return 0;
}
