/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/mapping.h"
#include "split/debug_image.h"
#include "split/report.h"
#include "split/stripped.h"
#include "store/fresh.h"
#include "store/store.h"

/* What goes into the store: two objects, and the record that names them. */

struct debug_names;
struct progress;

/**
 * Write the debug image, as an object of @st, to a plain file, or both at once. Sections that turn
 * out to be damaged are carried as they are; the image is laid out anew for that.
 *
 * @st    NULL: no store
 * @file  NULL: no plain file. Its file is written from the start
 * @fresh     the object is noted in it (store/fresh.h)
 * @names  changed in the object, and told what was; the plain file has them as they are
 * @progress  expects and is told the image's bytes; may be NULL
 * Errors: -EBUSY @input has changed: nothing is durable
 */
must_check int deposit_debug(struct store *st, struct debug_image *debug, struct file_sink *file,
			     struct debug_names *names, const struct mapping *input,
			     struct progress *progress, struct fresh *fresh,
			     struct object_result *ret, struct error *err);

/** The stripped image as an object. */
must_check int deposit_stripped(struct store *st, const struct stripped *stripped,
				const struct mapping *input, struct progress *progress,
				struct fresh *fresh, struct object_result *ret, struct error *err);

/**
 * Put the record: @c is what the input tells about itself (contribution_of_image()); objects and changes come
 * from the outcome.
 *
 * @ret_collision  another program has the same build ID: the record is kept beside, and neither is served
 */
must_check int deposit_record(struct store *st, struct contribution *c, const struct outcome *outcome,
			      enum quality quality, bool *ret_collision, struct error *err);

enum deposit_known {
	DEPOSIT_UNKNOWN, /* the store has no debug information for this program */
	DEPOSIT_KNOWN, /* it has, and the object is there */
	DEPOSIT_MISSING, /* its record says so, but the object is missing or damaged */
	DEPOSIT_OTHER, /* what it has under this build ID is another program's */
};

/** Does the store have the debug information of a file that has none? */
must_check int deposit_look(struct store *st, const struct image *image, const struct build_id *id,
			    enum deposit_known *ret, struct error *err);
