/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/build_id.h"
#include "store/fresh.h"

struct store;

/**
 * The act has failed: remove what it published, unless somebody else has relied on it since. A
 * writer that finds an object renews its time, under the shared lock; so what, under the exclusive
 * lock, still is the very file with the very time has no other user. Where a record of @id names
 * one, the act had come that far, and all stay.
 *
 * Best effort: where the lock is not to be had within a second, or the disk refuses, it stays as
 * garbage for the collector. The caller holds no lock of the store. Empties @fresh.
 *
 * @id  of the build that it was for; of no size: none is known, and no record can name them
 */
void fresh_take_back(struct store *st, struct fresh *fresh, const struct build_id *id);
