/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

/* Where a source may lie on this machine. Places are guesses: they are read by the resolver alone,
 * which takes nothing that is below no root. */

struct source_guess {
	char *path; /* absolute */
	bool doubtful; /* it may be of another release than the program's */
};

struct source_guesses {
	struct source_guess *items; /* best first */
	size_t n;
};

/** printf(3) of one more. A path that no file can have is passed over. Errors: -ENOMEM */
must_check int source_guesses_add(struct source_guesses *to, bool doubtful, struct error *err,
				 const char *format, ...) printf_like(4, 5);
/** Also accepts a zeroed struct. A guard: scoped(source_guesses_free). */
void source_guesses_free(struct source_guesses *guesses);

/**
 * Names that a compiler was told to write instead of the folders it read (-ffile-prefix-map and its like),
 * and what it did read.
 */
struct source_map {
	struct source_mapping {
		char *from; /* without a slash at its end, but for "/" alone; "." stands for what is relative */
		char *to; /* absolute, resolved */
	} *mappings;
	size_t n;
};

/** Add FROM=TO, divided at the first "=". Errors: -EINVAL no such thing; -ENOTDIR; what realpath(3) has */
must_check int source_map_add(struct source_map *map, const char *text, struct error *err);
/** Also accepts a zeroed struct. */
void source_map_free(struct source_map *map);

/** Add where @name lies by the mappings that it begins with, in their order. Errors: -ENOMEM */
must_check int source_map_guesses(const struct source_map *map, const char *name,
				 struct source_guesses *to, struct error *err);
