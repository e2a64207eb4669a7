/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "store/format_line.h"
#include "store/internal.h"
#include "store/record.h"
#include "store/sources.h"
#include "tests/fuzz/fuzz.h"

/* The small texts of a store: contributions, manifests, the format's line, the headers of a pack.
 */

static void fuzz_contribution(const char *text, size_t size)
{
	scoped(contribution_free) struct contribution c = { 0 }, again = { 0 };
	struct error err = ERROR_NONE;
	if (contribution_parse(text, size, &c, &err) < 0) {
		FUZZ_CHECK(err.message[0]);
		return;
	}
	scoped(string_free) char *written = NULL, *rewritten = NULL;
	size_t written_size, rewritten_size;
	if (contribution_format(&c, &written, &written_size, NULL) < 0)
		return;
	FUZZ_CHECK(contribution_parse(written, written_size, &again, &err) == 0);
	FUZZ_CHECK(contribution_format(&again, &rewritten, &rewritten_size, NULL) == 0);
	FUZZ_CHECK(rewritten_size == written_size && !memcmp(written, rewritten, written_size));
}

static void fuzz_manifest(const char *text, size_t size)
{
	char *copy = malloc(size + 1);
	if (!copy)
		abort();
	if (size)
		memcpy(copy, text, size);
	copy[size] = 0;
	scoped(manifest_closep) struct manifest *m = NULL;
	if (manifest_parse(copy, size, &m, NULL) < 0)
		return;
	uint64_t n = manifest_n_entries(m);
	struct manifest_entry *entries = calloc(n + 1, sizeof(*entries));
	if (!entries)
		abort();
	for (uint64_t i = 0; i < n; i++) {
		struct manifest_entry found;
		entries[i] = manifest_entry_at(m, i);
		FUZZ_CHECK(i == 0 || strcmp(entries[i - 1].path, entries[i].path) < 0);
		FUZZ_CHECK(manifest_find(m, entries[i].path, &found));
		FUZZ_CHECK(digest_equal(&found.digest, &entries[i].digest));
	}
	scoped(string_free) char *written = NULL;
	size_t written_size;
	FUZZ_CHECK(manifest_format(entries, n, &written, &written_size, NULL) == 0);
	free(entries);
	/* Upper-case digits are the one freedom that reading gives. */
	FUZZ_CHECK(written_size == size && !strncasecmp(written, text, size));
}

static void fuzz_pack_header(const uint8_t *bytes, size_t size)
{
	uint8_t block[PACK_BLOCK_SIZE] = { 0 }, written[PACK_BLOCK_SIZE];
	memcpy(block, bytes, size < sizeof(block) ? size : sizeof(block));
	struct digest source;
	uint64_t size_bytes;
	if (pack_header_parse(block, &source, &size_bytes, NULL) < 0)
		return;
	pack_header_format(&source, size_bytes, written);
	FUZZ_CHECK(!memcmp(written, block, sizeof(block)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	fuzz_contribution(text, size);
	fuzz_manifest(text, size);
	fuzz_pack_header(data, size);
	for (int to_write = 0; to_write < 2; to_write++) {
		int r = format_line_check(text, size, to_write, NULL);
		FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -ENOTSUP);
	}
	return 0;
}

#define DIGEST "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

void fuzz_seeds(fuzz_add add)
{
	static const char *const seeds[] = {
		"{\"format\":1,\"build_id\":\"abcdef0123\",\"time\":\"2026-11-24T05:46:00Z\",\"machine\":62,"
		"\"class\":2,\"encoding\":1,\"type\":3,\"original\":{\"digest\":\"" DIGEST
		"\",\"size_bytes\":1},"
		"\"debug\":{\"digest\":\"" DIGEST
		"\",\"size_bytes\":9223372036854775807},\"quality\":\"dwarf\","
		"\"origin\":{\"path\":\"usr/bin/\\udcff\\udc80x\",\"package\":\"p\",\"tags\":[\"one\",\"two\"]},"
		"\"sections\":[{\"name\":\".text\"}],\"changes\":[],\"z_new\":{\"deep\":[1]},\"a_new\":1.5}",
		"dbgvault-sources 1\n" DIGEST "  /usr/src/a.c\n" DIGEST " ?/usr/src/b\\\\\\n.c\n",
		"dbgvault-store 1 deltas=0.3.0 shards\n",
		FORMAT_LINE,
	};
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		add((const uint8_t *)seeds[i], strlen(seeds[i]));
	struct digest source = digest_of("abc", 3);
	uint8_t header[PACK_BLOCK_SIZE];
	pack_header_format(&source, 1234567, header);
	add(header, sizeof(header));
}
