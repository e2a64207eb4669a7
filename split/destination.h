/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/options.h"
#include "store/store.h"

/* Where debug information goes. */

enum destination {
	DESTINATION_STORE, /* ret_store; with a plain file or folder too where one is asked for */
	DESTINATION_FILES, /* plain files alone */
	DESTINATION_REFUSED, /* nobody would find it again: nothing may be touched */
};

/**
 * Decide: --store, else $DBGVAULT_STORE, else, unless a plain file or folder was asked for, the
 * person's own store, which nobody but a person at a terminal gets unasked. A store that is not
 * there yet is made.
 *
 * @ret_store  NULL but for DESTINATION_STORE; with --dry-run also where the store is not there yet
 * Errors: of store_open() and store_init()
 */
must_check int destination_open(const struct split_options *options, enum destination *ret,
				struct store **ret_store, struct error *err);

/** The store to take from: chosen the same way, and there already. Errors: of store_open() */
must_check int destination_open_reading(const struct split_options *options, struct store **ret,
					struct error *err);

/** Why it is refused, and what to do: lines for people. */
const char *destination_choices(void);

/** Is nobody there who would remember a store in a home folder? Says why; NULL: somebody is. */
const char *destination_nobody(void);
