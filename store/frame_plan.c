/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/frame_plan.h"
#include "store/seek_table.h"

/* Tables that are only padding apart are one: .shstrtab and the section headers, aligned to 8. */
#define TABLE_PADDING 16

/* A place where a frame may end, or must. */
struct cut {
	uint64_t at;
	bool must;
};

struct cuts {
	struct cut *cuts;
	size_t n;
};

static int by_place(const void *a, const void *b)
{
	const struct cut *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void cut(struct cuts *cuts, uint64_t at, bool must)
{
	cuts->cuts[cuts->n++] = (struct cut){ at, must };
}

static bool is_asked_alone(const char *name)
{
	static const char *const names[] = { ".gdb_index",      ".debug_names",  ".debug_line",
					     ".debug_line_str", ".zdebug_names", ".zdebug_line",
					     ".zdebug_line_str" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void cut_sections(const struct object_layout *layout, struct cuts *cuts)
{
	for (size_t i = 0; i < layout->n_sections; i++) {
		const struct object_section *s = &layout->sections[i];
		if (s->type == SHT_NOBITS || s->type == SHT_NULL || !s->size_bytes ||
		    s->offset >= layout->size_bytes)
			continue;
		uint64_t size = min_u64(s->size_bytes, layout->size_bytes - s->offset);
		bool must = size >= OBJECT_OWN_FRAME_SIZE || is_asked_alone(s->name);
		cut(cuts, s->offset, must);
		cut(cuts, s->offset + size, must);
	}
}

/* An end that another table follows within the padding is no cut, nor is the start that follows. */
static void cut_tables(const struct object_layout *layout, struct cuts *cuts)
{
	struct object_range tables[ARRAY_SIZE(layout->tables)];
	size_t n = 0;
	for (size_t i = 0; i < layout->n_tables && i < ARRAY_SIZE(tables); i++) {
		struct object_range t = layout->tables[i];
		if (!t.size_bytes || t.offset >= layout->size_bytes)
			continue;
		t.size_bytes = min_u64(t.size_bytes, layout->size_bytes - t.offset);
		size_t at = n++;
		for (; at && tables[at - 1].offset > t.offset; at--)
			tables[at] = tables[at - 1];
		tables[at] = t;
	}
	for (size_t i = 0; i < n;) {
		uint64_t end = tables[i].offset + tables[i].size_bytes;
		cut(cuts, tables[i].offset, true);
		for (i++; i < n && tables[i].offset <= end + TABLE_PADDING; i++)
			end = max_u64(end, tables[i].offset + tables[i].size_bytes);
		cut(cuts, end, true);
	}
}

static void sort_and_merge(struct cuts *cuts)
{
	qsort(cuts->cuts, cuts->n, sizeof(*cuts->cuts), by_place);
	size_t n = 0;
	for (size_t i = 0; i < cuts->n; i++) {
		if (n && cuts->cuts[n - 1].at == cuts->cuts[i].at)
			cuts->cuts[n - 1].must |= cuts->cuts[i].must;
		else
			cuts->cuts[n++] = cuts->cuts[i];
	}
	cuts->n = n;
}

struct emitter {
	struct frame_plan plan;
	size_t capacity;
	uint64_t start; /* of the frame that is open */
	uint64_t limit;
};

static int end_frame(struct emitter *e, uint64_t at, struct error *err)
{
	if (at == e->start)
		return 0;
	if (e->plan.n_frames == SEEK_FRAMES_LIMIT)
		return error_set(err, -EFBIG, "the content is to be cut into more than %u frames",
				 SEEK_FRAMES_LIMIT);
	if (e->plan.n_frames == e->capacity) {
		size_t capacity = e->capacity ? 2 * e->capacity : 64;
		uint64_t *ends = reallocarray(e->plan.ends, capacity, sizeof(*ends));
		if (!ends)
			return error_no_memory(err);
		e->plan.ends = ends;
		e->capacity = capacity;
	}
	e->plan.ends[e->plan.n_frames++] = at;
	e->start = at;
	return 0;
}

/* Frames of equal size up to @end: a small rest would compress badly. */
static int chop(struct emitter *e, uint64_t end, struct error *err)
{
	int r;

	uint64_t size = end - e->start;
	uint64_t n = size / e->limit + (size % e->limit != 0);
	for (uint64_t i = 1; i < n; i++) {
		uint64_t rest = end - e->start, left = n - i + 1;
		uint64_t piece =
			min_u64(align_up((rest + left - 1) / left, 4096), min_u64(e->limit, rest));
		r = end_frame(e, e->start + piece, err);
		if (r < 0)
			return r;
	}
	return end_frame(e, end, err);
}

static int emit(struct emitter *e, const struct cuts *cuts, struct error *err)
{
	int r;

	uint64_t shared_limit = min_u64(OBJECT_SMALL_FRAME_LIMIT, e->limit);
	for (size_t i = 1; i < cuts->n; i++) {
		uint64_t from = cuts->cuts[i - 1].at, to = cuts->cuts[i].at;
		bool is_large = to - from >= OBJECT_OWN_FRAME_SIZE;
		if (is_large || to - e->start > shared_limit) {
			r = end_frame(e, from, err);
			if (r < 0)
				return r;
		}
		if (is_large || cuts->cuts[i].must || to - e->start > e->limit) {
			r = chop(e, to, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int frame_plan_new(const struct object_layout *layout, uint64_t limit, struct frame_plan *ret,
		   struct error *err)
{
	int r;

	struct cuts cuts = { 0 };
	cuts.cuts = calloc(2 * layout->n_sections + 2 * ARRAY_SIZE(layout->tables) + 2,
			   sizeof(*cuts.cuts));
	if (!cuts.cuts)
		return error_no_memory(err);
	cut(&cuts, 0, true);
	cut(&cuts, layout->size_bytes, true);
	cut_sections(layout, &cuts);
	cut_tables(layout, &cuts);
	sort_and_merge(&cuts);

	struct emitter e = { .limit = limit };
	r = emit(&e, &cuts, err);
	free(cuts.cuts);
	if (r < 0) {
		free(e.plan.ends);
		return r;
	}
	*ret = e.plan;
	return 0;
}

void frame_plan_free(struct frame_plan *plan)
{
	free(plan->ends);
}
