/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/digest.h"
#include "base/error.h"
#include <stdbool.h>

struct store;

/**
 * Has a stored Go program this function, inlined or not? Named as vulnerability databases do, with
 * as much of its package's path as is wanted: "html.Parse", "golang.org/x/net/html.Parse",
 * "http.Client.Do". Type arguments do not count. Only what is needed of the file is decoded.
 *
 * @ret_whole  false: its functions were not all read, and "no" means nothing
 * Errors: -ENOENT no such object, or no Go function table; -ENOEXEC, -EBADMSG not an ELF file, or
 *	   damaged
 */
must_check int go_symbol_find(struct store *st, const struct digest *executable, const char *symbol,
			      bool *ret, bool *ret_whole, struct error *err);
