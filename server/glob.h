/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/*
 * Patterns of paths, as fnmatch(3) has them with FNM_PATHNAME: "*", "?" and "[…]" match no slash, a
 * backslash takes the next byte as it is, a leading period is nothing special. Bytes, no locale.
 * Takes time in proportion to pattern times path at most, whatever the pattern. Pure.
 */
bool glob_match(const char *pattern, const char *path);

/** What every match ends in: the pattern's end, without wildcards. @ret has room for
 * strlen(@pattern) + 1 bytes. */
void glob_suffix(const char *pattern, char *ret);
