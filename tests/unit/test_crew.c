/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crew.h"

struct record {
	size_t fails_at; /* item without memory */
	atomic_size_t n_started;
	atomic_int last_done;
	size_t n_told;
	size_t told[64];
};

static void *run(size_t item, void *context)
{
	struct record *record = context;
	record->n_started++;
	if (item == record->fails_at)
		return NULL;
	size_t *result = malloc(sizeof(*result));
	assert_non_null(result);
	*result = item * item;
	return result;
}

/* The first item is ready last. */
static void *run_late(size_t item, void *context)
{
	struct record *record = context;
	while (item == 0 && !record->last_done)
		sched_yield();
	void *result = run(item, context);
	if (item == 9)
		record->last_done = 1;
	return result;
}

static void tell(size_t item, void *result, void *context)
{
	struct record *record = context;
	assert_int_equal(*(size_t *)result, item * item);
	record->told[record->n_told++] = item;
	free(result);
}

static void results_are_told_in_order(void **state)
{
	(void)state;
	for (unsigned n_threads = 1; n_threads <= 8; n_threads *= 2) {
		for (size_t n = 0; n <= 40; n += 20) {
			struct record record = { .fails_at = SIZE_MAX };
			const struct crew_work work = { n, n_threads, run, tell, &record };
			assert_int_equal(crew_run(&work, NULL), 0);
			assert_int_equal(record.n_told, n);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(record.told[i], i);
		}
	}
}

static void a_late_first_holds_the_others_back(void **state)
{
	(void)state;
	struct record record = { .fails_at = SIZE_MAX };
	const struct crew_work work = { 10, 2, run_late, tell, &record };
	assert_int_equal(crew_run(&work, NULL), 0);
	assert_int_equal(record.n_told, 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(record.told[i], i);
}

static void without_memory_nothing_further_is_begun(void **state)
{
	(void)state;
	struct record record = { .fails_at = 3 };
	const struct crew_work work = { 40, 1, run, tell, &record };
	assert_int_equal(crew_run(&work, NULL), -ENOMEM);
	assert_int_equal(record.n_started, 4);
	assert_int_equal(record.n_told, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_are_told_in_order),
		cmocka_unit_test(a_late_first_holds_the_others_back),
		cmocka_unit_test(without_memory_nothing_further_is_begun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
