/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include "store/object.h"
#include <stddef.h>
#include <stdint.h>

/*
 * The seek table at the end of an object: zstd "seekable format" 0.1.0, a skippable frame of one
 * entry a frame, in order, and a footer. The section directory is the last frame before it and has
 * an entry with no decoded bytes. Nothing here does I/O.
 */

#define SKIPPABLE_HEADER_SIZE 8 /* magic, size */
#define SKIPPABLE_DIRECTORY 0x184D2A5Du
#define SKIPPABLE_SEEK_TABLE 0x184D2A5Eu

#define SEEK_FOOTER_SIZE 9
#define SEEK_ENTRY_SIZE 12
#define SEEK_FRAMES_LIMIT (1u << 20) /* data frames of an object; 4 TiB of full ones */
#define SEEK_FRAME_SIZE_LIMIT (8u << 20) /* decoded bytes that a reader accepts in one frame */
#define SEEK_CHECKSUM_OF_NOTHING 0x51D8E999u /* low half of XXH64 of no bytes */

struct seek_entry {
	uint32_t stored_bytes;
	uint32_t size_bytes;
	uint32_t checksum;
};

/** Little-endian numbers of a file. */
uint32_t get_u32(const uint8_t *from);
uint64_t get_u64(const uint8_t *from);
void put_u32(uint8_t *ret, uint32_t value);
void put_u64(uint8_t *ret, uint64_t value);

/** Bytes of the whole skippable frame for @n_entries. */
size_t seek_table_size(size_t n_entries);
void seek_table_encode(const struct seek_entry *entries, size_t n_entries, uint8_t *ret);

/**
 * From a file's last SEEK_FOOTER_SIZE bytes: how many bytes at its end are the seek table.
 * Errors: -EBADMSG
 */
must_check int seek_table_measure(const uint8_t footer[static SEEK_FOOTER_SIZE], uint64_t file_size,
				  size_t *ret_size, struct error *err);

struct seek_table {
	struct object_frame *frames; /* with bytes; owned: free() */
	size_t n_frames;
	uint64_t size_bytes; /* of the content */
	uint64_t directory_offset; /* of the section directory's skippable frame */
	uint32_t directory_size; /* of all of it; 0: none */
	uint64_t hash; /* of the table's bytes */
};

/**
 * Check and translate the @size bytes that seek_table_measure() told: frames and table fill the
 * file exactly, no frame is empty or over the limit. Errors: -EBADMSG
 */
must_check int seek_table_parse(const uint8_t *table, size_t size, uint64_t file_size,
				struct seek_table *ret, struct error *err);
