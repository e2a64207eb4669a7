/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * The order of Go's versions. No number is made of the digits, so none is too long. All compare as
 * strcmp() does: < 0, 0, > 0.
 */

/**
 * Module versions, "v1.2.3-pre+build", as golang.org/x/mod/semver takes them: "v1" and "v1.2" are
 * "v1.0.0" and "v1.2.0", what stands behind '+' ("+incompatible", "+dirty") counts for nothing, and
 * pseudo-versions need no rule of their own. What is no version ("(devel)", "", "1.2.3") is before
 * every version, and equal to all else that is none.
 */
bool go_version_is_valid(const char *version);
int go_version_compare(const char *a, const char *b);

/**
 * The same two where a 'v' or "go" before the number may be missing or too much, as in the ranges
 * of the vulnerability database ("1.2.3", "v1.2.3", "go1.2.3").
 */
bool go_version_bare_is_valid(const char *version);
int go_version_bare_compare(const char *a, const char *b);

/** One that names a commit: v0.0.0-20240102150405-abcdef123456, and those behind a base version. */
bool go_version_is_pseudo(const char *version);

/**
 * Toolchains, "go1.24.3", "go1.25rc1", as Go's go/version orders them: go1.21 < go1.21rc1 <
 * go1.21.0, but go1.20 is go1.20.0. What stands behind a space or '-' ("go1.24.3 X:boringcrypto",
 * "go1.24.3-bigcorp") counts for nothing. What is none ("devel go1.25-c8bd2cc", "1.24") comes
 * first.
 */
bool go_toolchain_is_valid(const char *toolchain);
int go_toolchain_compare(const char *a, const char *b);

#define GO_TOOLCHAIN_VERSION_SIZE 64 /* bytes, with NUL */
/**
 * The version of the standard library that a toolchain brings, as the vulnerability database counts
 * them: "v1.24.3" of "go1.24.3", "v1.25.0-rc.1" of "go1.25rc1".
 *
 * @ret  untouched where false
 * @return false: it is no release ("devel …", a suffix behind '-', no minor version), or too long
 */
must_check bool go_toolchain_version(const char *toolchain,
				     char ret[static GO_TOOLCHAIN_VERSION_SIZE]);
