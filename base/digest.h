/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attributes.h"
#include "base/error.h"

#define DIGEST_SIZE 32	    /* bytes: SHA-256, FIPS 180-4 */
#define DIGEST_HEX_SIZE 65 /* 64 lower-case digits and NUL */

struct digest {
	uint8_t bytes[DIGEST_SIZE];
};

/** A running SHA-256. One thread at a time. */
struct digester;

must_check int digester_new(struct digester **ret, struct error *err);
void digester_free(struct digester *d);
void digester_add(struct digester *d, const void *bytes, size_t size);
/** Ends the running digest; only digester_free() may follow. */
struct digest digester_finish(struct digester *d);
define_scoped(struct digester *, digester_free)

/** The digest of @size bytes at once. */
struct digest digest_of(const void *bytes, size_t size);

bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_zero(const struct digest *d);

/** @ret is filled with 64 digits and NUL, and returned. */
const char *digest_hex(const struct digest *d, char ret[static DIGEST_HEX_SIZE]);
#define DIGEST_HEX(d) digest_hex((d), (char[DIGEST_HEX_SIZE]){ 0 })

/** Read exactly 64 hex digits (either case) of a string of @size. Errors: -EBADMSG, @ret untouched. */
must_check int digest_parse(const char *hex, size_t size, struct digest *ret, struct error *err);

/** Write 2 x @size lower-case digits and NUL. */
void hex_encode(const uint8_t *bytes, size_t size, char *ret);
/** Read @size digits (even, either case) into @size / 2 bytes. False, with @ret undefined, if not hex. */
bool hex_decode(const char *hex, size_t size, uint8_t *ret);
