/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/judge.h"

/*
 * An archive (ar) whose object files lose their debug information. Members stay in order, with
 * their names; what is no ELF file, has no debug information or cannot be split stays byte for
 * byte. The symbol index ("/" or "/SYM64/") keeps its symbols, which are never taken, and follows
 * the members to their new places.
 */

struct archive_member {
	uint64_t header_at; /* in the input */
	uint64_t data_at, size_bytes;
	uint64_t new_header_at, new_size_bytes;
	char name[64]; /* for messages: escaped, maybe cut */
	enum { MEMBER_FILE, MEMBER_INDEX, MEMBER_INDEX64, MEMBER_NAMES } kind;
	bool is_stripped;
	const char *why; /* it stays as it is though it has debug information; or NULL */
	struct image image;
	struct plan plan;
	struct symbols symbols;
	struct stripped stripped;
};

struct archive {
	const uint8_t *bytes; /* the caller's, outlive it */
	uint64_t size_bytes;
	struct archive_member *members;
	size_t n_members;
	size_t n_stripped;
	uint64_t taken_bytes;
	uint64_t new_size_bytes;
	bool keeps_fields;
};

struct archive_options {
	struct plan_options plan;
	/* Keep times, owners and modes of members; else they are what ar's D gives: 0, 0 and 644.
	 */
	bool keeps_fields;
};

/** Are these the first bytes of an archive, thin ones too? */
bool archive_is(const uint8_t *bytes, uint64_t size);

/**
 * Read an archive and plan the new one.
 *
 * Errors: -EBADMSG malformed; -ENOTSUP thin, of BSD's form, or with an archive in it
 */
must_check int archive_open(const uint8_t *bytes, uint64_t size,
			    const struct archive_options *options, struct archive *ret,
			    struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(archive_close). */
void archive_close(struct archive *archive);

/** Does any member's header change though the member does not? */
bool archive_changes_fields(const struct archive *archive);

/** All bytes in order. */
must_check int archive_write(const struct archive *archive, const struct sink *sink,
			     struct error *err);

/**
 * Compare what was written with the input: the same members in the same order, each one judged
 * (judge_stripped()) or the same byte for byte, every symbol of the index in the member it was in.
 *
 * Errors: -EIO it is not what it must be
 */
must_check int archive_judge(const struct archive *archive, const uint8_t *written, uint64_t size,
			     const struct judge_options *options, struct error *err);
