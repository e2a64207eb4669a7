/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/inputs.h"

/*
 * Inputs that belong to a finished release: a checksum file beside them, or in the folder above, has
 * the checksum of what they hold, or goreleaser's artifacts.json lists them with what was made of them.
 * Splitting such a file in place would leave these behind, wrong.
 */
struct finished;

/** Lists that cannot be read are passed over. Errors: -ENOMEM */
must_check int finished_find(const struct inputs *inputs, struct finished **ret, struct error *err);
void finished_free(struct finished *finished);
define_scoped(struct finished *, finished_free)

/** The path of the list that speaks of it; NULL: none does. @finished may be NULL. */
const char *finished_list_of(const struct finished *finished, const struct input *input);

/* ---- for tests ---- */

/**
 * One line of a checksum file: "DIGITS  NAME", "DIGITS *NAME", or "SHA256 (NAME) = DIGITS".
 *
 * @line  is cut up: the results lie in it
 * @ret_digits  hex digits, 40 at least
 */
bool checksum_line_read(char *line, const char **ret_digits, const char **ret_name);
