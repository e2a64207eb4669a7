/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <string.h>

#include "store/internal.h"

/* The merged view of a record. What is served together must come from one link: see same_program().
 */

static const struct artifact absent;

static const struct artifact *debug_half(const struct contribution *c)
{
	if (c->quality == QUALITY_NONE)
		return &absent; /* an emptied debug file answers nothing, and would hide an
				   upstream's */
	return c->debug.present ? &c->debug : &c->original;
}

static const struct artifact *executable_half(const struct contribution *c)
{
	if (c->stripped.present)
		return &c->stripped;
	return c->type == ET_EXEC || c->type == ET_DYN ? &c->original : &absent;
}

static enum quality quality_of(const struct contribution *c)
{
	return debug_half(c)->present ? c->quality : QUALITY_NONE;
}

/* A separate debug file has no identity, so the memory layout joins it to its executable. */
static bool same_program(const struct contribution *a, const struct contribution *b)
{
	if (a->has_identity && b->has_identity)
		return digest_equal(&a->identity, &b->identity);
	return a->has_memory_layout && b->has_memory_layout &&
	       digest_equal(&a->memory_layout, &b->memory_layout);
}

/* The first contribution that has an identity; where another has a different one, *ret_collision.
 */
static const struct contribution *first_identity(const struct record *r, bool *ret_collision)
{
	const struct contribution *first = NULL;
	*ret_collision = false;
	for (size_t i = 0; i < r->n_contributions; i++) {
		const struct contribution *c = &r->contributions[i];
		if (!c->has_identity)
			continue;
		if (!first)
			first = c;
		else if (!digest_equal(&first->identity, &c->identity))
			*ret_collision = true;
	}
	return first;
}

void record_merge(const struct record *r, struct build *ret)
{
	struct build build = { .id = r->id, .n_contributions = (uint32_t)r->n_contributions };
	const struct contribution *first = first_identity(r, &build.collision);

	const struct contribution *best = NULL;
	for (size_t i = 0; i < r->n_contributions; i++) {
		const struct contribution *c = &r->contributions[i];
		build.time = i == 0 || c->time > build.time ? c->time : build.time;
		if (build.collision && !same_program(first, c))
			continue;
		if (!best || quality_of(c) > quality_of(best))
			best = c;
	}
	if (!best) {
		*ret = build;
		return;
	}

	build.quality = quality_of(best);
	build.debug = *debug_half(best);
	build.executable = *executable_half(best);
	build.sources = best->sources;
	for (size_t i = 0; i < r->n_contributions; i++) {
		const struct contribution *c = &r->contributions[i];
		if (c == best || !same_program(best, c))
			continue;
		if (!build.executable.present)
			build.executable = *executable_half(c);
		if (!build.sources.present)
			build.sources = c->sources;
	}
	*ret = build;
}
