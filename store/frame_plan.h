/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "store/object.h"
#include <stddef.h>
#include <stdint.h>

/*
 * Where an object's content is cut into frames. The plan is a function of the layout alone: the
 * same content is always cut in the same places.
 *
 *  - There is a cut at both ends of each section of OBJECT_OWN_FRAME_SIZE or more, of those that
 * debuggers ask for alone, and of the tables (those that touch are one).
 *  - Whatever else has that size (a gap, data behind the ELF file) is cut off too.
 *  - Small neighbours share frames of up to OBJECT_SMALL_FRAME_LIMIT, cut where a section begins or
 * ends.
 *  - No frame is larger than the limit.
 */
struct frame_plan {
	uint64_t *ends; /* of each frame in the content, rising; the last is the content's size */
	size_t n_frames;
};

/**
 * Any layout gives a valid plan: what lies past the content counts as absent, and sections may
 * overlap.
 *
 * @limit  bytes of a frame, at least 1
 * Errors: -EFBIG more frames than a seek table may have; -ENOMEM
 */
must_check int frame_plan_new(const struct object_layout *layout, uint64_t limit,
			      struct frame_plan *ret, struct error *err);
/** Also accepts a zeroed one. A guard: scoped(frame_plan_free). */
void frame_plan_free(struct frame_plan *plan);
