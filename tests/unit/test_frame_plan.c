/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>

#include "store/frame_plan.h"

#define KIB 1024u
#define MIB (1024u * KIB)

/* All that holds for any plan, whatever the layout. */
static void assert_valid(const struct frame_plan *plan, uint64_t size, uint64_t limit)
{
	uint64_t start = 0;
	for (size_t i = 0; i < plan->n_frames; i++) {
		assert_true(plan->ends[i] > start);
		assert_true(plan->ends[i] - start <= limit);
		start = plan->ends[i];
	}
	assert_int_equal(start, size);
}

static bool is_cut(const struct frame_plan *plan, uint64_t at)
{
	if (!at)
		return true;
	for (size_t i = 0; i < plan->n_frames; i++)
		if (plan->ends[i] == at)
			return true;
	return false;
}

#define P SHT_PROGBITS

static void cuts_are_where_they_should_be(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct object_section sections[8];
		struct object_range tables[4];
		uint64_t size, limit;
		uint64_t ends[12]; /* 0 behind the last */
	} cases[] = {
		{ .what = "nothing", .size = 0 },
		{ .what = "no sections, small", .size = 1000, .ends = { 1000 } },
		{ .what = "no sections, large",
		  .size = 9 * MIB,
		  .ends = { 3 * MIB, 6 * MIB, 9 * MIB } },
		{ .what = "a full frame", .size = 4 * MIB, .ends = { 4 * MIB } },
		{ .what = "a full frame and a byte",
		  .size = 4 * MIB + 1,
		  .ends = { 2 * MIB + 4096, 4 * MIB + 1 } },
		{ .what = "small neighbours share",
		  .sections = { { ".a", P, 0, 0, 60 * KIB },
				{ ".b", P, 0, 60 * KIB, 60 * KIB },
				{ ".c", P, 0, 120 * KIB, 60 * KIB },
				{ ".d", P, 0, 180 * KIB, 60 * KIB },
				{ ".e", P, 0, 240 * KIB, 60 * KIB } },
		  .size = 300 * KIB,
		  .ends = { 240 * KIB, 300 * KIB } },
		{ .what = "a section of 64 KiB is alone",
		  .sections = { { ".a", P, 0, 0, 100 },
				{ ".b", P, 0, 100, 64 * KIB },
				{ ".c", P, 0, 100 + 64 * KIB, 100 } },
		  .size = 200 + 64 * KIB,
		  .ends = { 100, 100 + 64 * KIB, 200 + 64 * KIB } },
		{ .what = "one byte less shares",
		  .sections = { { ".a", P, 0, 0, 100 },
				{ ".b", P, 0, 100, 64 * KIB - 1 },
				{ ".c", P, 0, 100 + 64 * KIB - 1, 100 } },
		  .size = 200 + 64 * KIB - 1,
		  .ends = { 200 + 64 * KIB - 1 } },
		{ .what = "what debuggers ask for is alone",
		  .sections = { { ".debug_abbrev", P, 0, 0, 10 },
				{ ".debug_line", P, 0, 10, 10 },
				{ ".debug_str", P, 0, 20, 10 },
				{ ".gdb_index", P, 0, 30, 10 },
				{ ".zdebug_line", P, 0, 40, 10 },
				{ ".debug_names", P, 0, 50, 10 },
				{ ".debug_line_str", P, 0, 60, 10 },
				{ ".debug_loc", P, 0, 70, 10 } },
		  .size = 80,
		  .ends = { 10, 20, 30, 40, 50, 60, 70, 80 } },
		{ .what = "out of order",
		  .sections = { { ".c", P, 0, 200 * KIB, 100 * KIB },
				{ ".a", P, 0, 0, 100 * KIB },
				{ ".b", P, 0, 100 * KIB, 100 * KIB } },
		  .size = 300 * KIB,
		  .ends = { 100 * KIB, 200 * KIB, 300 * KIB } },
		{ .what = "a large one that holds a small one",
		  .sections = { { ".a", P, 0, 0, 200 * KIB }, { ".b", P, 0, 100 * KIB, 10 } },
		  .size = 200 * KIB,
		  .ends = { 100 * KIB, 100 * KIB + 10, 200 * KIB } },
		{ .what = "past the end, and without bytes",
		  .sections = { { ".a", P, 0, 100, UINT64_MAX },
				{ ".b", P, 0, UINT64_MAX, 5 },
				{ ".bss", SHT_NOBITS, 0, 50, 1 << 20 },
				{ ".n", SHT_NULL, 0, 60, 1 << 20 },
				{ ".debug_line", P, 0, 70, 0 } },
		  .tables = { { UINT64_MAX, UINT64_MAX }, { 90, UINT64_MAX } },
		  .size = 200,
		  .ends = { 90, 200 } },
		{ .what = "tables that touch are one, also with padding between",
		  .sections = { { ".a", P, 0, 120, 30 } },
		  .tables = { { 64, 56 }, { 0, 64 }, { 155, 64 }, { 150, 3 } },
		  .size = 300,
		  .ends = { 120, 150, 219, 300 } },
		{ .what = "data behind the ELF file",
		  .sections = { { ".a", P, 0, 0, 100 } },
		  .size = 100 + 5 * MIB,
		  .ends = { 100, 100 + 5 * MIB / 2, 100 + 5 * MIB } },
		{ .what = "a small limit",
		  .sections = { { ".a", P, 0, 0, 10 }, { ".b", P, 0, 10, 30 } },
		  .size = 45,
		  .limit = 16,
		  .ends = { 10, 26, 40, 45 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		struct object_layout layout = { .sections = cases[i].sections,
						.size_bytes = cases[i].size };
		while (layout.n_sections < 8 && cases[i].sections[layout.n_sections].name)
			layout.n_sections++;
		for (; layout.n_tables < 4; layout.n_tables++)
			layout.tables[layout.n_tables] = cases[i].tables[layout.n_tables];
		uint64_t limit = cases[i].limit ? cases[i].limit : OBJECT_FRAME_LIMIT;
		struct frame_plan plan = { 0 };
		struct error err = ERROR_NONE;
		assert_int_equal(frame_plan_new(&layout, limit, &plan, &err), 0);
		assert_valid(&plan, cases[i].size, limit);
		size_t n = 0;
		for (; cases[i].ends[n]; n++) {
			assert_true(n < plan.n_frames);
			assert_int_equal(plan.ends[n], cases[i].ends[n]);
		}
		assert_int_equal(plan.n_frames, n);
		frame_plan_free(&plan);
	}
}

static uint64_t random_state = 88172645463325252u;

static uint64_t random_below(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % n;
}

static void any_layout_gives_a_valid_plan(void **state)
{
	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct object_section sections[20];
		uint64_t size = random_below(round % 2 ? 30 * MIB : 100 * KIB);
		struct object_layout layout = { .sections = sections, .size_bytes = size };
		layout.n_sections = random_below(ARRAY_SIZE(sections));
		for (size_t i = 0; i < layout.n_sections; i++)
			sections[i] = (struct object_section){
				random_below(5) ? ".x" : ".debug_line", (uint32_t)random_below(9),
				0, random_below(size + size / 4 + 1), random_below(size / 3 + 2)
			};
		layout.n_tables = random_below(5);
		for (size_t i = 0; i < layout.n_tables; i++)
			layout.tables[i] = (struct object_range){ random_below(size + 100),
								  random_below(5000) };
		uint64_t limit =
			round % 3 ? OBJECT_FRAME_LIMIT : 1 + random_below(64 * KIB) + size / 1000;

		struct frame_plan plan = { 0 };
		assert_int_equal(frame_plan_new(&layout, limit, &plan, NULL), 0);
		assert_valid(&plan, size, limit);
		for (size_t i = 0; i < layout.n_sections; i++) {
			const struct object_section *s = &sections[i];
			if (s->type == SHT_NULL || s->type == SHT_NOBITS ||
			    s->size_bytes < OBJECT_OWN_FRAME_SIZE ||
			    !range_fits(s->offset, s->size_bytes, size))
				continue;
			assert_true(is_cut(&plan, s->offset));
			assert_true(is_cut(&plan, s->offset + s->size_bytes));
		}
		frame_plan_free(&plan);
	}
}

static void too_many_frames_are_refused(void **state)
{
	(void)state;
	struct object_layout layout = { .size_bytes = (1u << 20) * 16u };
	struct frame_plan plan = { 0 };
	assert_int_equal(frame_plan_new(&layout, 16, &plan, NULL), 0);
	assert_int_equal(plan.n_frames, 1u << 20);
	frame_plan_free(&plan);
	layout.size_bytes++;
	plan = (struct frame_plan){ 0 };
	struct error err = ERROR_NONE;
	assert_int_equal(frame_plan_new(&layout, 16, &plan, &err), -EFBIG);
	assert_null(plan.ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_are_where_they_should_be),
		cmocka_unit_test(any_layout_gives_a_valid_plan),
		cmocka_unit_test(too_many_frames_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
