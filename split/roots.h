/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/capture.h"
#include <stdbool.h>

/* Pure parts of finding roots, apart for tests. */

/**
 * The value of @key in the text of the go command's environment file: lines KEY=VALUE, the last one
 * counts.
 *
 * @text  changed: the value's end becomes NUL
 * @ret   points into @text; NULL where the key is absent or its value empty
 */
const char *go_env_value(char *text, const char *key);

/** Is @path @root itself or below it, component by component? Both absolute and folded. */
bool path_is_below(const char *path, const char *root);
