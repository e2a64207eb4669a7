/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_fixture.h"

#include <sys/wait.h>

#include "store/object.h"

#ifdef __has_feature /* clang's way to say it */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#define STEP (1u << 20)
#define N_THREADS 2
#define LIMIT_KIB ((64 + 3 * 4 * N_THREADS) * 1024)

static size_t anonymous_kib(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	assert_non_null(status);
	char line[256];
	unsigned long kib = 0;
	while (fgets(line, sizeof(line), status) && sscanf(line, "RssAnon: %lu", &kib) != 1)
		;
	fclose(status);
	return kib;
}

/* Zeros with a quarter of noise, written piece by piece; the most memory it took, in KiB. */
static size_t write_measured(const char *path, int level, size_t size_mib)
{
	struct error err = ERROR_NONE;
	struct store *st = NULL;
	assert_ok(store_open(path, STORE_WRITE, &st, &err));
	store_set_effort(st, level, N_THREADS);
	uint8_t *noise = malloc(STEP), *zeros = calloc(1, STEP);
	uint32_t x = 1;
	for (size_t i = 0; i < STEP; i++)
		noise[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);

	size_t before = anonymous_kib(), most = 0;
	struct object_writer *w = NULL;
	assert_ok(object_writer_new(st, NULL, 0, &w, &err));
	for (size_t i = 0; i < size_mib; i++) {
		memcpy(noise, &i, sizeof(i));
		assert_ok(object_writer_write(w, i % 4 == 1 ? noise : zeros, STEP, &err));
		most = max_u64(most, anonymous_kib());
	}
	struct object_result result = { 0 };
	assert_ok(object_writer_finish(w, &result, &err));
	most = max_u64(most, anonymous_kib());
	object_writer_free(w);
	free(noise);
	free(zeros);
	store_close(st);
	return most - before;
}

/* 64 MiB and three frames a thread, whatever the size and the level. */
static void memory_is_bounded(void **state)
{
	struct store_fixture *f = *state;
	static const struct {
		int level;
		size_t size_mib;
	} cases[] = { { 3, 1024 }, { 9, 63 }, { 12, 62 }, { 19, 40 }, { 22, 39 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* Each in a process of its own: what one has freed must not hide what the next
		 * takes. */
		int ends[2];
		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			size_t kib = write_measured(f->path, cases[i].level, cases[i].size_mib);
			_exit(write(ends[1], &kib, sizeof(kib)) == sizeof(kib) ? 0 : 1);
		}
		close(ends[1]);
		size_t kib = 0;
		assert_int_equal(read(ends[0], &kib, sizeof(kib)), sizeof(kib));
		close(ends[0]);
		int status = 0;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		print_message("level %d: %zu KiB of %d\n", cases[i].level, kib, LIMIT_KIB);
		assert_true(kib > 4096 && kib <= LIMIT_KIB);
	}
}

int main(int argc, char **argv)
{
	(void)argc;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 77; /* their own memory would be measured */
#endif
	/* meson asks malloc to fill what it gives, which touches pages that nobody else would. */
	const char *perturb = getenv("MALLOC_PERTURB_");
	if (perturb && strcmp(perturb, "0") != 0) {
		setenv("MALLOC_PERTURB_", "0", 1);
		execv("/proc/self/exe", argv);
	}
	const struct CMUnitTest tests[] = { store_test(memory_is_bounded) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
