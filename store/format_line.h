/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * The file FORMAT: one line, "dbgvault-store VERSION [WORD[=RELEASE]]…". A word names something
 * that who writes must know, and may say since which release dbgvault does.
 */

#define FORMAT_LINE "dbgvault-store 1\n"
#define FORMAT_LINE_LIMIT 4096

/**
 * May this release use a store of that format?
 * Errors: -EBADMSG no such line; -ENOTSUP another version, or, for writing, a word that is not
 * known
 */
must_check int format_line_check(const char *text, size_t size, bool to_write, struct error *err);
